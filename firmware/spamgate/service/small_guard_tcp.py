"""The guard of boards over TCP (RFC 7766): one query of a client at a time, over a connection of its own to a resolver.

Two clients at most, since a board has few sockets: when there are two, who has nothing under way goes, else the
newcomer.  Queries of 512 bytes, five idle seconds, thirty altogether.  An answer is handed on piece by piece and never
held as a whole, but for one that the policy wants brief: that has 1232 bytes at most, or fails.
"""

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.service.stream import Stream
from spamgate.wire.dns_answer import is_answer

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.service.small_guard import SmallGuard

_CLIENTS = const(2)
_PORT = const(53)
_QUERY_BYTES = const(512)
_FRAMED_BYTES = const(514)
_PIECE_BYTES = const(512)
_BRIEF_BYTES = const(1234)
_LENGTH_BYTES = const(2)
_HEADER_BYTES = const(12)
_TRY_MS = const(2000)
_TRIES = const(2)
_IDLE_MS = const(5000)
_LIFE_MS = const(30000)


class SmallTcp:
    """The clients; `guard` judges what they ask."""

    def __init__(self, guard: "SmallGuard") -> None:
        self.guard = guard
        self.clients: "list[Session]" = []

    def welcome(self, door) -> None:
        """Somebody connects."""
        accepted = self.guard.net.accept(door)
        if accepted is None:
            return
        sock, address, port = accepted
        if len(self.clients) >= _CLIENTS:
            for client in self.clients:
                if not client.is_busy():
                    client.close()
                    break
        if len(self.clients) >= _CLIENTS or address == self.guard.own_address:
            sock.close()
        else:
            self.clients.append(Session(self, sock, (address, port)))

    def tick(self, now_ms: int) -> None:
        """Try again what was not answered or not taken; end what is over."""
        for client in list(self.clients):
            client.tick(now_ms)

    def close(self) -> None:
        """End all."""
        while self.clients:
            self.clients[0].close()


