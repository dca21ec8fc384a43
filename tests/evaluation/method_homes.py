"""Homes made by hand, small enough that what a detector of the literature must do in them can be told in advance."""

from collections.abc import Sequence

from spamgate_tools.corpus.facts import MX, OPEN, TAKEN, Call, Errand, Home, Host, Letter, Question, Resident
from spamgate_tools.evaluation.ledger import DeviceRecord
from spamgate_tools.evaluation.method import Method
from spamgate_tools.evaluation.runner import run_home

KNOWN = ("someone@else.example", TAKEN)


def server(number: int) -> Host:
    """Return one of 65,536 mail servers."""
    return Host(f"mx{number}.example", bytes((198, 18, number >> 8, number & 255)))


def letter(is_spam: bool = True) -> Letter:
    """Return a letter that is taken."""
    return Letter("me@home.example", (KNOWN,), is_spam=is_spam)


def call(
    number: int, letters: int = 1, *, is_spam: bool = True, outcome: str = OPEN, port: int = 25, tls: bool = False
) -> Call:
    """Return a connection to server `number` with so many letters."""
    return Call(server(number), port, outcome, starts_tls=tls, letters=(letter(is_spam),) * letters)


def asks_mx(number: int) -> Question:
    """Return the look-up of a domain's mail server."""
    return Question(f"domain{number}.example", MX, hosts=(server(number),))


def home_of(
    calls: Sequence[tuple[float, Call]], questions: Sequence[tuple[float, Question]] = (), seed: int = 1, **habits
) -> Home:
    """Return a home of one device that makes these calls at these seconds, without a queue."""
    acts = [(at_s, 0, Errand(tries=((one,),))) for at_s, one in calls]
    acts += [(at_s, 0, question) for at_s, question in questions]
    acts.sort(key=lambda act: act[0])
    resident = Resident("device", "hand-made", **habits)
    end_s = acts[-1][0] + 3600
    return Home("hand-made", seed, end_s, (resident,), lambda: iter(acts))


def outcome(home: Home, method: Method) -> DeviceRecord:
    """Let it happen; return what came of the device."""
    return run_home(home, method).devices[0]


def every(seconds: float, calls: Sequence[Call]) -> list[tuple[float, Call]]:
    """Return the calls with their times."""
    return [(10.0 + seconds * number, one) for number, one in enumerate(calls)]
