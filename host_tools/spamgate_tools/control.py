"""Talk to a running gateway: requests over its control socket, answers and events line by line."""

import json
import os
import socket
from collections.abc import Iterator
from typing import NamedTuple

from spamgate.wire.messages import LINE_BYTES, PROTOCOL
from spamgate_tools.errors import UserError

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


class Control:
    """One connection to a gateway; use it in a `with`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = _connect(path)
        self._pending = b""

    def __enter__(self) -> "Control":
        self.ask("hello", protocol=PROTOCOL)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, kind: str, **fields: object) -> list[Line]:
        """Ask, and return the lines of the answer; UserError when the gateway refuses."""
        request = json.dumps({"type": kind, **fields}).encode() + b"\n"
        if len(request) > LINE_BYTES:
            raise UserError(f"{kind}: more than the {LINE_BYTES} bytes that a gateway reads")
        try:
            self._socket.sendall(request)
        except OSError:
            pass  # what it said before it went is still to be read
        try:
            return list(self._answer())
        except TimeoutError:
            raise UserError(f"{self._path}: the gateway does not answer", "look at its log") from None

    def lines(self, patience_s: float | None) -> Iterator[Line]:
        """Yield each line that comes; TimeoutError after `patience_s` of silence."""
        while True:
            text, end, rest = self._pending.partition(b"\n")
            if end:
                self._pending = rest
                yield self._parse(text)
            else:
                self._receive(patience_s)

    def _answer(self) -> Iterator[Line]:
        for line in self.lines(_PATIENCE_S):
            if line.kind == "done":
                return
            if line.kind == "error" and "t" not in line.fields:  # an event has a time
                raise UserError(str(line.fields.get("text")), str(line.fields.get("hint") or ""))
            yield line

    def _receive(self, patience_s: float | None) -> None:
        self._socket.settimeout(patience_s)
        try:
            data = self._socket.recv(1 << 16)
        except TimeoutError:
            raise
        except OSError:
            data = b""
        if not data:
            raise UserError(f"{self._path}: the gateway has ended the connection", "look at its log")
        self._pending += data
        if len(self._pending) > _MOST_LINE_BYTES:
            raise self._stranger()

    def _parse(self, text: bytes) -> Line:
        try:
            line = Line(text.decode("ascii"), json.loads(text))
            if isinstance(line.kind, str):
                return line
        except (ValueError, LookupError, TypeError, RecursionError):
            pass
        raise self._stranger()

    def _stranger(self) -> UserError:
        return UserError(f"{self._path}: whoever listens there is no gateway of Spamgate", "name another --socket")


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
