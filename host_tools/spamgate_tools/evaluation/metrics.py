"""Turns outcomes into figures: what leaked of senders, whom of the clean a detector touched, and how sure that is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, exp, inf
from typing import NamedTuple

from spamgate_tools.corpus.senders import SENDER_KINDS
from spamgate_tools.evaluation import intervals
from spamgate_tools.evaluation.outcomes import Living, Outcome, Sending

DAYS = 10000  # wrong acts are counted for so many device-days
PREVALENCES = (0.05, 0.01, 0.001, 0.0001)  # of devices that send spam
WINDOW_DAYS = 30  # precision is that of a month's alarms
FAST_PER_HOUR = 6  # "above 6 an hour": kinds at 6 included

# groups of clean devices, and what they are
GROUPS = {
    "all": "all clean devices",
    "smtp": "those that mail, on whatever port",
    "port 25": "those that use port 25",
    "new": "newly installed ones, in their first week",
    "beside": "neighbours of a sender",
    "apart": "apart: ungranted mail servers, their owner's scanners",
}


@dataclass(frozen=True)
class SenderFigures:
    """Senders of one kind (or several) under one method."""

    seeds: int
    contained: int
    contained_share: float
    contained_95: tuple[float, float]
    acted: int
    leaked_median: float  # messages accepted in the worst 24 hours
    leaked_p95: float
    leaked_worst: int
    before_median: float  # messages accepted until the method acted; all of them where it never did
    before_p95: float
    calls_median: float | None  # connections to port 25 until it acted; None: in half of the homes or more it never did
    calls_p95: float | None
    seconds_median: float | None


@dataclass(frozen=True)
class CleanFigures:
    """A group of clean devices under one method."""

    devices: int
    days: float
    wronged: int
    per_10000_days: float
    per_10000_days_95: tuple[float, float]
    per_10000_days_bound: float  # one-sided upper 95 % bound
    wronged_kinds: dict[str, int]
    mails: int
    late: int
    lost: int


class Precision(NamedTuple):
    """Of a month's alarms at this prevalence: the share that is right; `low` at the unlucky ends of the intervals."""

    prevalence: float
    precision: float
    low: float


def is_judged(kind: str) -> bool:
    """Do the bars for senders speak of this kind: on port 25, and not knowing the thresholds?"""
    sender = SENDER_KINDS[kind]
    return sender.wants == "port 25" and not sender.is_adaptive


def is_fast(kind: str) -> bool:
    """Does the bar on containment speak of it?"""
    return is_judged(kind) and SENDER_KINDS[kind].per_hour >= FAST_PER_HOUR


def is_plain_mx(kind: str) -> bool:
    """Does it ask for MX, on a device without mail history?"""
    sender = SENDER_KINDS[kind]
    return is_judged(kind) and sender.asks_mx and not sender.has_history


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of all do not exceed."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


def sendings_of(outcomes: Iterable[Outcome]) -> list[Sending]:
    """Return the senders of all homes."""
    return [outcome.sending for outcome in outcomes if outcome.sending]


def sender_figures(sendings: Sequence[Sending]) -> SenderFigures | None:
    """Return the figures of these senders; None if there are none."""
    if not sendings:
        return None
    count = len(sendings)
    contained = sum(one.is_contained for one in sendings)
    leaked = [one.leaked for one in sendings]
    before = [one.leaked_before for one in sendings]
    calls = [inf if one.calls_before is None else one.calls_before for one in sendings]
    seconds = [inf if one.seconds_before is None else one.seconds_before for one in sendings]
    return SenderFigures(
        seeds=count,
        contained=contained,
        contained_share=contained / count,
        contained_95=intervals.share(contained, count),
        acted=sum(one.calls_before is not None for one in sendings),
        leaked_median=quantile(leaked, 0.5),
        leaked_p95=quantile(leaked, 0.95),
        leaked_worst=max(leaked),
        before_median=quantile(before, 0.5),
        before_p95=quantile(before, 0.95),
        calls_median=_finite(quantile(calls, 0.5)),
        calls_p95=_finite(quantile(calls, 0.95)),
        seconds_median=_finite(quantile(seconds, 0.5)),
    )


def group(livings: Iterable[Living], name: str) -> list[Living]:
    """Return the clean devices of a group; only its own has those that are reported apart, or live beside a sender."""
    if name == "apart":
        return [one for one in livings if one.is_apart]
    chosen = [one for one in livings if not one.is_apart and one.is_beside_sender == (name == "beside")]
    if name == "smtp":
        return [one for one in chosen if one.speaks_smtp]
    if name == "port 25":
        return [one for one in chosen if one.uses_25]
    if name == "new":
        return [one for one in chosen if one.days_new]
    return chosen


def clean_figures(livings: Iterable[Living], name: str) -> CleanFigures:
    """Return the figures of a group of clean devices."""
    chosen = group(livings, name)
    is_new = name == "new"
    days = sum(one.days_new if is_new else one.days for one in chosen)
    wronged = [one.kind for one in chosen if (one.is_wronged_new if is_new else one.is_wronged)]
    count = len(wronged)
    low, high = intervals.rate(count, days)
    return CleanFigures(
        devices=len(chosen),
        days=days,
        wronged=count,
        per_10000_days=count / days * DAYS if days else 0.0,
        per_10000_days_95=(low * DAYS, high * DAYS),
        per_10000_days_bound=intervals.rate_bound(count, days) * DAYS,
        wronged_kinds={kind: wronged.count(kind) for kind in sorted(set(wronged))},
        mails=sum(one.mails for one in chosen),
        late=sum(one.late for one in chosen),
        lost=sum(one.lost for one in chosen),
    )


def precisions(fast: SenderFigures, clean: CleanFigures) -> list[Precision]:
    """Return how many of a month's alarms are right, at several shares of devices that send spam."""
    found = fast.acted / fast.seeds
    found_low = intervals.share(fast.acted, fast.seeds)[0]
    return [
        Precision(
            prevalence,
            _precision(prevalence, found, clean.per_10000_days),
            _precision(prevalence, found_low, clean.per_10000_days_95[1]),
        )
        for prevalence in PREVALENCES
    ]


def _precision(prevalence: float, found: float, per_10000_days: float) -> float:
    right = prevalence * found
    wrong = (1 - prevalence) * (1 - exp(-per_10000_days / DAYS * WINDOW_DAYS))
    return right / (right + wrong) if right + wrong else 0.0


def _finite(value: float) -> float | None:
    return None if value == inf else value
