"""The bytes of both directions of TCP connections, in order and exactly once.

Sequence numbers are modulo 2**28 (`Packet.seq`).  `way` is one direction: slot * 2 + side, side 0
from client to server.
"""

import array

from spamgate.core.compat import const
from spamgate.wire.connections import Connections
from spamgate.wire.holes import HoldPool

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Protocol

    from spamgate.wire.packet import Packet

    class Listener(Protocol):
        """What a StreamTable tells; calls come in the order of the packets."""

        def opened(self, slot: int, packet: Packet) -> None: ...
        def midstream(self, slot: int, packet: Packet) -> None: ...
        def established(self, slot: int) -> None: ...
        def refused(self, slot: int) -> None: ...
        def data(self, slot: int, side: int, buf: bytes | bytearray, start: int, end: int) -> None: ...
        def gap(self, slot: int, side: int, size: int) -> None: ...
        def closed(self, slot: int) -> None: ...


_FIN = const(1)

_SEQ_MASK = const(0xFFFFFFF)
_HALF = const(0x8000000)
_WINDOW = const(0x400000)  # 4 MiB: further ahead than that nothing honest is sent unacknowledged

_PATIENCE_PACKETS = const(256)  # a hole that has not filled by then will not
_PATIENCE_S = const(10)

_OPEN = const(3)  # and what is above


class Segments(Connections):
    """Puts segments in their order.

    A hole becomes a `gap` when the other side has acknowledged past it, when what follows was held
    for 256 packets or 10 s, when the pool is full (the oldest goes) or a segment does not fit a
    cell, and when the connection ends.
    """

    def __init__(self, listener: "Listener", slots: int, pool: HoldPool) -> None:
        super().__init__(slots)
        self._listener = listener
        self._pool = pool
        self._next = array.array("i", [0] * (2 * slots))  # -1: not known
        self._acked = array.array("i", [0] * (2 * slots))  # what the receiver has confirmed; -1: not known
        self._finished = bytearray(slots)  # bit of each side that sent a FIN, in order, or a RST

    def _close(self, slot: int) -> None:
        """End the connection; what is held of it counts still."""
        raise NotImplementedError

    def _forget(self, slot: int) -> None:
        """Nothing is known of the sequence numbers of a new connection."""
        self._finished[slot] = 0
        for way in range(slot * 2, slot * 2 + 2):
            self._next[way] = -1
            self._acked[way] = -1

    def _segment(self, packet: "Packet", slot: int, way: int) -> None:
        """Deliver what is new of a segment, or hold it."""
        expected = self._next[way]
        start = packet.payload_at
        missing = packet.missing
        ahead = (packet.seq - expected) & _SEQ_MASK if expected >= 0 else 0
        if ahead:
            if ahead < _HALF:
                self._early(packet, slot, way, ahead)
                return
            old = _SEQ_MASK + 1 - ahead
            here = packet.payload_end - start
            if old > here + missing:
                return
            start += old if old < here else here
            missing -= old - here if old > here else 0
        elif expected < 0:
            self._next[way] = packet.seq
        self._deliver(way, packet.data, start, packet.payload_end, missing)
        if packet.flags & _FIN:
            self._finish(way)
        if self._pool.held:
            self._drain(way)

    def _deliver(self, way: int, buf: "bytes | bytearray", start: int, end: int, missing: int) -> None:
        self._next[way] = (self._next[way] + end - start + missing) & _SEQ_MASK
        if end > start:
            self._listener.data(way >> 1, way & 1, buf, start, end)
        if missing:
            self._listener.gap(way >> 1, way & 1, missing)

    def _finish(self, way: int) -> None:
        """A side has ended what it says; after the other one too the connection is closed."""
        slot = way >> 1
        self._finished[slot] |= 1 << (way & 1)
        if self._finished[slot] == 3 and self.state[slot] >= _OPEN:
            self._close(slot)

    def _early(self, packet: "Packet", slot: int, way: int, ahead: int) -> None:
        """A segment from beyond a hole: hold it, unless the hole will not fill."""
        seq = packet.seq
        pool = self._pool
        size = packet.payload_end - packet.payload_at
        if self._is_acked(way, seq):
            self._skip_to(way, seq)
        elif ahead > _WINDOW:
            return
        elif not pool.fits(size):
            self._skip_to(way, seq)
        elif pool.is_full():
            self._give_up(pool.way[pool.oldest()])
        else:
            cell = pool.hold(way, seq, packet.data, packet.payload_at, packet.payload_end)
            if cell >= 0:
                pool.missing[cell] = packet.missing
                pool.fin[cell] |= packet.flags & _FIN
            return
        if self.state[slot] >= _OPEN:
            self._segment(packet, slot, way)

    def _is_acked(self, way: int, seq: int) -> bool:
        """Has the receiver confirmed all bytes before `seq`?"""
        acked = self._acked[way]
        return acked >= 0 and (acked - seq) & _SEQ_MASK < _HALF

    def _skip_to(self, way: int, seq: int) -> None:
        """Give up all holes before `seq`."""
        while True:
            ahead = (seq - self._next[way]) & _SEQ_MASK
            if ahead == 0 or ahead >= _HALF:
                return
            cell = self._pool.first(way, self._next[way])
            if cell < 0 or (self._pool.seq[cell] - self._next[way]) & _SEQ_MASK >= ahead:
                self._lose(way, ahead)
                self._drain(way)
                return
            self._give_up(way)

    def _lose(self, way: int, size: int) -> None:
        self._next[way] = (self._next[way] + size) & _SEQ_MASK
        self._listener.gap(way >> 1, way & 1, size)

    def _give_up(self, way: int) -> bool:
        """Turn the first hole of `way` into a gap and deliver what follows; False where nothing is held."""
        pool = self._pool
        cell = pool.first(way, self._next[way])
        if cell < 0:
            return False
        ahead = (pool.seq[cell] - self._next[way]) & _SEQ_MASK
        if ahead < _HALF:
            self._lose(way, ahead)
        self._drain(way)
        return True

    def _drain(self, way: int) -> None:
        """Deliver the held segments that are no longer ahead."""
        pool = self._pool
        while pool.held:
            cell = pool.first(way, self._next[way])
            if cell < 0:
                return
            old = (self._next[way] - pool.seq[cell]) & _SEQ_MASK
            if old >= _HALF:
                return
            size = pool.size[cell]
            missing = pool.missing[cell]
            fin = pool.fin[cell]
            pool.take(cell)
            if old <= size + missing:
                start = old if old < size else size
                self._deliver(way, pool.out, start, size, missing - (old - start))
                if fin:
                    self._finish(way)

    def _give_up_acked(self, way: int) -> None:
        """Give up the holes of `way` that the receiver has confirmed: the capture lacks them."""
        pool = self._pool
        while pool.held:
            cell = pool.first(way, self._next[way])
            if cell < 0 or not self._is_acked(way, pool.seq[cell]):
                return
            self._give_up(way)

    def _give_up_late(self) -> None:
        pool = self._pool
        while pool.held:
            cell = pool.oldest()
            if not pool.is_late(cell, _PATIENCE_PACKETS, _PATIENCE_S):
                return
            self._give_up(pool.way[cell])
