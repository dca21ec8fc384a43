"""A new list on its way into the free slot; the list in force serves until the last write, which is the switch.

The slot's first sector is erased before anything else, so that nothing in it can be taken for a list; then come the
manifest, the body with marks of progress, and last, when all was read back and has the digest that was signed, the
mark.  Whatever is refused is refused before anything is erased, except a body that turns out wrong.
"""

import binascii

from spamgate.core.compat import const
from spamgate.store.list_slots import Body, Digest
from spamgate.wire.cursor import FormError
from spamgate.wire.list_manifest import (
    DELTA,
    HEAD_BYTES,
    LIST,
    MARK_BYTES,
    PENDING_AT,
    PROGRESS_AT,
    make_mark,
    split_head,
)
from spamgate.wire.list_rules import RefusedError, check_newer, check_owner, check_time

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    from spamgate.store.list_slots import ListSlots

    Buffer = bytes | bytearray

_HEAD_BYTES = const(4096)
_SECTOR = const(4096)
_STRIDE = const(16384)
_DIGEST_BYTES = const(32)
_NO_MARK = b"\xff" * MARK_BYTES


class Update:
    """What full updates and deltas have in common; RefusedError when the list is not to be taken."""

    def __init__(self, lists: "ListSlots", head: "Buffer", magic: bytes, now_s: int) -> None:
        self._lists = lists
        self._head = _take_apart(head, magic)
        self.manifest = lists.trust.open(self._head)
        check_owner(self.manifest, lists.list_id, lists.board_class)
        check_time(self.manifest, now_s)
        check_newer(self.manifest, lists.manifest)
        lists.trust.check_current(self._head)
        self.size: int = self.manifest["size"]  # of the body
        if self.size > lists.room():
            text = "the list has %d bytes, and a slot here takes %d" % (self.size, lists.room())
            raise RefusedError(text, "build a smaller one: `spamgate boards` says what fits")
        if not lists.is_checked():
            raise RefusedError("the list in force is still being checked", "try again in a minute")
        self._slot = lists.slots[lists.free()]
        self._mark = make_mark(LIST, self._head.manifest, self._head.signature)
        self._digest: "Digest | None" = None

    def _prepare(self) -> None:
        """Make room; what was in the slot is no list any more."""
        self._slot.erase(0)
        self._slot.write(MARK_BYTES, self._head.manifest + self._head.signature)
        self._slot.write(PENDING_AT, self._mark)

    def _read_back(self) -> bool:
        """Read a little of what was written; return whether it was all, and the list is in force."""
        if self._digest is None:
            self._digest = Digest(Body(self._slot), self.size)
        if not self._digest.step():
            return False
        if not self._digest.matches(self.manifest["sha256"]):
            self._slot.erase(0)
            raise RefusedError("what came has another digest than the manifest says", "push the whole list again")
        self._slot.write(0, self._mark)
        self._lists.take_over()
        if self._lists.manifest != self.manifest:
            raise RefusedError("the list was written, and cannot be read: %s" % self._lists.problem, "push it again")
        return True


