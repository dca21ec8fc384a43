"""Lines out of pieces of a stream: whole ones are read where they lie, partial ones are kept.

LF ends a line, with or without CR.  What is kept is bounded twice: a line counts by its first
`line_bytes` only, wherever it was cut, and when more lines are in pieces than there are cells, the
cell in turn is taken and its line is lost.
"""

import array

from spamgate.core.compat import const
from spamgate.wire.cells import Cells

_LF = b"\n"
_CR = const(13)
_LOST = const(255)  # in `_cell_of`: drop what comes up to the next LF


class LinePool:
    """Lines of `ways` streams, with `cells` partial ones at most (fewer than 255)."""

    def __init__(self, ways: int, cells: int = 12, line_bytes: int = 512) -> None:
        self.buf: "bytes | bytearray" = b""  # the line last found, without its end
        self.start = 0
        self.end = 0
        self.has_cr = False  # did CR come before LF?
        self.lost = False  # was its cell taken away meanwhile?
        self._cell_of = bytearray(ways)  # cell + 1; 0: nothing of a line yet
        self._way_of = array.array("h", [-1] * cells)
        self._size = array.array("H", [0] * cells)
        self._ends_in_cr = bytearray(cells)
        self._line_bytes = line_bytes
        self._cells = Cells(cells, line_bytes)
        self._count = cells
        self._hand = 0

    def take(self, way: int, buf: "bytes | bytearray", at: int, end: int) -> int:
        """Find the line that `buf[at:end]` (not empty) begins or goes on with; return what is behind its LF.

        -1 where it does not end here: it is kept.
        """
        feed = buf.find(_LF, at, end)
        holder = self._cell_of[way]
        self.lost = False
        if holder == 0:
            if feed < 0:
                self._keep(way, buf, at, end)
                return -1
            self.buf = buf
            self.start = at
            self.has_cr = feed > at and buf[feed - 1] == _CR
            self._set_end(feed)
            return feed + 1
        if holder == _LOST:
            self.lost = feed >= 0
        elif feed < 0:
            self._append(holder - 1, buf, at, end)
        else:
            self._complete(way, holder - 1, buf, at, feed)
        if feed < 0:
            return -1
        self._cell_of[way] = 0
        return feed + 1

    def is_partial(self, way: int) -> bool:
        """Has a line begun and not ended?"""
        return self._cell_of[way] != 0

    def take_part(self, way: int) -> int:
        """Move what there is of a partial line to `buf[start:end]`; return its length."""
        holder = self._cell_of[way]
        self._cell_of[way] = 0
        if holder == 0 or holder == _LOST:
            return 0
        size = self._size[holder - 1]
        self._cells.take(holder - 1, size)
        self._way_of[holder - 1] = -1
        self.buf = self._cells.out
        self.start = 0
        self.end = size
        return size

    def forget(self, way: int) -> None:
        """Drop what there is of a line; what comes next begins a new one."""
        if self._cell_of[way]:
            self.take_part(way)

    def _keep(self, way: int, buf: "bytes | bytearray", at: int, end: int) -> None:
        cell = self._free_cell()
        self._way_of[cell] = way
        self._cell_of[way] = cell + 1
        self._size[cell] = 0
        self._append(cell, buf, at, end)

    def _free_cell(self) -> int:
        for cell in range(self._count):
            if self._way_of[cell] < 0:
                return cell
        cell = self._hand
        self._hand = (cell + 1) % self._count
        loser = self._way_of[cell]
        self.take_part(loser)
        self._cell_of[loser] = _LOST
        return cell

    def _append(self, cell: int, buf: "bytes | bytearray", at: int, end: int) -> None:
        self._ends_in_cr[cell] = buf[end - 1] == _CR
        size = self._size[cell]
        room = self._line_bytes - size
        more = end - at if end - at < room else room
        if more:
            self._cells.append(cell, buf, at, more)
            self._size[cell] = size + more

    def _complete(self, way: int, cell: int, buf: "bytes | bytearray", at: int, feed: int) -> None:
        if feed > at:
            self._append(cell, buf, at, feed)
        self.take_part(way)
        self.has_cr = self._ends_in_cr[cell] != 0
        self._set_end(self.end)

    def _set_end(self, end: int) -> None:
        """Bound the line, then take trailing CRs off."""
        start = self.start
        if end - start > self._line_bytes:
            end = start + self._line_bytes
        while end > start and self.buf[end - 1] == _CR:
            end -= 1
        self.end = end
