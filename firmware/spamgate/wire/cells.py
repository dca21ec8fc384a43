"""Small buffers, made once, into which bytes are copied quickly and without the heap.

A loop over bytes costs MicroPython 0.3 ms for a full segment, which a stranger could make us pay
for every packet, and a slice takes from the heap; its RingIO copies in 0.5 us and takes nothing.
"""

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any


class PlainCells:
    """`count` cells of `cell_bytes`; `out` is where `take` puts the bytes of one."""

    def __init__(self, count: int, cell_bytes: int) -> None:
        self.count = count
        self.cell_bytes = cell_bytes
        self.out = bytearray(cell_bytes)
        self._cells = [bytearray() for _ in range(count)]

    def append(self, cell: int, buf: "bytes | bytearray", at: int, size: int) -> None:
        """Add `buf[at:at + size]`, at least one byte; the caller has seen to it that it fits."""
        self._cells[cell] += buf[at : at + size]

    def take(self, cell: int, size: int) -> None:
        """Move all of the cell's `size` bytes to `out`."""
        self.out[:size] = self._cells[cell]
        self._cells[cell] = bytearray()


class RingCells:
    """As `PlainCells`, out of MicroPython's ring buffers."""

    def __init__(self, count: int, cell_bytes: int) -> None:
        self.count = count
        self.cell_bytes = cell_bytes
        self.out = bytearray(cell_bytes)
        self._rings: "list[Any]" = [RingIO(cell_bytes) for _ in range(count)]

    def append(self, cell: int, buf: "bytes | bytearray", at: int, size: int) -> None:
        """Add `buf[at:at + size]`, at least one byte; the caller has seen to it that it fits."""
        self._rings[cell].write(buf, at, size)

    def take(self, cell: int, size: int) -> None:
        """Move all of the cell's `size` bytes to `out`."""
        self._rings[cell].readinto(self.out, size)


try:
    from micropython import RingIO

    Cells: "type[PlainCells] | type[RingCells]" = RingCells
except ImportError:  # CPython
    Cells = PlainCells
