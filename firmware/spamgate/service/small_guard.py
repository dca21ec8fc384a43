"""The DNS guard of boards: answers what a rule or the policy says, and passes everything else on, in a few kilobytes.

No cache, and nothing is put together: what a device asks goes to a resolver and comes back byte for byte, but for the
id.  With two thirds of the places for queries taken, no device gets more than one third: its next ones are lost, as
datagrams are.  When all are taken one drawn at random gives way, so that whoever holds most loses most.  A query is
sent twice, the second time to the next resolver, and then fails.  Each second the source port is a fresh one; the
sockets before it hear late answers for two seconds more.  `small_guard_tcp` does so over TCP, and is imported for the
first who comes.
"""

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.service.dns_rules import QUERY_BYTES, Rules
from spamgate.service.small_places import PLACES, Places
from spamgate.wire.address import parse_address
from spamgate.wire.cursor import FormError
from spamgate.wire.dns_answer import cut, fail, is_answer, opt_class_at

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

    from spamgate.service.small_guard_tcp import SmallTcp

    Answer = bytes | bytearray | memoryview

PASS = 0  # what the policy may say of a question
OWN = 1
BRIEF = 2

_OWN = const(1)
_BRIEF = const(2)
_CROWDED = const(32)
_OF_A_DEVICE = const(16)
_SERVERS = const(3)
_PORTS = const(3)
_PORT = const(53)
_FRESH_MS = const(1000)
_LATE_MS = const(3000)
_TRY_MS = const(1500)
_SILENCES = const(2)
_TCP_CLIENTS = const(2)
_ECONNREFUSED = const(111)
_LITTLE = const(16)
_HEADER_BYTES = const(12)
_REPLY_BYTES = const(1232)  # the longest answer that is passed on over UDP
_LONG_BYTES = const(1233)  # what is received of one, to tell a longer one
_PLAIN_BYTES = const(512)  # as long as one may be for whoever announces nothing
_SHORT_BYTES = const(513)
_ADDITIONAL = const(3)
_OPT = const(41)
_A_IN = b"\0\1\0\1"
_OWN_RECORD = b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4"  # the name of the question, A, IN, five seconds


