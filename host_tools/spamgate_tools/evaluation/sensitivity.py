"""How much hangs on each number of ours: every weight and threshold made smaller and larger, one at a time.

A weight that was never asked for in a home cannot have mattered there: those runs are taken from ours as shipped.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from spamgate.core.evidence import WEIGHTS, kind_name
from spamgate_tools.corpus.catalogue import HomeId
from spamgate_tools.evaluation import metrics
from spamgate_tools.evaluation.method import Method
from spamgate_tools.evaluation.methods.spamgate import THRESHOLDS, SpamgateMethod
from spamgate_tools.evaluation.outcomes import Outcome, outcome_of
from spamgate_tools.evaluation.runner import run_home

SCALES = (0.5, 0.75, 1.0, 1.25, 1.5)

_THRESHOLD_NAMES = ("h1 (watched)", "h2 (throttled)", "h3 (quarantined)")
_SHIPPED = 1.0


class Number(NamedTuple):
    """One number of ours: a threshold, or the weight of a kind of evidence."""

    name: str
    threshold: int = -1
    kind: int = -1

    def method(self, scale: float) -> SpamgateMethod:
        """Return ours with this number scaled."""
        thresholds = [_scaled(value, scale, at == self.threshold) for at, value in enumerate(THRESHOLDS)]
        weights = [_scaled(value, scale, at == self.kind) for at, value in enumerate(WEIGHTS)]
        return SpamgateMethod(weights, (thresholds[0], thresholds[1], thresholds[2]))


class Point(NamedTuple):
    """What comes of one number, so scaled."""

    scale: float
    contained_share: float
    leaked_median: float
    leaked_p95: float
    calls_median: float | None
    wronged: int
    lost: int


NUMBERS = (
    *(Number(name, threshold=at) for at, name in enumerate(_THRESHOLD_NAMES)),
    *(Number(kind_name(kind), kind=kind) for kind in range(len(WEIGHTS))),
)


class _Asked(tuple[int, ...]):
    """Weights that note which of them are used."""

    used: set[int]

    def __getitem__(self, at: Any) -> Any:
        self.used.add(at)
        return super().__getitem__(at)


def run_job(home_id: HomeId) -> list[Outcome]:
    """Run a home under ours with each number changed; the setting of an outcome says which, and how much."""
    home = home_id.make()
    quiet = run_home(home, Method())
    shipped = SpamgateMethod()
    asked = _Asked(WEIGHTS)
    asked.used = set()
    shipped.engine.board.weights = asked
    base = outcome_of(home, run_home(home, shipped), quiet, "")
    outcomes = []
    for number in NUMBERS:
        for scale in SCALES:
            is_same = scale == _SHIPPED or (number.kind >= 0 and number.kind not in asked.used)
            found = base if is_same else outcome_of(home, run_home(home, number.method(scale)), quiet, "")
            outcomes.append(replace(found, setting=_label(number, scale)))
    return outcomes


def rows(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Return each number with what comes of it at each scale; none without senders and clean homes to judge by."""
    by_setting = defaultdict(list)
    for outcome in outcomes:
        by_setting[outcome.setting].append(outcome)
    found = []
    for number in NUMBERS:
        points = [_point(scale, by_setting[_label(number, scale)]) for scale in SCALES]
        told = [point._asdict() for point in points if point]
        if len(told) == len(SCALES):
            found.append({"name": number.name, "points": told})
    return found


def _point(scale: float, outcomes: Sequence[Outcome]) -> Point | None:
    fast = metrics.sender_figures([it for it in metrics.sendings_of(outcomes) if metrics.is_fast(it.kind)])
    clean = metrics.clean_figures((living for outcome in outcomes for living in outcome.livings), "all")
    if not fast or not clean.days:
        return None
    return Point(
        scale=scale,
        contained_share=fast.contained_share,
        leaked_median=fast.leaked_median,
        leaked_p95=fast.leaked_p95,
        calls_median=fast.calls_median,
        wronged=clean.wronged,
        lost=clean.lost,
    )


def _scaled(value: int, scale: float, is_meant: bool) -> int:
    return int(value * scale) if is_meant else value


def _label(number: Number, scale: float) -> str:
    return f"{number.name} x{scale:g}"
