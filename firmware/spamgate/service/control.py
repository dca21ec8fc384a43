"""The control socket: owners' requests in, one JSON object a line, answers and events out.

The rules when somebody wants too much: the ninth client is told so and let go; a client that says nothing for a minute
and is not subscribed to events is let go; a line that is too long is skipped; whoever does not read what was sent, so
that the kernel has no more room for it, is let go.  Nothing is kept for a client but its unfinished line; what is sent
goes through two buffers made at the start, piece by piece, for a heap that is nearly full has no room for a whole line.
When there is no memory at all, the client is let go, and the gateway goes on.
"""

from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError
from spamgate.wire.answers import DONE, LINE_BYTES, error_line
from spamgate.wire.messages import parse_request

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    Log = Callable[[str], object]

_CLIENTS = const(8)
_QUIET_TICKS = const(600)  # a minute: the loop ticks ten times a second
_READ_BYTES = const(256)
# The kernel counts a send with what it allocates for it, a power of two with 320 bytes of its own: 700 waste little.
_SEND_BYTES = const(700)
_PIECE = const(128)  # characters encoded at a time
_EAGAIN = const(11)
_NO_MEMORY = '{"type":"error","text":"the gateway has no memory left for this","hint":"try again later"}\n'


class Control:
    """Serves clients at a UNIX socket.

    `commands` has a method for each request, `method(fields, send)`, which calls `send(text)` for its answer, whole
    lines or pieces of them, and raises SpamgateError, best MessageError with a hint, when it cannot answer.
    """

    def __init__(self, net: "Any", loop: "Any", path: str, commands: "Any", log: "Log") -> None:
        self._net = net
        self._loop = loop
        self._commands = commands
        self._log = log
        self._clients: "list[_Client]" = []
        self._replies = _Outbox(self)
        self._events = _Outbox(self)
        try:
            self._listener = net.unix_listener(path)
        except OSError as error:
            raise SpamgateError("control: no socket at %s (error %s); is its folder there?" % (path, error.errno))
        loop.add(self._listener, self)

    def ready(self, sock: "Any") -> None:
        """Take a new client."""
        accepted = self._net.accept(sock)
        if accepted is None:
            return
        client = _Client(self, accepted[0])
        if len(self._clients) >= _CLIENTS:
            self.refuse(client, "%d clients are connected already" % _CLIENTS, "end one of them, then try again")
            client.sock.close()
            return
        self._clients.append(client)
        self._loop.add(client.sock, client)

    def publish(self, line: str) -> None:
        """Send an event to all who are subscribed."""
        for at in range(len(self._clients) - 1, -1, -1):
            client = self._clients[at]
            if client.is_subscribed:
                try:
                    self._events.begin(client)
                    self._events.write(line)
                    self._events.flush()
                except MemoryError:
                    self.drop(client)

    def tick(self, now_ms: int) -> None:
        """Let go of those who say nothing."""
        for at in range(len(self._clients) - 1, -1, -1):
            client = self._clients[at]
            client.quiet_ticks += 1
            if client.quiet_ticks > _QUIET_TICKS and not client.is_subscribed:
                self.drop(client)

    def close(self) -> None:
        """Stop serving."""
        for client in list(self._clients):
            self.drop(client)
        self._loop.remove(self._listener)
        self._listener.close()

    def drop(self, client: "_Client") -> None:
        """Let go of a client."""
        if client in self._clients:
            self._clients.remove(client)
            self._loop.remove(client.sock)
            client.sock.close()

    def answer(self, line: "bytes | bytearray", client: "_Client") -> None:
        """Do what a line asks for."""
        out = self._replies
        out.begin(client)
        try:
            name, fields = parse_request(line)
            getattr(self._commands, name)(fields, out.write)
            if name == "monitor":
                client.is_subscribed = True
            out.write(DONE)
            out.flush()
        except SpamgateError as error:
            out.take_back()
            self._refuse(str(error), getattr(error, "hint", ""))
        except MemoryError:
            out.take_back()
            out.write(_NO_MEMORY)
            out.flush()
            self._log("control: no memory left to answer")
        except OSError as error:
            out.take_back()
            self._refuse("the gateway cannot do this now (error %s)" % error.errno, "try again later")
            self._log("control: error %s" % error.errno)

    def refuse(self, client: "_Client", text: str, hint: str) -> None:
        """Answer with an error."""
        self._replies.begin(client)
        self._refuse(text, hint)

    def _refuse(self, text: str, hint: str) -> None:
        self._replies.write(error_line(text, hint))
        self._replies.flush()


class _Outbox:
    """What is on its way to one client after the other."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._client: "_Client | None" = None
        self._buf = bytearray(_SEND_BYTES)
        self._view = memoryview(self._buf)
        self._used = 0
        self._line_at = 0  # where the line begins that has no end yet; -1: before the buffer

    def begin(self, client: "_Client") -> None:
        """Send to this client from now on."""
        self._client = client
        self._used = 0
        self._line_at = 0

    def write(self, text: str) -> None:
        """Send a text, soon: `flush` sends the rest of it."""
        for at in range(0, len(text), _PIECE):
            data = text[at : at + _PIECE].encode()
            if self._used + len(data) > _SEND_BYTES:
                self.flush()
            self._buf[self._used : self._used + len(data)] = data
            end = data.rfind(b"\n") + 1
            if end:
                self._line_at = self._used + end
            self._used += len(data)

    def take_back(self) -> None:
        """Take back the line that was begun; if part of it is sent already, the client is let go."""
        if self._line_at < 0:
            self._let_go()
        self._used = self._line_at

    def flush(self) -> None:
        """Send what was collected; a client that has no room for it is let go."""
        client = self._client
        used = self._used
        self._used = 0
        if client is None or not used:
            return
        self._line_at = 0 if self._line_at == used else -1
        try:
            if client.sock.send(self._view[:used]) == used:
                return
        except OSError:
            pass
        self._let_go()

    def _let_go(self) -> None:
        if self._client:
            self._control.drop(self._client)
        self._client = None
        self._used = 0
        self._line_at = 0


class _Client:
    """One connection."""

    def __init__(self, control: Control, sock: "Any") -> None:
        self.sock = sock
        self.is_subscribed = False
        self.quiet_ticks = 0
        self._control = control
        self._line = bytearray()
        self._is_skipping = False  # the rest of a line that was too long

    def ready(self, sock: "Any") -> None:
        """Read what came."""
        try:
            data = sock.recv(_READ_BYTES)
            self.quiet_ticks = 0
            if data:
                self._take(data)
            else:
                self._control.drop(self)
        except OSError as error:
            if error.errno != _EAGAIN:
                self._control.drop(self)
        except MemoryError:
            self._control.drop(self)

    def _take(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            end = data.find(b"\n", at)
            piece = data[at:end] if end >= 0 else data[at:]
            at = end + 1 if end >= 0 else len(data)
            self._extend(piece)
            if end >= 0:
                self._finish()

    def _extend(self, piece: bytes) -> None:
        if len(self._line) + len(piece) >= LINE_BYTES:
            self._is_skipping = True
            self._line = bytearray()
        if not self._is_skipping:
            self._line.extend(piece)

    def _finish(self) -> None:
        """A line ends here."""
        line = self._line
        self._line = bytearray()
        if self._is_skipping:
            self._is_skipping = False
            self._control.refuse(self, "a request of more than %d bytes" % LINE_BYTES, "")
        elif bytes(line).strip():
            self._control.answer(line, self)
