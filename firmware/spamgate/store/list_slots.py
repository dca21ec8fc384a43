"""The two slots in which a device keeps its list: one is in force, the other waits to be overwritten.

A slot holds the list's head in its first sector (`wire/list_manifest.py`) and the body behind it; it is any object with

    size                        in bytes, a multiple of 4096
    read_into(offset, buf)      put what is there into `buf`, return how much
    erase(sector)               make 4096 bytes FF
    write(offset, data)         write where it was erased; a 1 may become a 0 later
    renew()                     another program may have written here: forget what is known of the files

`hal/file_slots.py` and `hal/esp32_slots.py` have them.  In force is, of the slots that hold a whole signed list for
this device, the one with the highest version.  That list's body is read once against its digest while it serves; if
that fails, its mark is made void and the other list serves.
"""

import binascii
import hashlib

from spamgate.core.compat import const
from spamgate.wire.cursor import FormError
from spamgate.wire.list_manifest import HEAD_BYTES, LIST, MARK_BYTES, head_bytes, split_head
from spamgate.wire.list_rules import RefusedError, check_owner

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

    from spamgate.store.list_trust import Trust
    from spamgate.wire.list_manifest import Head

NONE = const(-1)

_HEAD_BYTES = const(4096)
_CHUNK = const(1024)
_CHUNKS_A_STEP = const(4)


class ListSlots:
    """Two slots, and what is in them; nothing is in force before `look`."""

    def __init__(self, slots: "tuple[Any, Any]", trust: "Trust", list_id: str, board_class: str) -> None:
        self.slots = slots
        self.trust = trust
        self.list_id = list_id
        self.board_class = board_class
        self.active = NONE  # which slot is in force
        self.manifest: "dict[str, Any] | None" = None  # of the list in force
        self.problem = ""  # what is wrong with a slot that nobody has erased
        self._marks: "list[bytes]" = []  # as they were at the last look
        self._bad = NONE, b""  # the slot and the mark of a list whose body has another digest
        self._digest: "Digest | None" = None

    def look(self) -> bool:
        """Look at the slots; return whether another list is in force, or another slot, than before."""
        marks = [self._read(slot, MARK_BYTES) for slot in self.slots]
        if marks == self._marks:
            return False
        before = self.active, self._marks[self.active] if self._marks and self.active >= 0 else b""
        self._marks = marks
        self._choose()
        if self.active < 0:
            self._digest = None
            return before[0] >= 0
        if before == (self.active, marks[self.active]):
            return False
        self._digest = Digest(self.body(), self._manifest_size())
        return True

    def body(self) -> "Body":
        """Return the body of the list in force, to be read until the next but one update begins."""
        return Body(self.slots[self.active])

    def room(self) -> int:
        """Return how long a body may be."""
        return min(slot.size for slot in self.slots) - HEAD_BYTES

    def free(self) -> int:
        """Return which slot the next list goes into."""
        return 1 - self.active if self.active >= 0 else 0

    def is_checked(self) -> bool:
        """Has the list in force been read against its digest?"""
        return self._digest is None

    def check_step(self) -> bool:
        """Read a little of the list in force; return whether it turned out bad: then there is another or none."""
        if self._digest is None or not self._digest.step():
            return False
        is_good = self._digest.matches(self.manifest["sha256"])  # type: ignore[index]  # there is a list in force
        self._digest = None
        if is_good:
            return False
        bad = self.active
        try:
            self.slots[bad].write(0, bytes(MARK_BYTES))
        except OSError:
            pass  # then it is in force again after the next start, for as long as it takes to find this out
        self._bad = bad, self._marks[bad]
        self._choose()
        self._digest = None if self.active < 0 else Digest(self.body(), self._manifest_size())
        self.problem = "slot %s: the list was damaged and is dropped" % "ab"[bad]
        return True

    def take_over(self) -> None:
        """Put in force what an update has written and read back; its mark may be the one that was there before."""
        self._marks = []
        self._bad = NONE, b""
        self.look()
        self._digest = None

    def _choose(self) -> None:
        """Find the list in force; one that names the next key may make another one valid."""
        self._judge_all()
        while self.manifest is not None and self.trust.follow(self._head(self.active), self.manifest):
            self._judge_all()

    def _judge_all(self) -> None:
        self.active = NONE
        self.manifest = None
        self.problem = ""
        for number, slot in enumerate(self.slots):
            slot.renew()
            try:
                manifest = self._judge(number)
            except RefusedError as error:
                self.problem = "slot %s: %s" % ("ab"[number], error)
                continue
            if manifest and (self.manifest is None or manifest["version"] > self.manifest["version"]):
                self.active = number
                self.manifest = manifest

    def _judge(self, number: int) -> "dict[str, Any] | None":
        """Return the manifest of a list that may be in force, None where there is none; RefusedError."""
        mark = self._marks[number]
        if len(mark) < MARK_BYTES or mark[:4] != LIST or self._bad == (number, mark):
            return None
        manifest = self.trust.open(self._head(number))
        check_owner(manifest, self.list_id, self.board_class)
        if manifest["size"] > self.slots[number].size - HEAD_BYTES:
            raise RefusedError("the list is larger than the slot")
        return manifest

    def _head(self, number: int) -> "Head":
        try:
            return split_head(self._read(self.slots[number], head_bytes(self._marks[number])))
        except FormError as error:
            raise RefusedError(str(error))

    def _manifest_size(self) -> int:
        return self.manifest["size"]  # type: ignore[index]  # there is a list in force

    def _read(self, slot: "Any", size: int) -> bytes:
        buf = bytearray(size)
        try:
            count = slot.read_into(0, buf)
        except OSError:
            count = 0
        return bytes(buf[:count])


class Body:
    """A list's body in its slot."""

    def __init__(self, slot: "Any") -> None:
        self._slot = slot

    def read_into(self, offset: int, buf: "bytearray | memoryview") -> int:
        """Put what is at `offset` into `buf`; return how much, less at the end of the slot."""
        return self._slot.read_into(offset + _HEAD_BYTES, buf)


class Digest:
    """The SHA-256 of a body, a little at a time."""

    def __init__(self, body: Body, size: int) -> None:
        self._body = body
        self._size = size
        self._hash = hashlib.sha256()
        self._buf = bytearray(_CHUNK)
        self.at = 0

    def step(self) -> bool:
        """Read on; return whether the end, or what cannot be read, is reached."""
        for _ in range(_CHUNKS_A_STEP):
            left = self._size - self.at
            if not left:
                return True
            buf = self._buf if left >= _CHUNK else memoryview(self._buf)[:left]
            try:
                count = self._body.read_into(self.at, buf)
            except OSError:
                return True
            if count != len(buf):
                return True
            self._hash.update(buf)
            self.at += count
        return False

    def matches(self, digest: str) -> bool:
        """Is it this one, in hexadecimal digits?"""
        return self.at == self._size and binascii.hexlify(self._hash.digest()).decode() == digest
