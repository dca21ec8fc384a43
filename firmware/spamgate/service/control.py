"""The control socket: owners' requests in, one JSON object a line, answers and events out.

The rules when somebody wants too much: the ninth client is told so and let go; a client that says nothing for a minute
and is not subscribed to events is let go; a line that is too long is skipped; whoever does not read what was sent, so
that the kernel has no more room for it, is let go.  Nothing is kept for a client but its unfinished line.
"""

from spamgate import VERSION
from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError
from spamgate.wire.messages import DONE, LINE_BYTES, PROTOCOL, MessageError, error_line, parse_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Log = Callable[[str], object]

_CLIENTS = const(8)
_QUIET_TICKS = const(600)  # a minute: the loop ticks ten times a second
_READ_BYTES = const(512)
_SEND_BYTES = const(2048)  # collected before they are sent: many small sends fill the kernel's buffer early
_EAGAIN = const(11)
_NEWLINE = const(10)


class Control:
    """Serves clients at a UNIX socket.

    `commands` has a method for each request, `method(fields, send)`, which calls `send(line)` for each line of its
    answer and raises SpamgateError, best MessageError with a hint, when it cannot answer.
    """

    def __init__(self, net: "Any", loop: "Any", path: str, commands: "Any", log: "Log") -> None:
        self._net = net
        self._loop = loop
        self._commands = commands
        self._log = log
        self._clients: "list[_Client]" = []
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
            client.send(error_line("%d clients are connected already" % _CLIENTS, "end one of them, then try again"))
            client.flush()
            client.sock.close()
            return
        self._clients.append(client)
        self._loop.add(client.sock, client)

    def publish(self, line: str) -> None:
        """Send an event to all who are subscribed."""
        for client in list(self._clients):
            if client.is_subscribed:
                client.send(line)
                client.flush()

    def tick(self, now_ms: int) -> None:
        """Let go of those who say nothing."""
        for client in list(self._clients):
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
        try:
            name, fields = parse_request(line)
            if fields.get("protocol", PROTOCOL) != PROTOCOL:
                raise _other_protocol(fields["protocol"])
            getattr(self._commands, name)(fields, client.send)
            if name == "monitor":
                client.is_subscribed = True
            client.send(DONE)
        except SpamgateError as error:
            client.send(error_line(str(error), getattr(error, "hint", "")))
        except (MemoryError, OSError) as error:
            self._log("control: %s" % error)
            client.send(error_line("the gateway cannot do this now: %s" % error, "try again later"))
        client.flush()


class _Client:
    """One connection."""

    def __init__(self, control: Control, sock: "Any") -> None:
        self.sock = sock
        self.is_subscribed = False
        self.quiet_ticks = 0
        self._control = control
        self._line = bytearray()
        self._is_skipping = False  # the rest of a line that was too long
        self._unsent = bytearray()

    def ready(self, sock: "Any") -> None:
        """Read what came."""
        try:
            data = sock.recv(_READ_BYTES)
        except OSError as error:
            if error.errno != _EAGAIN:
                self._control.drop(self)
            return
        if not data:
            self._control.drop(self)
            return
        self.quiet_ticks = 0
        self._take(data)

    def send(self, line: str) -> None:
        """Send a line, soon: the end of it may be missing."""
        self._unsent.extend(line.encode())
        if self._unsent[-1] != _NEWLINE:
            self._unsent.append(_NEWLINE)
        if len(self._unsent) >= _SEND_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what was collected; whoever has no room for it is let go."""
        unsent = self._unsent
        self._unsent = bytearray()
        try:
            if not unsent or self.sock.send(unsent) == len(unsent):
                return
        except OSError:
            pass
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
            self.send(error_line("a request of more than %d bytes" % LINE_BYTES, ""))
            self.flush()
        elif bytes(line).strip():
            self._control.answer(line, self)


def _other_protocol(protocol: int) -> MessageError:
    hint = "this is Spamgate %s: use its own `spamgate` command" % VERSION
    return MessageError("protocol %d is not spoken here, protocol %d is" % (protocol, PROTOCOL), hint)
