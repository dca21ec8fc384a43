"""What happens in a home, as facts that every detector is told alike: look-ups, and what is said to mail servers.

A home's plan is what its devices set out to do; which of it happens depends on who lets them (evaluation/runner.py).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

A, MX, TXT, AAAA = 1, 15, 16, 28
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3

OPEN, REFUSED, SILENT = "open", "refused", "silent"  # how a server meets a SYN: SYN-ACK, RST, nothing

DAY_S = 86400


@dataclass(frozen=True, slots=True)
class Host:
    """A server outside: its name in DNS ("" if it has none) and its address, 4 or 16 bytes."""

    name: str
    address: bytes


@dataclass(frozen=True, slots=True)
class Question:
    """One look-up and its answer.

    `hosts` are the exchanges of an MX answer, the preferred first, with the addresses that come along; of A and AAAA
    whoever has the name.  `is_seen` is False where the gateway cannot see it (DNS over HTTPS).
    """

    name: str
    qtype: int
    rcode: int = NOERROR
    hosts: tuple[Host, ...] = ()
    is_seen: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply: its code and text (with the enhanced code, RFC 3463)."""

    code: int
    text: str


TAKEN = Reply(250, "2.0.0 Ok: queued")
KNOWN = Reply(250, "2.1.5 Ok")
UNKNOWN = Reply(550, "5.1.1 User unknown")
POLICY = Reply(554, "5.7.1 Service unavailable; client host blocked using a list")
GREYLISTED = Reply(451, "4.7.1 Greylisted, try again later")
GREETING = Reply(220, "ESMTP")


@dataclass(frozen=True, slots=True)
class Letter:
    """One message: `recipients` with the reply to each, and the reply to the final dot.

    It is accepted when at least one recipient and the end of the text are.
    """

    sender: str
    recipients: tuple[tuple[str, Reply], ...]
    reply: Reply = TAKEN
    is_spam: bool = False

    @property
    def is_accepted(self) -> bool:
        """Does the server take it, for anybody?"""
        return self.reply.code < 400 and any(reply.code < 400 for _, reply in self.recipients)


@dataclass(frozen=True, slots=True)
class Call:
    """One connection to a mail server and what would be said on it.

    `helo` is said twice where `starts_tls` (once more inside, unseen); after it only counts are seen.  `login` is None,
    or whether the password is taken.  `rtt_s` and `letter_s` are how long an answer and a letter take.
    """

    host: Host
    port: int = 25
    outcome: str = OPEN
    banner: Reply = GREETING
    helo: str = "localhost"
    starts_tls: bool = False
    login: bool | None = None
    letters: tuple[Letter, ...] = ()
    rtt_s: float = 0.05
    letter_s: float = 0.4


@dataclass(frozen=True, slots=True)
class Errand:
    """What a device sets out to do: to ask, then to call until somebody takes what it has.

    `tries[n]` are the calls, one after another until all is settled, of its n-th contact with the Internet (the last
    one repeats; so a greylisting server refuses in the first and takes in the second).  All of them carry the same
    letters in the same order: those settled are not said again.  Before each contact the questions are asked again.
    `retry_s` are the waits after failures of any kind; what has no queue has none, and gives up.
    """

    questions: tuple[Question, ...] = ()
    tries: tuple[tuple[Call, ...], ...] = ()
    retry_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ProxyOpened:
    """Somebody outside connects to a port of the device that proxies listen on."""

    port: int = 1080


Act = Question | Errand | ProxyOpened


@dataclass(frozen=True, slots=True)
class Resident:
    """A device of the home.

    `kind` names its habits (corpus/clean*.py, corpus/senders*.py); `uses_25` whether it mails by port 25 at all;
    `joins_s` when it first speaks, counted from the home's beginning; `is_reported_apart` marks what the owner has not
    granted though it does what only a mail server does; `grant_after_s` is how long after a detector acted against it
    the owner does so (None: never).
    """

    name: str
    kind: str
    is_sender: bool = False  # of spam
    uses_25: bool = False
    is_granted: bool = False  # mail-server
    is_reported_apart: bool = False
    grant_after_s: float | None = None
    is_adaptive: bool = False  # knows the thresholds
    joins_s: float = 0.0
    asks_seen_dns: bool = True  # False: all of its DNS passes where nobody sees it


@dataclass(frozen=True)
class Home:
    """One home for `seconds`: who lives there, and what they set out to do, in the order of time.

    `plan()` yields (seconds from the beginning, number of the resident, act) and can be called again: it is made from
    the seed each time.  `counted_from_s`: what happens before is history (it shapes contacts, and is not judged).
    """

    kind: str
    seed: int
    seconds: float
    residents: tuple[Resident, ...]
    plan: Callable[[], Iterator[tuple[float, int, Act]]]
    counted_from_s: float = 0.0
    start_s: int = field(default=1772481600)  # 2026-03-02 20:00 UTC; divides nothing evenly, on purpose
