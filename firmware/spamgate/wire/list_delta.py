"""A delta: what leads from one list to another of the same shape; a device merges it, block by block.

Both lists stay where they are, and each byte of the new one is written once: index and blocks side by side, then what
follows.  The work of a step and the memory are bounded whatever the delta says; whether the result is the list that was
meant is for its digest.
"""

import struct
from array import array

from spamgate.core.compat import const
from spamgate.wire.cursor import FormError
from spamgate.wire.list_blocks import decode, drop, encode, insert
from spamgate.wire.list_file import ListFile

HEADER_AT = 32  # in the body, behind the SHA-256 of the base's body: the header of the list that is made
COUNTS_AT = 80
COUNTS = "<5I6I4B"
CODES_AT = 128
AS_IN_BASE = 0xFFFFFFFF  # number of exceptions: each block keeps its own
RECORD_BYTES = (8, 5, 17)  # of an allow entry, and of a prefix of either family

_HEADER_AT = const(32)
_COUNTS_AT = const(80)
_CODES_AT = const(128)
_AS_IN_BASE = const(0xFFFFFFFF)
_HEADER_BYTES = const(48)
_INDEX_ENTRY_BYTES = const(3)
_EXCEPTION_BYTES = const(8)
_PLACE_BYTES = const(4)  # before a record that is added: its place, or its block
_MOST_EXCEPTIONS = const(255)
_MOST_NUMBERS = const(2048)  # of a block
_SLACK_BYTES = const(4)
_PAGE_BYTES = const(256)
_READ_BYTES = const(32)
_NONE_LEFT = const(0x3FFFFFFF)
_RECORDS_A_STEP = const(16)
_MOST_GAP_BITS = const(24)
_COUNT_BITS = const(24)

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable, Iterator

    ReadInto = Callable[[int, bytearray], int]
    Write = Callable[[int, memoryview], None]


