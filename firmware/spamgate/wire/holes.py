"""TCP segments that came before their turn, held until the hole before them fills.

All connections share a few cells.  `way` names one direction of one connection (slot * 2 + side);
sequence numbers are modulo 2**28.
"""

import array

from spamgate.core.compat import const
from spamgate.wire.cells import Cells

_SEQ_MASK = const(0xFFFFFFF)
_HALF = const(0x8000000)
_TURN_MASK = const(0xFFFFFFF)


class HoldPool:
    """`cells` segments of at most `cell_bytes`."""

    def __init__(self, cells: int = 8, cell_bytes: int = 1600) -> None:
        self.held = 0  # cells in use
        self.seq = array.array("i", [0] * cells)
        self.size = array.array("i", [0] * cells)
        self.missing = array.array("i", [0] * cells)  # bytes behind `size` that the capture lacks
        self.fin = bytearray(cells)
        self.way = array.array("h", [-1] * cells)  # -1: free
        self.now_s = 0  # set by the owner
        self.turn = 0  # packets so far, modulo 2**28
        self._turn = array.array("i", [0] * cells)
        self._time_s = array.array("i", [0] * cells)
        self._cells = Cells(cells, cell_bytes)
        self.out = self._cells.out  # where `take` puts a segment

    def is_full(self) -> bool:
        """Is there no cell left?"""
        return self.held == self._cells.count

    def fits(self, size: int) -> bool:
        """Could a cell take `size` bytes?"""
        return size <= self._cells.cell_bytes

    def hold(self, way: int, seq: int, buf: "bytes | bytearray", start: int, end: int) -> int:
        """Keep a segment and return its cell; -1 where more of it is held already.

        The caller has checked that there is room, and sets `missing` and `fin`.
        """
        free = -1
        size = end - start
        for cell in range(self._cells.count):
            if self.way[cell] < 0:
                free = cell
            elif self.way[cell] == way and self.seq[cell] == seq and self.size[cell] >= size:
                return cell if self.size[cell] == size else -1
        self.way[free] = way
        self.seq[free] = seq
        self.size[free] = size
        self.missing[free] = 0
        self.fin[free] = 0
        self._turn[free] = self.turn
        self._time_s[free] = self.now_s
        if size:
            self._cells.append(free, buf, start, size)
        self.held += 1
        return free

    def take(self, cell: int) -> None:
        """Move the cell's segment to `out` and give the cell back."""
        if self.size[cell]:
            self._cells.take(cell, self.size[cell])
        self.way[cell] = -1
        self.held -= 1

    def first(self, way: int, expected: int) -> int:
        """Return the cell of the segment that comes next for `way` after `expected`; -1 for none."""
        found = -1
        least = _SEQ_MASK
        for cell in range(self._cells.count):
            if self.way[cell] == way:
                ahead = (self.seq[cell] - expected + _HALF) & _SEQ_MASK
                if ahead < least:
                    least = ahead
                    found = cell
        return found

    def oldest(self) -> int:
        """Return the cell that has been held for the most packets; there is one."""
        found = -1
        most = -1
        for cell in range(self._cells.count):
            age = (self.turn - self._turn[cell]) & _TURN_MASK
            if self.way[cell] >= 0 and age > most:
                most = age
                found = cell
        return found

    def is_late(self, cell: int, turns: int, seconds: int) -> bool:
        """Has the cell been held for more than so many packets or seconds?"""
        age = (self.turn - self._turn[cell]) & _TURN_MASK
        return age > turns or abs(self.now_s - self._time_s[cell]) > seconds
