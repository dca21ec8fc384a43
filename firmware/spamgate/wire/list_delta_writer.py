"""Making a delta, on the host: what a list has that another has not, and the other way round."""

import hashlib
import struct
from array import array

from spamgate.core.compat import const
from spamgate.wire.list_blocks import bit_length, decode
from spamgate.wire.list_codes import SLACK_BYTES
from spamgate.wire.list_delta import AS_IN_BASE, COUNTS, RECORD_BYTES
from spamgate.wire.list_file import EXCEPTION_BYTES, HEADER_BYTES, INDEX_ENTRY_BYTES, ListFile

_FLAG = const(0x80)

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Iterator


class _Body:
    """The body of a list, taken apart."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.header = ListFile(self._read_into)

    def shape(self) -> "tuple[int, ...]":
        """Return what two lists must have alike for a delta."""
        it = self.header
        return it.range_bits, it.index_bits, it.code_bits, it.seed

    def blocks(self) -> "Iterator[tuple[bytes, bytes]]":
        """Yield the codes and the exceptions of each block."""
        it = self.header
        at = it.allow_at - it.blocks_bytes
        for entry in range(HEADER_BYTES, at - INDEX_ENTRY_BYTES, INDEX_ENTRY_BYTES):
            start, after = (int.from_bytes(self.data[place : place + 3], "little") for place in (entry, entry + 3))
            block = self.data[at + (start & 0x7FFFFF) : at + (after & 0x7FFFFF)]
            end = len(block)
            if start >> 23:
                end -= 1 + EXCEPTION_BYTES * block[-1]
            yield block[:end], block[end:]

    def table(self, number: int) -> "list[bytes]":
        """Return the records of one of the tables behind the blocks."""
        it = self.header
        counts = (it.allow, it.v4, it.v6)
        at = it.allow_at
        for before in range(number):
            at += RECORD_BYTES[before] * counts[before]
        size = RECORD_BYTES[number]
        return [self.data[place : place + size] for place in range(at, at + size * counts[number], size)]

    def _read_into(self, offset: int, buf: bytearray) -> int:
        part = self.data[offset : offset + len(buf)]
        buf[: len(part)] = part
        return len(part)


def make_delta(base: bytes, new: bytes) -> "bytes | None":
    """Return the body of the delta that leads from one list's body to another's; None: there is none, send all."""
    old, made = _Body(base), _Body(new)
    if old.shape() != made.shape():
        return None
    found = _Differences(old, made)
    removed_codes, gap_bits = _removed_codes(found.removed, old.header.names)
    added_codes = found.added.bytes()
    exceptions = b"" if found.is_same else b"".join(found.exceptions)
    tables = [_table(old.table(number), made.table(number)) for number in range(len(RECORD_BYTES))]
    count = AS_IN_BASE if found.is_same else len(found.exceptions)
    numbers = [len(found.removed), found.come, len(removed_codes), len(added_codes), count]
    for gone, come, _ in tables:
        numbers += [gone, come]
    parts = [hashlib.sha256(base).digest(), new[:HEADER_BYTES], struct.pack(COUNTS, *numbers, gap_bits, 0, 0, 0)]
    return b"".join(parts + [removed_codes, added_codes, exceptions] + [records for _, _, records in tables])


class _Differences:
    """What two lists of one shape have not alike."""

    def __init__(self, old: _Body, made: _Body) -> None:
        self.removed = array("I")  # ranks in the base
        self.added = _BitWriter()  # a one and a rest for each, a zero at the end of each block
        self.come = 0  # how many
        self.exceptions: "list[bytes]" = []  # of the new list, each with its block
        self.is_same = True  # the exceptions are
        self._rest_bits = old.header.range_bits - old.header.index_bits
        self._code_bits = old.header.code_bits
        self._rank = number = 0
        for (old_codes, old_records), (codes, records) in zip(old.blocks(), made.blocks()):
            self._compare(old_codes, codes)
            self.is_same = self.is_same and records == old_records
            for at in range(0, len(records) - 1, EXCEPTION_BYTES):
                self.exceptions.append(struct.pack("<I", number) + records[at : at + EXCEPTION_BYTES])
            number += 1

    def _compare(self, old_codes: bytes, codes: bytes) -> None:
        """Look at one block of both."""
        before = _decoded(old_codes, self._code_bits)
        if codes != old_codes:
            after = _decoded(codes, self._code_bits)
            kept = set(after)
            for at, value in enumerate(before):
                if value not in kept:
                    self.removed.append(self._rank + at)
            kept = set(before)
            for value in after:
                if value not in kept:
                    self.added.put(1 << self._rest_bits | value, 1 + self._rest_bits)
                    self.come += 1
        self.added.put(0, 1)
        self._rank += len(before)


class _BitWriter:
    """Bits one behind the other, the highest of a byte first."""

    def __init__(self) -> None:
        self._out = bytearray()
        self._rest = 0
        self._count = 0

    def put(self, value: int, count: int) -> None:
        """Append the last `count` bits of the value."""
        self._rest = self._rest << count | value
        self._count += count
        while self._count >= 8:  # noqa: PLR2004
            self._count -= 8
            self._out.append(self._rest >> self._count)
            self._rest &= (1 << self._count) - 1

    def bytes(self) -> bytes:
        """Return all, the last byte filled up with zeros."""
        return bytes(self._out) + (bytes((self._rest << 8 - self._count,)) if self._count else b"")


def _decoded(codes: bytes, code_bits: int) -> "array[int]":
    room = len(codes) * 8 // (1 + code_bits) + 1
    numbers = array("I", bytes(4 * room))
    return numbers[: decode(codes + bytes(SLACK_BYTES), len(codes), code_bits, numbers, room)]


def _removed_codes(ranks: "array[int]", names: int) -> "tuple[bytes, int]":
    """Return the codes of the gaps between ranks, and of how many low bits they are: those that make them short."""
    low = max(0, bit_length(names // len(ranks) * 11 // 16) - 1) if ranks else 0
    out = _BitWriter()
    last = -1
    for rank in ranks:
        gap = rank - last - 1
        last = rank
        out.put(0, gap >> low)
        out.put(1 << low | gap & (1 << low) - 1, 1 + low)
    return out.bytes(), low


def _table(old: "list[bytes]", made: "list[bytes]") -> "tuple[int, int, bytes]":
    """Return how many records go and come, and what a delta says of them."""
    before, after = set(old), set(made)
    gone = [struct.pack("<I", at) for at, record in enumerate(old) if record not in after]
    come = [struct.pack("<I", at) + record for at, record in enumerate(made) if record not in before]
    return len(gone), len(come), b"".join(gone + come)
