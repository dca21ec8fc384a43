"""Queries that wait for a resolver's answer on a board: 48 places of 48 bytes in one buffer.

Of what is kept for seconds nothing lies about in a small heap, else soon no kilobyte of it is in one piece: a query is
copied here, where a long one takes several places in a row, and only its asker's packed address remains outside.
"""

from array import array

from spamgate.core.compat import const

PLACES = 48

_PLACES = const(48)
_PLACE_BYTES = const(48)  # a name of thirty letters and no OPT record, as most devices ask
_FREE = const(-1)
_MORE = const(-2)  # of a query that begins before


class Places:
    """A row for each fact about a query, by its first place; made once."""

    def __init__(self) -> None:
        self.count = 0  # places taken
        self.ids = [_FREE] * _PLACES  # under which the query went out
        self.peers: list = [None] * _PLACES
        self.ways: list = [None] * _PLACES
        self.ports: list = [None] * _PLACES  # from which it was last sent
        self.devices = bytearray(_PLACES)  # last byte of the asker's address, by which we tell devices apart
        self.ends = array("H", bytes(2 * _PLACES))
        self.since_ms = array("i", bytes(4 * _PLACES))
        self.tries = bytearray(_PLACES)
        self.brief = bytearray(_PLACES)
        self._sizes = array("H", bytes(2 * _PLACES))
        self._buf = bytearray(_PLACES * _PLACE_BYTES)
        self._view = memoryview(self._buf)

    def take(self, wire: bytes, device: int, drawn: int) -> int:
        """Copy the query to its place and return that, or -1.  When too few are free, the one drawn gives way first."""
        count = (len(wire) + _PLACE_BYTES - 1) // _PLACE_BYTES
        place = self._find(count)
        if place < 0:
            drawn %= _PLACES
            while self.ids[drawn] < 0:
                drawn = (drawn + 1) % _PLACES
            self.free(drawn)
            place = self._find(count)
        if place >= 0:
            self._copy(wire, place, device, count)
        return place

    def _copy(self, wire: bytes, place: int, device: int, count: int) -> None:
        at = place * _PLACE_BYTES
        self._view[at : at + len(wire)] = wire
        self._sizes[place] = len(wire)
        self.tries[place] = 0
        self.count += count
        for more in range(place, place + count):
            self.ids[more] = _MORE
            self.devices[more] = device

    def _find(self, count: int) -> int:
        """Return the first of so many free places in a row, or -1."""
        found = 0
        for place in range(_PLACES):
            found = found + 1 if self.ids[place] == _FREE else 0
            if found == count:
                return place + 1 - count
        return _FREE

    def wire(self, place: int) -> bytes:
        """Return the query in this place."""
        at = place * _PLACE_BYTES
        return bytes(self._view[at : at + self._sizes[place]])

    def holds(self, wire: bytes, peer) -> bool:
        """Does this very query of this very asker wait already?"""
        for place in range(_PLACES):
            if self.ids[place] >= 0 and self.peers[place] == peer and self._buf.startswith(wire, place * _PLACE_BYTES):
                return True
        return False

    def free(self, place: int) -> None:
        """Make the place free, and those that the query has behind it."""
        self.peers[place] = self.ways[place] = self.ports[place] = None
        while True:
            self.ids[place] = _FREE
            self.devices[place] = 0
            self.count -= 1
            place += 1
            if place == _PLACES or self.ids[place] != _MORE:
                return
