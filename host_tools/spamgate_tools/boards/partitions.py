"""The partition table of an ESP32, read and written: entries of 32 bytes, then an MD5 of them, in 0xC00 bytes.

The format is that of Espressif's gen_esp32part.py; the second-stage bootloader refuses a table whose MD5 is wrong.
"""

import hashlib
import struct
from collections.abc import Sequence
from typing import NamedTuple

from spamgate_tools.errors import UserError

TABLE_OFFSET = 0x8000
TABLE_BYTES = 0xC00
SECTOR_BYTES = 0x1000

APP = 0x00
DATA = 0x01
FACTORY = 0x00

_ENTRY = struct.Struct("<2sBBII16sI")
_MAGIC = b"\xaa\x50"
_MD5_MAGIC = b"\xeb\xeb" + b"\xff" * 14
_END = b"\xff" * _ENTRY.size
_APP_ALIGNMENT = 0x10000


class Partition(NamedTuple):
    """One row of the table."""

    label: str
    type: int
    subtype: int
    offset: int
    size_bytes: int
    flags: int = 0

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + self.size_bytes


def write_table(partitions: Sequence[Partition]) -> bytes:
    """Return the table as it lies in flash; the caller has checked the layout."""
    rows = b"".join(
        _ENTRY.pack(_MAGIC, it.type, it.subtype, it.offset, it.size_bytes, it.label.encode(), it.flags)
        for it in partitions
    )
    table = rows + _MD5_MAGIC + hashlib.md5(rows).digest()
    return table.ljust(TABLE_BYTES, b"\xff")


def read_table(data: bytes) -> list[Partition]:
    """Read a table; UserError when it is none, or damaged."""
    partitions: list[Partition] = []
    for start in range(0, min(len(data), TABLE_BYTES) - _ENTRY.size + 1, _ENTRY.size):
        entry = data[start : start + _ENTRY.size]
        if entry == _END and partitions:
            return partitions
        if entry.startswith(_MD5_MAGIC):
            if entry[16:] != hashlib.md5(data[:start]).digest():
                raise UserError("the partition table is damaged: its MD5 is wrong", "fetch the image again")
            continue
        magic, kind, subtype, offset, size_bytes, label, flags = _ENTRY.unpack(entry)
        if magic != _MAGIC:
            break
        text = label.rstrip(b"\0").decode("ascii", "replace")
        partitions.append(Partition(text, kind, subtype, offset, size_bytes, flags))
    raise UserError("there is no partition table", f"one is expected at {TABLE_OFFSET:#x} of the flash")


def check_layout(partitions: Sequence[Partition], flash_bytes: int) -> None:
    """Refuse a layout that a bootloader would refuse, or that would damage itself."""
    end = TABLE_OFFSET + SECTOR_BYTES
    for it in sorted(partitions, key=lambda row: row.offset):
        problem = ""
        if it.offset < end:
            problem = f"begins at {it.offset:#x}, where another still lies"
        elif it.offset % (_APP_ALIGNMENT if it.type == APP else SECTOR_BYTES) or it.size_bytes % SECTOR_BYTES:
            problem = "does not begin and end where flash can be erased"
        elif it.end > flash_bytes:
            problem = f"ends at {it.end:#x}, behind the {flash_bytes:#x} bytes of flash"
        elif not 0 < len(it.label.encode()) <= 16:
            problem = "has a name of other than 1 to 16 bytes"
        if problem:
            raise UserError(f"partition {it.label}: {problem}", "correct the layout in its board.json")
        end = it.end


_TYPES = {"app": APP, "data": DATA}
_SUBTYPES = {
    (APP, "factory"): FACTORY,
    (APP, "ota_0"): 0x10,
    (APP, "ota_1"): 0x11,
    (DATA, "ota"): 0x00,
    (DATA, "phy"): 0x01,
    (DATA, "nvs"): 0x02,
    (DATA, "fat"): 0x81,
}


def read_csv(text: str) -> list[Partition]:
    """Read a layout as ESP-IDF and MicroPython write it down: name, type, subtype, offset, size; # begins a remark."""
    rows = [[field.strip() for field in line.split(",")] for line in text.splitlines() if line.strip()[:1] not in "#"]
    partitions = []
    for label, kind, subtype, offset, size in rows:
        number = _TYPES[kind]
        named = _SUBTYPES.get((number, subtype))
        partitions.append(
            Partition(label, number, int(subtype, 0) if named is None else named, int(offset, 0), int(size, 0))
        )
    return partitions
