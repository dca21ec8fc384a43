"""Mail as clients and servers speak it (RFC 5321, RFC 3207, RFC 8314), each line told to the ledger."""

import base64

from spamgate_tools.sample import messages
from spamgate_tools.sample.ledger import MailTally
from spamgate_tools.sample.tcp import CLIENT, SERVER, Connection
from spamgate_tools.sample.world import Task

SMTP = 25
SUBMISSION = 587
SUBMISSIONS = 465
IMAPS = 993

_THINK_S = 0.03


class Dialogue:
    """Lines on one connection; a reply is given as its lines joined by a newline."""

    def __init__(self, connection: Connection, tally: MailTally, think_s: float = _THINK_S) -> None:
        self.connection = connection
        self._tally = tally
        self._think_s = think_s  # of the server, on average
        self._dice = connection.dice

    def open(self, banner: str) -> Task[None]:
        """Connect and read the banner."""
        yield from self.connection.connect()
        yield from self._hear(banner)

    def command(self, line: str, *replies: str) -> Task[None]:
        """Say a line and read the reply; more replies may follow, a refusal and a goodbye."""
        yield from self.batch((line,), replies)

    def batch(self, lines: tuple[str, ...], replies: tuple[str, ...]) -> Task[None]:
        """Say several lines at once (RFC 2920) and read their replies."""
        for line in lines:
            self._tally.command(line)
        yield from self._say("".join(f"{line}\r\n" for line in lines))
        yield from self._hear(*replies)

    def log_in(self, user: str, password: str) -> Task[None]:
        """AUTH LOGIN: a challenge for each of the two (RFC 4954)."""
        yield from self.command("AUTH LOGIN", f"334 {_base64('Username:')}")
        yield from self._say(_base64(user) + "\r\n")
        yield from self._hear(f"334 {_base64('Password:')}")
        yield from self._say(_base64(password) + "\r\n")
        yield from self._hear("235 2.7.0 Authentication successful")

    def body(self, text: str, reply: str) -> Task[None]:
        """Send the message and its final dot, and read what becomes of it."""
        yield from self._say(text + ".\r\n")
        yield from self._hear(reply)
        self._tally.messages_accepted += reply.startswith("2")

    def quit(self) -> Task[None]:
        """Leave politely."""
        yield from self.command("QUIT", "221 2.0.0 Bye")
        yield from self.connection.finish(SERVER)

    def start_tls(self, host: str) -> Task[None]:
        """From here on all is sealed."""
        yield from self.command("STARTTLS", "220 2.0.0 Ready to start TLS")
        yield from handshake(self.connection, host)

    def _say(self, text: str) -> Task[None]:
        yield from self.connection.say(CLIENT, text.encode("ascii"), self._dice.around(0.004))

    def _hear(self, *replies: str) -> Task[None]:
        for reply in replies:
            yield from self.connection.say(SERVER, wire_reply(reply), self._dice.around(self._think_s))
            self._tally.reply(int(reply[:3]))


def wire_reply(reply: str) -> bytes:
    """Return a reply's lines as they are sent; all but the last get a hyphen."""
    code, lines = reply[:3], reply[4:].split("\n")
    first = [f"{code}-{line}\r\n" for line in lines[:-1]]
    return "".join([*first, f"{code} {lines[-1]}\r\n"]).encode("ascii")


def handshake(connection: Connection, host: str) -> Task[None]:
    """Agree on keys."""
    dice = connection.dice
    yield from connection.say(CLIENT, messages.client_hello(dice, host), 0.001)
    yield from connection.say(SERVER, messages.server_flight(dice), dice.around(0.004))
    yield from connection.say(CLIENT, messages.tls_record(20, b"\1") + messages.sealed(dice, 53), 0.002)


def sealed_turns(connection: Connection, turns: int, size: int) -> Task[None]:
    """Say and hear opaque lines of about `size` bytes."""
    dice = connection.dice
    for _ in range(turns):
        yield from connection.say(CLIENT, messages.sealed(dice, 24 + int(dice.around(size))), dice.around(0.01))
        yield from connection.say(SERVER, messages.sealed(dice, 24 + int(dice.around(size))), dice.around(0.03))


def letter(sender: str, recipient: str, subject: str, lines: list[str]) -> str:
    """Return a message."""
    head = [f"From: <{sender}>", f"To: <{recipient}>", f"Subject: {subject}", "MIME-Version: 1.0", ""]
    return "".join(f"{line}\r\n" for line in head + lines)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("ascii")).decode("ascii")
