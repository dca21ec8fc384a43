"""A list of names and addresses, looked up where it lies: two small reads for each name, and next to nothing in memory.

`read_into(offset, buf) -> count` reads the body of the list, from a file, a partition or bytes; it fills `buf` unless
the body ends.  Firmware and host read lists with this only; LIST_FORMAT.md tells the form.
"""

import struct

from spamgate.core.compat import const
from spamgate.wire.cursor import FormError
from spamgate.wire.list_codes import find, locate
from spamgate.wire.list_hash import hash_label, new_state, split

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
HAS_EXACT = 1  # flags of the header: there are entries of this kind
HAS_CHILDREN = 2
MAX_BLOCK_BYTES = 1200  # so that a reader's buffers stay below 2 KB

_HEADER_BYTES = const(48)
_INDEX_ENTRY_BYTES = const(3)
_STARTS_BYTES = const(128)
_EXCEPTION_BYTES = const(8)
_MAX_BLOCK_BYTES = const(1200)
_SLACK_BYTES = const(4)
_MAX_RANGE_BITS = const(40)
_MAX_INDEX_BITS = const(16)
_MAX_REST_BITS = const(30)
_MAX_CODE_BITS = const(24)
_COUNT_BITS = const(24)
_HALF_BITS = const(20)  # of the hash, in each word of the state
_DOMAIN = const(0)
_EXACT = const(1)  # both the kind and its flag
_CHILDREN = const(2)
_START = const(0x2545F491)
_BELOW = const(5)  # as in list_hash and list_codes
_EXTRA = const(4)
_CODE_BITS = const(7)
_SIZE = const(11)
_MARK = const(12)
_REST = const(13)

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable, Iterator


class ListFile:
    """An open list."""

    def __init__(self, read_into: "Callable[[int, bytearray], int]") -> None:
        self.read_into = read_into
        header = bytearray(_HEADER_BYTES)
        self.fetch(0, header)
        take = struct.unpack_from
        self.range_bits, self.code_bits, self.index_bits, self.flags, self.names, self.seed = take("<4B2I", header, 4)
        self.largest_block, self.least_labels, self.most_labels = take("<HBB", header, 16)
        self.blocks_bytes, self.allow, self.v4, self.v6, self.exceptions = take("<5I", header, 20)
        if bytes(header[:4]) != MAGIC or not self._is_sound():
            raise FormError("no list of this format")
        blocks_at = _HEADER_BYTES + _INDEX_ENTRY_BYTES * ((1 << self.index_bits) + 1)
        self.allow_at = blocks_at + self.blocks_bytes
        self._state = state = new_state()
        at = _BELOW
        for number in (
            _HALF_BITS - self.index_bits,
            2 * _HALF_BITS - self.range_bits,
            self.code_bits,
            blocks_at,
            self.blocks_bytes,
            self.largest_block,
        ):
            state[at] = number
            at += 1
        self._above = max(self.least_labels, 1) - 1  # labels at the top that no entry has alone
        self._starts = bytearray(_STARTS_BYTES)
        self._pair = bytearray(2 * _INDEX_ENTRY_BYTES)
        self._block = bytearray(self.largest_block + _SLACK_BYTES)

    def listed(self, name: bytes) -> bool:
        """Is the name, in wire form and small letters, on the list, by itself or by a name above it?"""
        return self.how(name) != NONE

    def how(self, name: bytes) -> int:
        """Return ITSELF or PARENT for what lists the name, else NONE."""
        starts = self._starts
        state = self._state
        labels = split(name, len(name), starts)
        at = labels - self._above
        if at <= 0:
            return NONE
        state[0] = self.seed
        state[1] = _START
        hash_label(name, starts[at], starts[labels], _DOMAIN, state)
        stop = labels - self.most_labels
        flags = self.flags
        while at > 0 and at > stop:
            end = starts[at]
            at -= 1
            start = starts[at]
            if self._is_in(hash_label(name, start, end, _DOMAIN, state)):
                return PARENT if at else ITSELF
            if flags:
                kind = flags & (_CHILDREN if at else _EXACT)
                if kind and self._is_in(hash_label(name, start, start, kind, state)):
                    return PARENT if at else ITSELF
        return NONE

    def allowed(self, name: bytes) -> bool:
        """Does the list say of the name that it shall never be blocked?"""
        if not self.allow:
            return False
        from spamgate.wire.list_extras import is_allowed

        return is_allowed(self, name)

    def address(self, packed: bytes) -> bool:
        """Is the address, of 4 or of 16 bytes, in one of the list's prefixes?"""
        from spamgate.wire.list_extras import has_address

        return has_address(self, packed)

    def prefixes(self, size: int) -> "Iterator[tuple[bytes, int]]":
        """Return the prefixes of addresses of 4 or of 16 bytes, in order: address, number of bits."""
        from spamgate.wire.list_extras import prefixes

        return prefixes(self, size)

    def size(self) -> int:
        """Return how many bytes the list has."""
        return int(self.allow_at + ALLOW_BYTES * self.allow + V4_BYTES * self.v4 + V6_BYTES * self.v6)

    def fetch(self, offset: int, buf: bytearray) -> None:
        """Fill `buf` from there."""
        if self.read_into(offset, buf) != len(buf):
            raise FormError("list: ends early")

    def _is_sound(self) -> bool:
        """Can a list with this header be read in place?  Whether it holds what it says is for its digest."""
        return (
            self.index_bits <= _MAX_INDEX_BITS
            and self.range_bits <= _MAX_RANGE_BITS
            and self.code_bits <= min(_MAX_CODE_BITS, self.range_bits - self.index_bits)
            and self.range_bits - self.index_bits <= _MAX_REST_BITS
            and self.largest_block <= _MAX_BLOCK_BYTES
            and not self.blocks_bytes >> 23
            and not self.seed >> _MAX_REST_BITS
            and not (self.names | self.allow | self.v4 | self.v6) >> _COUNT_BITS
        )

    def _is_in(self, number: int) -> bool:
        """Is the hash at hand in the block of this number?"""
        state = self._state
        read_into = self.read_into
        pair = self._pair
        if read_into(_HEADER_BYTES + _INDEX_ENTRY_BYTES * number, pair) != 2 * _INDEX_ENTRY_BYTES:
            raise FormError("list: ends early")
        offset = locate(pair, state)
        if not offset:
            return False
        block = self._block
        end = size = state[_SIZE]
        if offset < 0 or read_into(offset, block) < size:
            raise FormError("list: a block out of place")
        if state[_MARK]:
            end -= 1 + _EXCEPTION_BYTES * block[end - 1]
            if end < 0:
                raise FormError("list: exceptions out of place")
        if not find(block, end, state[_CODE_BITS], state[_REST]):
            return False
        return not state[_MARK] or not self._is_exception(end, size - 1)

    def _is_exception(self, at: int, end: int) -> bool:
        """Is the hash at hand, with its EXTRA, that of a name which is listed nowhere?"""
        state = self._state
        record = struct.pack("<II", state[_REST], state[_EXTRA])
        block = self._block
        while at < end:
            if block[at : at + _EXCEPTION_BYTES] == record:
                return True
            at += _EXCEPTION_BYTES
        return False