class Session:
    """One client."""

    def __init__(self, service: SmallTcp, sock, peer: "tuple[bytes, int]") -> None:
        self._service = service
        self._guard = service.guard
        self._peer = peer
        self._began_ms = self._since_ms = self._guard.now_ms
        self._is_timed = False  # the guard's time may be old where much happened since
        self._client = Stream(self._guard.loop, sock, self)
        self._data = b""  # of queries not taken yet
        self._wire = b""  # the query under way
        self._end = 0
        self._ident = 0
        self._tries = 0
        self._is_brief = False
        self._server = b""
        self._up: "Stream | None" = None
        self._up_sock = None
        self._head = b""  # the beginning of the answer, until it can be told that it is one
        self._left = 0  # bytes of it to come

    def is_busy(self) -> bool:
        """Is there something that the client waits for?"""
        return bool(self._wire or self._client.unsent)

    def ready(self, sock) -> None:
        """Called by the loop: the client asks, or the resolver answers; or one of them is gone."""
        try:
            if sock is self._up_sock:
                self._hear()
            elif not self._client.is_closed:
                self._listen()
        except MemoryError:
            self.close()
            raise

    def writable(self, sock) -> None:
        """Called by the loop: one of them takes more."""
        if self._up and sock is self._up_sock:
            self._up.flush()
        elif not self._client.is_closed:
            self._client.flush()
            self._work()

    def tick(self, now_ms: int) -> None:
        """Try again what was not answered or not taken; end it when it is over."""
        if not self._is_timed:
            self._is_timed = True
            self._began_ms = self._since_ms = now_ms
        waited = elapsed(now_ms, self._since_ms)
        if self._client.unsent:
            self._client.flush()
        elif self._wire and waited >= _TRY_MS:
            self._lose()
        self._work()
        if waited >= _IDLE_MS or elapsed(now_ms, self._began_ms) >= _LIFE_MS:
            self.close()

    def close(self) -> None:
        """End it."""
        if not self._client.is_closed:
            self._hang_up()
            self._client.close()
            self._service.clients.remove(self)

    # --- the client --------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Take the queries there are, one after the other, and see who has to wait for whom."""
        client = self._client
        while not self.is_busy() and not client.is_broken and self._take():
            pass
        if client.is_broken:
            self.close()
            return
        client.pause(self.is_busy() and len(self._wire + self._data) > 0)
        if self._up:
            self._up.pause(bool(client.unsent))

    def _listen(self) -> None:
        data = self._client.read(_FRAMED_BYTES - len(self._data))
        if data:
            self._data += data
            self._work()
        elif data is not None:
            self.close()

    def _take(self) -> bool:
        """Take the next query; False when it is not whole.  One that is too long ends the connection."""
        data = self._data
        if len(data) < _LENGTH_BYTES:
            return False
        end = _LENGTH_BYTES + (data[0] << 8 | data[1])
        if end > _FRAMED_BYTES:
            self._client.is_broken = True
        if len(data) < end:
            return False
        self._data = data[end:]
        guard = self._guard
        self._since_ms = guard.now_ms
        guard.datagram = (data[_LENGTH_BYTES:end], self._peer)
        answer = guard.judge(self._peer)
        if answer is not None:
            self._answer(answer)
            return True
        self._wire = data[_LENGTH_BYTES:end]
        self._end = guard.end
        self._is_brief = guard.is_brief
        self._tries = 0
        self._ask(guard.servers[guard.first] if guard.servers else b"")
        return True

    def _answer(self, answer) -> None:
        if answer:
            self._client.write(bytes((len(answer) >> 8, len(answer) & 0xFF)) + bytes(answer))

    # --- the resolver ------------------------------------------------------------------------------------

    def _ask(self, server: bytes) -> None:
        """Ask this server; without one our answer is SERVFAIL."""
        guard = self._guard
        self._since_ms = guard.now_ms
        self._server = server
        self._tries += 1
        try:
            self._up_sock = guard.net.tcp_to(server, _PORT) if server else None
        except OSError:
            self._up_sock = None
        if self._up_sock is None:
            self._fail()
            return
        self._ident = guard.net.random16()
        self._up = Stream(guard.loop, self._up_sock, self)
        size = len(self._wire)
        head = bytes((size >> 8, size & 0xFF, self._ident >> 8, self._ident & 0xFF))
        self._up.write(head + self._wire[2:])

    def _hang_up(self) -> None:
        if self._up:
            self._up.close()
        self._up = self._up_sock = None
        self._head = b""

    def _done(self) -> None:
        """The query has its answer."""
        self._hang_up()
        self._wire = b""

    def _fail(self) -> None:
        wire = self._wire
        self._done()
        self._answer(self._guard.rules.failure(wire, self._end))

    def _lose(self) -> None:
        """The server is gone, or silent for too long: ask another, unless half an answer is out."""
        self._hang_up()
        if self._left:
            self.close()
        elif self._tries < _TRIES and self._guard.servers:
            self._ask(self._guard.after(self._server))
        else:
            self._fail()

    def _hear(self) -> None:
        data = self._up.read(_PIECE_BYTES) if self._up else None
        if data is None:
            return
        if not data:
            self._lose()
        elif self._left:
            self._hand_on(data[: self._left])
        else:
            self._begin(self._head + data)
        self._work()

    def _begin(self, data: bytes) -> None:
        """Take the beginning of an answer, and go on as soon as its question is whole; all of one to be made brief."""
        self._head = data
        if len(data) < _LENGTH_BYTES + _HEADER_BYTES:
            return
        whole = _LENGTH_BYTES + (data[0] << 8 | data[1])
        if len(data) < min(whole, _BRIEF_BYTES + 1 if self._is_brief else _LENGTH_BYTES + self._end):
            return
        wire = self._wire
        if data[2] << 8 | data[3] != self._ident or not is_answer(data[2:whole], wire, self._end):
            self._lose()
            return
        data = data[:2] + wire[:2] + data[4:whole]
        self._head = b""
        self._guard.policy.answered(data, _LENGTH_BYTES, len(data), self._peer[0], self._peer[1])
        if self._is_brief:
            self._be_brief(data, whole)
        else:
            self._left = whole
            self._hand_on(data)

    def _be_brief(self, data: bytes, whole: int) -> None:
        answer = bytearray(data[_LENGTH_BYTES:])
        size = self._guard.strip(answer, len(answer)) if len(data) == whole else 0
        if not size:
            self._fail()
            return
        self._done()
        self._answer(answer[:size])

    def _hand_on(self, piece: bytes) -> None:
        self._left -= len(piece)
        self._since_ms = self._guard.now_ms
        self._client.write(piece)
        if not self._left:
            self._done()
