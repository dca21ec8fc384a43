"""Talk to a running gateway or a board: requests over a control socket or a link, answers and events line by line."""

import json
import os
import socket
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from spamgate.wire.answers import LINE_BYTES, PROTOCOL
from spamgate_tools.errors import UserError
from spamgate_tools.link.client import Client
from spamgate_tools.link.transports import DEFAULT_BAUD, open_port

DEFAULT_SOCKET = "/run/spamgate/control"
SOCKET_VARIABLE = "SPAMGATE_SOCKET"

_PATIENCE_S = 10.0
_MOST_LINE_BYTES = 1 << 20
_START_HINT = "start one with `spamgate gateway --lan IF --wan IF`, or name its socket with --socket PATH"


class Line(NamedTuple):
    """What the gateway said: the text as it came, and what it means."""

    text: str
    fields: dict

    @property
    def kind(self) -> str:
        """Its type."""
        return self.fields["type"]


class Place(NamedTuple):
    """Where a gateway or board is asked: at its control socket, or at a port with its link."""

    socket: str
    port: str | None = None
    baud: int = DEFAULT_BAUD


class Pipe(Protocol):
    """What lines go through."""

    def send(self, data: bytes) -> None:
        """Send whole lines."""

    def receive(self, patience_s: float | None) -> bytes:
        """Return what comes next; TimeoutError after `patience_s` of silence, UserError when it is over."""

    def close(self) -> None:
        """End it."""


class Control:
    """One connection to a gateway or a board; use it in a `with`."""

    def __init__(self, place: Place | str) -> None:
        place = Place(place) if isinstance(place, str) else place
        self._name = place.port or place.socket
        self._pipe: Pipe = _LinkPipe(place) if place.port else _SocketPipe(place.socket)
        self._pending = b""

    def __enter__(self) -> "Control":
        self.ask("hello", protocol=PROTOCOL)
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()

    def ask(self, kind: str, **fields: object) -> list[Line]:
        """Ask, and return the lines of the answer; UserError when the gateway refuses."""
        request = json.dumps({"type": kind, **fields}).encode() + b"\n"
        if len(request) > LINE_BYTES:
            raise UserError(f"{kind}: more than the {LINE_BYTES} bytes that a gateway reads")
        self._pipe.send(request)
        try:
            return list(self._answer())
        except TimeoutError:
            raise UserError(f"{self._name}: the gateway does not answer", "look at its log") from None

    def lines(self, patience_s: float | None) -> Iterator[Line]:
        """Yield each line that comes; TimeoutError after `patience_s` of silence."""
        while True:
            text, end, rest = self._pending.partition(b"\n")
            if end:
                self._pending = rest
                yield self._parse(text)
            else:
                self._pending += self._pipe.receive(patience_s)
                if len(self._pending) > _MOST_LINE_BYTES:
                    raise self._stranger()

    def _answer(self) -> Iterator[Line]:
        for line in self.lines(_PATIENCE_S):
            if line.kind == "done":
                return
            if line.kind == "error" and "t" not in line.fields:  # an event has a time
                raise UserError(str(line.fields.get("text")), str(line.fields.get("hint") or ""))
            yield line

    def _parse(self, text: bytes) -> Line:
        try:
            line = Line(text.decode("ascii"), json.loads(text))
            if isinstance(line.kind, str):
                return line
        except (ValueError, LookupError, TypeError, RecursionError):
            pass
        raise self._stranger()

    def _stranger(self) -> UserError:
        text = f"{self._name}: whoever listens there is no gateway of Spamgate"
        return UserError(text, "name another --socket or --port")


class _SocketPipe:
    """A control socket."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = _connect(path)

    def send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError:
            pass  # what it said before it went is still to be read

    def receive(self, patience_s: float | None) -> bytes:
        self._socket.settimeout(patience_s)
        try:
            data = self._socket.recv(1 << 16)
        except TimeoutError:
            raise
        except OSError:
            data = b""
        if not data:
            raise UserError(f"{self._path}: the gateway has ended the connection", "look at its log")
        return data

    def close(self) -> None:
        self._socket.close()


class _LinkPipe:
    """A link to a board, or to a gateway over TCP."""

    def __init__(self, place: Place) -> None:
        self._client = Client(open_port(place.port or "", place.baud)).__enter__()

    def send(self, data: bytes) -> None:
        self._client.send_text(data)

    def receive(self, patience_s: float | None) -> bytes:
        return self._client.receive(patience_s) + b"\n"

    def close(self) -> None:
        self._client.close()


def _connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_PATIENCE_S)
    try:
        connection.connect(path)
    except OSError as error:
        connection.close()
        if isinstance(error, PermissionError):
            who = "its user" if os.geteuid() == 0 else "root"
            raise UserError(f"{path}: no permission to talk to the gateway", f"run this as {who}") from None
        why = "" if isinstance(error, (FileNotFoundError, ConnectionRefusedError)) else f" ({error})"
        raise UserError(f"{path}: no gateway is running there{why}", _START_HINT) from None
    return connection
