"""A slot for a list made of two files, where a board has a file system: NAME.head and NAME.body.

Two, because LittleFS copies a file from where it is changed to its end: marks in the head must not cost the body.
Erasing the first sector takes the body away, so that whoever still has it open (the gateway, while another program
fetches the next list) reads on in the old one; the other sectors need no erasing.  What was written to the body is on
the disk before anything is written to the head.
"""

import os

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

_SECTOR = const(4096)
_ERASED = b"\xff" * 256  # a piece of a sector: a small heap may have no place for all of it
_ENOENT = const(2)


def file_slots(folder: str, size: int) -> "list[FileSlot]":
    """Return both slots in a folder that is there; each holds a list of `size` bytes at most, a multiple of 4096."""
    return [FileSlot(folder + "/" + name, size) for name in ("list_a", "list_b")]


class FileSlot:
    """See store/list_slots.py; OSError where the system refuses."""

    def __init__(self, path: str, size: int) -> None:
        self._head = path + ".head"
        self._path = path + ".body"
        self._body: "Any" = None
        self._may_write = False
        self.size = size

    def read_into(self, offset: int, buf: "bytearray | memoryview") -> int:
        """Put what is at `offset` into `buf`; return how much, less at the end."""
        try:
            if offset < _SECTOR:
                return _read_at(self._head, offset, buf)
            file = self._body or self._open("rb")
            file.seek(offset - _SECTOR)
            return file.readinto(buf)
        except OSError as error:
            if error.errno == _ENOENT:
                return 0
            raise

    def erase(self, sector: int) -> None:
        """Forget what is there."""
        if sector:
            return
        with open(self._head, "wb") as file:
            for _ in range(_SECTOR // len(_ERASED)):
                file.write(_ERASED)
            _flush(file)
        self.renew()
        try:
            os.unlink(self._path)
        except OSError as error:
            if error.errno != _ENOENT:
                raise

    def write(self, offset: int, data: "bytes | bytearray | memoryview") -> None:
        """Write: to the body as the system likes, to the head durably."""
        if not 0 <= offset <= self.size - len(data):
            raise ValueError
        if offset >= _SECTOR:
            if not self._may_write:
                self._open_to_write()
            self._body.seek(offset - _SECTOR)
            self._body.write(data)
            return
        if self._may_write:
            _flush(self._body)
        with open(self._head, "r+b") as file:
            file.seek(offset)
            file.write(data)
            _flush(file)

    def renew(self) -> None:
        """Another program may have written here: open the file again."""
        if self._body:
            self._body.close()
        self._body = None
        self._may_write = False

    def _open(self, mode: str) -> "Any":
        self.renew()
        self._body = open(self._path, mode)  # noqa: SIM115  closed by renew
        return self._body

    def _open_to_write(self) -> None:
        try:
            self._open("r+b")
        except OSError as error:
            if error.errno != _ENOENT:
                raise
            self._open("w+b")
        self._may_write = True


def _read_at(path: str, offset: int, buf: "bytearray | memoryview") -> int:
    with open(path, "rb") as file:
        file.seek(offset)
        return file.readinto(buf)


def _flush(file: "Any") -> None:
    """Have it on the disk: for MicroPython's unix port `flush` is fsync, for LittleFS its sync."""
    file.flush()
    if hasattr(os, "fsync"):
        os.fsync(file.fileno())
