"""What is said and understood on a refused SMTP connection.  No I/O; no command but QUIT means anything here.

For now (RFC 5321 3.8): `421 4.7.0` as the banner and again in answer to the first few commands: a client that speaks
before it listens may take the banner for something else.  For good (RFC 5321 3.1): `554 5.7.1`, then `503 5.5.1` until
QUIT.  There is no 220, no 250 and no 354, so nobody can believe that mail was taken.
"""

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Protocol

    class Greeting(Protocol):
        """What texts may tell: nobody's name, since they end up in bounces."""

        page: str  # where the owner reads more; empty: not told

        def ticket(self, address: bytes) -> str:
            """Return the number under which the owner finds this client; empty: unknown."""


BYE = b"221 2.0.0 Bye\r\n"
LATE = b"421 4.4.2 Waited too long for QUIT\r\n"

_OUT_OF_SEQUENCE = b"503 5.5.1 Bad sequence of commands\r\n"
_LATER = "421 4.7.0 Mail from this connection is held back by the gateway"
_NEVER = "554 5.7.1 Mail from this connection is refused by the gateway"
_LATER_ANSWERS = const(3)
_NEVER_ANSWERS = const(20)  # who makes more mistakes gets no further answer; Postfix closes there
_TICKET_CHARS = const(16)
_PAGE_CHARS = const(200)  # a reply line has 512 bytes at most (RFC 5321 4.5.3.1.5)


class Refusal:
    """The texts of one kind of refusal."""

    def __init__(self, is_final: bool, greeting: "Greeting") -> None:
        self.is_final = is_final
        self.answers = _NEVER_ANSWERS if is_final else _LATER_ANSWERS  # how many commands are answered
        self._greeting = greeting

    def banner(self, address: bytes) -> bytes:
        """Return the line that the client at `address` is met with."""
        text = _NEVER if self.is_final else _LATER
        ticket = _printable(self._greeting.ticket(address), _TICKET_CHARS)
        page = _printable(self._greeting.page, _PAGE_CHARS)
        if ticket:
            text += "; ticket " + ticket
        if page:
            text += "; see " + page
        return text.encode() + b"\r\n"

    def answer(self, address: bytes) -> bytes:
        """Return the line that answers any command but QUIT."""
        return _OUT_OF_SEQUENCE if self.is_final else self.banner(address)


def _printable(text: str, chars: int) -> str:
    """Return `text` without what could end the line or confuse its reader, cut to `chars`."""
    return "".join([char for char in text[:chars] if "!" <= char <= "~"])


_LF = b"\n"
_QUIT = b"quit"
_WHOLE = const(4)  # QUIT is complete; up to _OTHER - 1 each blank behind it counts one more
_OTHER = const(12)  # some other line: only its end matters
_CASE = const(0x20)


class CommandReader:
    """Counts command lines of `ways` clients and finds QUIT, however it is cut; keeps one byte a client."""

    def __init__(self, ways: int) -> None:
        self.lines = 0  # that ended in what was read last, QUIT not counted
        self._matched = bytearray(ways)

    def begin(self, way: int) -> None:
        """Expect a new client."""
        self._matched[way] = 0

    def read(self, way: int, buf: bytearray, end: int) -> int:
        """Read `buf[:end]` up to a QUIT; return what is behind it, -1 when there is none.  Allocation-free."""
        self.lines = 0
        at = 0
        while at < end:
            feed = buf.find(_LF, at, end)
            matched = _match(self._matched[way], buf, at, end if feed < 0 else feed)
            if feed < 0:
                self._matched[way] = matched
                return -1
            self._matched[way] = 0
            at = feed + 1
            if _WHOLE <= matched < _OTHER:
                return at
            self.lines += 1
        return -1


def _match(matched: int, buf: bytearray, at: int, end: int) -> int:
    """Return how much of a line with nothing but QUIT has come with `buf[at:end]`."""
    while at < end and matched < _OTHER:
        byte = buf[at]
        if matched < _WHOLE:
            matched = matched + 1 if byte | _CASE == _QUIT[matched] else _OTHER
        else:
            matched = matched + 1 if byte in b" \t\r" else _OTHER
        at += 1
    return matched
