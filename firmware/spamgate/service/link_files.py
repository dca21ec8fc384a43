"""A file on its way over the link: kept in parts that survive a reset, and in its place only once it is whole.

`NAME.part` has what came so far, a chunk at a time; `NAME.sum` the digest of the file that it is part of.  Whoever puts
the same file again goes on behind the last chunk.  At the end the digest decides: the part becomes NAME, or is dropped.
"""

import binascii
import hashlib

from spamgate.core.compat import const
from spamgate.wire.answers import MessageError

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

_CHUNK = const(1024)
_MOST_BYTES = const(1 << 28)
_MOST_LETTERS = const(32)
_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"


class Files:
    """One file: `fields` as in the request `put`; `storage` as `hal/storage.py`."""

    def __init__(self, storage: "Any", allows: "Callable[[str], bool]", fields: "dict[str, Any]") -> None:
        self._storage = storage
        self._name: str = fields["name"]
        self._part = self._name + ".part"
        self._size: int = fields["size"]
        self._digest: str = fields["sha256"]
        if not (_is_name(self._name) and allows(self._name) and self._size <= _MOST_BYTES):
            raise MessageError("%s: not a file that may be put here" % self._name)
        self._hash = hashlib.sha256()
        self._chunk = bytearray(min(_CHUNK, self._size))
        self._used = 0
        self._stored = 0  # bytes that are in the part, as far as it was read
        self._is_asked = False  # the host knows where to begin
        self._problem: "OSError | None" = None
        if storage.read(self._name + ".sum") != self._digest.encode() or storage.size(self._part) > self._size:
            self._drop()
            storage.write(self._name + ".sum", (self._digest.encode(),))

    def step(self, say: "Callable[[str], object]") -> bool:
        """Do a little of what is to be done; return whether the file is in its place."""
        if self._problem:
            raise self._problem
        if not self._is_asked:
            if self._read_again():
                return False
            self._is_asked = True
            say('{"type":"put","offset":%d}\n' % self._stored)
        if self._stored < self._size:
            return False
        self._finish()
        return True

    def take(self, buf: bytearray, start: int, end: int) -> None:
        """Take what came; what is wrong with it, `step` says."""
        while start < end and self._is_asked and not self._problem:
            count = min(end - start, len(self._chunk) - self._used, self._size - self._stored - self._used)
            if count <= 0:
                return
            self._chunk[self._used : self._used + count] = buf[start : start + count]
            self._used += count
            start += count
            if self._used == len(self._chunk) or self._stored + self._used == self._size:
                self._store()

    def _read_again(self) -> bool:
        """Sum a chunk of what is there from an earlier time; return whether there was one."""
        data = self._storage.read_at(self._part, self._stored, _CHUNK)
        self._hash.update(data)
        self._stored += len(data)
        return len(data) > 0

    def _store(self) -> None:
        chunk = self._chunk if self._used == len(self._chunk) else self._chunk[: self._used]
        try:
            self._storage.write_at(self._part, self._stored, chunk)
        except OSError as error:
            self._problem = error
            return
        self._hash.update(chunk)
        self._stored += self._used
        self._used = 0

    def _finish(self) -> None:
        if binascii.hexlify(self._hash.digest()).decode() != self._digest:
            self._drop()
            raise MessageError("%s: what came has another digest" % self._name, "put it again")
        if not self._size:
            self._storage.write(self._part, ())
        self._storage.rename(self._part, self._name)
        self._storage.write(self._name + ".sum", ())

    def _drop(self) -> None:
        if self._storage.size(self._part):
            self._storage.write(self._part, ())


def _is_name(name: str) -> bool:
    """Is it a plain name, of no folder above and none of our own?"""
    if len(name) > _MOST_LETTERS or name.startswith(".") or name.endswith((".part", ".sum")):
        return False
    for letter in name.encode():
        if letter not in _LETTERS:
            return False
    return True
