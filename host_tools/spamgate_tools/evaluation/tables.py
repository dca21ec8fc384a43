"""Tables for the terminal: the bars first, then methods side by side, then kind by kind."""

from rich.console import Console
from rich.table import Table

from spamgate_tools.evaluation.comparison import ALL_FAST
from spamgate_tools.evaluation.metrics import GROUPS
from spamgate_tools.evaluation.report import OURS, Json

_PLAIN: Json = {"box": None, "pad_edge": False}
_METHOD_TITLES = (
    *("contained", "leaked 50 %", "95 %", "worst", "calls 50 %"),
    *("wrong in 10,000 days", "port 25", "new", "late", "lost"),
)
_KIND_TITLES = (
    *("contained", "of", "leaked 50 %", "95 %", "worst"),
    *("until it acts 50 %", "95 %", "calls 50 %", "95 %"),
)


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
        table.add_row(bar["text"], _number(bar["value"]), _number(bar["limit"]), met, short)
    return table


def methods_table(report: Json) -> Table:
    """Return the methods as published, side by side."""
    table = Table(title="Methods as published", title_justify="left", **_PLAIN)
    table.add_column("method", no_wrap=True)
    for title in _METHOD_TITLES:
        table.add_column(title, justify="right")
    for method in report["methods"]:
        table.add_row(method["title"], *method_cells(method))
    return table


def method_cells(method: Json) -> list[str]:
    """Return the figures of one method: contained, leaks, calls, wrong acts, mail."""
    fast = method["senders"].get(ALL_FAST)
    clean = method["clean"]
    found = ["-"] * 5
    if fast:
        found = [
            _percent(fast["contained_share"]),
            _number(fast["leaked_median"]),
            _number(fast["leaked_p95"]),
            _number(fast["leaked_worst"]),
            _number(fast["calls_median"]),
        ]
    wrong = [_number(clean[name]["per_10000_days"]) for name in ("all", "port 25", "new")]
    return [*found, *wrong, str(clean["all"]["late"]), str(clean["all"]["lost"])]


def kinds_table(method: Json) -> Table:
    """Return one method's figures for each kind of sender."""
    table = Table(title=f"{method['title']}: kinds of sender", title_justify="left", **_PLAIN)
    table.add_column("kind", no_wrap=True)
    for title in _KIND_TITLES:
        table.add_column(title, justify="right")
    for kind, it in method["senders"].items():
        leaked = [_number(it[key]) for key in ("leaked_median", "leaked_p95", "leaked_worst")]
        before = [_number(it[key]) for key in ("before_median", "before_p95", "calls_median", "calls_p95")]
        table.add_row(kind, _percent(it["contained_share"]), str(it["seeds"]), *leaked, *before)
    return table


def clean_table(method: Json) -> Table:
    """Return whom a method wrongs, by group."""
    table = Table(title=f"{method['title']}: clean devices", title_justify="left", **_PLAIN)
    table.add_column("group", no_wrap=True)
    for title in ("device-days", "acted against", "in 10,000 days", "at most (95 %)", "mails", "late", "lost"):
        table.add_column(title, justify="right")
    table.add_column("which")
    for name, it in method["clean"].items():
        rates = _number(it["per_10000_days"]), _number(it["per_10000_days_bound"])
        mails = [f"{it[key]:,}" for key in ("mails", "late", "lost")]
        which = ", ".join(f"{kind} ({count})" for kind, count in it["wronged_kinds"].items())
        table.add_row(GROUPS[name], f"{it['days']:,.0f}", str(it["wronged"]), *rates, *mails, which)
    return table


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.4g}"
