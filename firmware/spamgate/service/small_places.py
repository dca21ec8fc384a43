"""Queries that wait for a resolver's answer on a board: 48 places of 48 bytes, in four buffers.

Of what is kept for seconds nothing lies about in a small heap, else soon no kilobyte of it is in one piece: a query is
copied here, where a long one takes several places in a row, and so is the address of its asker.  Four, as a heap that
is nearly full may have no room for one of them all.
"""

from array import array

from spamgate.core.compat import const

PLACES = 48

_PLACES = const(48)
_PLACE_BYTES = const(48)  # a name of thirty letters and no OPT record, as most devices ask
_IN_A_BUFFER = const(12)  # as many as the longest query takes, and one more
_GIVEN_WAY_TO = const(2)
_CLIENT_BYTES = const(19)
_ADDRESS_AT = const(3)
_FREE = const(-1)
_MORE = const(-2)  # of a query that begins before


class Places:
    """A row for each fact about a query, by its first place; made once."""

    def __init__(self) -> None:
        self.count = 0  # places taken
        self.ids = [_FREE] * _PLACES  # under which the query went out
        self.ways: list = [None] * _PLACES
        self.ports: list = [None] * _PLACES  # from which it was last sent
        self.devices = bytearray(_PLACES)  # last byte of the asker's address, by which we tell devices apart
        self.ends = array("H", bytes(2 * _PLACES))
        self.since_ms = array("i", bytes(4 * _PLACES))
        self.tries = bytearray(_PLACES)
        self.brief = bytearray(_PLACES)
        self._clients = bytearray(_PLACES * _CLIENT_BYTES)  # size of the address, port, address
        self._sizes = array("H", bytes(2 * _PLACES))
        self._bufs = [bytearray(_IN_A_BUFFER * _PLACE_BYTES) for _ in range(_PLACES // _IN_A_BUFFER)]

    def take(self, wire: bytes, client: "tuple[bytes, int]", drawn: int) -> int:
        """Copy the query to its place and return that, or -1.  When too few are free, the one drawn gives way first,

        but not to a long query, which might push out many before there is a row for it.
        """
        count = (len(wire) + _PLACE_BYTES - 1) // _PLACE_BYTES
        place = self._find(count)
        if place < 0 and count <= _GIVEN_WAY_TO:
            drawn %= _PLACES
            while self.ids[drawn] < 0:
                drawn = (drawn + 1) % _PLACES
            self.free(drawn)
            place = self._find(count)
        if place >= 0:
            self._copy(wire, place, client, count)
        return place

    def held(self, address: bytes) -> int:
        """Return how many places the device at this address has, as far as its last byte tells."""
        return self.devices.count(bytes((address[-1] or 1,))) if self.count else 0

    def client(self, place: int) -> "tuple[bytes, int]":
        """Return the asker's address and port."""
        at = place * _CLIENT_BYTES
        row = self._clients
        return bytes(row[at + _ADDRESS_AT : at + _ADDRESS_AT + row[at]]), row[at + 1] << 8 | row[at + 2]

    def _copy(self, wire: bytes, place: int, client: "tuple[bytes, int]", count: int) -> None:
        address, port = client
        at = place % _IN_A_BUFFER * _PLACE_BYTES
        self._bufs[place // _IN_A_BUFFER][at : at + len(wire)] = wire
        self._sizes[place] = len(wire)
        at = place * _CLIENT_BYTES
        row = self._clients
        row[at] = len(address)
        row[at + 1] = port >> 8
        row[at + 2] = port & 0xFF
        at += _ADDRESS_AT
        row[at : at + len(address)] = address
        self.tries[place] = 0
        self.count += count
        for more in range(place, place + count):
            self.ids[more] = _MORE
            self.devices[more] = address[-1] or 1

    def _find(self, count: int) -> int:
        """Return the first of so many free places in a row, or -1; a row has one buffer."""
        found = 0
        for place in range(_PLACES):
            if place % _IN_A_BUFFER == 0:
                found = 0
            found = found + 1 if self.ids[place] == _FREE else 0
            if found == count:
                return place + 1 - count
        return _FREE

    def wire(self, place: int) -> bytes:
        """Return the query in this place."""
        at = place % _IN_A_BUFFER * _PLACE_BYTES
        return bytes(self._bufs[place // _IN_A_BUFFER][at : at + self._sizes[place]])

    def holds(self, wire: bytes, client: "tuple[bytes, int]") -> bool:
        """Does this very query of this very asker wait already?"""
        for place in range(_PLACES):
            if self.ids[place] >= 0 and self._sizes[place] == len(wire) and self.client(place) == client:
                if self.wire(place) == wire:
                    return True
        return False

    def free(self, place: int) -> None:
        """Make the place free, and those that the query has behind it."""
        self.ways[place] = self.ports[place] = None
        while True:
            self.ids[place] = _FREE
            self.devices[place] = 0
            self.count -= 1
            place += 1
            if place == _PLACES or self.ids[place] != _MORE:
                return
