"""Files of one folder, as the stores want them.

What must survive a power cut is written to a new file and flushed, which for MicroPython's unix port is fsync, before
it takes the old one's name.  Each store checks what it reads.
"""

import os

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Iterable


class Storage:
    """The files in `folder`, which is made if it is not there.  OSError where the system refuses."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        _make(folder)

    def read(self, name: str) -> "bytes | None":
        """Return the whole file, or None where there is none."""
        try:
            with open(self._path(name), "rb") as file:
                return file.read()
        except OSError as error:
            if error.errno == 2:
                return None
            raise

    def write(self, name: str, parts: "Iterable[bytes]") -> None:
        """Write the whole file: afterwards it holds `parts`, one after another, or what it held before."""
        scratch = self._path(name) + ".new"
        with open(scratch, "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
        os.rename(scratch, self._path(name))

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of the file."""
        with open(self._path(name), "ab") as file:
            file.write(data)

    def write_at(self, name: str, offset: int, data: bytes) -> None:
        """Write in the middle of the file, which grows if it must."""
        with self._open(name) as file:
            file.seek(offset)
            file.write(data)

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        """Return up to `size` bytes from `offset`; fewer at the end, none where there is no file."""
        try:
            with open(self._path(name), "rb") as file:
                file.seek(offset)
                return file.read(size)
        except OSError as error:
            if error.errno == 2:
                return b""
            raise

    def size(self, name: str) -> int:
        """Return the file's length; 0 where there is none."""
        try:
            return os.stat(self._path(name))[6]
        except OSError:
            return 0

    def exists(self, name: str) -> bool:
        """Is there such a file?"""
        try:
            os.stat(self._path(name))
        except OSError:
            return False
        return True

    def rename(self, name: str, new: str) -> None:
        """Give the file another name; what had that name is gone."""
        os.rename(self._path(name), self._path(new))

    def _open(self, name: str):
        try:
            return open(self._path(name), "r+b")  # noqa: SIM115  closed by the caller
        except OSError as error:
            if error.errno != 2:
                raise
            return open(self._path(name), "w+b")  # noqa: SIM115  closed by the caller

    def _path(self, name: str) -> str:
        return self.folder + "/" + name


def _make(folder: str) -> None:
    parts = folder.split("/")
    for count in range(2 if folder.startswith("/") else 1, len(parts) + 1):
        path = "/".join(parts[:count])
        try:
            os.mkdir(path)
        except OSError as error:
            if error.errno != 17:  # it is there
                raise
