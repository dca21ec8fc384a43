"""What a list holds besides the names that it lists: names that shall never be blocked, and prefixes of addresses."""

from spamgate.core.compat import const
from spamgate.wire.cursor import FormError
from spamgate.wire.list_hash import EXTRA, HIGH, LOW, STARTS_BYTES, begin, hash_label, new_state, split

_ALLOW_BYTES = const(8)
_V4_BYTES = const(5)
_V4_SIZE = const(4)
_DOMAIN = const(0)
_EXACT = const(1)
_CHILDREN = const(2)

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from array import array
    from typing import Iterator

    from spamgate.wire.list_file import ListFile


def is_allowed(it: "ListFile", name: bytes) -> bool:
    """Is the name among the allow entries, by itself or by a name above it?"""
    starts = bytearray(STARTS_BYTES)
    state = new_state()
    labels = at = split(name, len(name), starts)
    begin(it.seed, state)
    while at > 0 and labels - at < it.most_labels:
        at -= 1
        hash_label(name, starts[at], starts[at + 1], _DOMAIN, state)
        if _is_there(it, state):
            return True
        hash_label(name, 0, 0, _CHILDREN if at else _EXACT, state)
        if it.flags and _is_there(it, state):
            return True
    return False


def _is_there(it: "ListFile", state: "array[int]") -> bool:
    """Is the hash, of all its 60 bits, among the allow entries?"""
    first = state[HIGH] << 10 | state[LOW] >> 10
    second = (state[LOW] & 0x3FF) << 20 | state[EXTRA]
    record = bytearray(_ALLOW_BYTES)
    low, high = 0, it.allow
    while low < high:
        middle = (low + high) >> 1
        it.fetch(it.allow_at + _ALLOW_BYTES * middle, record)
        there = _number(record, 0) - first or _number(record, 4) - second
        if not there:
            return True
        if there > 0:
            high = middle
        else:
            low = middle + 1
    return False


def _number(record: bytearray, at: int) -> int:
    return record[at] | record[at + 1] << 8 | record[at + 2] << 16 | record[at + 3] << 24


def has_address(it: "ListFile", packed: bytes) -> bool:
    """Is the address in the last prefix that does not begin behind it?"""
    record = bytearray(len(packed) + 1)
    low, high = 0, _count(it, len(packed))
    while low < high:
        middle = (low + high) >> 1
        _read(it, middle, record)
        if bytes(record[:-1]) > packed:
            high = middle
        else:
            low = middle + 1
    if not low:
        return False
    _read(it, low - 1, record)
    return _is_within(packed, record)


def prefixes(it: "ListFile", size: int) -> "Iterator[tuple[bytes, int]]":
    """Yield the prefixes of addresses of so many bytes."""
    record = bytearray(size + 1)
    for at in range(_count(it, size)):
        _read(it, at, record)
        yield bytes(record[:size]), record[size]


def _count(it: "ListFile", size: int) -> int:
    return int(it.v4 if size == _V4_SIZE else it.v6)


def _read(it: "ListFile", at: int, record: bytearray) -> None:
    size = len(record)
    start = it.allow_at + _ALLOW_BYTES * it.allow + (0 if size == _V4_BYTES else _V4_BYTES * it.v4)
    it.fetch(start + size * at, record)
    if record[-1] > (size - 1) * 8:
        raise FormError("list: a prefix of %d bits" % record[-1])


def _is_within(packed: bytes, prefix: bytearray) -> bool:
    """Are the first bits of the address those of the prefix, whose last byte says how many?"""
    whole, bits = divmod(prefix[-1], 8)
    if packed[:whole] != bytes(prefix[:whole]):
        return False
    return not bits or packed[whole] >> (8 - bits) == prefix[whole] >> (8 - bits)
