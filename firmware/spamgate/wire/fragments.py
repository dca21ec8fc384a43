"""Whole datagrams from IP fragments, in a few buffers made once.

A datagram whose fragments overlap is dropped, with all that is still to come of it
(RFC 5722; for IPv4 too, since nothing honest overlaps).  A fragment seen twice is not an
overlap: some captures hold every frame twice.  When all slots are busy the datagrams in
them give way in turn, so whoever floods us with fragments loses others' fragments only.
"""

import array

from spamgate.core.compat import const

_FREE = const(0)
_OPEN = const(1)
_SPOILED = const(2)  # keeps its slot, to swallow the rest
_DONE = const(3)  # keeps its bytes, to know a fragment seen twice

_KEY_BYTES = const(38)  # IP version, protocol (IPv4), id of 2 or 4 bytes, both addresses
_BLOCK_BYTES = const(8)  # the unit of fragment offsets
_PATIENCE_S = const(60)  # RFC 8200, 4.5
_CLOCK = const(0x3FFFFFFF)  # times are kept modulo 34 years: small, whatever a capture says


class Fragments:
    """At most `slots` datagrams of at most `slot_bytes`: enough for EDNS's 4096 and its headers."""

    def __init__(self, slots: int = 4, slot_bytes: int = 4608) -> None:
        self.data = bytearray(slots * slot_bytes)
        self.first_protocol = bytearray(slots)  # said by the fragment with offset 0
        self._slots = slots
        self._slot_bytes = slot_bytes
        self._blocks = slot_bytes // _BLOCK_BYTES
        self._seen = bytearray(slots * self._blocks)  # 1: this block has come
        self._keys = bytearray((slots + 1) * _KEY_BYTES)  # the last one is the one looked for
        self._state = bytearray(slots)
        self._size = array.array("H", [0] * slots)  # 0: the last fragment has not come
        self._reach = array.array("H", [0] * slots)  # end of the furthest fragment
        self._held = array.array("H", [0] * slots)  # bytes
        self._began_s = array.array("i", [0] * slots)
        self._hand = 0

    def data_at(self, slot: int) -> int:
        """Return where in `data` the slot's datagram begins."""
        return slot * self._slot_bytes

    def find_v4(self, buf: bytes | bytearray, at: int, now_s: int) -> int:
        """Return the slot of the datagram whose IPv4 header is at `at`."""
        want = self._slots * _KEY_BYTES
        keys = self._keys
        keys[want] = 4
        keys[want + 1] = buf[at + 9]
        keys[want + 2] = keys[want + 3] = 0
        keys[want + 4] = buf[at + 4]
        keys[want + 5] = buf[at + 5]
        self._copy_addresses(buf, at + 12, 8)
        return self._find(now_s)

    def find_v6(self, buf: bytes | bytearray, src_at: int, id_at: int, now_s: int) -> int:
        """Return the slot of the datagram with these IPv6 addresses and this 32-bit id."""
        want = self._slots * _KEY_BYTES
        keys = self._keys
        keys[want] = 6
        keys[want + 1] = 0
        for place in range(4):
            keys[want + 2 + place] = buf[id_at + place]
        self._copy_addresses(buf, src_at, 32)
        return self._find(now_s)

    def add(self, slot: int, buf: bytes | bytearray, at: int, end: int, word: int) -> int:
        """Add a fragment, `word` its offset in bytes with bit 0 set when more follow.

        Return the size of the datagram that is now complete, else 0.
        """
        offset = word & ~7
        stop = offset + end - at
        if stop > self._slot_bytes:
            self._state[slot] = _SPOILED
        if self._state[slot] == _SPOILED:
            return 0
        news = self._news(slot, buf, at, offset, stop)
        false = self._contradicts(slot, stop, word & 1)
        if news == 0 and not false:
            return 0
        if self._state[slot] == _DONE:
            self._begin(slot, self._began_s[slot])  # the id is used again
        elif news <= 0 or false:
            self._state[slot] = _SPOILED
            return 0
        self._store(slot, buf, at, offset, stop)
        if not word & 1:
            self._size[slot] = stop
        if self._held[slot] != self._size[slot]:
            return 0
        self._state[slot] = _DONE
        return self._size[slot]

    def _copy_addresses(self, buf: bytes | bytearray, at: int, size: int) -> None:
        keys = self._keys
        to = self._slots * _KEY_BYTES + 6
        for place in range(32):
            keys[to + place] = buf[at + place] if place < size else 0

    def _find(self, now_s: int) -> int:
        now_s &= _CLOCK
        for slot in range(self._slots):
            if self._state[slot] != _FREE and self._is_wanted(slot):
                if abs(now_s - self._began_s[slot]) > _PATIENCE_S:
                    self._begin(slot, now_s)
                return slot
        slot = self._choose()
        to = slot * _KEY_BYTES
        want = self._slots * _KEY_BYTES
        for place in range(_KEY_BYTES):
            self._keys[to + place] = self._keys[want + place]
        self._begin(slot, now_s)
        return slot

    def _is_wanted(self, slot: int) -> bool:
        keys = self._keys
        at = slot * _KEY_BYTES
        want = self._slots * _KEY_BYTES
        for place in range(_KEY_BYTES):
            if keys[at + place] != keys[want + place]:
                return False
        return True

    def _choose(self) -> int:
        """Return a slot that waits for nothing, else the next in turn."""
        for slot in range(self._slots):
            if self._state[slot] == _FREE or self._state[slot] == _DONE:
                return slot
        slot = self._hand
        self._hand = (slot + 1) % self._slots
        return slot

    def _begin(self, slot: int, now_s: int) -> None:
        self._state[slot] = _OPEN
        self._size[slot] = self._reach[slot] = self._held[slot] = 0
        self._began_s[slot] = now_s
        first = slot * self._blocks
        for block in range(first, first + self._blocks):
            self._seen[block] = 0

    def _news(self, slot: int, buf: bytes | bytearray, at: int, offset: int, stop: int) -> int:
        """Return 1 for bytes not seen, 0 for bytes seen just so, -1 for an overlap."""
        first = slot * self._blocks + offset // _BLOCK_BYTES
        after = slot * self._blocks + (stop + _BLOCK_BYTES - 1) // _BLOCK_BYTES
        known = 0
        for block in range(first, after):
            known += self._seen[block]
        if not known:
            return 1
        if known < after - first:
            return -1
        data = self.data
        to = slot * self._slot_bytes + offset - at
        for place in range(at, at + stop - offset):
            if data[to + place] != buf[place]:
                return -1
        return 0

    def _contradicts(self, slot: int, stop: int, more: int) -> bool:
        """Does the fragment belong to a datagram that ends elsewhere?"""
        size = self._size[slot]
        if more:
            return 0 < size <= stop
        return 0 < size != stop or stop < self._reach[slot]

    def _store(self, slot: int, buf: bytes | bytearray, at: int, offset: int, stop: int) -> None:
        data = self.data
        to = slot * self._slot_bytes + offset - at
        for place in range(at, at + stop - offset):
            data[to + place] = buf[place]
        first = slot * self._blocks
        for block in range(first + offset // _BLOCK_BYTES, first + (stop + 7) // _BLOCK_BYTES):
            self._seen[block] = 1
        self._held[slot] += stop - offset
        if stop > self._reach[slot]:
            self._reach[slot] = stop
