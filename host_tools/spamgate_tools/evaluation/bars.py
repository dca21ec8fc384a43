"""What must hold of ours: each bar with its figure, and whether it is met; a missed one fails the run."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from spamgate_tools.corpus.catalogue import CLEAN
from spamgate_tools.corpus.senders import SENDER_KINDS
from spamgate_tools.evaluation import metrics
from spamgate_tools.evaluation.outcomes import CONTAINED, Living, Outcome, Sending

CONTAINED_SHARE = 0.99
MX_MEDIAN = 2
KINDS_P95 = 5
WRONG_BOUND = 1.0  # in 10,000 device-days
ADAPTIVE_A_DAY = 250  # messages: 200 strangers a day (core/dialogue.py), which are counted to some 10 %, and the budget


class Bar(NamedTuple):
    """One promise.  `is_met` is None where there was nothing to judge it by; `misses` name what falls short."""

    name: str
    text: str
    value: float | None
    limit: float
    is_met: bool | None
    misses: tuple[str, ...] = ()


def judge(outcomes: Iterable[Outcome], is_full: bool) -> list[Bar]:
    """Return all bars, judged by the outcomes of ours; the bound on wrong acts needs a full campaign's device-days."""
    ours = list(outcomes)
    sendings = metrics.sendings_of(ours)
    livings = [living for outcome in ours for living in outcome.livings]
    bars = [*_of_senders(sendings), *_of_clean(livings)]
    return [*bars, _bound(livings)] if is_full else bars


def missed(bars: Iterable[Bar]) -> list[Bar]:
    """Return the bars that are not met."""
    return [bar for bar in bars if bar.is_met is False]


def _of_senders(sendings: Sequence[Sending]) -> list[Bar]:
    fast = _only(sendings, metrics.is_fast)
    plain = _only(sendings, metrics.is_plain_mx)
    judged = _only(sendings, metrics.is_judged)
    adaptive = _only(sendings, lambda kind: SENDER_KINDS[kind].is_adaptive)
    share = sum(one.is_contained for one in fast) / len(fast) if fast else None
    median = metrics.quantile([one.leaked for one in plain], 0.5) if plain else None
    p95 = metrics.quantile([one.leaked for one in judged], 0.95) if judged else None
    worst = max((one.leaked for one in adaptive), default=None)
    return [
        Bar(
            "contained",
            f"of senders of {metrics.FAST_PER_HOUR} connections an hour and more on port 25, but those that know the "
            "thresholds, this share is contained "
            f"(at most {CONTAINED} messages accepted in any 24 hours)",
            share,
            CONTAINED_SHARE,
            None if share is None else share >= CONTAINED_SHARE,
            _names(one.kind for one in fast if not one.is_contained),
        ),
        Bar(
            "mx_median",
            "messages leaked in the worst 24 hours at the median, of bots that ask for MX and have no mail history",
            median,
            MX_MEDIAN,
            None if median is None else median <= MX_MEDIAN,
            _kinds_above(plain, 0.5, MX_MEDIAN),
        ),
        Bar(
            "p95",
            "messages leaked at the 95th percentile, of all kinds on port 25 but those that know the thresholds",
            p95,
            KINDS_P95,
            None if p95 is None else p95 <= KINDS_P95,
            _kinds_above(judged, 0.95, KINDS_P95),
        ),
        Bar(
            "adaptive",
            "messages leaked in the worst 24 hours by the worst of the bots that know the thresholds",
            worst,
            ADAPTIVE_A_DAY,
            None if worst is None else worst <= ADAPTIVE_A_DAY,
            _kinds_above(adaptive, 1.0, ADAPTIVE_A_DAY),
        ),
    ]


def _of_clean(livings: Sequence[Living]) -> list[Bar]:
    clean = metrics.group(livings, "all")
    beside = metrics.group(livings, "beside")
    apart = metrics.group(livings, "apart")
    return [
        _none_wronged("clean", "clean devices in homes without a sender that were acted against", clean),
        _none_wronged("neighbours", "clean devices beside a sender that were acted against", beside),
        _none_lost("lost", "mails lost by clean devices, whether they were acted against or not", [*clean, *beside]),
        _none_lost(
            "apart", "mails lost by what is reported apart (ungranted mail servers, their owner's scanners)", apart
        ),
    ]


def _none_lost(name: str, text: str, livings: Sequence[Living]) -> Bar:
    lost = sum(one.lost for one in livings)
    names = _names(one.kind for one in livings if one.lost)
    return Bar(name, text, lost if livings else None, 0, None if not livings else not lost, names)


def _none_wronged(name: str, text: str, livings: Sequence[Living]) -> Bar:
    wronged = [one.kind for one in livings if one.is_wronged]
    return Bar(name, text, len(wronged) if livings else None, 0, None if not livings else not wronged, _names(wronged))


def _bound(livings: Sequence[Living]) -> Bar:
    figures = metrics.clean_figures(livings, "all")
    bound = figures.per_10000_days_bound
    return Bar(
        "clean_bound",
        "wrong acts in 10,000 device-days of clean devices, at the upper 95 % bound",
        bound if figures.days else None,
        WRONG_BOUND,
        bound <= WRONG_BOUND if figures.days else None,
        _names(kind for kind, count in figures.wronged_kinds.items() for _ in range(count)),
    )


def _only(sendings: Sequence[Sending], is_meant: Callable[[str], bool]) -> list[Sending]:
    return [one for one in sendings if one.kind != CLEAN and is_meant(one.kind)]


def _kinds_above(sendings: Sequence[Sending], share: float, limit: float) -> tuple[str, ...]:
    """Return the kinds that are above the limit by themselves, each with its figure."""
    found = []
    for kind in sorted({one.kind for one in sendings}):
        value = metrics.quantile([one.leaked for one in sendings if one.kind == kind], share)
        if value > limit:
            found.append(f"{kind} ({value:g})")
    return tuple(found)


def _names(kinds: Iterable[str]) -> tuple[str, ...]:
    """Return each kind once, with how often it is there."""
    names = list(kinds)
    return tuple(f"{kind} ({names.count(kind)})" for kind in sorted(set(names)))
