"""Connections to mail servers in a capture, as the calls that a home's plan is made of.

The evaluation's facts cannot say everything.  Connections seen from their middle only are left out.  A refused sender
stands as a refused recipient without a name, and a server that accepted a connection and never spoke as one that puts
its client off.  What a spammer's connection never came to say stands as one message, which nobody took.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from spamgate.wire import smtp
from spamgate.wire.holes import HoldPool
from spamgate.wire.packet import Packet
from spamgate.wire.smtp import SmtpObserver
from spamgate.wire.smtp_verbs import argument_at
from spamgate.wire.streams import StreamTable
from spamgate_tools.corpus.facts import OPEN, REFUSED, SILENT, Call, Host, Letter, Reply
from spamgate_tools.transactions import path_text

Bytes = bytes | bytearray

_SLOTS = 512
_HELD_SEGMENTS = 64
_SEGMENT_BYTES = 65536
_LINES = 200
_LINE_BYTES = 65535
_PORTS = (25, 465, 587)
_SUBMISSIONS = 465
_MUTE = Reply(421, "no banner")
_UNANSWERED = Reply(451, "no answer seen")
_LOGGED_IN = 235
_NEGATIVE = 400
_FOR_GOOD = 500
_US = 1000000
_RTT_S = (0.005, 5.0)  # what is believed of a capture's clock
_LETTER_S = (0.01, 60.0)


@dataclass
class _Mail:
    """A message under way: recipients as they were answered, and the reply to its end."""

    sender: str
    recipients: list[tuple[str, Reply]] = field(default_factory=list)
    named: list[str] = field(default_factory=list)  # and not answered yet
    reply: Reply = _UNANSWERED
    has_text: bool = False

    def letter(self, is_spam: bool) -> Letter:
        """Return the message as the facts have it."""
        unanswered = [(name, _UNANSWERED) for name in self.named]
        return Letter(self.sender, (*self.recipients, *unanswered), self.reply, is_spam)


class _Talk:
    """One connection."""

    def __init__(self, device: int, host: Host, port: int, at_us: int, is_spam: bool) -> None:
        self.device = device
        self.at_us = self._latest_us = at_us
        self._host = host
        self._port = port
        self._is_spam = is_spam
        self._outcome = SILENT
        self._rtt_us = self._spoken_us = 0
        self._banner = _MUTE
        self._helo = ""
        self._is_sealed = False
        self._login: bool | None = None
        self._mails: list[_Mail] = []

    def established(self, now_us: int) -> None:
        self._outcome = OPEN
        self._rtt_us = now_us - self.at_us

    def refused(self, now_us: int) -> None:
        self._outcome = REFUSED
        self._rtt_us = now_us - self.at_us

    def sealed(self) -> None:
        self._is_sealed = True

    def command(self, verb: int, argument: bytes, now_us: int) -> None:
        self._latest_us = now_us
        if verb in (smtp.HELO, smtp.EHLO):
            self._helo = argument.strip().decode("ascii", "replace")
        elif verb == smtp.MAIL:
            self._spoken_us = self._spoken_us or now_us
            self._mails.append(_Mail(path_text(argument)))
        elif verb == smtp.RCPT and self._mails:
            self._mails[-1].named.append(path_text(argument))

    def reply(self, verb: int, reply: Reply, now_us: int) -> None:
        self._latest_us = now_us
        mail = self._mails[-1] if self._mails else None
        if verb == smtp.BANNER:
            self._banner = reply
        elif verb == smtp.AUTH and reply.code != 334:
            self._login = reply.code == _LOGGED_IN
        elif mail and verb == smtp.MAIL and reply.code >= _NEGATIVE:
            mail.recipients.append(("", _of_sender(reply)))
        elif mail and verb == smtp.RCPT and mail.named:
            mail.recipients.append((mail.named.pop(0), reply))
        elif mail and verb in (smtp.DATA, smtp.BDAT) and reply.code != 354:
            mail.reply = reply

    def call(self) -> Call:
        """Return the connection as a whole."""
        letters = tuple(mail.letter(self._is_spam) for mail in self._mails if mail.recipients or mail.named)
        is_cut_short = self._outcome != OPEN or self._banner.code >= _NEGATIVE
        if self._is_spam and not letters and is_cut_short:
            letters = (Letter("", (("", _UNANSWERED),), _UNANSWERED, True),)
        letter_us = (self._latest_us - self._spoken_us) // max(len(letters), 1)
        return Call(
            host=self._host,
            port=self._port,
            outcome=self._outcome,
            banner=self._banner if self._port != _SUBMISSIONS else Call(self._host).banner,
            helo=self._helo,
            starts_tls=self._is_sealed,
            login=self._login,
            letters=letters,
            rtt_s=_within(self._rtt_us, _RTT_S),
            letter_s=_within(letter_us, _LETTER_S),
        )


class CaptureCalls:
    """Listens to the connections of a capture.

    `whose(packet)` gives the number of the device that a packet comes from, -1 outside; `host(address)` the server's
    name and address.  `done` fills with (when it began in microseconds, device, call).
    """

    def __init__(
        self, whose: Callable[[Packet], int], host: Callable[[bytes], Host], is_sender: Callable[[int], bool]
    ) -> None:
        self.done: list[tuple[int, int, Call]] = []
        self.now_us = 0
        self._whose = whose
        self._host = host
        self._is_sender = is_sender
        self._streams = StreamTable(self, _SLOTS, _PORTS, HoldPool(_HELD_SEGMENTS, _SEGMENT_BYTES))
        self._observer = SmtpObserver(self, _SLOTS, _LINES, _LINE_BYTES)
        self._talks: dict[int, _Talk] = {}

    def feed(self, packet: Packet, now_s: int, now_us: int) -> None:
        """Take a TCP segment."""
        self.now_us = now_us
        self._streams.tick(now_s)
        self._streams.feed(packet)

    def close(self) -> None:
        """The capture is over."""
        self._streams.close_all()

    # --- the stream table speaks ---------------------------------------------------------------------

    def opened(self, slot: int, packet: Packet) -> None:
        device = self._whose(packet)
        if device >= 0:
            streams = self._streams
            at = streams.server_at(slot)
            host = self._host(bytes(streams.addresses[at : at + streams.address_bytes(slot)]))
            self._talks[slot] = _Talk(device, host, streams.port[slot], self.now_us, self._is_sender(device))
            self._observer.begin(slot, False, streams.port[slot] == _SUBMISSIONS)

    def midstream(self, slot: int, packet: Packet) -> None:
        """Nobody knows how it began."""

    def established(self, slot: int) -> None:
        if slot in self._talks:
            self._talks[slot].established(self.now_us)

    def refused(self, slot: int) -> None:
        if slot in self._talks:
            self._talks[slot].refused(self.now_us)

    def data(self, slot: int, side: int, buf: Bytes, start: int, end: int) -> None:
        if slot in self._talks:
            self._observer.feed(slot, side, buf, start, end)

    def gap(self, slot: int, side: int, size: int) -> None:
        if slot in self._talks:
            self._observer.gap(slot, side, size)

    def closed(self, slot: int) -> None:
        talk = self._talks.pop(slot, None)
        if talk:
            self._observer.end(slot)
            self.done.append((talk.at_us, talk.device, talk.call()))

    # --- the SMTP observer speaks ----------------------------------------------------------------------

    def command(self, slot: int, verb: int, buf: Bytes, start: int, end: int) -> None:
        argument = bytes(buf[argument_at(verb, buf, start, end) : end])
        self._talks[slot].command(verb, argument, self.now_us)

    def reply(self, slot: int, code: int, verb: int, buf: Bytes, start: int, end: int) -> None:
        text = bytes(buf[start:end]).decode("ascii", "replace").strip()
        self._talks[slot].reply(verb, Reply(code, text), self.now_us)

    def accepted(self, slot: int) -> None:
        """The reply said so."""

    def encrypted(self, slot: int) -> None:
        self._talks[slot].sealed()


def _of_sender(reply: Reply) -> Reply:
    """Return a reply that says to RCPT what `reply` said to MAIL: never that the recipient is unknown."""
    is_policy = reply.code >= _FOR_GOOD and reply.text.startswith("5.7.")
    return Reply(reply.code, "5.7.1 refused" if is_policy else "5.5.0 refused")


def _within(micros: int, limits: tuple[float, float]) -> float:
    return min(max(micros / _US, limits[0]), limits[1])
