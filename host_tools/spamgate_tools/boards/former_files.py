"""What a board keeps when it is flashed anew: its settings, its identity, its journal; read block by block.

Only the blocks of the file system that are asked for come over the line, so that a look costs a second, not ten.
"""

from collections.abc import Callable

from littlefs import LittleFS, LittleFSError
from littlefs.context import UserContext

from spamgate_tools.boards.catalogue import FILES
from spamgate_tools.boards.partitions import SECTOR_BYTES, TABLE_BYTES, TABLE_OFFSET, Partition, read_table
from spamgate_tools.errors import UserError

_MOST_BYTES = 1 << 16  # of a file that is kept
_NOT_KEPT = (".py", ".mpy", ".part")  # programs, and what was being sent

Read = Callable[[int, int], bytes]  # offset, size


def former_files(read: Read) -> dict[str, bytes]:
    """Return the files that a board has made or was given beside its program; none when it was never one of ours."""
    try:
        place = next(it for it in read_table(read(TABLE_OFFSET, TABLE_BYTES)) if it.label == FILES)
    except (UserError, StopIteration):
        return {}
    blocks = _Blocks(read, place)
    try:
        count = place.size_bytes // SECTOR_BYTES
        system = LittleFS(context=blocks, block_size=SECTOR_BYTES, block_count=count, mount=False)
        system.mount()
        files = {name: _content(system, name) for name in system.listdir("/") if _is_kept(system, name)}
    except LittleFSError:
        files = {}
    if blocks.trouble:
        raise blocks.trouble
    return files


def _is_kept(system: LittleFS, name: str) -> bool:
    facts = system.stat(name)
    return facts.type == 1 and facts.size <= _MOST_BYTES and not name.endswith(_NOT_KEPT)


def _content(system: LittleFS, name: str) -> bytes:
    with system.open(name, "rb") as file:
        data: bytes = file.read()
        return data


class _Blocks(UserContext):
    """A file system of which only those blocks are read that are asked for, once each."""

    def __init__(self, read: Read, place: Partition) -> None:
        self.trouble: Exception | None = None
        self._offset = place.offset
        self._flash = read
        self._kept: dict[int, bytes] = {}

    def read(self, cfg: object, block: int, off: int, size: int) -> bytearray:
        """Return a part of a block; an exception would be lost in littlefs, so it is kept for later."""
        if block not in self._kept:
            try:
                self._kept[block] = self._flash(self._offset + block * SECTOR_BYTES, SECTOR_BYTES)
            except Exception as error:
                self.trouble = self.trouble or error
                self._kept[block] = b"\xff" * SECTOR_BYTES
        return bytearray(self._kept[block][off : off + size])

    def prog(self, cfg: object, block: int, off: int, data: bytes) -> int:
        """Change nothing: looking leaves a board as it was."""
        raise AssertionError

    erase = prog  # type: ignore[assignment]
