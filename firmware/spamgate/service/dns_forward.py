"""The way of a UDP query through an upstream and back: unchanged both ways, but for the id.

A query is asked three times, 1.5 s apart, of one server after the other; then its asker hears SERVFAIL.
"""

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.service.dns_cache import Cache
from spamgate.service.dns_pending import CROWDED, FOLLOWS, FREE, NEW, Pending
from spamgate.service.dns_upstream import Port, Upstreams
from spamgate.wire.dns_answer import cut

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.service.dns_guard import DnsGuard
    from spamgate.service.dns_query import Query, Way

_REPLY_BYTES = const(513)  # one more than may come without being asked for more (RFC 1035 4.2.1)
_EDNS_REPLY_BYTES = const(1233)  # as a rule (RFC 9715)
_LONG_REPLY_BYTES = const(4097)
_LONG = const(5)  # high byte of the UDP size that a query announces which wants long replies
_OPT_TYPE_BYTES = const(3)
_PLACES = const(256)
_MASK = const(255)
_KEPT_MASK = const(63)
_MARK_MASK = const(0xFFFF)
_MANY = const(32)
_TRY_MS = const(1500)
_TRIES = const(3)
_SWEEP_MS = const(30000)


class Forwarder:
    """Queries that are waiting, answers that are kept, and the servers to ask."""

    def __init__(self, net, loop, guard: "DnsGuard", observer, log) -> None:
        self.reply_bytes = _REPLY_BYTES
        self.upstreams = Upstreams(net, loop, self, log)
        self._guard = guard
        self._answered = observer.answered
        self._is_ours = guard.is_ours
        self._split = net.split
        self._random16 = net.random16
        self._pending = Pending()
        self._cache = Cache()
        self._first = self._pending.first
        self._kept = self._cache.kept
        self._asked = self._cache.asked
        self._out = bytearray(_LONG_REPLY_BYTES)  # the message on its way out
        self._view = memoryview(self._out)
        self._now_ms = 0
        self._swept_ms = 0

    def forget_answers(self) -> None:
        """The upstreams are others now."""
        self._cache.clear()

    def tick(self, now_ms: int) -> None:
        """Ask again what was not answered, and do what is due now and then."""
        self._now_ms = now_ms
        if self._pending.count:
            self._hurry(now_ms)
        else:
            self.reply_bytes = _REPLY_BYTES
            self._pending.crowded = CROWDED
        self.upstreams.tick(now_ms)
        if elapsed(now_ms, self._swept_ms) >= _SWEEP_MS:
            self._swept_ms = now_ms
            self._cache.sweep(now_ms)

    # --- queries -------------------------------------------------------------------------------------

    def look_up(self, query: "Query") -> None:
        """Answer the query out of the cache, or ask an upstream."""
        query.mark = mark = hash(query.name) & _MARK_MASK
        if self._kept[mark & _KEPT_MASK] is not None and self._answer_kept(query):
            return
        if self._first[mark & _MASK] < 0:
            self._ask(query)
        else:
            self._join(query)

    def _answer_kept(self, query: "Query") -> bool:
        size = self._cache.find_into(self._out, query, self._now_ms)
        if size:
            self._send_out(query.way, size, query.datagram[1])
        return size > 0

    def _join(self, query: "Query") -> None:
        """Ask, unless somebody waits for the same answer already; or we do, and our own question has come round."""
        if self._is_ours(query.datagram[1]):
            return
        standing = self._pending.standing(query)
        if standing == NEW:
            self._ask(query)
        elif standing == FOLLOWS and self._has_room(query):
            self._pending.open(query, None, self._random16(), self._now_ms)

    def _ask(self, query: "Query") -> None:
        port = self.upstreams.port or self.upstreams.port_of(self.upstreams.first())
        if port is None or not self._may_wait(query):
            query.way.send(self._guard.failure(query.datagram[0], query.end), query.datagram[1])
        else:
            self._send(self._pending.open(query, port, self._random16(), self._now_ms), port)

    def _send(self, place: int, port: Port) -> None:
        """Send the query in this place with the id it has there."""
        wire = self._pending.datagrams[place][0]
        size = len(wire)
        self._view[:size] = wire
        self._out[0] = self._pending.high[place]
        self._out[1] = place
        port.send(self._view[:size])

    def _may_wait(self, query: "Query") -> bool:
        pending = self._pending
        return pending.count < pending.crowded and len(query.datagram[0]) == query.end or self._has_room(query)

    def _has_room(self, query: "Query") -> bool:
        """May the query wait, now that many do?  Or it says more than its question: how long its answer may be."""
        wire = query.datagram[0]
        if len(wire) > query.end + _OPT_TYPE_BYTES:
            is_long = wire[query.end + _OPT_TYPE_BYTES] >= _LONG
            self.reply_bytes = max(self.reply_bytes, _LONG_REPLY_BYTES if is_long else _EDNS_REPLY_BYTES)
        if self._pending.count >= _PLACES:
            self._give_up(self._pending.taken(self._random16() & _MASK))
        return self._pending.has_room(query)

    # --- answers -------------------------------------------------------------------------------------

    def heard(self, port: Port, reply: bytes) -> None:
        """A datagram came from the port's server: give the answer to whoever asked."""
        place = self._pending.whose(port, reply)
        if place < 0:
            return
        port.server.silent = 0
        if len(reply) == self.reply_bytes:
            reply = cut(reply, self._pending.ends[place])
        wire = self._give(place, reply)
        mark = self._pending.marks[place]
        if self._asked[mark & _MASK] == mark >> 8:
            self._keep(wire, reply, mark)
        else:
            self._asked[mark & _MASK] = mark >> 8
        if self._first[mark & _MASK] >= 0:
            self._give_others(wire, mark, reply)

    def be_brief(self) -> bool:
        """There is no memory: who asked for long answers is told to come by TCP.

        False: nobody did.  Then room is made.
        """
        was_brief = self.reply_bytes == _REPLY_BYTES
        self.reply_bytes = _REPLY_BYTES
        if was_brief:
            self.make_room()
        return not was_brief

    def make_room(self) -> bool:
        """There is no memory: where many wait, one device waits in vain, and its queries free theirs.  Was it so?"""
        if self._pending.count < _MANY:
            return False
        self._pending.forsake(self._random16() & _MASK)
        return True

    def refused(self, port: Port) -> None:
        """The server cannot be reached: ask another at once what waits for it; where there is no other, wait."""
        self.upstreams.failed(port.server)
        for place in range(_PLACES):
            if self._pending.ports[place] is port and self._pending.tries(place) < len(self.upstreams.servers):
                self._ask_again(place)

    def _give(self, place: int, reply: bytes) -> bytes:
        """Give the answer to the query in this place, and return that."""
        wire, peer = self._pending.datagrams[place]
        self._pending.close(place)
        size = len(reply)
        self._view[:size] = reply
        self._out[0] = wire[0]
        self._out[1] = wire[1]
        self._send_out(self._pending.ways[place], size, peer)
        return wire

    def _send_out(self, way: "Way", size: int, peer: bytes) -> None:
        way.send(self._view[:size], peer)
        self._tell(size, self._split(peer))

    def _give_others(self, wire: bytes, mark: int, reply: bytes) -> None:
        """Give the answer to those, too, who have asked the same meanwhile."""
        place = self._pending.find(wire, mark)
        while place >= 0:
            self._give(place, reply)
            place = self._pending.find(wire, mark)

    def _keep(self, wire: bytes, reply: bytes, mark: int) -> None:
        self._cache.keep(wire, reply, mark, self._now_ms)

    def _tell(self, size: int, client: "tuple[bytes, int]") -> None:
        self._answered(self._out, 0, size, client[0], client[1])

    # --- what takes too long -------------------------------------------------------------------------

    def _hurry(self, now_ms: int) -> None:
        pending = self._pending
        for place in range(_PLACES):
            if pending.datagrams[place] is not FREE and elapsed(now_ms, pending.since_ms[place]) >= _TRY_MS:
                self._blame(place)
                if pending.tries(place) < _TRIES:
                    self._ask_again(place)
                else:
                    self._give_up(place)

    def _blame(self, place: int) -> None:
        port = self._pending.ports[place]
        if port is not None:
            self.upstreams.silent(port.server)

    def _ask_again(self, place: int) -> None:
        """Ask the server after the one asked before, and take the answer of whichever is sooner."""
        before = self._pending.ports[place]
        server = self.upstreams.after(before.server) if before else self.upstreams.first()
        port = self.upstreams.port_of(server)
        self._pending.try_again(place, port, self._now_ms)
        if port is not None:
            self._send(place, port)

    def _give_up(self, place: int) -> None:
        wire, peer = self._pending.datagrams[place]
        self._pending.close(place)
        try:
            self._pending.ways[place].send(self._guard.failure(wire, self._pending.ends[place]), peer)
        except OSError:
            pass
