"""Packets as the kernel logs them, read without allocating.

A read takes as many messages as are waiting, one after another into one buffer; each carries its length.  Where the
buffer ends within a message, that message is cut: what came of its packet is still read, and sequence numbers tell how
many were lost, there or in the kernel's queue.
"""

from spamgate.core.compat import const
from spamgate.plane.netfilter import deepen, netlink_socket
from spamgate.wire.netlink import LITTLE, Request, first_error
from spamgate.wire.nflog import PACKET, bind, configure

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.plane.linux_watch import RouterWatcher

_LINK_NFLOG = const(239)
_HEADER_BYTES = const(16)
_SNAP_BYTES = const(1500)
_MESSAGE_BYTES = const(2048)  # of the kernel's buffer for one delivery
_QUEUE_BYTES = const(4 << 20)
_PACKET_KIND = const(4 << 8)
_SEQUENCE = const(12)  # NFULA_SEQ: 32 bits in network order, of which 24 are enough to tell what is lost
_SEQUENCE_MASK = const(0xFFFFFF)
_ATTRIBUTES_AT = const(20)
_PREFIX_AT = const(32)  # text of NFULA_PREFIX, which the kernel always writes behind NFULA_PACKET_HDR
_LISTED = const(76)  # "L": the rule that turns away what the blocklist names


class PacketLog:
    """The kernel's log group `group`, read into `buffer`; hands every packet to the watcher."""

    def __init__(self, group: int, buffer: bytearray) -> None:
        assert PACKET == _PACKET_KIND
        self._group = group
        self.buf = buffer
        self.sock = netlink_socket()
        self.reads = 0
        self.packets = 0
        self.cut = 0
        self.lost = 0
        self._expected = -1  # the next packet's number

    def start(self) -> int:
        """Ask for the packets; return 0, or the error number (EPERM: no privilege, EBUSY: another program has it)."""
        deepen(self.sock, _QUEUE_BYTES)
        request = Request(128)
        error = self._order(bind(request, self._group))
        return error or self._order(configure(request, self._group, _SNAP_BYTES, _MESSAGE_BYTES))

    def read(self, watcher: "RouterWatcher") -> int:
        """Take what is waiting; return how many packets that were."""
        try:
            size = self.sock.readinto(self.buf)
        except OSError:
            return 0
        if not size:
            return 0
        self.reads += 1
        return self._each(size, watcher)

    def close(self) -> None:
        """Let the kernel log for nobody."""
        self.sock.close()

    def _each(self, size: int, watcher: "RouterWatcher") -> int:
        buf = self.buf
        at = 0
        last = -1
        found = 0
        while size - at >= _HEADER_BYTES:
            if LITTLE:
                length = buf[at] | buf[at + 1] << 8 | buf[at + 2] << 16
                kind = buf[at + 4] | buf[at + 5] << 8
            else:
                length = buf[at + 3] | buf[at + 2] << 8 | buf[at + 1] << 16
                kind = buf[at + 5] | buf[at + 4] << 8
            if length < _HEADER_BYTES:
                break
            end = at + length
            if end > size:
                end = size
                self.cut += 1
            if kind == _PACKET_KIND:
                found += 1
                last = at
                if end - at > _PREFIX_AT and buf[at + _PREFIX_AT] == _LISTED:
                    watcher.listed(_LINK_NFLOG, buf, at + _HEADER_BYTES, end)
                else:
                    watcher.frame(_LINK_NFLOG, buf, at + _HEADER_BYTES, end)
            at += (length + 3) & ~3
        self.packets += found
        if last >= 0:
            self._count_lost(self._number(last, size), found)
        return found

    def _count_lost(self, number: int, found: int) -> None:
        """The last of `found` packets has this number, or -1 when that was cut off: are there more than came?"""
        if number < 0:
            if self._expected >= 0:
                self._expected = (self._expected + found) & _SEQUENCE_MASK
            return
        if self._expected >= 0:
            self.lost += (number - self._expected + 1 - found) & _SEQUENCE_MASK
        self._expected = (number + 1) & _SEQUENCE_MASK

    def _number(self, at: int, size: int) -> int:
        """Return the number of the packet in the message at `at`, or -1."""
        buf = self.buf
        at += _ATTRIBUTES_AT
        while size - at >= 8:
            length = buf[at] | buf[at + 1] << 8 if LITTLE else buf[at + 1] | buf[at] << 8
            kind = buf[at + 2] if LITTLE else buf[at + 3]
            if kind == _SEQUENCE:
                return buf[at + 5] << 16 | buf[at + 6] << 8 | buf[at + 7]
            if length < 4:
                break
            at += (length + 3) & ~3
        return -1

    def _order(self, messages: "memoryview") -> int:
        self.sock.send(messages)
        try:
            reply = self.sock.recv(4096)
        except OSError:
            return 0
        return max(first_error(reply, len(reply)), 0)

