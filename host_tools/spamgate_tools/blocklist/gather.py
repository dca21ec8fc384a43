"""All the sources of one list, read one after the other into one set of entries, and what became of each."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from spamgate_tools.blocklist.entry import KINDS, Entries
from spamgate_tools.blocklist.formats import FORMATS
from spamgate_tools.blocklist.report import SourceReport
from spamgate_tools.blocklist.source import Options, read_source


class Gathered(NamedTuple):
    """The sum of all sources."""

    entries: Entries
    reports: list[dict]  # of each, as its JSON
    lines: list[str]  # the same for people
    repeated: int  # entries that an earlier source had


def gather(sources: Iterable[str], allow: Iterable[str], format: str | None, options: Options) -> Gathered:
    """Read all sources, and those whose names shall never be blocked."""
    gathered = Gathered(Entries(), [], [], 0)
    repeated = 0
    for named in sources:
        repeated += _take(gathered, named, format, options)
    for named in allow:
        repeated += _take(gathered, named, format, options, is_allow=True)
    gathered.entries.fold()
    return gathered._replace(repeated=repeated)


def former_counts(report: Mapping) -> dict[str, int]:
    """Return how many entries each source had when that report was written."""
    try:
        return {it["source"]: sum(it["taken"].values()) for it in report["sources"]}
    except (KeyError, TypeError, AttributeError):
        return {}


def _take(gathered: Gathered, named: str, format: str | None, options: Options, is_allow: bool = False) -> int:
    """Take in one source; return how many of its entries were there already."""
    where, format = _where_and_format(named, format)
    report = read_source(where, format, options)
    if is_allow:
        report = _never_blocked(report)
    taken, before = report.taken, gathered.entries.total()
    gathered.reports.append(report.as_json())
    gathered.lines.extend(report.as_lines())
    gathered.entries.add(report.entries)
    return taken - (gathered.entries.total() - before)


def _where_and_format(named: str, format: str | None) -> tuple[str, str | None]:
    """Take `FORMAT=WHERE` apart; a file of that very name is that file."""
    prefix, sign, where = named.partition("=")
    if sign and prefix in FORMATS and not Path(named).exists():
        return where, prefix
    return named, format


def _never_blocked(report: SourceReport) -> SourceReport:
    """Take the names as those that stay allowed; a list has no exceptions for addresses."""
    entries, allowed = report.entries, Entries()
    for kind in KINDS:
        allowed.allowed[kind] = entries.blocked[kind] | entries.allowed[kind]
    if entries.networks:
        note = f"not taken: {len(entries.networks):,} addresses; a list has no exceptions for those"
        report.notes.append(note)
    return replace(report, entries=allowed, sense=f"never blocked: {report.sense}")
