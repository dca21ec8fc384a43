"""Everything that an evaluation found, as one JSON object: what tables, plots and the page are made from.

EVALUATION.md says what each key means; FORMAT goes up when one changes its meaning.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from spamgate_tools.corpus.clean import CLEAN_KINDS
from spamgate_tools.corpus.parameters import all_parameters
from spamgate_tools.corpus.senders import SENDER_KINDS
from spamgate_tools.evaluation import bars, comparison, metrics
from spamgate_tools.evaluation.campaign import NONE, Setting
from spamgate_tools.evaluation.comparison import ALL_FAST, CurvePoint
from spamgate_tools.evaluation.methods import METHODS
from spamgate_tools.evaluation.metrics import CleanFigures, SenderFigures
from spamgate_tools.evaluation.outcomes import Outcome

FORMAT = 1
OURS = "spamgate"

Json = dict[str, Any]


def build(outcomes: Iterable[Outcome], swept: Iterable[Outcome], names: list[str], is_full: bool) -> Json:
    """Return the report: `outcomes` of methods as published, `swept` of all settings over a part of the homes."""
    by_method = defaultdict(list)
    for outcome in outcomes:
        by_method[outcome.method].append(outcome)
    curves = _curves(swept)
    figures = {name: _Figures(by_method[name]) for name in names}
    judged = bars.judge(by_method[OURS], is_full) if OURS in names else []
    return {
        "type": "evaluation",
        "format": FORMAT,
        "homes": _homes(figures[names[0]]),
        "bars": [bar._asdict() for bar in judged],
        "methods": [figures[name].as_json(name, curves.get(name, [])) for name in names],
        "wins": _wins(figures) if OURS in names else [],
        "not_beaten": _not_beaten(curves),
    }


def corpus() -> Json:
    """Return what homes are made of: kinds, and every number with its source."""
    return {
        "sender_kinds": [
            {
                "name": kind.name,
                "what": kind.what,
                "per_hour": kind.per_hour,
                "wants": kind.wants,
                "asks_mx": kind.asks_mx,
                "has_history": kind.has_history,
                "is_adaptive": kind.is_adaptive,
                "is_granted": kind.is_granted,
            }
            for kind in SENDER_KINDS.values()
        ],
        "clean_kinds": [
            {"name": kind.name, "what": kind.what, "uses_25": kind.uses_25, "share": kind.share}
            for kind in CLEAN_KINDS.values()
        ],
        "parameters": [
            {"name": it.name, "value": it.value, "unit": it.unit, "source": it.source} for it in all_parameters()
        ],
    }


class _Figures:
    """All figures of one method as published."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        self.sendings = metrics.sendings_of(outcomes)
        self.livings = [living for outcome in outcomes for living in outcome.livings]
        self.clean: dict[str, CleanFigures] = {
            name: metrics.clean_figures(self.livings, name) for name in metrics.GROUPS
        }
        self.senders: dict[str, SenderFigures] = {}
        self._add(ALL_FAST, metrics.sender_figures([it for it in self.sendings if metrics.is_fast(it.kind)]))
        for kind in SENDER_KINDS:
            self._add(kind, metrics.sender_figures([it for it in self.sendings if it.kind == kind]))

    def _add(self, name: str, found: SenderFigures | None) -> None:
        if found:
            self.senders[name] = found

    def as_json(self, name: str, curve: list[CurvePoint]) -> Json:
        entry = METHODS[name]
        fast = self.senders.get(ALL_FAST)
        has_clean = fast and self.clean["all"].days
        precisions = metrics.precisions(fast, self.clean["all"]) if fast and has_clean else []
        judged = [it.calls_before for it in self.sendings if metrics.is_judged(it.kind)]
        return {
            "name": name,
            "title": entry.title,
            "citation": entry.citation,
            "reading": entry.reading,
            "setting": entry.published,
            "parameters": [it._asdict() for it in entry.parameters],
            "senders": {kind: asdict(found) for kind, found in self.senders.items()},
            "clean": {group: _finite(asdict(found)) for group, found in self.clean.items()},
            "precision": [it._asdict() for it in precisions],
            "calls": sorted(it for it in judged if it is not None),
            "never_acted": sum(it is None for it in judged),
            "curve": [point._asdict() for point in curve],
        }


def _homes(figures: _Figures) -> Json:
    clean = figures.clean
    kinds = [it.kind for it in figures.sendings]
    return {
        "clean_homes": len({it.seed for it in figures.livings if not it.is_beside_sender}),
        "clean_devices": clean["all"].devices,
        "clean_device_days": clean["all"].days,
        "smtp_device_days": clean["smtp"].days,
        "port_25_device_days": clean["port 25"].days,
        "apart_device_days": clean["apart"].days,
        "sender_homes": len(kinds),
        "sender_kinds": len(set(kinds)),
        "seeds_of_each": min((kinds.count(kind) for kind in set(kinds)), default=0),
    }


def _curves(swept: Iterable[Outcome]) -> dict[str, list[CurvePoint]]:
    by_setting: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in swept:
        by_setting[outcome.method, outcome.setting].append(outcome)
    curves: dict[str, list[CurvePoint]] = defaultdict(list)
    for (method, label), outcomes in by_setting.items():
        point = curve_point(Setting(method, label, METHODS[method].factory), outcomes)
        if point:
            curves[method].append(point)
    return curves


def curve_point(setting: Setting, outcomes: list[Outcome]) -> CurvePoint | None:
    """Return whom a setting contains and whom it wrongs; None without senders of 6 an hour, or without clean homes."""
    figures = _Figures(outcomes)
    fast, clean = figures.senders.get(ALL_FAST), figures.clean["all"]
    if not fast or not clean.days:
        return None
    return CurvePoint(
        label=setting.label,
        is_published=setting.is_published,
        contained_share=fast.contained_share,
        contained_95=fast.contained_95,
        per_10000_days=clean.per_10000_days,
        per_10000_days_95=clean.per_10000_days_95,
        wronged=clean.wronged,
        lost=clean.lost,
    )


def _wins(figures: dict[str, _Figures]) -> list[Json]:
    ours = figures[OURS]
    wins = []
    for name, theirs in figures.items():
        if name not in (OURS, NONE):
            wins += comparison.sender_wins(name, theirs.senders, ours.senders)
            wins += comparison.clean_wins(name, theirs.clean, ours.clean)
    return [_finite(win._asdict()) for win in wins]


def _not_beaten(curves: dict[str, list[CurvePoint]]) -> list[Json]:
    """Return the settings of others that ours as shipped does not beat."""
    shipped = next((point for point in curves.get(OURS, []) if point.is_published), None)
    if not shipped:
        return []
    return [
        {"method": name, **point._asdict()}
        for name, points in curves.items()
        if name not in (OURS, NONE)
        for point in comparison.not_beaten(shipped, points)
    ]


def _finite(row: Json) -> Json:
    """Return the row with null for what is without bound."""
    return {key: _bounded(value) for key, value in row.items()}


def _bounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_bounded(one) for one in value]
    return None if isinstance(value, float) and value == float("inf") else value
