"""DNS over TCP (RFC 7766): queries one behind the other, answers as they come, each by the rules of the guard.

Bounds: twelve clients, four a device; eight queries of a client at a time, then it waits; queries of 512 bytes;
ten idle seconds.  The rule when there are twelve: whoever is idle longest goes, else the newcomer.
"""

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.service.dns_query import Query
from spamgate.service.dns_relay import Relay
from spamgate.service.stream import Stream
from spamgate.wire.dns_answer import question_end

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.service.dns_guard import DnsGuard
    from spamgate.service.dns_upstream import Server

_CLIENTS = const(12)
_OF_A_DEVICE = const(4)
_AT_A_TIME = const(8)
_MOST_UNSENT = const(1024)
_QUERY_BYTES = const(512)
_LENGTH_BYTES = const(2)
_TOLD = const(64)
_IDLE_MS = const(10000)
_LIFE_MS = const(120000)
_TRY_MS = const(1500)
_TRIES = const(3)


class TcpGuard:
    """The listener and its sessions."""

    def __init__(self, net, loop, port: int, guard: "DnsGuard") -> None:
        self.net = net
        self.loop = loop
        self.guard = guard
        self.now_ms = 0
        self._sessions: "list[Session]" = []
        self._sock = net.tcp_listener(port, _CLIENTS)
        loop.add(self._sock, self)

    def ready(self, sock) -> None:
        """Called by the loop: somebody connects."""
        accepted = self.net.accept(sock)
        if accepted is None:
            return
        sock, address, port = accepted
        if self.guard.is_own(address) or not self._has_room(address):
            sock.close()
        else:
            self._sessions.append(Session(self, sock, address, port))

    def tick(self, now_ms: int) -> None:
        """Tell the time, and let those go who have had theirs."""
        self.now_ms = now_ms
        for session in list(self._sessions):
            session.tick(now_ms)

    def forget(self, session: "Session") -> None:
        """It is over."""
        self._sessions.remove(session)

    def close(self) -> None:
        """End all."""
        for session in list(self._sessions):
            session.close()
        self.loop.remove(self._sock)
        self._sock.close()

    def _has_room(self, address: bytes) -> bool:
        if len([session for session in self._sessions if session.address == address]) >= _OF_A_DEVICE:
            return False
        if len(self._sessions) < _CLIENTS:
            return True
        idle = [session for session in self._sessions if session.is_idle()]
        if not idle:
            return False
        max(idle, key=lambda session: elapsed(self.now_ms, session.heard_ms)).close()
        return True


