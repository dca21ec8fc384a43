"""A connection to a resolver that the queries of one TCP client go over, and the answers come back by.

An answer may have 64 KB: it is handed on piece by piece, its id exchanged in the first one, and never held as a whole.
"""

from spamgate.core.compat import const
from spamgate.service.stream import Stream
from spamgate.wire.dns_answer import is_answer, question_end

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Protocol

    from spamgate.service.dns_upstream import Server

    class Receiver(Protocol):
        """Who the answers are for."""

        def begin(self, piece: bytes) -> None:
            """An answer begins, with its length before it."""

        def go_on(self, piece: bytes) -> None:
            """The answer goes on."""

        def lose(self) -> None:
            """The connection is over."""


_PORT = const(53)
_PIECE_BYTES = const(1024)
_LENGTH_BYTES = const(2)
_HEADER_BYTES = const(12)


class Relay:
    """The upstream side of a session.  OSError when there is no way to the server."""

    def __init__(self, net, loop, server: "Server", receiver: "Receiver") -> None:
        self.server = server
        self.waiting: "dict[bytes, bytes]" = {}  # queries by the id they have here
        self.left = 0  # bytes to come of an answer that has begun
        self._is_wanted = False  # is it one of an answer to a query of ours?
        self._head = b""  # the beginning of the next answer, until its question is whole
        self._random16 = net.random16
        self._receiver = receiver
        self._stream = Stream(loop, net.tcp_to(server.address, _PORT), self)

    def ask(self, wire: bytes) -> None:
        """Send a query on, with an id of its own."""
        fresh = b""
        while not fresh or fresh in self.waiting:
            drawn = self._random16()
            fresh = bytes((drawn >> 8, drawn & 0xFF))
        self.waiting[fresh] = wire
        self._stream.write(bytes((len(wire) >> 8, len(wire) & 0xFF)) + fresh + wire[2:])

    def is_busy(self) -> bool:
        """Is there an answer to come, or more of one?"""
        return len(self.waiting) > 0 or self.is_amid()

    def is_amid(self) -> bool:
        """Has an answer begun that is handed on, and not ended?"""
        return self._is_wanted and self.left > 0

    def pause(self, paused: bool) -> None:
        """Say whether the receiver can take no more for now."""
        self._stream.pause(paused)

    def close(self) -> None:
        """End it; the receiver hears nothing more."""
        self._stream.close()

    def writable(self, sock) -> None:
        """Called by the loop: the connection stands, or takes more."""
        self._stream.flush()

    def ready(self, sock) -> None:
        """Called by the loop: a piece of an answer, or the end."""
        if self._stream.is_closed:
            return
        data = self._stream.read(_PIECE_BYTES)
        if data == b"":
            self._receiver.lose()
        while data and not self._stream.is_closed:
            data = self._hand_on(data) if self.left else self._begin(self._head + data)

    def _begin(self, data: bytes) -> bytes:
        """Take the beginning of an answer, and return what is not of it."""
        self._head = b""
        if len(data) < _LENGTH_BYTES + _HEADER_BYTES:
            self._head = data
            return b""
        whole = _LENGTH_BYTES + (data[0] << 8 | data[1])
        wire = self.waiting.get(data[2:4])
        end = question_end(wire) if wire else 0
        if len(data) < min(whole, _LENGTH_BYTES + end):
            self._head = data
            return b""
        self.left = whole
        self._is_wanted = wire is not None and is_answer(data[_LENGTH_BYTES:whole], wire, end)
        if wire is None or not self._is_wanted:
            return self._hand_on(data)
        del self.waiting[data[2:4]]
        piece = data[:whole]
        self.left -= len(piece)
        self._receiver.begin(piece[:2] + wire[:2] + piece[4:])
        return data[whole:]

    def _hand_on(self, data: bytes) -> bytes:
        """Take more of an answer, and return what is not of it."""
        piece = data[: self.left]
        self.left -= len(piece)
        if self._is_wanted:
            self._receiver.go_on(piece)
        return data[len(piece) :]
