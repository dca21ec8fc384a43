"""Who a board was made to be, read from its flash: a few blocks of its file system instead of all of it."""

import json
from collections.abc import Callable

from littlefs import LittleFS, LittleFSError
from littlefs.context import UserContext

from spamgate_tools.boards.application import IDENTITY_FILE
from spamgate_tools.boards.catalogue import FILES
from spamgate_tools.boards.partitions import SECTOR_BYTES, TABLE_BYTES, TABLE_OFFSET, Partition, read_table
from spamgate_tools.errors import UserError
from spamgate_tools.provision.identity import read_serial

_MOST_BYTES = 1024

Read = Callable[[int, int], bytes]  # offset, size


def former_serial(read: Read) -> str:
    """Return the serial in a board's flash; "" when it was never made a guard, or nothing of it can be read."""
    table = read(TABLE_OFFSET, TABLE_BYTES)
    try:
        place = next(it for it in read_table(table) if it.label == FILES)
    except (UserError, StopIteration):
        return ""
    return _serial(_identity(_Blocks(read, place)))


class _Blocks(UserContext):
    """A file system of which only those blocks are read that are asked for."""

    def __init__(self, read: Read, place: Partition) -> None:
        self.place = place
        self.trouble: Exception | None = None
        self._flash = read
        self._kept: dict[int, bytes] = {}

    def read(self, cfg: object, block: int, off: int, size: int) -> bytearray:
        """Return a part of a block; an exception would be lost in littlefs, so it is kept for later."""
        if block not in self._kept:
            try:
                self._kept[block] = self._flash(self.place.offset + block * SECTOR_BYTES, SECTOR_BYTES)
            except Exception as error:
                self.trouble = self.trouble or error
                self._kept[block] = b"\xff" * SECTOR_BYTES
        return bytearray(self._kept[block][off : off + size])

    def prog(self, cfg: object, block: int, off: int, data: bytes) -> int:
        """Change nothing: looking leaves a board as it was."""
        raise AssertionError

    erase = prog  # type: ignore[assignment]


def _identity(blocks: _Blocks) -> bytes:
    size = blocks.place.size_bytes // SECTOR_BYTES
    data = b""
    try:
        system = LittleFS(context=blocks, block_size=SECTOR_BYTES, block_count=size, mount=False)
        system.mount()
        with system.open(IDENTITY_FILE, "rb") as file:
            data = file.read(_MOST_BYTES)
    except (LittleFSError, OSError):
        pass  # a bare board, or one of somebody else's making
    if blocks.trouble:
        raise blocks.trouble
    return data


def _serial(document: bytes) -> str:
    try:
        return read_serial(json.loads(document)["serial"], IDENTITY_FILE)
    except (ValueError, KeyError, TypeError, UserError):
        return ""
