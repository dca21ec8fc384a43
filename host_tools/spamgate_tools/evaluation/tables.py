"""Tables for the terminal: the bars first, then methods side by side, then kind by kind."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from spamgate_tools.evaluation.comparison import ALL_FAST
from spamgate_tools.evaluation.metrics import GROUPS
from spamgate_tools.evaluation.report import OURS, Json

_PLAIN: Json = {"box": None, "pad_edge": False}
METHOD_TITLES = (
    *("contained", "leaked 50 %", "95 %", "worst", "calls 50 %"),
    *("wrong in 10,000 days", "port 25", "new", "late", "lost"),
)
KIND_TITLES = (
    *("contained", "of", "leaked 50 %", "95 %", "worst"),
    *("until it acts 50 %", "95 %", "calls 50 %", "95 %"),
)
CLEAN_TITLES = ("device-days", "acted against", "in 10,000 days", "at most (95 %)", "mails", "late", "lost", "which")


def show(report: Json, console: Console) -> None:
    """Print all tables."""
    if report["bars"]:
        console.print(bars_table(report))
        console.print()
    console.print(methods_table(report))
    for method in report["methods"]:
        if method["name"] == OURS:
            console.print()
            console.print(kinds_table(method))
            console.print()
            console.print(clean_table(method))


def bars_table(report: Json) -> Table:
    """Return what must hold of ours, and whether it does."""
    table = Table(title="What must hold", title_justify="left", **_PLAIN)
    for title in ("", "figure", "bar", "", "falls short"):
        table.add_column(title)
    for bar in report["bars"]:
        met = {True: "[green]met[/]", False: "[red]MISSED[/]", None: "not judged"}[bar["is_met"]]
        short = "" if bar["is_met"] else ", ".join(bar["misses"])
        table.add_row(bar["text"], number(bar["value"]), number(bar["limit"]), met, short)
    return table


def methods_table(report: Json) -> Table:
    """Return the methods as published, side by side."""
    rows = [(method["title"], method_cells(method)) for method in report["methods"]]
    return _table("Methods as published", "method", METHOD_TITLES, rows)


def kinds_table(method: Json) -> Table:
    """Return one method's figures for each kind of sender."""
    rows = [(kind, kind_cells(it)) for kind, it in method["senders"].items()]
    return _table(f"{method['title']}: kinds of sender", "kind", KIND_TITLES, rows)


def clean_table(method: Json) -> Table:
    """Return whom a method wrongs, by group."""
    rows = [(GROUPS[name], clean_cells(it)) for name, it in method["clean"].items()]
    table = _table(f"{method['title']}: clean devices", "group", CLEAN_TITLES, rows)
    table.columns[-1].justify = "left"
    return table


def method_cells(method: Json) -> list[str]:
    """Return the figures of one method: contained, leaks, calls, wrong acts, mail."""
    fast = method["senders"].get(ALL_FAST)
    clean = method["clean"]
    found = ["-"] * 5
    if fast:
        found = [
            percent(fast["contained_share"]),
            number(fast["leaked_median"]),
            number(fast["leaked_p95"]),
            number(fast["leaked_worst"]),
            number(fast["calls_median"]),
        ]
    wrong = [number(clean[name]["per_10000_days"]) for name in ("all", "port 25", "new")]
    return [*found, *wrong, f"{clean['all']['late']:,}", f"{clean['all']['lost']:,}"]


def kind_cells(it: Json) -> list[str]:
    """Return the figures of one kind of sender."""
    leaked = [number(it[key]) for key in ("leaked_median", "leaked_p95", "leaked_worst")]
    before = [number(it[key]) for key in ("before_median", "before_p95", "calls_median", "calls_p95")]
    return [percent(it["contained_share"]), str(it["seeds"]), *leaked, *before]


def clean_cells(it: Json) -> list[str]:
    """Return the figures of one group of clean devices."""
    rates = number(it["per_10000_days"]), number(it["per_10000_days_bound"])
    mails = [f"{it[key]:,}" for key in ("mails", "late", "lost")]
    which = ", ".join(f"{kind} ({count})" for kind, count in it["wronged_kinds"].items())
    return [f"{it['days']:,.0f}", str(it["wronged"]), *rates, *mails, which]


def percent(share: float) -> str:
    """Return a share as people read it."""
    return f"{share:.1%}"


def number(value: float | None) -> str:
    """Return a figure with no more digits than it is worth; "-" if there is none."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _table(title: str, first: str, titles: Sequence[str], rows: Iterable[tuple[str, list[str]]]) -> Table:
    table = Table(title=title, title_justify="left", **_PLAIN)
    table.add_column(first, no_wrap=True)
    for column in titles:
        table.add_column(column, justify="right")
    for name, cells in rows:
        table.add_row(name, *cells)
    return table
