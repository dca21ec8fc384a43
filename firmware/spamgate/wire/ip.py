"""IPv4 and IPv6 (RFC 791, RFC 8200): from a frame to the bytes of TCP or UDP, made whole again."""

from spamgate.core.compat import const
from spamgate.wire.cursor import FormError
from spamgate.wire.fragments import Fragments
from spamgate.wire.frame import Frame

_IPV4 = const(0x0800)
_IPV6 = const(0x86DD)

_V4_HEADER = const(20)
_V6_HEADER = const(40)
_MOST_BYTES = const(0xFFFF)  # a datagram's length field has 16 bits

_TCP = const(6)
_UDP = const(17)
_FRAGMENT = const(44)
_AUTHENTICATION = const(51)
_NOTHING = const(59)
_OPTIONS = b"\x00\x2b\x3c\x87\x8b\x8c"  # hop-by-hop, routing, destination, mobility, HIP, shim6


class Datagram(Frame):
    """The IP datagram in a frame; `data` is the frame's buffer or that of the reassembly."""

    def __init__(self, fragments: "Fragments | None" = None) -> None:
        super().__init__()
        self.version = 0  # 4 or 6; 0: no IP
        self.address_bytes = 0
        self.src_at = 0  # addresses are in `buf`, always
        self.dst_at = 0
        self.data: bytes | bytearray = b""
        self.missing = 0  # bytes that the IP length promises and the capture lacks
        self.now_s = 0  # set by the caller, who wants old fragments forgotten
        self._fragments = fragments or Fragments()

    def read_ip(self, kind: int, buf: bytes | bytearray, start: int, end: int) -> int:
        """Read a frame of this link type down to the transport header; return its protocol if TCP or UDP, else 0."""
        self.version = 0
        self.missing = 0
        self.data = buf
        kind = self.read_link(kind, buf, start, end)  # one name: with two the frame would come from the heap
        if kind == _IPV4:
            return self._read_v4()
        if kind == _IPV6:
            return self._read_v6()
        return 0

    def _read_v4(self) -> int:
        buf = self.buf
        at = self._cursor.take(_V4_HEADER)
        header = (buf[at] & 15) << 2
        if buf[at] >> 4 != 4 or header < _V4_HEADER:
            raise FormError("IPv4 header")
        self.version = 4
        self.address_bytes = 4
        self.src_at = at + 12
        self.dst_at = at + 16
        if header > _V4_HEADER:
            self._cursor.take(header - _V4_HEADER)
        size = buf[at + 2] << 8 | buf[at + 3]
        if size:  # 0: segmented by the network card, reaches to the end of the frame
            self._set_size(size - header)
        protocol = buf[at + 9]
        if protocol != _TCP and protocol != _UDP:
            return 0
        if buf[at + 6] & 0x3F or buf[at + 7]:  # an offset, or more to follow
            return protocol if self._completes_v4(at) else 0
        return protocol

    def _completes_v4(self, at: int) -> bool:
        """Take a fragment; is its datagram whole?"""
        buf = self.buf
        word = (buf[at + 6] & 0x1F) << 11 | buf[at + 7] << 3 | buf[at + 6] >> 5 & 1
        if not self._is_usable(word):
            return False
        return self._join(self._fragments.find_v4(buf, at, self.now_s), word)

    def _read_v6(self) -> int:
        buf = self.buf
        at = self._cursor.take(_V6_HEADER)
        if buf[at] >> 4 != 6:
            raise FormError("IPv6 header")
        self.version = 6
        self.address_bytes = 16
        self.src_at = at + 8
        self.dst_at = at + 24
        size = buf[at + 4] << 8 | buf[at + 5]
        if size:  # 0: a jumbogram, or as in IPv4
            self._set_size(size)
        return self._read_extensions(buf[at + 6])

    def _set_size(self, size: int) -> None:
        """Cut what is left to `size` bytes (an Ethernet trailer goes), or note what is missing."""
        missing = size - self._cursor.left()
        if missing > 0:
            self.missing = missing
        else:
            self._cursor.narrow(size)  # refuses less than nothing

    def _read_extensions(self, protocol: int) -> int:
        """Step over IPv6 extension headers; every one takes 8 bytes or more, so this ends."""
        cursor = self._cursor
        while protocol != _TCP and protocol != _UDP:
            data = self.data
            if protocol == _FRAGMENT and data is self.buf:
                protocol = self._read_fragment()
            elif protocol in _OPTIONS:
                at = cursor.take(8)
                protocol = data[at]
                cursor.take(data[at + 1] << 3)
            elif protocol == _AUTHENTICATION:
                at = cursor.take(8)
                protocol = data[at]
                cursor.take(data[at + 1] << 2)
            else:
                return 0
        return protocol

    def _read_fragment(self) -> int:
        """Return the protocol behind the fragment header, 59 (nothing) until all has come."""
        buf = self.buf
        at = self._cursor.take(8)
        word = buf[at + 2] << 8 | buf[at + 3] & 0xF9
        if word == 0:  # atomic (RFC 6946): a fragment in form only
            return buf[at]
        if not self._is_usable(word):
            return _NOTHING
        slot = self._fragments.find_v6(buf, self.src_at, at + 4, self.now_s)
        if word < 8:
            self._fragments.first_protocol[slot] = buf[at]
        return self._fragments.first_protocol[slot] if self._join(slot, word) else _NOTHING

    def _is_usable(self, word: int) -> bool:
        """May the fragment take a slot?  Not when the capture has cut it."""
        size = self._cursor.left()
        if self.missing:
            return False
        if size == 0 or (word & 1 and size & 7) or (word & ~7) + size > _MOST_BYTES:
            raise FormError("IP fragment")
        return True

    def _join(self, slot: int, word: int) -> bool:
        """Add what is left to the datagram in `slot`; if that makes it whole, go on in there."""
        cursor = self._cursor
        fragments = self._fragments
        size = fragments.add(slot, self.buf, cursor.at, cursor.end, word)
        if size == 0:
            return False
        at = fragments.data_at(slot)
        self.data = fragments.data
        cursor.over(self.data, at, at + size)
        return True