class Session:
    """One client, and the connection to a resolver that its queries go over."""

    def __init__(self, service: TcpGuard, sock, address: bytes, port: int) -> None:
        self.address = address
        self.heard_ms = service.now_ms  # when it last asked, or took something
        self._asker = (address, port)
        self._began_ms = service.now_ms
        self._service = service
        self._query = Query(self)
        self._client = Stream(service.loop, sock, self)
        self._has_ended = False  # the client asks no more
        self._asked = b""  # bytes of queries not looked at yet
        self._later = b""  # our own answers, while another is on its way through
        self._relay: "Relay | None" = None
        self._tries = 0
        self._tried_ms = 0

    # --- called by the loop and the service --------------------------------------------------------

    def ready(self, sock) -> None:
        """The client asks, or is gone."""
        data = None if self._client.is_closed else self._client.read(_LENGTH_BYTES + _QUERY_BYTES)
        if data is not None:
            self._has_ended = not data
            self._asked += data
            self._work()

    def writable(self, sock) -> None:
        """The client takes more."""
        if not self._client.is_closed:
            self._client.flush()
            self._work()

    def tick(self, now_ms: int) -> None:
        """Try again what was not answered or not taken; end what is over."""
        if elapsed(now_ms, self._began_ms) >= _LIFE_MS:
            self._has_ended = True
        relay = self._relay
        if self._client.unsent:
            self._client.flush()
        elif relay and relay.is_busy():
            if elapsed(now_ms, self._tried_ms) >= _TRY_MS:
                self.lose()
            return
        if elapsed(now_ms, self.heard_ms) >= _IDLE_MS:
            self.close()
        else:
            self._work()

    def is_idle(self) -> bool:
        """Is there nothing that the client waits for?"""
        return not (self._client.unsent or self._later or self._relay and self._relay.is_busy())

    def close(self) -> None:
        """End it."""
        if not self._client.is_closed:
            self._client.close()
            self._service.forget(self)
            if self._relay:
                self._relay.close()

    # --- a way for queries, see dns_query ------------------------------------------------------------

    def send(self, answer: "bytes | memoryview", peer: bytes = b"") -> None:
        """Give an answer of our own, between those that are on their way through."""
        framed = bytes((len(answer) >> 8, len(answer) & 0xFF)) + bytes(answer)
        if self._relay and self._relay.is_amid():
            self._later += framed
        else:
            self._client.write(framed)

    # --- called by the relay -------------------------------------------------------------------------

    def begin(self, piece: bytes) -> None:
        """An answer begins, with its length before it."""
        self._tries = 1
        self._service.guard.tell(piece, _LENGTH_BYTES, self._asker)
        self.go_on(piece)

    def go_on(self, piece: bytes) -> None:
        """The answer goes on."""
        self._tried_ms = self._service.now_ms
        self._client.write(piece)
        if not self._client.unsent:
            self.heard_ms = self._service.now_ms
        if self._later and not (self._relay and self._relay.is_amid()):
            self._client.write(self._later)
            self._later = b""
        self._work()

    def lose(self) -> None:
        """The server is gone, or silent for too long: ask another, unless half an answer is out."""
        relay = self._relay
        self._relay = None
        if relay is None:
            return
        relay.close()
        if relay.is_amid():
            self.close()
            return
        waiting = list(relay.waiting.values())
        if waiting:
            self._tries += 1
            self._ask(waiting, self._service.guard.upstreams.after(relay.server) if self._tries <= _TRIES else None)
        self._work()

    # --- inside ----------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Take what queries there are and may be taken, and see who has to wait for whom."""
        while self._may_ask():
            wire = self._next()
            if wire is None:
                break
            self._take(wire)
        if self._client.is_broken or self._has_ended and self.is_idle():
            self.close()
            return
        self._client.pause(self._has_ended or not self._may_ask())
        if self._relay:
            self._relay.pause(bool(self._client.unsent))

    def _may_ask(self) -> bool:
        if self._relay and len(self._relay.waiting) >= _AT_A_TIME:
            return False
        return len(self._client.unsent) + len(self._later) < _MOST_UNSENT

    def _next(self) -> "bytes | None":
        """Return the next query, None when it is not whole; one that is too long ends the connection."""
        data = self._asked
        if len(data) < _LENGTH_BYTES:
            return None
        end = _LENGTH_BYTES + (data[0] << 8 | data[1])
        if end > _LENGTH_BYTES + _QUERY_BYTES:
            self._client.is_broken = True
        if len(data) < end:
            return None
        self._asked = data[end:]
        return data[_LENGTH_BYTES:end]

    def _take(self, wire: bytes) -> None:
        guard = self._service.guard
        self.heard_ms = self._service.now_ms
        self._query.datagram = (wire, self._asker)
        answer = guard.judge(self._query)
        guard.tell_blocked(_TOLD)
        if answer is None:
            self._ask([wire], guard.upstreams.first())
        elif answer:
            self.send(answer)

    def _ask(self, wires: "list[bytes]", server: "Server | None") -> None:
        """Ask over the connection there is, else over one to this server; without one our answer is SERVFAIL."""
        if self._relay is None and server is not None:
            self._connect(server)
        for wire in wires:
            if self._relay is None:
                self.send(self._service.guard.failure(wire, question_end(wire)))
            else:
                self._relay.ask(wire)

    def _connect(self, server: "Server") -> None:
        self._tried_ms = self._service.now_ms
        try:
            self._relay = Relay(self._service.net, self._service.loop, server, self)
        except OSError:
            pass
