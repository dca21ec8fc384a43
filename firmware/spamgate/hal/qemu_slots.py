"""The list slots of the emulated board: two parts of its flash behind the files, which behave as NOR flash does."""

import uctypes  # type: ignore[import-not-found]  # MicroPython's

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    Buffer = bytes | bytearray | memoryview

SLOT_BYTES = 0x2B0000  # as on a board with 8 MiB of flash

_FIRST_AT = const(0x21200000)  # behind the 2 MB of files (boards/QEMU_MPS2/micropython/_boot.py)
_SECTOR_BYTES = const(4096)
_PIECE = const(256)
_ERASED = b"\xff" * _PIECE


class Slot:
    """One part.  Erasing sets the bits of a sector; writing clears bits, and sets none."""

    def __init__(self, number: int) -> None:
        self.size = SLOT_BYTES
        self._memory = memoryview(uctypes.bytearray_at(_FIRST_AT + number * SLOT_BYTES, SLOT_BYTES))

    def read_into(self, offset: int, buf: bytearray) -> int:
        """Fill `buf` from `offset` on, unless the part ends; return how many bytes."""
        count = max(0, min(len(buf), self.size - offset))
        memoryview(buf)[:count] = self._memory[offset : offset + count]
        return count

    def erase(self, sector: int) -> None:
        """Set every bit of a sector."""
        for at in range(sector * _SECTOR_BYTES, (sector + 1) * _SECTOR_BYTES, _PIECE):
            self._memory[at : at + _PIECE] = _ERASED

    def write(self, offset: int, data: "Buffer") -> None:
        """Clear the bits that are clear in `data`."""
        for start in range(0, len(data), _PIECE):
            piece = bytes(data[start : start + _PIECE])
            at = offset + start
            there = int.from_bytes(self._memory[at : at + len(piece)], "little")
            both = there & int.from_bytes(piece, "little")
            self._memory[at : at + len(piece)] = both.to_bytes(len(piece), "little")

    def renew(self) -> None:
        """Nobody else writes here."""
