"""The figures of an evaluation, made from its report, as PNG and SVG, in colours that the colour-blind tell apart."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib

from spamgate_tools.corpus.senders import SENDER_KINDS
from spamgate_tools.evaluation.bars import KINDS_P95, MX_MEDIAN
from spamgate_tools.evaluation.campaign import NONE
from spamgate_tools.evaluation.comparison import ALL_FAST
from spamgate_tools.evaluation.metrics import GROUPS
from spamgate_tools.evaluation.report import OURS, Json

matplotlib.use("Agg")  # no screen; before pyplot is loaded

from matplotlib import pyplot as plt  # noqa: E402

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OURS_COLOUR = "#0072B2"
# Okabe, Ito: Color Universal Design, 2008
_COLOURS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C3A", "#7A7A7A", "#5D3A9B")
_MARKERS = "s^Dv<>XPp"
_STYLE: Any = {"font.size": 9, "svg.hashsalt": "spamgate", "axes.spines.top": False, "axes.spines.right": False}
_STYLE |= {"axes.grid": True, "grid.alpha": 0.3, "figure.constrained_layout.use": True}
_NO_TIME = {"svg": {"Date": None}, "png": {"Software": None}}
_LEAST_RATE = 0.5  # in 10,000 device-days: below it the axis is linear, so that 0 has a place

Figures = dict[str, "Callable[[Json], Figure | None]"]


def draw(report: Json, folder: Path) -> list[str]:
    """Write every figure that the report has data for; return their names."""
    drawn = []
    with plt.rc_context(_STYLE):
        for name, make in FIGURES.items():
            figure = make(report)
            if figure is None:
                continue
            for form, about in _NO_TIME.items():
                figure.savefig(folder / f"{name}.{form}", dpi=130, metadata=about)
            plt.close(figure)
            drawn.append(name)
    return drawn


def _methods(report: Json) -> list[tuple[Json, Json]]:
    """Return the methods that do something, each with how it is drawn; ours comes last, on top."""
    others = [method for method in report["methods"] if method["name"] not in (OURS, NONE)]
    drawn = [
        (method, {"color": _COLOURS[at % len(_COLOURS)], "marker": _MARKERS[at % len(_MARKERS)], "lw": 1.1})
        for at, method in enumerate(others)
    ]
    ours = [method for method in report["methods"] if method["name"] == OURS]
    return drawn + [(method, {"color": _OURS_COLOUR, "marker": "o", "lw": 2.4, "zorder": 5}) for method in ours]


def _kinds(method: Json) -> list[str]:
    """Return the kinds of sender that use port 25: of the others nothing leaks there, whatever a method does."""
    return [kind for kind in method["senders"] if kind not in SENDER_KINDS or SENDER_KINDS[kind].wants == "port 25"]


def _tradeoff(report: Json) -> "Figure | None":
    figure, axes = plt.subplots(figsize=(8.5, 5.2))
    curves = [point["per_10000_days"] for method in report["methods"] for point in method["curve"]]
    right = max(curves, default=0.0)
    for method, look in _methods(report):
        points = sorted(method["curve"], key=lambda it: (it["per_10000_days"], it["contained_share"]))
        here = [it for it in points if it["is_published"]] or _as_point(method)
        if not here:
            continue
        spots = {"color": look["color"], "marker": look["marker"], "clip_on": False, "zorder": look.get("zorder", 3)}
        if points:
            xy = [it["per_10000_days"] for it in points], [100 * it["contained_share"] for it in points]
            axes.plot(*xy, ms=4, ls="", **spots)
            axes.step(
                *_best(*xy, right),
                where="post",
                color=look["color"],
                lw=look["lw"],
                clip_on=False,
                zorder=spots["zorder"],
            )
        at = here[0]["per_10000_days"], 100 * here[0]["contained_share"]
        axes.plot(*at, ms=10, mec="white", ls="", label=method["title"], **spots)
    axes.set_xscale("symlog", linthresh=_LEAST_RATE)
    axes.set_xlim(left=0)
    axes.set_ylim(-2, 102)
    axes.set_xlabel("clean devices acted against in 10,000 device-days")
    axes.set_ylabel("senders contained, %")
    axes.set_title("Whom it contains, whom it wrongs (large mark: as published; up and left is better)", loc="left")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure


def _best(wrong: list[float], contained: list[float], right: float) -> tuple[list[float], list[float]]:
    """Return the settings that no other of the method beats: those that contain more than all that wrong fewer."""
    x: list[float] = []
    y: list[float] = []
    for at, share in sorted(zip(wrong, contained, strict=True), key=lambda point: (point[0], -point[1])):
        if not y or share > y[-1]:
            x.append(at)
            y.append(share)
    return [*x, right], [*y, y[-1]]


def _as_point(method: Json) -> list[Json]:
    fast = method["senders"].get(ALL_FAST)
    clean = method["clean"]["all"]
    if not fast or not clean["days"]:
        return []
    return [{"per_10000_days": clean["per_10000_days"], "contained_share": fast["contained_share"]}]


def _leaks(report: Json) -> "Figure | None":
    ours = next((method for method in report["methods"] if method["name"] == OURS), None)
    if not ours or not ours["senders"]:
        return None
    kinds = _kinds(ours)[::-1]
    figure, axes = plt.subplots(figsize=(8.5, 1.6 + 0.27 * len(kinds)))
    for row, kind in enumerate(kinds):
        it = ours["senders"][kind]
        axes.plot([it["leaked_median"], it["leaked_p95"]], [row, row], color=_OURS_COLOUR, lw=6, alpha=0.5)
        axes.plot(it["leaked_worst"], row, "|", color=_OURS_COLOUR, ms=11, mew=2, clip_on=False)
    for method, look in _methods(report):
        rows = [row for row, kind in enumerate(kinds) if kind in method["senders"]]
        medians = [method["senders"][kinds[row]]["leaked_median"] for row in rows]
        look = {**look, "lw": 0, "ms": 8 if method["name"] == OURS else 4.5}
        axes.plot(medians, rows, ls="", label=method["title"], clip_on=False, alpha=0.9, **look)
    for limit, text in ((MX_MEDIAN, "median"), (KINDS_P95, "95 %")):
        axes.axvline(limit, color="#555555", ls=":", lw=1)
        axes.text(limit, len(kinds) - 0.3, text, ha="center", va="bottom", fontsize=7, color="#555555")
    axes.set_xscale("symlog", linthresh=10, linscale=2)
    axes.set_xlim(left=0)
    axes.set_yticks(range(len(kinds)), kinds)
    axes.set_xlabel("messages accepted in the worst 24 hours (dotted: the bars)")
    axes.set_title("What leaks: medians; of ours also a band to 95 %, a stroke at the worst", loc="left", pad=14)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return figure


def _calls(report: Json) -> "Figure | None":
    figure, axes = plt.subplots(figsize=(8.5, 4.4))
    for method, look in _methods(report):
        calls = method["calls"]
        total = len(calls) + method["never_acted"]
        if not total:
            continue
        x, y = [0.8], [0.0]
        for at, count in enumerate(calls, 1):
            x.append(max(count, 0.8))
            y.append(100 * at / total)
        x.append(2000)
        y.append(y[-1])
        axes.step(x, y, where="post", color=look["color"], lw=look["lw"], label=method["title"])
    axes.set_xscale("log")
    axes.set_xlim(0.8, 2000)
    axes.set_ylim(0, 101)
    axes.set_xlabel("connections to port 25 until the method acts")
    axes.set_ylabel("senders acted against, %")
    axes.set_title("How soon senders are found (all kinds that use port 25 and do not know thresholds)", loc="left")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure


def _wrong(report: Json) -> "Figure | None":
    groups = [name for name in ("all", "port 25", "new", "beside") if report["methods"][0]["clean"][name]["days"]]
    if not groups:
        return None
    methods = _methods(report)[::-1]
    figure, panels = plt.subplots(1, len(groups), figsize=(10.5, 0.9 + 0.3 * len(methods)), sharey=True, squeeze=False)
    for axes, name in zip(panels[0], groups, strict=True):
        for row, (method, look) in enumerate(methods):
            it = method["clean"][name]
            low, high = it["per_10000_days_95"]
            axes.plot([low, high], [row, row], color=look["color"], lw=2)
            axes.plot(it["per_10000_days"], row, color=look["color"], marker=look["marker"], ms=6, clip_on=False)
        axes.set_xscale("symlog", linthresh=_LEAST_RATE)
        axes.set_xlim(0, 9999)
        axes.set_xticks([0, 1, 10, 100, 1000], ["0", "1", "10", "100", "1,000"])
        axes.set_title(GROUPS[name], fontsize=8)
    panels[0][0].set_yticks(range(len(methods)), [method["title"] for method, _ in methods])
    figure.suptitle("Clean devices acted against in 10,000 device-days, with 95 % intervals", x=0.01, ha="left")
    return figure


def _contained(report: Json) -> "Figure | None":
    methods = [method for method, _ in _methods(report)[::-1]]
    kinds = _kinds(methods[0]) if methods else []
    if not kinds:
        return None
    shares = [[100 * method["senders"][kind]["contained_share"] for method in methods] for kind in kinds]
    figure, axes = plt.subplots(figsize=(2.6 + 0.75 * len(methods), 1.8 + 0.24 * len(kinds)))
    _heat(axes, shares, "{:.0f}", (0, 100))
    axes.set_yticks(range(len(kinds)), kinds)
    axes.set_xticks(range(len(methods)), [method["title"] for method in methods], rotation=35, ha="left")
    axes.xaxis.tick_top()
    axes.set_title("Senders contained, %", loc="left")
    return figure


def _sensitivity(report: Json) -> "Figure | None":
    found = report.get("sensitivity")
    if not found or not found["rows"]:
        return None
    rows, scales = found["rows"], found["scales"]
    figure, panels = plt.subplots(1, 3, figsize=(11, 1.4 + 0.23 * len(rows)), sharey=True)
    measures = (
        ("contained_share", "senders contained, %", 100, "{:.1f}"),
        ("leaked_p95", "leaked, 95 %", 1, "{:.0f}"),
        ("wronged", "clean devices acted against", 1, "{:.0f}"),
    )
    for axes, (key, title, factor, form) in zip(panels, measures, strict=True):
        values = [[factor * point[key] for point in row["points"]] for row in rows]
        flat = [value for row in values for value in row]
        _heat(axes, values, form, (min(flat), max(flat)))
        axes.set_xticks(range(len(scales)), [f"x{scale:g}" for scale in scales])
        axes.set_title(title, fontsize=9)
    panels[0].set_yticks(range(len(rows)), [row["name"] for row in rows])
    figure.suptitle("Spamgate with one of its numbers changed at a time", x=0.01, ha="left")
    return figure


def _heat(axes: "Axes", values: list[list[float]], form: str, span: tuple[float, float]) -> None:
    """Draw numbers on a scale of colours, each readable on its own."""
    low, high = span if span[1] > span[0] else (span[0], span[0] + 1)
    axes.imshow(values, cmap="cividis", vmin=low, vmax=high, aspect="auto")
    axes.grid(False)
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            colour = "black" if (value - low) / (high - low) > 0.5 else "white"
            axes.text(column, row, form.format(value), ha="center", va="center", color=colour, fontsize=7)


FIGURES: Figures = {
    "tradeoff": _tradeoff,
    "contained": _contained,
    "leaks": _leaks,
    "calls": _calls,
    "wrong": _wrong,
    "sensitivity": _sensitivity,
}
