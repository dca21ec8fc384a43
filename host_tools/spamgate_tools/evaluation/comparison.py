"""Where another method does better than ours: said plainly, kind by kind and measure by measure."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from spamgate_tools.evaluation.metrics import GROUPS, CleanFigures, SenderFigures

ALL_FAST = "all of 6 an hour and more"


class Win(NamedTuple):
    """A measure by which a method as published beats ours."""

    method: str
    measure: str
    where: str
    theirs: float
    ours: float


class CurvePoint(NamedTuple):
    """One setting of a method: whom it contains, and whom it wrongs."""

    label: str
    is_published: bool
    contained_share: float
    contained_95: tuple[float, float]
    per_10000_days: float
    per_10000_days_95: tuple[float, float]
    wronged: int
    lost: int


_NEVER = float("inf")

_SENDER_MEASURES: tuple[tuple[str, Callable[[SenderFigures], float]], ...] = (
    ("share not contained", lambda it: 1 - it.contained_share),
    ("leaked, median", lambda it: it.leaked_median),
    ("leaked, 95 %", lambda it: it.leaked_p95),
    ("connections until it acts, median", lambda it: _NEVER if it.calls_median is None else it.calls_median),
)
_CLEAN_MEASURES: tuple[tuple[str, Callable[[CleanFigures], float]], ...] = (
    ("wrong acts in 10,000 device-days", lambda it: it.per_10000_days),
    ("mails late", lambda it: it.late),
    ("mails lost", lambda it: it.lost),
)


def sender_wins(method: str, theirs: dict[str, SenderFigures], ours: dict[str, SenderFigures]) -> list[Win]:
    """Return where a method is better at a kind of sender."""
    return [
        Win(method, measure, kind, value(theirs[kind]), value(ours[kind]))
        for kind in ours
        if kind in theirs
        for measure, value in _SENDER_MEASURES
        if value(theirs[kind]) < value(ours[kind])
    ]


def clean_wins(method: str, theirs: dict[str, CleanFigures], ours: dict[str, CleanFigures]) -> list[Win]:
    """Return where a method is kinder to clean devices."""
    return [
        Win(method, measure, GROUPS[name], value(theirs[name]), value(ours[name]))
        for name in ours
        for measure, value in _CLEAN_MEASURES
        if value(theirs[name]) < value(ours[name])
    ]


def not_beaten(ours: CurvePoint, others: Iterable[CurvePoint]) -> list[CurvePoint]:
    """Return the settings of others that ours does not beat.

    It beats one that contains no more senders and wrongs no fewer devices, and is not equal in both.
    """
    return [it for it in others if not _beats(ours, it)]


def _beats(one: CurvePoint, other: CurvePoint) -> bool:
    better = one.contained_share - other.contained_share, other.per_10000_days - one.per_10000_days
    return min(better) >= 0 and max(better) > 0
