"""Packets that the kernel logs, and how it is told to (linux/netfilter/nfnetlink_log.h).

What it sends are frames of link type NFLOG, each in a message of its own: attributes in the machine's byte order.
"""

from spamgate.core.compat import const
from spamgate.wire.cursor import Cursor, FormError
from spamgate.wire.netlink import ACK, LITTLE, REQUEST, Request

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.wire.frame import Frame

PACKET = 4 << 8  # the kind of message that carries a packet

_LOG = const(4 << 8)
_CONFIG = const(1)
_COMMAND = const(1)  # NFULA_CFG_*
_MODE = const(2)
_BUFFER_BYTES = const(3)
_TIMEOUT = const(4)
_FLAGS = const(6)
_BIND = const(1)
_COPY_PACKET = const(2)
_SEQUENCE = const(1)  # NFULNL_CFG_F_SEQ

_HEADER_BYTES = const(4)
_ATTRIBUTE_BYTES = const(4)  # its size and kind
_MAC = const(8)
_MAC_BYTES = const(16)  # size and kind, length and padding, eight bytes of address
_SIX = const(6)  # the length of a MAC; tunnels have other addresses
_PACKET = const(9)
_AF_INET = const(2)
_AF_INET6 = const(10)
_IPV4 = const(0x0800)
_IPV6 = const(0x86DD)


class LoggedPacket:
    """The attributes of one logged packet; made once.  Allocation-free."""

    def __init__(self) -> None:
        self._buf: "bytes | bytearray" = b""
        self._mac_after = 0  # where they were in the frame before: mostly they are there again
        self._packet_after = 0
        self._other_mac_after = 0  # or where they were before that: packets come from two or three of our rules
        self._other_packet_after = 0

    def read(self, frame: "Frame", cursor: Cursor) -> int:
        """Read what the cursor is over up to the packet; set the frame's MAC and return the EtherType."""
        buf = self._buf = frame.buf
        start = cursor.take(_HEADER_BYTES)
        if not self._is_like_before(start, cursor.end):
            self._swap()
            if not self._is_like_before(start, cursor.end):
                self._find(start, cursor.end)
        cursor.take(self._packet_after - _HEADER_BYTES)
        if self._mac_after:
            frame.mac_at = start + self._mac_after
        family = buf[start]
        if family == _AF_INET:
            return _IPV4
        return _IPV6 if family == _AF_INET6 else 0

    def _swap(self) -> None:
        mac_after = self._mac_after
        packet_after = self._packet_after
        self._mac_after = self._other_mac_after
        self._packet_after = self._other_packet_after
        self._other_mac_after = mac_after
        self._other_packet_after = packet_after

    def _is_like_before(self, start: int, end: int) -> bool:
        """Are MAC and packet where they were in the frame before?  What stands before the packet is fixed in size.

        Without a MAC there is too little to tell by.
        """
        packet_at = start + self._packet_after
        if not self._mac_after or packet_at > end or self._word(packet_at - 2) != _PACKET:
            return False
        if not 0 <= end - packet_at - self._word(packet_at - 4) + 4 < 4:  # the last attribute, but for padding
            return False
        mac_at = start + self._mac_after
        return self._word(mac_at - 6) == _MAC and self._buf[mac_at - 3] == _SIX

    def _find(self, start: int, end: int) -> None:
        self._mac_after = mac_after = 0
        at = start + _HEADER_BYTES
        while end - at >= _ATTRIBUTE_BYTES:
            size = self._word(at)
            kind = self._word(at + 2)
            if kind == _PACKET:
                self._packet_after = at + _ATTRIBUTE_BYTES - start
                self._mac_after = mac_after
                return
            if size < _ATTRIBUTE_BYTES:
                break
            if kind == _MAC and size >= _MAC_BYTES and end - at >= _MAC_BYTES:
                mac_after = at + 8 - start if self._buf[at + 5] == _SIX else 0
            at += (size + 3) & ~3
        raise FormError("a logged packet without the packet")

    def _word(self, at: int) -> int:
        buf = self._buf
        return buf[at] | buf[at + 1] << 8 if LITTLE else buf[at] << 8 | buf[at + 1]


def bind(request: Request, group: int) -> "memoryview":
    """Return the order to send us what is logged to `group`."""
    request.clear().message(_LOG | _CONFIG, REQUEST | ACK, 0, group)
    request.put(_COMMAND, bytes((_BIND,)))
    return request.done()


def configure(request: Request, group: int, snap_bytes: int, buffer_bytes: int) -> "memoryview":
    """Return the order how: up to `snap_bytes` of each packet, at most `buffer_bytes` at a time, within 10 ms."""
    request.clear().message(_LOG | _CONFIG, REQUEST | ACK, 0, group)
    request.put(_MODE, bytes((0, 0, snap_bytes >> 8, snap_bytes & 0xFF, _COPY_PACKET, 0)))
    request.put_be32(_BUFFER_BYTES, buffer_bytes)
    request.put_be32(_TIMEOUT, 1)
    request.put(_FLAGS, bytes((0, _SEQUENCE)))
    return request.done()
