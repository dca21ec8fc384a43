"""A list of names and addresses, looked up where it lies: two small reads for each name, and next to nothing in memory.

`read_into(offset, buf) -> count` reads the body of the list, from a file, a partition or bytes; it fills `buf` unless
the body ends.  Firmware and host read lists with this only; LIST_FORMAT.md tells the form.
"""

from spamgate.core.compat import const
from spamgate.wire.cursor import FormError
from spamgate.wire.list_codes import SLACK_BYTES, find
from spamgate.wire.list_hash import STARTS_BYTES, begin, hash_label, new_state, split

NONE = 0  # what `how` says: not listed,
ITSELF = 1  # listed,
PARENT = 2  # a name above it is

MAGIC = b"SGL1"
HEADER_BYTES = 48
INDEX_ENTRY_BYTES = 3
ALLOW_BYTES = 8
V4_BYTES = 5
V6_BYTES = 17
EXCEPTION_BYTES = 8
HAS_EXCEPTIONS = 0x80  # in the last byte of an index entry
HAS_EXACT = 1  # flags of the header
HAS_CHILDREN = 2
MAX_BLOCK_BYTES = 1400  # so that a reader's buffers stay below 2 KB
MAX_INDEX_BITS = 16
MAX_REST_BITS = 30

_HEADER_BYTES = const(48)
_INDEX_ENTRY_BYTES = const(3)
_ALLOW_BYTES = const(8)
_EXCEPTION_BYTES = const(8)
_MAX_BLOCK_BYTES = const(1400)
_MAX_REST_BITS = const(30)
_HALF_BITS = const(20)  # of the hash, in each word of the state
_DOMAIN = const(0)
_EXACT = const(1)
_CHILDREN = const(2)
_HAS_EXACT = const(1)
_HAS_CHILDREN = const(2)
_HIGH = const(2)  # as in list_hash
_LOW = const(3)
_EXTRA = const(4)

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable, Iterator