class FullUpdate(Update):
    """A whole list; `head` is the first 4096 bytes of its file.  `offset` is where in the body to go on."""

    def __init__(self, lists: "ListSlots", head: "Buffer", now_s: int) -> None:
        super().__init__(lists, head, LIST, now_s)
        self.offset = 0
        self._is_prepared = _waiting_mark(self._slot) == self._mark  # written behind the manifest that it sums up
        if self._is_prepared:
            self.offset = min(self._progress() * _STRIDE, self.size // _STRIDE * _STRIDE)

    def take(self, buf: "Buffer", start: int, end: int) -> None:
        """Write the body's next bytes."""
        if end - start > self.size - self.offset:
            raise RefusedError("more bytes come than the manifest says", "check where the list comes from")
        if not self.offset:
            self._is_prepared = False  # marks of progress from another time would tell of what is erased now
        self._begin()
        view = memoryview(buf)
        while start < end:
            count = min(end - start, _SECTOR - self.offset % _SECTOR)
            if self.offset % _SECTOR == 0:
                self._slot.erase(1 + self.offset // _SECTOR)
            self._slot.write(_HEAD_BYTES + self.offset, view[start : start + count])
            start += count
            self.offset += count
            if self.offset % _STRIDE == 0:
                self._slot.write(PROGRESS_AT + self.offset // _STRIDE - 1, b"\0")

    def step(self) -> bool:
        """Do a little of what is to be done when all has come; return whether the list is in force."""
        if self.offset < self.size:
            return False
        self._begin()
        return self._read_back()

    def finish(self) -> None:
        """Do the rest at once; RefusedError when something is missing."""
        if self.offset < self.size:
            text = "%d bytes came, and the manifest says %d" % (self.offset, self.size)
            raise RefusedError(text, "try again: it goes on from there")
        while not self.step():
            pass

    def _begin(self) -> None:
        if not self._is_prepared:
            self._prepare()
            self._is_prepared = True

    def _progress(self) -> int:
        """Return how many strides are written."""
        marks = bytearray(HEAD_BYTES - PROGRESS_AT)
        self._slot.read_into(PROGRESS_AT, marks)
        count = 0
        while count < len(marks) and not marks[count]:
            count += 1
        return count


class DeltaUpdate(Update):
    """What changes from the list in force; `read_delta(offset, buf)` reads the body of its file."""

    def __init__(self, lists: "ListSlots", head: "Buffer", now_s: int, read_delta: "Callable[[int, Any], int]") -> None:
        super().__init__(lists, head, DELTA, now_s)
        base = bytearray(_DIGEST_BYTES)
        read_delta(0, base)
        active = lists.manifest
        if active is None or binascii.hexlify(base).decode() != active["sha256"]:
            raise RefusedError("the delta is for another list than the one in force", "push the whole list")
        self._read_delta = read_delta
        self._sectors = 0  # that are erased
        self._merge: "Any" = None
        self._is_merged = False

    def step(self) -> bool:
        """Do a little of what is to be done; return whether the list is in force."""
        if self._is_merged:
            return self._read_back()
        try:
            self._do_a_little()
        except FormError as error:
            if self._sectors:
                self._slot.erase(0)
            raise RefusedError("the delta cannot be used: %s" % error, "push the whole list")
        return False

    def _do_a_little(self) -> None:
        if self._merge is None:
            from spamgate.wire.list_delta import Merge

            self._merge = Merge(self._lists.body().read_into, self._read_delta, self._write)
        elif not self._sectors:
            self._prepare()
            self._sectors = 1
        elif self._sectors * _SECTOR < _HEAD_BYTES + self.size:
            self._slot.erase(self._sectors)
            self._sectors += 1
        else:
            self._is_merged = self._merge.step()
            if self._is_merged:
                self._merge = None  # to check the whole takes memory, too

    def _write(self, offset: int, data: "bytes | bytearray | memoryview") -> None:
        """Write what was merged: anywhere in the body, and nowhere else."""
        if not 0 <= offset <= self.size - len(data):
            raise FormError("it makes more than the manifest says")
        self._slot.write(_HEAD_BYTES + offset, data)


def unfinished_head(lists: "ListSlots") -> bytearray:
    """Return the first 2048 bytes of a list that is half in the free slot, to go on with; empty where none is."""
    slot = lists.slots[lists.free()]
    mark = _waiting_mark(slot)
    buf = bytearray(PROGRESS_AT if mark else 0)
    slot.read_into(0, buf)
    buf[:MARK_BYTES] = mark
    buf[PENDING_AT:] = _NO_MARK[: len(mark)]
    try:
        split_head(buf)
    except FormError:
        return bytearray()
    return buf


def _waiting_mark(slot: "Any") -> bytes:
    """Return the mark that waits in a slot for the body, empty where none does."""
    mark = bytearray(MARK_BYTES)
    if slot.read_into(0, mark) < MARK_BYTES or mark != _NO_MARK:
        return b""
    slot.read_into(PENDING_AT, mark)
    return bytes(mark) if mark != _NO_MARK else b""


def _take_apart(head: "Buffer", magic: bytes) -> "Any":
    try:
        parts = split_head(head)
    except FormError as error:
        raise RefusedError(str(error), "push a file of `spamgate blocklist build`, signed")
    if parts.magic != magic:
        raise RefusedError("this is a delta, not a list" if magic == LIST else "this is a list, not a delta")
    return parts
