"""TCP connections: who opened them, how they ended, and what was said in between.

What it must get right: frames that a capture holds twice, segments resent, overlapping or out of
order, captures that begin mid-stream or saw one side only.  It does not check sums, and trusts a
RST or an acknowledgement that fits: it observes, it is no firewall.
"""

import array

from spamgate.core.compat import const
from spamgate.wire.holes import HoldPool
from spamgate.wire.segments import Segments

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.wire.packet import Packet
    from spamgate.wire.segments import Listener

SMTP_PORTS = (25, 465, 587, 2525)

_FIN = const(1)
_SYN = const(2)
_RST = const(4)
_ACK = const(16)
_SYN_OR_RST = const(6)

_SEQ_MASK = const(0xFFFFFFF)
_WINDOW = const(0x400000)  # 4 MiB: further ahead than that nothing honest is sent unacknowledged
_RST_SLACK = const(0x10000)  # a RST may answer a segment that was in flight

_LINGER_S = const(10)  # what the other side sent before it heard of a RST has come by then

_FREE = const(0)
_CLOSED = const(1)
_OPENING = const(2)
_OPEN = const(3)
_ENDING = const(4)


class StreamTable(Segments):
    """At most `slots` connections to `ports`.

    Every `opened` or `midstream` is followed by exactly one `closed`; a refused one by both.  When
    the table is full, room is made by forgetting the connection closed longest ago, else by closing
    one that is ending, else the oldest that was never established, else the one idle longest.  A RST
    closes a connection 10 s later, or at once if the other side has ended it too.
    """

    def __init__(
        self,
        listener: "Listener",
        slots: int = 256,
        ports: "tuple[int, ...]" = SMTP_PORTS,
        pool: "HoldPool | None" = None,
    ) -> None:
        super().__init__(listener, slots, pool or HoldPool())
        self._ports = ports
        self._isn = array.array("i", [0] * slots)  # the client's; -1: not known

    def tick(self, now_s: int) -> None:
        """Tell the time (any origin); holes that waited too long are given up."""
        self._now_s = self._pool.now_s = now_s
        if self._pool.held:
            self._give_up_late()
        slot = self.oldest(_ENDING)
        while slot >= 0 and abs(now_s - self._seen_s[slot]) > _LINGER_S:
            self._close(slot)
            slot = self.oldest(_ENDING)

    def feed(self, packet: "Packet") -> int:
        """Take a TCP packet; return its connection's slot, or -1 when it is not followed.  Allocation-free."""
        slot = self.find(packet)
        flags = packet.flags
        pool = self._pool
        if pool.held:
            pool.turn = (pool.turn + 1) & _SEQ_MASK
            self._give_up_late()
        if flags & _SYN_OR_RST:
            return self._reset(packet, slot) if flags & _RST else self._synchronise(packet, slot)
        if slot < 0 or self.state[slot] < _OPEN:
            slot = self._join(packet, slot)
            if slot < 0 or self.state[slot] < _OPEN:
                return slot
        self._seen_s[slot] = self._now_s
        way = slot * 2 + (self.from_high != self._client_is_high[slot])
        if flags & _ACK:
            self._acked[way ^ 1] = packet.ack
            if pool.held:
                self._give_up_acked(way ^ 1)
                if self.state[slot] < _OPEN:
                    return slot
        if packet.payload_end > packet.payload_at or flags & _FIN or packet.missing:
            self._segment(packet, slot, way)
        return slot

    def close_all(self) -> None:
        """Close every connection: the capture has ended."""
        for slot in range(self.slots):
            if self.state[slot] >= _OPENING:
                self._close(slot)

    # --- beginnings and ends -------------------------------------------------------------------

    def _synchronise(self, packet: "Packet", slot: int) -> int:
        """A SYN or SYN-ACK.  Bytes sent with it are not believed: a server need not take them."""
        if packet.flags & _ACK:
            return self._accept(packet, slot)
        if packet.dst_port not in self._ports:
            return -1
        if slot >= 0 and self._isn[slot] == packet.seq and self._is_from_client(slot):
            return slot  # resent, or captured twice
        slot = self._begin(packet, slot, True, _OPENING)
        self._isn[slot] = packet.seq
        self._next[slot * 2] = (packet.seq + 1) & _SEQ_MASK
        self._listener.opened(slot, packet)
        return slot

    def _accept(self, packet: "Packet", slot: int) -> int:
        """A SYN-ACK: the answer to a SYN, or all that we see of a connection's beginning."""
        isn = (packet.ack - 1) & _SEQ_MASK
        if slot >= 0 and self._isn[slot] == isn and not self._is_from_client(slot):
            if self._next[slot * 2 + 1] < 0:
                self._next[slot * 2 + 1] = (packet.seq + 1) & _SEQ_MASK
            if self.state[slot] == _OPENING:
                self._establish(slot)
            return slot
        if packet.src_port not in self._ports or (slot >= 0 and self.state[slot] == _OPENING):
            return slot
        slot = self._begin(packet, slot, False, _OPEN)
        self._isn[slot] = isn
        self._next[slot * 2] = packet.ack
        self._next[slot * 2 + 1] = (packet.seq + 1) & _SEQ_MASK
        self._listener.midstream(slot, packet)
        self._listener.established(slot)
        return slot

    def _join(self, packet: "Packet", slot: int) -> int:
        """A packet of a connection that is not open: return the slot it now belongs to, or -1."""
        fresh = packet.payload_end > packet.payload_at
        if slot >= 0 and self.state[slot] == _OPENING:
            if fresh or (packet.flags & _ACK and self._is_from_client(slot)):  # which takes a SYN-ACK
                self._establish(slot)
                if self._is_from_client(slot) and packet.flags & _ACK and self._next[slot * 2 + 1] < 0:
                    self._next[slot * 2 + 1] = packet.ack
            return slot
        if not fresh or (slot >= 0 and not self._is_foreign(packet, slot)):
            return slot
        from_client = packet.dst_port in self._ports
        if not from_client and packet.src_port not in self._ports:
            return -1
        slot = self._begin(packet, slot, from_client, _OPEN)
        way = slot * 2 + (not from_client)
        self._next[way] = packet.seq
        if packet.flags & _ACK:
            self._next[way ^ 1] = packet.ack
        self._listener.midstream(slot, packet)
        return slot

    def _is_foreign(self, packet: "Packet", slot: int) -> bool:
        """Is this packet far from where its closed connection stopped?"""
        expected = self._next[slot * 2 + (self.from_high != self._client_is_high[slot])]
        ahead = (packet.seq - expected + _WINDOW) & _SEQ_MASK
        return expected < 0 or ahead > 2 * _WINDOW

    def _begin(self, packet: "Packet", slot: int, from_client: bool, state: int) -> int:
        """Give the connection a slot of its own, with nothing known of its sequence numbers."""
        if slot < 0:
            slot = self._make_room()
            self.adopt(slot)
        elif self.state[slot] != _CLOSED:
            self._close(slot)
        self.place(packet, slot, from_client, state)
        self._isn[slot] = -1
        self._forget(slot)
        return slot

    def _make_room(self) -> int:
        slot = self.oldest(_FREE)
        if slot < 0:
            slot = self.oldest(_CLOSED)
        if slot < 0:
            slot = self.oldest(_ENDING)
            if slot < 0:
                slot = self.oldest(_OPENING)
            if slot < 0:
                slot = self.idlest()
            self._close(slot)
        return slot

    def _establish(self, slot: int) -> None:
        self.move(slot, _OPEN)
        self._listener.established(slot)

    def _reset(self, packet: "Packet", slot: int) -> int:
        """A RST that fits ends the connection; the answer to a SYN refuses it."""
        if slot < 0:
            return slot
        way = slot * 2 + (self.from_high != self._client_is_high[slot])
        if self.state[slot] == _OPENING and way & 1:
            if packet.flags & _ACK and packet.ack != self._next[slot * 2]:
                return slot
            self._listener.refused(slot)
            self._close(slot)
        elif self.state[slot] != _CLOSED:
            expected = self._next[way]
            if expected < 0 or (packet.seq - expected + _RST_SLACK) & _SEQ_MASK <= _RST_SLACK + _WINDOW:
                self._end(slot, way)
        return slot

    def _end(self, slot: int, way: int) -> None:
        """A RST: the other side's last words may still be on their way."""
        self._finish(way)
        if self.state[slot] == _OPENING:
            self._close(slot)
        elif self.state[slot] == _OPEN:
            self._seen_s[slot] = self._now_s
            self.move(slot, _ENDING)

    def _close(self, slot: int) -> None:
        """End the connection: what was held is delivered, with the holes before it as gaps."""
        self.move(slot, _CLOSED)
        for way in range(slot * 2, slot * 2 + 2):
            while self._pool.held and self._give_up(way):
                pass
        self._listener.closed(slot)
