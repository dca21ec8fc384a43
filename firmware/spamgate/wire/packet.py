"""One packet, from the frame to the payload of TCP or UDP: what everything above reads from.

A packet quoted inside ICMP does not count as one.
"""

from spamgate.core.compat import const
from spamgate.wire.cursor import FormError
from spamgate.wire.ip import Datagram

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.wire.fragments import Fragments

TCP = 6
UDP = 17

FLAG_SYN = 0x02
FLAG_PSH = 0x08
FLAG_ACK = 0x10

_TCP = const(6)
_UDP = const(17)
_TCP_HEADER = const(20)
_UDP_HEADER = const(8)


class Packet(Datagram):
    """Made once and pointed at one frame after another; holds offsets, copies nothing.

    After a FormError the attributes mean nothing.  Where `read` returned 0 those of the
    link and, unless `version` is 0, of the addresses are good.
    """

    def __init__(self, fragments: "Fragments | None" = None) -> None:
        super().__init__(fragments)
        self.src_port = 0
        self.dst_port = 0
        self.payload_at = 0  # in `data`
        self.payload_end = 0
        self.seq = 0  # modulo 2**28: a small integer on every board
        self.ack = 0
        self.flags = 0

    def read(self, kind: int, buf: bytes | bytearray, start: int, end: int) -> int:
        """Read `buf[start:end]` of this link type; return TCP, UDP, or 0 for anything else.  Allocation-free."""
        kind = self.read_ip(kind, buf, start, end)
        if kind == _TCP:
            self._read_tcp()
        elif kind == _UDP:
            self._read_udp()
        return kind

    def _read_tcp(self) -> None:
        data = self.data
        cursor = self._cursor
        at = cursor.take(_TCP_HEADER)
        options = (data[at + 12] >> 4 << 2) - _TCP_HEADER
        if options:
            cursor.take(options)  # refuses less than nothing
        self.src_port = data[at] << 8 | data[at + 1]
        self.dst_port = data[at + 2] << 8 | data[at + 3]
        self.seq = (data[at + 4] & 15) << 24 | data[at + 5] << 16 | data[at + 6] << 8 | data[at + 7]
        self.ack = (data[at + 8] & 15) << 24 | data[at + 9] << 16 | data[at + 10] << 8 | data[at + 11]
        self.flags = data[at + 13]
        self.payload_at = cursor.at
        self.payload_end = cursor.end

    def _read_udp(self) -> None:
        data = self.data
        cursor = self._cursor
        at = cursor.take(_UDP_HEADER)
        self.src_port = data[at] << 8 | data[at + 1]
        self.dst_port = data[at + 2] << 8 | data[at + 3]
        size = data[at + 4] << 8 | data[at + 5]
        if size:  # 0: as in IP, to the end of the datagram
            self._set_udp_size(size - _UDP_HEADER)
        self.payload_at = cursor.at
        self.payload_end = cursor.end

    def _set_udp_size(self, size: int) -> None:
        """What the UDP length promises may be less than the datagram has, never more."""
        here = self._cursor.left()
        if size > here + self.missing:
            raise FormError("UDP length")
        if size > here:
            self.missing = size - here
        else:
            self._cursor.narrow(size)
            self.missing = 0
