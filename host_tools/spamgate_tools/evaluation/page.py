"""One HTML page of an evaluation, whole in one file: what was measured, on what, and where ours falls short."""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from spamgate_tools.evaluation import page_words as words
from spamgate_tools.evaluation.metrics import GROUPS, WINDOW_DAYS
from spamgate_tools.evaluation.report import OURS, Json
from spamgate_tools.evaluation.tables import (
    CLEAN_TITLES,
    KIND_TITLES,
    METHOD_TITLES,
    clean_cells,
    kind_cells,
    method_cells,
    number,
    percent,
)

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2.5rem;border-bottom:1px solid #ccc}
table{border-collapse:collapse;font-size:13px;margin:.8rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .6rem;border-bottom:1px solid #e3e3e3;text-align:left;vertical-align:top}
td.n,th.n{text-align:right;white-space:nowrap}tr.ours td{font-weight:600;background:#eef5fb}
.met{color:#00613f}.missed{color:#a13000;font-weight:700}img{max-width:100%;height:auto}
details{margin:.8rem 0}summary{cursor:pointer;font-weight:600}.wide{overflow-x:auto}
"""
_PARAMETER = ("parameter", "value", "unit", "source")


def write(report: Json, figures: Sequence[str], folder: Path) -> Path:
    """Write the page beside its figures, which it holds itself."""
    page = folder / "index.html"
    page.write_text(_page(report, {name: (folder / f"{name}.svg").read_bytes() for name in figures}), encoding="utf-8")
    return page


def _page(report: Json, images: dict[str, bytes]) -> str:
    parts = [
        _head(report),
        _bars(report),
        _methods(report),
        *(_figure(images, name) for name in ("tradeoff", "contained", "leaks", "calls", "wrong")),
        _wins(report),
        _precision(report),
        _kinds(report),
        _clean(report),
        _figure(images, "sensitivity"),
        _captures(report),
        _readings(report),
        _corpus(report),
    ]
    body = "\n".join(part for part in parts if part)
    title = escape(words.TITLE)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
        f"<body>\n{body}\n</body></html>\n"
    )


# --- parts ------------------------------------------------------------------------------------------


def _head(report: Json) -> str:
    homes = report["homes"]
    missed = [bar for bar in report["bars"] if bar["is_met"] is False]
    verdict = "Nothing was asked of Spamgate here."
    if report["bars"]:
        verdict = f"{len(missed)} of {len(report['bars'])} bars are missed." if missed else "All bars are met."
    made = (
        f"Made {report['date']}: {report['size']} campaign, half “{report['half']}”, seed {report['seed']}; "
        f"{homes['clean_homes']:,} homes without a sender ({homes['clean_device_days']:,.0f} device-days of "
        f"{homes['clean_devices']:,} clean devices; {homes['smtp_device_days']:,.0f} of kinds that mail, "
        f"{homes['port_25_device_days']:,.0f} of kinds that use port 25) and {homes['sender_homes']:,} homes with one "
        f"({homes['sender_kinds']} kinds, {homes['seeds_of_each']} seeds of each); run in {report['run_s']:,.0f} s."
    )
    again = f"spamgate eval --{report['size']} --half {report['half']} --seed {report['seed']}"
    return (
        f"<h1>{escape(words.TITLE)}</h1><p><b>{escape(verdict)}</b> {escape(made)} "
        f"The same again: <code>{escape(again)}</code></p>{words.WHAT_IS_REAL}"
    )


def _bars(report: Json) -> str:
    if not report["bars"]:
        return ""
    rows = []
    for bar in report["bars"]:
        met = {True: '<span class="met">met</span>', None: "not judged"}.get(
            bar["is_met"], '<span class="missed">MISSED</span>'
        )
        misses = "" if bar["is_met"] else escape(", ".join(bar["misses"]))
        rows.append([escape(bar["text"]), number(bar["value"]), number(bar["limit"]), met, misses])
    return f"<h2>What must hold</h2>{_table(('', 'figure', 'bar', '', 'falls short'), rows, (1, 2))}"


def _methods(report: Json) -> str:
    rows = [[escape(method["title"]), *map(escape, method_cells(method))] for method in report["methods"]]
    ours = [at for at, method in enumerate(report["methods"]) if method["name"] == OURS]
    table = _table(("method", *METHOD_TITLES), rows, range(1, len(METHOD_TITLES) + 1), ours)
    return f"<h2>Methods as published, over the same homes</h2>{words.METHODS}{table}"


def _figure(images: dict[str, bytes], name: str) -> str:
    if name not in images:
        return ""
    data = b64encode(images[name]).decode("ascii")
    text = words.FIGURES[name]
    title = escape(text.title)
    image = f'<img alt="{title}" src="data:image/svg+xml;base64,{data}">'
    return f"<h2>{title}</h2><p>{escape(text.reading)}</p>{image}"


def _wins(report: Json) -> str:
    if not any(method["name"] == OURS for method in report["methods"]):
        return ""
    titles = {method["name"]: method["title"] for method in report["methods"]}
    rows = [
        [
            escape(titles[win["method"]]),
            escape(win["where"]),
            escape(win["measure"]),
            _limitless(win["theirs"]),
            _limitless(win["ours"]),
        ]
        for win in report["wins"]
    ]
    table = _table(("method", "where", "measure", "its figure", "Spamgate’s"), rows, (3, 4))
    summary = f"All {len(rows)} figures in which another method is better"
    above = [
        f"{titles[it['method']]} ({it['label']}): {percent(it['contained_share'])} contained, "
        f"{number(it['per_10000_days'])} wrong in 10,000 device-days"
        for it in report["not_beaten"]
    ]
    settings = "".join(f"<li>{escape(text)}</li>" for text in above)
    told = f"<p>{words.NOT_BEATEN}</p><ul>{settings}</ul>" if above else f"<p>{words.ALL_BEATEN}</p>"
    return (
        f"<h2>Where another method wins</h2>{words.WINS}{told if report['homes_swept'] else ''}"
        f"{_wins_table(report['wins'], titles)}{_details(summary, table)}"
    )


def _wins_table(wins: list[Json], titles: dict[str, str]) -> str:
    """Return in how many kinds of sender, or groups of clean devices, each method is better, measure by measure."""
    measures = list(dict.fromkeys(win["measure"] for win in wins))
    counts = Counter((win["method"], win["measure"]) for win in wins)
    rows = [
        [escape(titles[name]), *(str(counts[name, measure] or "") for measure in measures)]
        for name in dict.fromkeys(win["method"] for win in wins)
    ]
    return _table(("better in so many kinds or groups", *measures), rows, range(1, len(measures) + 1)) if rows else ""


def _precision(report: Json) -> str:
    methods = [method for method in report["methods"] if method["precision"]]
    if not methods:
        return ""
    titles = [f"1 device in {1 / it['prevalence']:,.0f}" for it in methods[0]["precision"]]
    rows = [
        [escape(method["title"]), *(f"{percent(it['precision'])} ({percent(it['low'])})" for it in method["precision"])]
        for method in methods
    ]
    ours = [at for at, method in enumerate(methods) if method["name"] == OURS]
    table = _table(("method", *titles), rows, range(1, len(titles) + 1), ours)
    return f"<h2>Precision of {WINDOW_DAYS} days’ alarms</h2>{words.PRECISION}{table}"


def _kinds(report: Json) -> str:
    blocks = []
    for method in report["methods"]:
        rows = [[escape(kind), *kind_cells(it)] for kind, it in method["senders"].items()]
        table = _table(("kind", *KIND_TITLES), rows, range(1, len(KIND_TITLES) + 1))
        blocks.append(_folded(method, table) if rows else "")
    return f"<h2>Each kind of sender</h2>{words.KINDS}{''.join(blocks)}"


def _clean(report: Json) -> str:
    blocks = []
    for method in report["methods"]:
        rows = [[escape(GROUPS[name]), *map(escape, clean_cells(it))] for name, it in method["clean"].items()]
        blocks.append(_folded(method, _table(("group", *CLEAN_TITLES), rows, range(1, len(CLEAN_TITLES)))))
    return f"<h2>Clean devices and their mail</h2>{words.CLEAN}{''.join(blocks)}"


def _folded(method: Json, table: str) -> str:
    return _details(method["title"], table, method["name"] == OURS)


def _captures(report: Json) -> str:
    found = report.get("captures")
    if not found:
        return f"<h2>Real captures</h2>{words.NO_CAPTURES}"
    rows = [
        [
            escape(it["capture"]),
            escape(it["device"]),
            *(escape(it["methods"].get(m["name"], "")) for m in report["methods"]),
        ]
        for it in found
    ]
    table = _table(("capture", "device", *(method["title"] for method in report["methods"])), rows, ())
    return f"<h2>Real captures</h2>{words.CAPTURES}{table}"


def _readings(report: Json) -> str:
    blocks = []
    for method in report["methods"]:
        rows = [[escape(str(it[key])) for key in ("name", "value", "unit", "source")] for it in method["parameters"]]
        table = _table(_PARAMETER, rows, ()) if rows else ""
        blocks.append(
            f"<h3>{escape(method['title'])}</h3><p>{escape(method['citation'])}</p><p>{escape(method['reading'])}</p>{table}"
        )
    return f"<h2>How each method was read</h2>{''.join(blocks)}"


def _corpus(report: Json) -> str:
    corpus = report["corpus"]
    senders = [
        [escape(it["name"]), escape(it["what"]), number(it["per_hour"]), escape(_traits(it))]
        for it in corpus["sender_kinds"]
    ]
    clean = [
        [escape(it["name"]), escape(it["what"]), "yes" if it["uses_25"] else "", number(it["share"])]
        for it in corpus["clean_kinds"]
    ]
    numbers = [
        [escape(it["name"]), escape(_value(it["value"])), escape(it["unit"]), escape(it["source"])]
        for it in corpus["parameters"]
    ]
    return (
        f"<h2>The corpus</h2>{words.CORPUS}"
        f"{_details('Kinds of sender', _table(('kind', 'what', 'connections an hour', ''), senders, (2,)))}"
        f"{_details('Kinds of clean device', _table(('kind', 'what', 'port 25', 'weight'), clean, (3,)))}"
        f"{_details(f'{len(numbers)} parameters with their sources', _table(_PARAMETER, numbers, ()))}"
    )


def _details(summary: str, content: str, is_open: bool = False) -> str:
    return f"<details{' open' if is_open else ''}><summary>{escape(summary)}</summary>{content}</details>"


def _traits(kind: Json) -> str:
    told = (
        (kind["wants"] != "port 25", "submission only: not judged"),
        (kind["is_adaptive"], "knows the thresholds"),
        (kind["has_history"], "on a device with mail history"),
        (kind["is_granted"], "on a granted mail server"),
    )
    return ", ".join(text for is_so, text in told if is_so)


def _value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _limitless(value: float | None) -> str:
    return "never" if value is None else number(value)


def _table(
    titles: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int], ours: Sequence[int] = ()
) -> str:
    """Return a table of cells that are HTML already."""
    right = set(numbers)
    kinds = [' class="n"' if at in right else "" for at in range(len(titles))]
    head = "".join(f"<th{kind}>{escape(title)}</th>" for title, kind in zip(titles, kinds, strict=True))
    lines = []
    for at, row in enumerate(rows):
        cells = "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, kinds, strict=True))
        lines.append(f'<tr class="ours">{cells}</tr>' if at in ours else f"<tr>{cells}</tr>")
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
