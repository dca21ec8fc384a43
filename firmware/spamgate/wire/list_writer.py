"""Writing a list whole, on the host: the hash of many names, and the one body that a set of entries has.

An entry is a number of 60 bits here: the 40 bits that tell names apart, then EXTRA.  A list of R bits has the first R.
"""

import struct
from array import array

from spamgate.core.compat import const
from spamgate.wire.cursor import FormError
from spamgate.wire.list_blocks import MAX_BLOCKS_BYTES, encode, shape
from spamgate.wire.list_codes import SLACK_BYTES
from spamgate.wire.list_file import (
    HAS_EXCEPTIONS,
    MAGIC,
    MAX_BLOCK_BYTES,
)
from spamgate.wire.list_hash import DOMAIN, EXTRA, HIGH, LOW, begin, hash_label, new_state, split

HASH_BITS = 60
EXTRA_BITS = 20
EXTRA_MASK = (1 << EXTRA_BITS) - 1

_HEADER = "<4sBBBBIIHBBIIIIIII"
_MOST_EXCEPTIONS = const(255)  # of a block
_MOST_PARENTS = const(1 << 17)  # whose state is kept
_MASK_30 = const((1 << 30) - 1)

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Iterable, Sequence

    Prefix = tuple[bytes, int]


class NameHasher:
    """The 60-bit hash of names in wire form; what it found out about the name above is kept for the next one below."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._parents: "dict[bytes, tuple[int, int]]" = {}
        self._state = new_state()
        self._starts = bytearray(128)

    def full(self, name: bytes, kind: int = DOMAIN) -> int:
        """Return the hash of an entry of this kind; the name with or without its final zero."""
        if name[-1:] == b"\0" and split(name, len(name), self._starts):
            name = name[: self._starts[split(name, len(name), self._starts)]]
        cut = name[0] + 1
        self._enter(name[cut:])
        state = self._state
        hash_label(name, 0, min(cut, len(name)), kind, state)
        return (state[HIGH] << 20 | state[LOW]) << EXTRA_BITS | state[EXTRA]

    def _enter(self, parent: bytes) -> None:
        """Put the state behind the name above into `_state`."""
        state = self._state
        kept = self._parents.get(parent)
        if kept is not None:
            state[0], state[1] = kept
            return
        begin(self._seed, state)
        hash_label(parent, 0, len(parent), DOMAIN, state)
        if len(self._parents) >= _MOST_PARENTS:
            self._parents.clear()
        self._parents[parent] = (state[0], state[1])


def key_of(full: int, range_bits: int) -> "tuple[int, int]":
    """Return what tells an exception from entries: the hash as the list keeps it, and EXTRA."""
    return full >> (HASH_BITS - range_bits), full & EXTRA_MASK


class ListWriter:
    """Puts one list together.  `flags`, `least_labels` and `most_labels` are those of entries and allow entries."""

    def __init__(self, range_bits: int, seed: int = 0, flags: int = 0, least_labels: int = 0, most_labels: int = 0):
        self.range_bits = range_bits
        self._about = (seed, flags, least_labels, most_labels)
        self.allow: "Sequence[int]" = ()  # 60-bit hashes
        self.exceptions: "Sequence[int]" = ()
        self.v4: "Sequence[Prefix]" = ()  # rising, none within another
        self.v6: "Sequence[Prefix]" = ()

    def body(self, entries: "Iterable[int]") -> bytes:
        """Return the body of a list of these entries (60-bit hashes in any order)."""
        shift = HASH_BITS - self.range_bits
        hashes = array("Q", sorted({entry >> shift for entry in entries}))
        index_bits, code_bits = shape(self.range_bits, len(hashes))
        exceptions = sorted({key_of(full, self.range_bits) for full in self.exceptions})
        index, blocks, largest = self._blocks(hashes, exceptions, index_bits, code_bits)
        allow = sorted(set(self.allow))
        seed, flags, least, most = self._about
        about = (self.range_bits, code_bits, index_bits, flags, len(hashes), seed, largest, least, most)
        sizes = (len(blocks), len(allow), len(self.v4), len(self.v6), len(exceptions), 0, 0)
        header = struct.pack(_HEADER, MAGIC, *about, *sizes)
        records = b"".join(struct.pack("<II", full >> 30, full & _MASK_30) for full in allow)
        return b"".join((header, index, blocks, records, _prefixes(self.v4, 4), _prefixes(self.v6, 16)))

    def _blocks(
        self, hashes: "array[int]", exceptions: "list[tuple[int, int]]", index_bits: int, code_bits: int
    ) -> "tuple[bytearray, bytearray, int]":
        """Return index, blocks and the size of the largest block."""
        span = 1 << (self.range_bits - index_bits)
        index = bytearray()
        blocks = bytearray()
        largest = at = known = 0
        for number in range(1 << index_bits):
            first, first_known = at, known
            end = (number + 1) * span
            while at < len(hashes) and hashes[at] < end:
                at += 1
            while known < len(exceptions) and exceptions[known][0] < end:
                known += 1
            block = _block([it - end + span for it in hashes[first:at]], code_bits)
            mark = HAS_EXCEPTIONS if known > first_known else 0
            if mark:
                block += _exception_records(exceptions[first_known:known], span - 1)
            index += (len(blocks) | mark << 16).to_bytes(3, "little")
            blocks += block
            largest = max(largest, len(block))
        if largest > MAX_BLOCK_BYTES or len(blocks) > MAX_BLOCKS_BYTES:
            raise FormError("list: %d names are more than it can hold" % len(hashes))
        return index + len(blocks).to_bytes(3, "little"), blocks, largest


def _block(rests: "list[int]", code_bits: int) -> bytes:
    """Return the codes of one block's numbers."""
    room = 8 + len(rests) * 5  # more than codes of at most 24 low bits and two more take
    out = bytearray(room + SLACK_BYTES)
    size = encode(array("I", rests), len(rests), code_bits, out, room)
    while size < 0:  # far from evenly spread: a list of few names
        room *= 2
        out = bytearray(room + SLACK_BYTES)
        size = encode(array("I", rests), len(rests), code_bits, out, room)
    return bytes(out[:size])


def _exception_records(exceptions: "list[tuple[int, int]]", rest_mask: int) -> bytes:
    if len(exceptions) > _MOST_EXCEPTIONS:
        raise FormError("list: more than %d exceptions in one block" % _MOST_EXCEPTIONS)
    records = b"".join(struct.pack("<II", value & rest_mask, extra) for value, extra in exceptions)
    return records + bytes((len(exceptions),))


def _prefixes(prefixes: "Sequence[Prefix]", size: int) -> bytes:
    """Return the records of prefixes, which must rise, and of which none may lie within another."""
    records = []
    end = -1
    for packed, bits in prefixes:
        start = int.from_bytes(packed, "big")
        span = 1 << (size * 8 - bits)
        if len(packed) != size or not 0 <= bits <= size * 8 or start % span or start <= end:
            raise FormError("list: prefixes must rise, and none lie within another")
        end = start + span - 1
        records.append(packed + bytes((bits,)))
    return b"".join(records)