class Merge:
    """`read_base` and `read_delta` read the bodies, `write(offset, data)` writes the new one; `step` until it is True.

    FormError: the delta is none, or not for this base.
    """

    def __init__(self, read_base: "ReadInto", read_delta: "ReadInto", write: "Write") -> None:
        self._base = base = ListFile(read_base)
        self._header = _filled(read_delta, _HEADER_AT, _HEADER_BYTES)
        self._new = new = ListFile(self._read_header)
        self._rest_bits = base.range_bits - base.index_bits
        counts = struct.unpack(COUNTS, _filled(read_delta, _COUNTS_AT, _CODES_AT - _COUNTS_AT))
        self._left, added, removed_bytes, added_bytes, self._exceptions = counts[:5]
        self._tables = counts[5:11]
        self._gap_bits = counts[11]
        if (
            (base.range_bits, base.index_bits, base.code_bits) != (new.range_bits, new.index_bits, new.code_bits)
            or base.seed != new.seed
            or new.names != base.names - self._left + added
            or self._gap_bits > _MOST_GAP_BITS
            or max(counts[:4] + self._tables) >> _COUNT_BITS
        ):
            raise FormError("the delta does not fit the list")
        self._read_delta = read_delta
        self._write = write
        added_at = _CODES_AT + removed_bytes
        self._at = added_at + added_bytes  # of what comes behind the codes: exceptions, then records
        self._removed = _Bits(read_delta, _CODES_AT, added_at)
        self._added = _Bits(read_delta, added_at, self._at)
        self._rank = -1  # of the next name to go
        self._names = 0  # of the base, so far
        self._exception = b""
        self._run = self._work()

    def step(self) -> bool:
        """Do a little; return whether all is done."""
        for _ in self._run:
            return False
        return True

    def _work(self) -> "Iterator[None]":
        base, new = self._base, self._new
        self._write(0, memoryview(self._header))
        index = _Pages(self._write, _HEADER_BYTES)
        blocks_at = _HEADER_BYTES + _INDEX_ENTRY_BYTES * ((1 << base.index_bits) + 1)
        blocks = _Pages(self._write, blocks_at)
        room = max(base.largest_block, new.largest_block)
        numbers = array("I", bytes(4 * min(_MOST_NUMBERS, room * 8 // (1 + base.code_bits) + 1)))
        block = bytearray(room + _SLACK_BYTES)
        self._next_removed()
        self._next_exception()
        for number in range(1 << base.index_bits):
            records = self._load(number, block, numbers)
            self._change(numbers)
            if self._exceptions != _AS_IN_BASE:
                records = self._exceptions_of(number)
            size = encode(numbers, self._count, base.code_bits, block, new.largest_block - len(records))
            if size < 0:
                raise FormError("the delta makes a block too large")
            index.put(_index_entry(blocks.at - blocks_at, records))
            blocks.put(memoryview(block)[:size])
            blocks.put(records)
            yield
        index.put(_index_entry(blocks.at - blocks_at, b""))
        index.flush()
        if blocks.at != new.allow_at or self._names != base.names or self._rank != _NONE_LEFT:
            raise FormError("the delta does not fit the list")
        yield from self._records(blocks)
        blocks.flush()

    # --- names ---

    def _load(self, number: int, block: bytearray, numbers: "array[int]") -> bytes:
        """Decode a block of the base and return the records of its exceptions, as they are."""
        base = self._base
        entries = _filled(base.read_into, _HEADER_BYTES + _INDEX_ENTRY_BYTES * number, 2 * _INDEX_ENTRY_BYTES)
        start = entries[0] | entries[1] << 8 | (entries[2] & 0x7F) << 16
        end = size = (entries[3] | entries[4] << 8 | (entries[5] & 0x7F) << 16) - start
        if not 0 <= size <= base.largest_block or start + size > base.blocks_bytes:
            raise FormError("list: a block out of place")
        blocks_at = base.allow_at - base.blocks_bytes
        if size and base.read_into(blocks_at + start, block) < size:
            raise FormError("list: ends early")
        if entries[2] & 0x80 and size:
            end -= 1 + _EXCEPTION_BYTES * block[size - 1]
        self._count = decode(block, end, base.code_bits, numbers, len(numbers)) if end >= 0 else -1
        if self._count < 0:
            raise FormError("list: a block out of bounds")
        return bytes(block[end:size])

    def _change(self, numbers: "array[int]") -> None:
        """Take out of the block what goes, and put in what comes."""
        first = self._names
        self._names += self._count
        while self._rank < self._names:
            self._count = drop(numbers, self._count, self._rank - first)
            first += 1
            self._next_removed()
        added = self._added
        while added.take(1):
            if self._count == len(numbers):
                raise FormError("the delta makes a block too large")
            self._count = insert(numbers, self._count, added.take(self._rest_bits))
            if self._count < 0:
                raise FormError("the delta adds what is there")

    def _next_removed(self) -> None:
        """Find the rank in the base of the next name to go."""
        if not self._left:
            self._rank = _NONE_LEFT
            return
        self._left -= 1
        bits = self._removed
        while not bits.take(1):
            self._rank += 1 << self._gap_bits
        self._rank += 1 + bits.take(self._gap_bits)
        if self._rank >= self._base.names:
            raise FormError("the delta removes what is not there")

    def _exceptions_of(self, number: int) -> bytes:
        records = b""
        while self._exception and self._exception[0] | self._exception[1] << 8 == number:
            records += self._exception[_PLACE_BYTES:]
            self._next_exception()
        if len(records) > _MOST_EXCEPTIONS * _EXCEPTION_BYTES:
            raise FormError("the delta has too many exceptions")
        return records + bytes((len(records) // _EXCEPTION_BYTES,)) if records else b""

    def _next_exception(self) -> None:
        self._exception = b""
        if self._exceptions and self._exceptions != _AS_IN_BASE:
            self._exceptions -= 1
            self._exception = bytes(self._take(_PLACE_BYTES + _EXCEPTION_BYTES))

    # --- what is not names ---

    def _records(self, out: "_Pages") -> "Iterator[None]":
        """Write the allow entries, then the prefixes of either family."""
        base, new = self._base, self._new
        at = base.allow_at
        old = (base.allow, base.v4, base.v6)
        made = (new.allow, new.v4, new.v6)
        for table in range(3):
            removed, added = self._tables[2 * table : 2 * table + 2]
            size = RECORD_BYTES[table]
            if made[table] != old[table] - removed + added:
                raise FormError("the delta does not fit the list")
            yield from self._table(at, size, (removed, added, made[table]), out)
            at += size * old[table]

    def _table(self, at: int, size: int, counts: "tuple[int, int, int]", out: "_Pages") -> "Iterator[None]":
        """Write a table: the base's records from `at`, without those of certain ranks, and new ones in their places."""
        removed, added, count = counts
        ranks_at = self._at
        self._at += 4 * removed
        place, record = self._placed(added, size)
        gone = self._rank_at(ranks_at, removed)
        rank = 0
        for number in range(count):
            if number == place:
                out.put(record)
                added -= 1
                place, record = self._placed(added, size)
            else:
                while rank == gone:
                    rank += 1
                    removed -= 1
                    ranks_at += 4
                    gone = self._rank_at(ranks_at, removed)
                out.put(_filled(self._base.read_into, at + size * rank, size))
                rank += 1
            if not number & _RECORDS_A_STEP - 1:
                yield
        if added:
            raise FormError("the delta does not fit the list")

    def _placed(self, left: int, size: int) -> "tuple[int, bytearray]":
        """Return the next record that is added, and its number in the new table."""
        if not left:
            return -1, self._header
        record = self._take(_PLACE_BYTES + size)
        return struct.unpack_from("<I", record, 0)[0], record[_PLACE_BYTES:]

    def _rank_at(self, at: int, left: int) -> int:
        return int(struct.unpack("<I", _filled(self._read_delta, at, 4))[0]) if left else -1

    def _take(self, size: int) -> bytearray:
        """Return what comes next behind the codes."""
        buf = _filled(self._read_delta, self._at, size)
        self._at += size
        return buf

    def _read_header(self, offset: int, buf: bytearray) -> int:
        buf[:] = self._header[offset : offset + len(buf)]
        return len(buf)


class _Bits:
    """Bits of the delta from byte `at` up to byte `end`, the highest of a byte first."""

    def __init__(self, read_into: "ReadInto", at: int, end: int) -> None:
        self._read_into = read_into
        self._at = at
        self._end = end
        self._page = bytearray(_READ_BYTES)
        self._pos = 8 * _READ_BYTES

    def take(self, count: int) -> int:
        """Return the number that the next bits make."""
        value = 0
        page = self._page
        while count:
            if self._pos == 8 * _READ_BYTES:
                self._refill()
            left = 8 - (self._pos & 7)
            size = min(left, count)
            value = value << size | (page[self._pos >> 3] >> (left - size)) & ((1 << size) - 1)
            self._pos += size
            count -= size
        return value

    def _refill(self) -> None:
        if self._at >= self._end:
            raise FormError("the delta ends early")
        self._read_into(self._at, self._page)
        self._at += _READ_BYTES
        self._pos = 0


class _Pages:
    """Writes bytes one behind the other, in pieces that end where pages of the flash do."""

    def __init__(self, write: "Write", at: int) -> None:
        self.at = at  # where the next byte goes
        self._write = write
        self._page = bytearray(_PAGE_BYTES)
        self._from = at  # of what is not written yet

    def put(self, data: "bytes | bytearray | memoryview") -> None:
        start = 0
        while start < len(data):
            place = self.at % _PAGE_BYTES
            size = min(len(data) - start, _PAGE_BYTES - place)
            self._page[place : place + size] = data[start : start + size]
            start += size
            self.at += size
            if not self.at % _PAGE_BYTES:
                self.flush()

    def flush(self) -> None:
        """Write what is left."""
        if self.at > self._from:
            place = self._from % _PAGE_BYTES
            self._write(self._from, memoryview(self._page)[place : place + self.at - self._from])
            self._from = self.at


def _index_entry(start: int, records: bytes) -> bytes:
    return bytes((start & 0xFF, start >> 8 & 0xFF, start >> 16 & 0x7F | (0x80 if records else 0)))


def _filled(read_into: "ReadInto", offset: int, size: int) -> bytearray:
    """Return so many bytes from there."""
    buf = bytearray(size)
    if read_into(offset, buf) != size:
        raise FormError("the delta ends early")
    return buf
