"""Queries that wait for an upstream's answer: 256 places, found by the low byte of the id that was drawn for them.

A question that another device waits for already is not sent again: it follows the first one and has its answer.

The rule when it is crowded: with 32 places taken no query that says more than its question gets one if it has more than
128 bytes; with half of them taken no device gets more than half; when all are taken, one drawn at random gives way, so
that who holds most loses most.  When the heap is full it loses all, and until none waits a device gets half as many.
"""

from array import array

from spamgate.core.compat import const
from spamgate.wire.dns_answer import is_bare_error

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.service.dns_query import Query
    from spamgate.service.dns_upstream import Port

PLACES = 256
NEW = 0
FREE = (b"", b"")  # the datagram of a place that nobody has
RESENT = 1  # this very query of this very asker waits already
FOLLOWS = 2  # another asker waits for an answer to the same bytes

_PLACES = const(256)
_MASK = const(255)
_HEADER_BYTES = const(12)
_QR = const(0x80)
_BUSY = const(32)
CROWDED = 128
_LONG_BYTES = const(128)
_NONE = const(-1)


class Pending:
    """A row for each fact about a query, by place; made once."""

    def __init__(self) -> None:
        self.count = 0
        self.crowded = CROWDED  # with so many taken no device gets more; fewer while there is no memory for them
        self.datagrams: "list[tuple[bytes, bytes]]" = [FREE] * _PLACES
        self.ways: list = [None] * _PLACES
        self.ports: "list[Port | None]" = [None] * _PLACES  # from which it was last sent; None: it follows another
        self.again: "dict[int, tuple[int, Port | None]]" = {}  # of those sent more than once: how often, and from where
        self.ends = array("H", bytes(2 * _PLACES))
        self.marks = array("H", bytes(2 * _PLACES))
        self.high = bytearray(_PLACES)  # high byte of the id
        self.since_ms = array("i", bytes(4 * _PLACES))  # of the last try
        self.first = array("h", [_NONE] * _PLACES)  # chains of places, by hash
        self._next = array("h", [_NONE] * _PLACES)

    def open(self, query: "Query", port: "Port | None", drawn: int, now_ms: int) -> int:
        """Give the query the first free place from the one drawn on, and return it.  There is one: the caller knows."""
        place = drawn & _MASK
        while self.datagrams[place] is not FREE:
            place = (place + 1) & _MASK
        self.datagrams[place] = query.datagram
        self.ways[place] = query.way
        self.ports[place] = port
        self.ends[place] = query.end
        mark = self.marks[place] = query.mark
        self.high[place] = drawn >> 8
        self.since_ms[place] = now_ms
        self.count += 1
        self._next[place] = self.first[mark & _MASK]
        self.first[mark & _MASK] = place
        return place

    def close(self, place: int) -> None:
        """Make the place free."""
        self.datagrams[place] = FREE
        self.ports[place] = None
        self.count -= 1
        if self.again:
            self.again.pop(place, None)
        chain = self.marks[place] & _MASK
        if self.first[chain] == place:
            self.first[chain] = self._next[place]
        else:
            self._unlink(place, chain)

    def _unlink(self, place: int, chain: int) -> None:
        at = self.first[chain]
        while self._next[at] != place:
            at = self._next[at]
        self._next[at] = self._next[place]

    def forsake(self, place: int) -> None:
        """Free all places of the device that has the first one taken from `place` on; drawn, it is who holds most."""
        self.crowded = max(_BUSY, self.count // 2)
        device = device_of(self.datagrams[self.taken(place)][1])
        for held in range(_PLACES):
            if self.datagrams[held] is not FREE and device_of(self.datagrams[held][1]) == device:
                self.close(held)

    def whose(self, port: "Port", reply: bytes) -> int:
        """Return the place of the query that this datagram answers, by port, id and question; or a number below 0."""
        if len(reply) < _HEADER_BYTES:
            return _NONE
        place = reply[1]
        if self.high[place] != reply[0] or self.ports[place] is not port and not self._was_from(port, place):
            return _NONE
        wire = self.datagrams[place][0]
        if reply[2] & _QR and reply.startswith(wire[_HEADER_BYTES : self.ends[place]], _HEADER_BYTES):
            return place
        return place if is_bare_error(reply) else _NONE

    def try_again(self, place: int, port: "Port | None", now_ms: int) -> None:
        """The query is sent once more, from this port."""
        self.again[place] = (self.tries(place) + 1, self.ports[place])
        self.ports[place] = port
        self.since_ms[place] = now_ms

    def tries(self, place: int) -> int:
        """Return how often the query was sent."""
        return self.again[place][0] if place in self.again else 1

    def _was_from(self, port: "Port", place: int) -> bool:
        """Was the query in this place sent from the port the time before?"""
        return place in self.again and self.again[place][1] is port

    def standing(self, query: "Query") -> int:
        """Return NEW, RESENT or FOLLOWS."""
        place = self.first[query.mark & _MASK]
        found = NEW
        while place >= 0:
            if self.datagrams[place] == query.datagram:
                return RESENT
            if self._is_same(place, query.datagram[0]):
                found = FOLLOWS
            place = self._next[place]
        return found

    def find(self, wire: bytes, mark: int) -> int:
        """Return the place of a query with the same bytes behind its id, or a number below 0."""
        place = self.first[mark & _MASK]
        while place >= 0 and not self._is_same(place, wire):
            place = self._next[place]
        return place

    def has_room(self, query: "Query") -> bool:
        """May the asker have another query wait?"""
        size = len(query.datagram[0])
        if self.count >= _BUSY and size > _LONG_BYTES and size > query.end:
            return False
        return self.count < self.crowded or self._held(device_of(query.datagram[1])) < self.crowded

    def taken(self, place: int) -> int:
        """Return the first place from `place` on that is taken.  There is one: the caller knows."""
        while self.datagrams[place] is FREE:
            place = (place + 1) & _MASK
        return place

    def _is_same(self, place: int, wire: bytes) -> bool:
        return self.datagrams[place][0][2:] == wire[2:]

    def _held(self, device: int) -> int:
        held = 0
        for datagram in self.datagrams:
            if datagram is not FREE and device_of(datagram[1]) == device:
                held += 1
        return held


def device_of(peer: bytes) -> int:
    """Return the last byte of a packed address, by which we tell devices apart; it lies in one of two places."""
    return peer[7] ^ peer[-5]
