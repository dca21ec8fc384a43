"""Small hash tables of fixed size: counting, telling new from seen, remembering for a while.

Keys and values are whole numbers below 2**30; every table is packed in arrays made once, and each
states what happens when it is full.  Nothing here allocates after construction.
"""

from array import array

from spamgate.core.compat import const

_EMPTY = const(0)  # keys are stored plus one
_WAYS = const(4)


class DistinctSet:
    """Has this key been seen before?  Exact for the first three quarters of `slots` keys.

    Then the set starts anew: a key that comes back counts as new once more.
    """

    def __init__(self, slots: int) -> None:
        assert slots & (slots - 1) == 0
        self._mask = slots - 1
        self._limit = slots * 3 // 4
        self._keys = array("I", bytes(4 * slots))
        self._used = 0

    def add(self, key: int) -> bool:
        """Remember `key`; True when it was not known."""
        keys = self._keys
        mask = self._mask
        stored = key + 1
        at = key & mask
        while keys[at] != _EMPTY:
            if keys[at] == stored:
                return False
            at = (at + 1) & mask
        if self._used >= self._limit:
            self.clear()
            at = key & mask
        keys[at] = stored
        self._used += 1
        return True

    def has(self, key: int) -> bool:
        """Is `key` known?"""
        keys = self._keys
        at = key & self._mask
        while keys[at] != _EMPTY:
            if keys[at] == key + 1:
                return True
            at = (at + 1) & self._mask
        return False

    def is_full(self) -> bool:
        """Will the next new key make it start anew?"""
        return self._used >= self._limit

    def clear(self) -> None:
        """Start anew."""
        for at in range(len(self._keys)):
            self._keys[at] = _EMPTY
        self._used = 0


class CountTable:
    """How often each key was seen.

    When three quarters full, a new key is counted under `overflow` instead; overflow keys have the last quarter,
    and one that finds no room there is not counted.
    """

    def __init__(self, slots: int) -> None:
        assert slots & (slots - 1) == 0
        self._mask = slots - 1
        self._keys = array("I", bytes(4 * slots))
        self._counts = array("I", bytes(4 * slots))
        self._free = slots * 3 // 4
        self._least = self._free - slots + 1  # one slot stays empty, else a search would not end

    def add(self, key: int, overflow: int) -> None:
        """Count `key` once more, or `overflow` when there is no room for another key."""
        at = self._find(key)
        if self._keys[at] == _EMPTY:
            if self._free <= 0 and key != overflow:
                self.add(overflow, overflow)
                return
            if self._free <= self._least:
                return
            self._keys[at] = key + 1
            self._free -= 1
        self._counts[at] += 1

    def get(self, key: int) -> int:
        """Return how often `key` was counted."""
        return self._counts[self._find(key)]

    def _find(self, key: int) -> int:
        keys = self._keys
        mask = self._mask
        at = (key * 5 + (key >> 10)) & mask
        while keys[at] != _EMPTY and keys[at] != key + 1:
            at = (at + 1) & mask
        return at

    def select(self, first: int, last: int) -> "list[int]":
        """Return the sorted keys in [first, last].  Allocates: for reports."""
        return sorted(key - 1 for key in self._keys if first < key <= last + 1)

    def drop(self, first: int, last: int) -> None:
        """Forget all keys in [first, last]; allocates, happens when a device leaves the table."""
        pairs = zip(self._keys, self._counts)
        kept = [(key - 1, count) for key, count in pairs if key and not first < key <= last + 1]
        self._free = len(self._keys) * 3 // 4 - len(kept)
        for at in range(len(self._keys)):
            self._keys[at] = _EMPTY
            self._counts[at] = 0
        for key, count in kept:
            at = self._find(key)
            self._keys[at] = key + 1
            self._counts[at] = count


class Recall:
    """A value per key, for a while: four-way set-associative, the oldest of a full bucket is replaced."""

    def __init__(self, slots: int, lifetime_s: int) -> None:
        assert slots & (slots - 1) == 0 and slots >= _WAYS
        self._bucket_mask = slots // _WAYS - 1
        self._lifetime_s = lifetime_s
        self._keys = array("I", bytes(4 * slots))
        self._values = array("I", bytes(4 * slots))
        self._stamps = array("i", bytes(4 * slots))

    def find(self, key: int, now_s: int) -> int:
        """Return where `key` is remembered, or -1."""
        keys = self._keys
        at = (key & self._bucket_mask) * _WAYS
        key += 1  # 0 is nobody's
        for way in range(at, at + _WAYS):
            if keys[way] == key and now_s - self._stamps[way] <= self._lifetime_s:
                return way
        return -1

    def get(self, key: int, now_s: int) -> int:
        """Return the value remembered for `key`, or -1."""
        at = self.find(key, now_s)
        return self._values[at] if at >= 0 else -1

    def set(self, key: int, value: int, now_s: int) -> None:
        """Remember `value` for `key` as of `now_s`."""
        at = self.find(key, now_s)
        if at < 0:
            self.add(key, value, now_s)
            return
        self._values[at] = value
        self._stamps[at] = now_s

    def add(self, key: int, value: int, now_s: int) -> None:
        """As `set`, for a key that `find` did not find."""
        at = self._oldest((key & self._bucket_mask) * _WAYS)
        self._keys[at] = key + 1
        self._values[at] = value
        self._stamps[at] = now_s

    def _oldest(self, first: int) -> int:
        oldest = first
        for way in range(first, first + _WAYS):
            if self._keys[way] == _EMPTY:
                return way
            if self._stamps[way] < self._stamps[oldest]:
                oldest = way
        return oldest