class SmallGuard:
    """`serve` says where, `use_upstreams` whom to ask, `tick` tells the time, `close` ends it.

    `policy.question(wire, end, address, port)` hears every query that no rule answers, whose question ends at `end`,
    and says PASS, OWN (an A query is answered with `own_address`, others with no record) or BRIEF (the answer comes
    without its additional records, but for OPT).  `policy.answered(buf, start, end, address, port)` hears every answer
    of a resolver under the asker's id, lent for the call, or as much of a long one as came.  Names may be malformed.
    `policy.blocked(address, count)` hears of queries that a rule names, `policy.listed(address)` those the list does.
    """

    def __init__(self, net, loop, settings, policy, log) -> None:
        self.net = net
        self.loop = loop
        self.log = log
        self.policy = policy
        self.rules = Rules(settings)
        self.own_address = b""  # what an OWN query is answered with, and who never asks; set it when it is known
        self.servers: "list[bytes]" = []
        self.first = 0  # which server is asked first
        self.now_ms = self.end = self._silent = 0
        self.datagram: "tuple[bytes, Any]" = (b"", b"")  # the query at hand, as the rules want it
        self.name = b""
        self.is_brief = False
        self.places = Places()
        self._sockets: dict = {}  # at our addresses
        self._door = None  # the listener for TCP
        self._tcp: "SmallTcp | None" = None
        self._ports: "list[Port]" = []  # the oldest first
        self._reply_bytes = _SHORT_BYTES
        self._out = bytearray(_LONG_BYTES)
        self._view = memoryview(self._out)

    def serve(self, addresses: "list[bytes]", port: int) -> None:
        """Serve at these addresses and no others; again when they have changed."""
        for address in list(self._sockets):
            if address not in addresses:
                self._shut(self._sockets.pop(address))
        try:
            for address in addresses:
                if address not in self._sockets:
                    self._sockets[address] = sock = self.net.udp(address, port)
                    self.loop.add(sock, self)
            if self._door is None and addresses:
                self._door = self.net.tcp_listener(port, _TCP_CLIENTS)
                self.loop.add(self._door, self)
        except OSError as error:
            self.log("guard: cannot serve at port %d: %s" % (port, error))

    def use_upstreams(self, texts: "list[str]") -> None:
        """Ask these resolvers from now on, three at most, and never ourselves."""
        servers = [parse_address(text) for text in texts]
        self.servers = [address for address in servers if address != self.own_address][:_SERVERS]
        self.first = self._silent = 0

    def tick(self, now_ms: int) -> None:
        """Close what is old, and ask again what was not answered."""
        self.now_ms = now_ms
        while self._ports and elapsed(now_ms, self._ports[0].since_ms) >= _LATE_MS:
            self._shut(self._ports.pop(0).sock)
        places = self.places
        if places.count:
            for place in range(PLACES):
                if places.ids[place] >= 0 and elapsed(now_ms, places.since_ms[place]) >= _TRY_MS:
                    self._hurry(place)
        else:
            self._reply_bytes = _SHORT_BYTES
        if self._tcp:
            self._tcp.tick(now_ms)

    def rest_tcp(self) -> None:
        """Part from those who came over TCP; the next one is welcome."""
        if self._tcp:
            self._tcp.close()
            self._tcp = None

    def close(self) -> None:
        """Close every socket; what waits is lost."""
        self.rest_tcp()
        if self._door:
            self._shut(self._door)
            self._door = None
        self.serve([], 0)
        while self._ports:
            self._shut(self._ports.pop().sock)
        self.places = Places()

    # --- queries -----------------------------------------------------------------------------------------

    def ready(self, sock) -> None:
        """Called by the loop: somebody asks, or comes over TCP."""
        if sock is self._door:
            self._welcome(sock)
            return
        try:
            self.datagram = sock.recvfrom(QUERY_BYTES + 1)
            client = self.net.split(self.datagram[1])
            if client[0] == self.own_address:
                return  # a question of ours has come round: it would do so for ever
            answer = self.judge(client)
            if answer is None:
                self._look_up(sock, client)
            elif answer:
                sock.sendto(answer, self.datagram[1])
        except OSError:
            pass
        except MemoryError:
            drop(sock)
            raise

    def judge(self, client: "tuple[bytes, int]") -> "Answer | None":
        """Return our own answer to `datagram`, empty when it gets none; None: to be looked up, `brief` says how."""
        answer = self.rules.judge(self)  # type: ignore[arg-type]
        if self.rules.hits:
            self.rules.hits.clear()
            self.policy.blocked(client[0], 1)
            if self.rules.list_hits.pop(self.datagram[1], 0):
                self.policy.listed(client[0])
        if answer is not None:
            return answer
        wire = self.datagram[0]
        said = self.policy.question(wire, self.end, client[0], client[1])
        self.is_brief = said == _BRIEF
        return self._own(wire) if said == _OWN else None

    def _own(self, wire: bytes) -> bytes:
        answer = fail(wire, self.end, 0)
        if self.own_address and wire.startswith(_A_IN, self.end - len(_A_IN)):
            answer = answer[:7] + b"\1" + answer[8:] + _OWN_RECORD + self.own_address
        return self.rules.complete(wire, self.end, answer, b"")

    def _look_up(self, sock, client: "tuple[bytes, int]") -> None:
        """Give the query a place, and send it on.  One that waits already has its place."""
        wire, peer = self.datagram
        places = self.places
        held = places.held(client[0])
        if held >= _OF_A_DEVICE and places.count >= _CROWDED or held and places.holds(wire, client):
            return
        port = self.port_of(self.servers[self.first]) if self.servers else None
        if port is None:
            sock.sendto(self.rules.failure(wire, self.end), peer)
            return
        place = places.take(wire, client, self.net.random16())
        if place < 0:
            return
        ident = self.net.random16()
        while ident in places.ids:
            ident = self.net.random16()
        places.ids[place] = ident
        places.ways[place] = sock
        places.ends[place] = self.end
        places.brief[place] = self.is_brief
        if len(wire) > self.end:
            self._reply_bytes = _LONG_BYTES
        self._send(place, port, wire)

    def _send(self, place: int, port: "Port", wire: bytes) -> None:
        places = self.places
        ident = places.ids[place]
        places.ports[place] = port
        places.since_ms[place] = self.now_ms
        places.tries[place] += 1
        self._view[: len(wire)] = wire
        self._out[0] = ident >> 8
        self._out[1] = ident & 0xFF
        port.send(self._view[: len(wire)])

    # --- answers -----------------------------------------------------------------------------------------

    def hear(self, port: "Port", sock) -> None:
        """A datagram has come from the port's server.  Without memory for a long one take a short one, which is cut."""
        try:
            reply = sock.recv(self._reply_bytes)
        except MemoryError:
            self._reply_bytes = _SHORT_BYTES
            reply = sock.recv(_SHORT_BYTES)
        if len(reply) < _HEADER_BYTES:
            return
        places = self.places
        try:
            place = places.ids.index(reply[0] << 8 | reply[1])
        except ValueError:
            return
        wire = places.wire(place)
        is_ours = places.ports[place] is port or places.tries[place] > 1
        if is_ours and is_answer(reply, wire, places.ends[place]):
            self.blame(port.server, -self._silent)
            self._give(place, wire, reply)

    def _give(self, place: int, wire: bytes, reply: bytes) -> None:
        """Give the answer to whoever asked."""
        client = self.places.client(place)
        size = len(reply)
        self._view[:size] = reply
        self._out[0] = wire[0]
        self._out[1] = wire[1]
        self.policy.answered(self._out, 0, size, client[0], client[1])
        self._end(place, client, self._fitting(wire, place, size))

    def _end(self, place: int, client: "tuple[bytes, int]", answer: "Answer") -> None:
        way = self.places.ways[place]
        self.places.free(place)
        try:
            way.sendto(answer, self.net.join(client[0], client[1]))
        except OSError:
            pass  # as datagrams are lost

    def _fitting(self, wire: bytes, place: int, size: int) -> "Answer":
        """Return the answer in `_out` as its asker may have it."""
        end, is_whole = self.places.ends[place], size < self._reply_bytes
        if self.places.brief[place] and is_whole:
            size = self.strip(self._out, size)
            if not size:
                return self.rules.failure(wire, end)
        if not is_whole or size > _PLAIN_BYTES and size > self._room(wire, end):
            return cut(self._out, end)  # type: ignore[arg-type]
        return self._view[:size]

    def strip(self, buf: bytearray, size: int) -> int:
        """Take the additional records out of a message, but for OPT: none goes round us.  0: it cannot be read."""
        message = self.rules.message
        at = count = 0
        try:
            message.read(buf, 0, size)
            while message.next_record():
                if message.section != _ADDITIONAL:
                    continue
                name_at = message.name_at
                at = at or name_at
                if message.rtype == _OPT and not count:
                    count = message.rdata_end - name_at
                    buf[at : at + count] = buf[name_at : name_at + count]
        except FormError:
            return 0
        if at:
            buf[10:12] = b"\0\1" if count else b"\0\0"
            size = at + count
        return size

    def _room(self, wire: bytes, end: int) -> int:
        """Return how long an answer the asker takes over UDP: what it announces, within our bounds."""
        try:
            at = opt_class_at(self.rules.message, wire, end)
        except FormError:
            return _PLAIN_BYTES
        return min(wire[at] << 8 | wire[at + 1], _REPLY_BYTES) if at else _PLAIN_BYTES

    # --- servers -----------------------------------------------------------------------------------------

    def _hurry(self, place: int) -> None:
        """No answer in time: ask the next server, or give up.  Without memory for either it frees what it holds."""
        places = self.places
        try:
            wire = places.wire(place)
            server = places.ports[place].server
            self.blame(server, 1)
            port = self.port_of(self.after(server)) if places.tries[place] < 2 and self.servers else None
            if port is not None:
                self._send(place, port, wire)
            else:
                self._end(place, places.client(place), self.rules.failure(wire, places.ends[place]))
        except MemoryError:
            if places.ids[place] >= 0:
                places.free(place)

    def after(self, server: bytes) -> bytes:
        """Return the server to ask after this one."""
        number = self.servers.index(server) + 1 if server in self.servers else 0
        return self.servers[number % len(self.servers)]

    def blame(self, server: bytes, silences: int) -> None:
        """Ask another server first, if this is the one, and was silent twice with no answer between."""
        if self.servers and server == self.servers[self.first]:
            self._silent += silences
            if self._silent >= _SILENCES:
                self._silent = 0
                self.first = (self.first + 1) % len(self.servers)

    def port_of(self, server: bytes) -> "Port | None":
        """Return a fresh socket to the server; None where there is none."""
        for port in self._ports:
            if port.server == server and elapsed(self.now_ms, port.since_ms) < _FRESH_MS:
                return port
        if len(self._ports) >= _PORTS:
            self._shut(self._ports.pop(0).sock)
        try:
            port = Port(self, server, self.net.udp_to(server, _PORT))
        except OSError:
            return None
        self._ports.append(port)
        return port

    def _shut(self, sock) -> None:
        self.loop.remove(sock)
        sock.close()

    def _welcome(self, sock) -> None:
        if self._tcp is None:
            from spamgate.service.small_guard_tcp import SmallTcp  # only where somebody comes

            self._tcp = SmallTcp(self)
        self._tcp.welcome(sock)


class Port:
    """One socket connected to one server."""

    def __init__(self, guard: SmallGuard, server: bytes, sock) -> None:
        self.server = server
        self.sock = sock
        self.since_ms = guard.now_ms
        self._guard = guard
        guard.loop.add(sock, self)

    def send(self, message: memoryview) -> None:
        """Send; an ICMP answer to an earlier message may be raised instead, and what is not taken is lost."""
        try:
            self.sock.send(message)
        except OSError as error:
            self._refused(error)
            try:
                self.sock.send(message)
            except OSError:
                pass

    def ready(self, sock) -> None:
        """Called by the loop: an answer, or an ICMP message."""
        try:
            self._guard.hear(self, sock)
        except OSError as error:
            self._refused(error)
        except MemoryError:
            drop(sock)
            raise

    def _refused(self, error: OSError) -> None:
        if error.args[0] == _ECONNREFUSED:
            self._guard.blame(self.server, _SILENCES)


def drop(sock) -> None:
    """Be rid of a datagram that there is no memory for: else it makes the socket ready for ever."""
    try:
        sock.recv(_LITTLE)
    except OSError:
        pass
