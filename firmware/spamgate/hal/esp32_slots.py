"""The two slots for lists in an ESP32's flash: raw partitions of their own, which `spamgate flash` lays out.

Written after the port's sources (esp32_partition.c): with an offset `readblocks` and `writeblocks` take any number of
bytes and erase nothing; an offset may go beyond the block.  Tried with a fake of them; never run on a chip.
"""

import esp32  # type: ignore[import-not-found]  # MicroPython's

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

_LABELS = ("list_a", "list_b")
_SECTOR = const(4096)
_SIZE_AT = const(3)  # in what `info` returns
_ERASE = const(6)  # of `ioctl`


def esp32_slots() -> "list[PartitionSlot]":
    """Return both slots; none where the flash has no room for lists, or was laid out by somebody else."""
    found = [esp32.Partition.find(esp32.Partition.TYPE_DATA, label=label) for label in _LABELS]
    return [PartitionSlot(partitions[0]) for partitions in found] if all(found) else []


class PartitionSlot:
    """See store/list_slots.py."""

    def __init__(self, partition: "Any") -> None:
        self._partition = partition
        self.size = partition.info()[_SIZE_AT]

    def read_into(self, offset: int, buf: "bytearray | memoryview") -> int:
        """Put what is at `offset` into `buf`; return how much, less at the end."""
        count = len(buf)
        if offset + count > self.size:
            count = self.size - offset
            if count <= 0:
                return 0
            buf = memoryview(buf)[:count]
        self._partition.readblocks(0, buf, offset)
        return count

    def erase(self, sector: int) -> None:
        """Make 4096 bytes FF."""
        if not 0 <= sector < self.size // _SECTOR:
            raise ValueError
        self._partition.ioctl(_ERASE, sector)

    def write(self, offset: int, data: "bytes | bytearray | memoryview") -> None:
        """Write where it was erased."""
        self._partition.writeblocks(0, data, offset)

    def renew(self) -> None:
        """Nobody else writes here."""
