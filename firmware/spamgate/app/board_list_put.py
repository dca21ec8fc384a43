"""A whole list on its way over the link, straight into the free slot: in place of `service/link_files.py`.

Its head is checked before anything is erased.  Whoever puts the same file again goes on behind the last mark of
progress in the slot; which file that was is in `list.sum`.
"""

import binascii
import hashlib

from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError
from spamgate.store.list_update import FullUpdate, unfinished_head
from spamgate.wire.answers import MessageError

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    from spamgate.app.board_lists import BoardLists

SUM_FILE = "list.sum"

_HEAD_BYTES = const(4096)
_TOLD_BYTES = const(2048)  # of the head; the rest is for marks of progress


class ListPut:
    """One list: `fields` as in the request `put`."""

    def __init__(self, lists: "BoardLists", storage: "Any", fields: "dict[str, Any]") -> None:
        lists.hold(None)
        self._lists = lists
        self._storage = storage
        self._size: int = fields["size"]
        self._digest: str = fields["sha256"]
        self._head = bytearray(_TOLD_BYTES)
        self._at = 0  # in the file
        self._is_asked = False
        self._problem: "Exception | None" = None
        self._update: "FullUpdate | None" = None

    def step(self, say: "Callable[[str], object]") -> bool:
        """Do a little of what is to be done; return whether all has come."""
        if self._problem:
            raise self._problem
        if not self._is_asked:
            self._go_on()
            self._is_asked = True
            say('{"type":"put","offset":%d}\n' % self._at)
        if self._at < self._size:
            return False
        if not self._update:
            raise MessageError("list.sgb: too short for a list", "push the whole file")
        self._lists.hold(self._update)
        return True

    def take(self, buf: bytearray, start: int, end: int) -> None:
        """Take what came; what is wrong with it, `step` says."""
        if self._problem or not self._is_asked:
            return
        try:
            end = min(end, start + self._size - self._at)
            if self._at < _HEAD_BYTES:
                start = self._take_head(buf, start, end)
            if start < end and self._update:
                self._update.take(buf, start, end)
                self._at += end - start
        except (SpamgateError, OSError, MemoryError) as error:
            self._problem = error

    def _take_head(self, buf: bytearray, start: int, end: int) -> int:
        """Take what is of the head; return where in `buf` the body begins."""
        count = min(end - start, _HEAD_BYTES - self._at)
        told = min(count, _TOLD_BYTES - self._at)
        if told > 0:
            self._head[self._at : self._at + told] = buf[start : start + told]
        was = self._at
        self._at += count
        if was < _TOLD_BYTES <= self._at:
            self._begin(self._head)
            self._update.offset = 0  # type: ignore[union-attr]  # there is one now
            self._storage.write(SUM_FILE, (self._sum(self._head),))
        return start + count

    def _begin(self, head: "bytes | bytearray") -> None:
        lists = self._lists
        opened = lists.opened()
        lists.tidy(True)
        try:
            self._update = update = FullUpdate(opened, head, lists.now_s())
        finally:
            lists.tidy(False)
        if self._size != update.size + _HEAD_BYTES:
            text = "the file has %d bytes, and its manifest says %d" % (self._size, update.size + _HEAD_BYTES)
            raise MessageError(text, "fetch or sign it again")

    def _go_on(self) -> None:
        """Where this very file was cut, go on behind what is in the slot."""
        known = self._storage.read(SUM_FILE) or b""
        head = unfinished_head(self._lists.opened()) if known.startswith(self._digest.encode()) else b""
        if head and known == self._sum(head):
            self._begin(head[:_TOLD_BYTES])
            self._at = _HEAD_BYTES + self._update.offset  # type: ignore[union-attr]  # there is one now

    def _sum(self, head: "bytes | bytearray") -> bytes:
        """Return what tells this file and this head from all others."""
        kept = hashlib.sha256(bytes(head[:_TOLD_BYTES])).digest()
        return self._digest.encode() + b" " + binascii.hexlify(kept)
