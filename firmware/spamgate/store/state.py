"""Verdicts, grants and all else that must survive a power cut: lines of text in two files that take turns.

Each file bears a sequence number and a CRC-32; the whole one with the higher number counts.  A new state goes where
the older one lay, so that whatever happens while it is written, the one before it is still there.
"""

import binascii

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Iterable, Iterator

MOST_BYTES = 65536  # of a file: more is not ours, and would not fit the memory

_NAMES = ("state.a", "state.b")
_HEAD = b"spamgate state 1 "  # version 1; then the CRC of what follows it, the sequence number, and the lines
_CRC_AT = const(17)
_SEQUENCE_AT = const(26)
_BODY_AT = const(35)
_SEQUENCE_MASK = const((1 << 28) - 1)  # the number starts anew when flash is long worn out
_SEQUENCE_HALF = const(1 << 27)
_CHUNK_BYTES = const(1024)
_LINE_END = const(10)
_ABSENT = const(-1)
_DAMAGED = const(-2)


class StateFile:
    """The lines last saved.  `problem` says what was wrong with the last load or save, or is empty.

    Nothing is held in memory as a whole: lines are written and read one by one.
    """

    def __init__(self, storage: "Any") -> None:
        self._storage = storage
        self._sequence = -1  # of the newest whole file
        self._next = 0  # the file to write
        self.problem = ""

    def load(self) -> "Iterator[str]":
        """Look for the newest whole file and return its lines, to be read at once; none when there is none."""
        self._sequence = -1
        damaged = []
        for number, name in enumerate(_NAMES):
            sequence = self._check(name)
            if sequence == _DAMAGED:
                damaged.append(name)
            elif sequence >= 0 and (self._sequence < 0 or _is_newer(sequence, self._sequence)):
                self._sequence = sequence
                self._next = 1 - number
        then = "no state is known" if self._sequence < 0 else "the one before or after it is used"
        self.problem = "%s: damaged; %s" % (" and ".join(damaged), then) if damaged else ""
        return self._lines(_NAMES[1 - self._next]) if self._sequence >= 0 else iter(())

    def save(self, lines: "Iterable[str]") -> bool:
        """Write the lines, none of which holds a line end; where that fails, False, and the state before it stays.

        `lines` is gone through twice and must be the same both times.
        """
        if self._sequence < 0:
            self.load()
        sequence = (self._sequence + 1) & _SEQUENCE_MASK
        head = b"%08x\n" % sequence
        crc = binascii.crc32(head)
        size = _BODY_AT
        for line in lines:
            part = line.encode()
            crc = binascii.crc32(b"\n", binascii.crc32(part, crc))
            size += len(part) + 1
        head = _HEAD + b"%08x " % (crc & 0xFFFFFFFF) + head
        self.problem = self._write(_NAMES[self._next], size, _parts(head, lines))
        if self.problem:
            return False
        self._sequence = sequence
        self._next = 1 - self._next
        return True

    def _write(self, name: str, size: int, parts: "Iterator[bytes]") -> str:
        """Return why the file was not written, or an empty string."""
        if size > MOST_BYTES:
            return "%s: not written: %d bytes, of %d at most" % (name, size, MOST_BYTES)
        try:
            self._storage.write(name, parts)
        except OSError as error:
            return "%s: not written: error %s" % (name, error.errno)
        return ""

    def _check(self, name: str) -> int:
        """Return the file's sequence number, or that it is absent or damaged."""
        try:
            size = self._storage.size(name)
            head = self._storage.read_at(name, 0, _BODY_AT)
            if not self._storage.exists(name):
                return _ABSENT
            if size > MOST_BYTES or len(head) < _BODY_AT or head[:_CRC_AT] != _HEAD:
                return _DAMAGED
            crc = binascii.crc32(head[_SEQUENCE_AT:])
            last = head
            for part in self._chunks(name):
                crc = binascii.crc32(part, crc)
                last = part
            if last[-1] != _LINE_END or head[_CRC_AT:_SEQUENCE_AT] != b"%08x " % (crc & 0xFFFFFFFF):
                return _DAMAGED
            return int(head[_SEQUENCE_AT : _SEQUENCE_AT + 8], 16)
        except (OSError, ValueError):
            return _DAMAGED

    def _chunks(self, name: str) -> "Iterator[bytes]":
        at = _BODY_AT
        part = self._storage.read_at(name, at, _CHUNK_BYTES)
        while part:
            yield part
            at += len(part)
            part = self._storage.read_at(name, at, _CHUNK_BYTES)

    def _lines(self, name: str) -> "Iterator[str]":
        left = b""
        for part in self._chunks(name):
            pieces = (left + part).split(b"\n")
            left = pieces.pop()
            for piece in pieces:
                yield piece.decode()


def _parts(head: bytes, lines: "Iterable[str]") -> "Iterator[bytes]":
    yield head
    for line in lines:
        yield line.encode()
        yield b"\n"


def _is_newer(sequence: int, than: int) -> bool:
    return 0 < (sequence - than) & _SEQUENCE_MASK < _SEQUENCE_HALF