class ListFile:
    """An open list."""

    def __init__(self, read_into: "Callable[[int, bytearray], int]") -> None:
        self._read_into = read_into
        header = bytearray(_HEADER_BYTES)
        self._fetch(0, header, _HEADER_BYTES)
        self._take(header)
        self._check()
        self._state = new_state()
        self._starts = bytearray(STARTS_BYTES)
        self._pair = bytearray(2 * _INDEX_ENTRY_BYTES)
        self._record = bytearray(_ALLOW_BYTES)
        self._block = bytearray(self.largest_block + SLACK_BYTES)

    def listed(self, name: bytes) -> bool:
        """Is the name, in wire form and small letters, on the list, by itself or by a name above it?"""
        return self._walk(name, False) != NONE

    def allowed(self, name: bytes) -> bool:
        """Does the list say of the name that it shall never be blocked?"""
        return self.allow != 0 and self._walk(name, True) != NONE

    def how(self, name: bytes) -> int:
        """Return ITSELF or PARENT for what lists the name, else NONE."""
        return self._walk(name, False)

    def address(self, packed: bytes) -> bool:
        """Is the address, of 4 or of 16 bytes, in one of the list's prefixes?"""
        record = bytearray(len(packed) + 1)
        low, high = 0, self.v4 if len(packed) == 4 else self.v6  # noqa: PLR2004
        while low < high:  # the first prefix that begins behind the address
            middle = (low + high) >> 1
            self._prefix(record, middle)
            if bytes(record[:-1]) > packed:
                high = middle
            else:
                low = middle + 1
        if not low:
            return False
        self._prefix(record, low - 1)
        return _is_within(packed, record)

    def prefixes(self, size: int) -> "Iterator[tuple[bytes, int]]":
        """Yield the prefixes of addresses of 4 or of 16 bytes, in order: address, number of bits."""
        record = bytearray(size + 1)
        for at in range(self.v4 if size == 4 else self.v6):  # noqa: PLR2004
            self._prefix(record, at)
            if record[size] > size * 8:
                raise FormError("list: a prefix of %d bits" % record[size])
            yield bytes(record[:size]), record[size]

    # --- the header ---

    def _take(self, header: bytearray) -> None:
        if header[:4] != MAGIC:
            raise FormError("no list of this format")
        self.range_bits = header[4]
        self.code_bits = header[5]
        self.index_bits = header[6]
        self.flags = header[7]
        self.names = _number(header, 8, 4)
        self.seed = _number(header, 12, 4)
        self.largest_block = _number(header, 16, 2)
        self.least_labels = header[18]
        self.most_labels = header[19]
        self.blocks_bytes = _number(header, 20, 4)
        self.allow = _number(header, 24, 4)
        self.v4 = _number(header, 28, 4)
        self.v6 = _number(header, 32, 4)
        self.exceptions = _number(header, 36, 4)
        self._blocks_at = _HEADER_BYTES + _INDEX_ENTRY_BYTES * ((1 << self.index_bits) + 1)
        self._allow_at = self._blocks_at + self.blocks_bytes
        self._v4_at = self._allow_at + ALLOW_BYTES * self.allow
        self._v6_at = self._v4_at + V4_BYTES * self.v4
        self.size = self._v6_at + V6_BYTES * self.v6

    def _check(self) -> None:
        """Is this a list that can be read in place?  Whether it holds what it says is for its digest."""
        self._rest_bits = self.range_bits - self.index_bits
        if (
            self.index_bits > MAX_INDEX_BITS
            or self.range_bits > 2 * _HALF_BITS
            or not self.code_bits <= self._rest_bits <= _MAX_REST_BITS
            or self.code_bits > 24  # noqa: PLR2004  find() takes 32 bits at a time
            or self.largest_block > _MAX_BLOCK_BYTES
            or self.blocks_bytes >> 23
            or self.seed >> 30
        ):
            raise FormError("list: its header is out of bounds")

    # --- looking up ---

    def _walk(self, name: bytes, is_allow: bool) -> int:
        """Ask for the name and each above it, from the top down."""
        starts = self._starts
        state = self._state
        labels = at = split(name, len(name), starts)
        begin(self.seed, state)
        flags = self.flags
        most = labels - self.most_labels
        least = labels - self.least_labels
        while at > 0 and at > most:
            at -= 1
            hash_label(name, starts[at], starts[at + 1], _DOMAIN, state)
            if at <= least:
                if self._in_allow() if is_allow else self._in_blocks():
                    return PARENT if at else ITSELF
                if flags and self._is_special(name, at, is_allow):
                    return PARENT if at else ITSELF
        return NONE

    def _is_special(self, name: bytes, at: int, is_allow: bool) -> bool:
        """Is the name itself listed as EXACT, or the one above it as CHILDREN?"""
        kind = _CHILDREN if at else _EXACT
        if not self.flags & (_HAS_CHILDREN if at else _HAS_EXACT):
            return False
        hash_label(name, 0, 0, kind, self._state)
        return self._in_allow() if is_allow else self._in_blocks()

    def _in_blocks(self) -> bool:
        """Is the hash in its block, and none of the block's exceptions?"""
        high = self._state[_HIGH]
        below = _HALF_BITS - self.index_bits
        pair = self._pair
        self._fetch(_HEADER_BYTES + _INDEX_ENTRY_BYTES * (high >> below), pair, 6)
        start = pair[0] | pair[1] << 8 | (pair[2] & 0x7F) << 16
        size = (pair[3] | pair[4] << 8 | (pair[5] & 0x7F) << 16) - start
        if not size:
            return False
        block = self._block
        if not 0 < size <= self.largest_block or start + size > self.blocks_bytes:
            raise FormError("list: a block out of place")
        self._fetch(self._blocks_at + start, block, size)
        rest = ((high & ((1 << below) - 1)) << _HALF_BITS | self._state[_LOW]) >> (2 * _HALF_BITS - self.range_bits)
        end = size
        if pair[2] & 0x80:
            end = size - 1 - _EXCEPTION_BYTES * block[size - 1]
            if end < 0:
                raise FormError("list: exceptions out of place")
        if not find(block, end, self.code_bits, rest):
            return False
        return end == size or not self._is_exception(rest, end, size - 1)

    def _is_exception(self, rest: int, at: int, end: int) -> bool:
        """Is the hash, with what follows it, that of a name which is listed nowhere?"""
        block = self._block
        extra = self._state[_EXTRA]
        while at < end:
            if _number(block, at, 4) == rest and _number(block, at + 4, 4) == extra:
                return True
            at += _EXCEPTION_BYTES
        return False

    def _in_allow(self) -> bool:
        """Is the hash, of all its 60 bits, among the allow entries?"""
        state = self._state
        first = state[_HIGH] << 10 | state[_LOW] >> 10
        second = (state[_LOW] & 0x3FF) << 20 | state[_EXTRA]
        record = self._record
        low, high = 0, self.allow
        while low < high:
            middle = (low + high) >> 1
            self._fetch(self._allow_at + _ALLOW_BYTES * middle, record, _ALLOW_BYTES)
            there = _number(record, 0, 4) - first or _number(record, 4, 4) - second
            if not there:
                return True
            if there > 0:
                high = middle
            else:
                low = middle + 1
        return False

    def _prefix(self, record: bytearray, at: int) -> None:
        size = len(record)
        self._fetch((self._v4_at if size == V4_BYTES else self._v6_at) + size * at, record, size)

    def _fetch(self, offset: int, buf: bytearray, needed: int) -> None:
        if self._read_into(offset, buf) < needed:
            raise FormError("list: ends early")


def _number(buf: bytearray, at: int, size: int) -> int:
    """Return a number of so many bytes, the last one the highest."""
    value = 0
    while size:
        size -= 1
        value = value << 8 | buf[at + size]
    return value


def _is_within(packed: bytes, prefix: bytearray) -> bool:
    """Are the first bits of the address those of the prefix, whose last byte says how many?"""
    bits = prefix[-1]
    whole = bits >> 3
    if packed[:whole] != bytes(prefix[:whole]):
        return False
    left = 8 - (bits & 7)
    return left == 8 or whole < len(packed) and packed[whole] >> left == prefix[whole] >> left  # noqa: PLR2004
