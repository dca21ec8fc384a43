"""Verdicts, grants and all else that must survive a power cut: lines of text in two files that take turns.

Each file bears a sequence number and a CRC-32; the whole one with the higher number counts.  A new state goes where
the older one lay, so that whatever happens while it is written, the one before it is still there.
"""

import binascii

from spamgate.core.compat import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable

MOST_BYTES = 65536  # of a file: more is not ours, and would not fit the memory

_NAMES = ("state.a", "state.b")
_HEAD = b"spamgate state 1 "  # version 1; then the CRC of what follows it, the sequence number, and the lines
_CRC_AT = const(17)
_SEQUENCE_AT = const(26)
_BODY_AT = const(35)
_SEQUENCE_MASK = const((1 << 28) - 1)  # the number starts anew when flash is long worn out
_SEQUENCE_HALF = const(1 << 27)


class StateFile:
    """The lines last saved.  `problem` says what was wrong with the last load or save, or is empty."""

    def __init__(self, storage: "Any") -> None:
        self._storage = storage
        self._sequence = -1  # of the newest whole file
        self._next = 0  # the file to write
        self.problem = ""

    def load(self) -> "list[str]":
        """Return the lines of the newest whole file; none when there is none."""
        self._sequence = -1
        lines: "list[str]" = []
        damaged = []
        for number, name in enumerate(_NAMES):
            found = self._read(name)
            if found is None:
                damaged.append(name)
            elif found and (self._sequence < 0 or _is_newer(found[0], self._sequence)):
                self._sequence, lines = found
                self._next = 1 - number
        then = "no state is known" if self._sequence < 0 else "the one before or after it is used"
        self.problem = "%s: damaged; %s" % (" and ".join(damaged), then) if damaged else ""
        return lines

    def save(self, lines: "Iterable[str]") -> bool:
        """Write the lines, none of which holds a line end; where that fails, False, and the state before it stays."""
        if self._sequence < 0:
            self.load()
        sequence = (self._sequence + 1) & _SEQUENCE_MASK
        data = bytearray(_HEAD)
        data.extend(b"%08x %08x\n" % (0, sequence))
        for line in lines:
            data.extend(line.encode())
            data.append(10)
        data[_CRC_AT:_SEQUENCE_AT] = b"%08x " % _crc(data)
        self.problem = self._write(_NAMES[self._next], data)
        if self.problem:
            return False
        self._sequence = sequence
        self._next = 1 - self._next
        return True

    def _write(self, name: str, data: bytearray) -> str:
        """Return why the file was not written, or an empty string."""
        if len(data) > MOST_BYTES:
            return "%s: not written: %d bytes, of %d at most" % (name, len(data), MOST_BYTES)
        try:
            self._storage.write(name, data)
        except OSError as error:
            return "%s: not written: error %s" % (name, error.errno)
        return ""

    def _read(self, name: str) -> "tuple[int, list[str]] | tuple[()] | None":
        """Return (sequence, lines); () where there is no file, None where it is damaged."""
        try:
            if self._storage.size(name) > MOST_BYTES:
                return None
            data = self._storage.read(name)
            return () if data is None else _parse(data)
        except (OSError, ValueError):
            return None


def _parse(data: bytes) -> "tuple[int, list[str]]":
    """Return (sequence, lines) or raise ValueError."""
    if len(data) < _BODY_AT or data[:_CRC_AT] != _HEAD or data[-1] != 10:
        raise ValueError
    if data[_CRC_AT:_SEQUENCE_AT] != b"%08x " % _crc(data):
        raise ValueError
    return int(data[_SEQUENCE_AT : _SEQUENCE_AT + 8], 16), data[_BODY_AT:].decode().split("\n")[:-1]


def _is_newer(sequence: int, than: int) -> bool:
    return 0 < (sequence - than) & _SEQUENCE_MASK < _SEQUENCE_HALF


def _crc(data: "bytes | bytearray") -> int:
    return binascii.crc32(memoryview(data)[_SEQUENCE_AT:]) & 0xFFFFFFFF
