"""One run of `blocklist build`: gather, build, and put the file and its report where the former ones were.

Nothing of a former list is touched before the new one is whole.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from spamgate_tools.blocklist.build import Heard, Options, build_list
from spamgate_tools.blocklist.gather import Gathered, former_counts, gather
from spamgate_tools.blocklist.names import dotted
from spamgate_tools.blocklist.open_list import open_list
from spamgate_tools.blocklist.saying import list_facts, list_lines, universe_facts, universe_lines
from spamgate_tools.blocklist.source import Options as SourceOptions
from spamgate_tools.blocklist.universe import read_universe, shipped_files
from spamgate_tools.errors import UserError

_EXAMPLES = 5

SourceHeard = Callable[[str, str, int, int], None]


@dataclass(frozen=True)
class Order:
    """What was asked for on the command line."""

    output: Path
    sources: tuple[str, ...]
    list_class: str
    board_class: str
    list_id: str
    allow: tuple[str, ...]
    universe: tuple[Path, ...]
    format_name: str | None
    rpz: str
    force: bool
    refresh: bool
    most_mb: int


class Made(NamedTuple):
    """What there is to say of a list that was made."""

    report: dict[str, Any]
    lines: list[str]


def make_list(order: Order, source_heard: SourceHeard, step_heard: Heard) -> Made:
    """Make the list and its report."""
    if not order.output.parent.is_dir():
        raise UserError(f"{order.output}: {order.output.parent} is no folder", "make it, or name another with -o")
    former = read_report(order.output)
    options = SourceOptions(
        rpz=order.rpz,
        force=order.force,
        refresh=order.refresh,
        former=former_counts(former),
        most_bytes=order.most_mb << 20,
        progress=source_heard,
    )
    gathered = gather(order.sources, order.allow, order.format_name, options)
    step_heard("reading the universe")
    universe = read_universe(order.universe or shipped_files())
    kind = Options(order.list_class, order.board_class, order.list_id)
    built = build_list(gathered.entries, universe.names, kind, step_heard)
    facts = list_facts(built.body, built.manifest)
    proof = universe_facts(built, len(universe.names))
    dropped = {"repeated": gathered.repeated, "covered": built.covered}
    widest = sorted(map(dotted, built.widest))
    report = {**facts, "top_level": widest, "dropped": dropped, "universe": proof, "sources": gathered.reports}
    kept = _keep_former(order.output)
    write_file(order.output, built.file())
    write_file(report_path(order.output), json.dumps(report, indent=1).encode())
    return Made(report, _lines(gathered, report, order.output, kept))


def report_path(output: Path) -> Path:
    """Return where the report of a list is."""
    return output.with_name(output.name + ".report.json")


def read_report(output: Path) -> dict[str, Any]:
    """Return the report of the list that is there, or nothing."""
    try:
        report = json.loads(report_path(output).read_bytes())
    except (OSError, ValueError):
        return {}
    return report if isinstance(report, dict) else {}


def _lines(gathered: Gathered, report: dict[str, Any], output: Path, kept: Path | None) -> list[str]:
    dropped = report["dropped"]
    lines = [
        *gathered.lines,
        f"list       {output}",
        *list_lines(report),
        f"dropped    {dropped['repeated']:,} that an earlier source had, {dropped['covered']:,} below a listed name",
        *universe_lines(report["universe"]),
    ]
    if report["top_level"]:
        lines.append(f"beware     it blocks all names below {', '.join(report['top_level'][:_EXAMPLES])}")
    if kept:
        lines.append(f"former     the signed list that was here is now {kept.name}: `push` sends what differs from it")
    return lines


def _keep_former(output: Path) -> Path | None:
    """Copy a signed list to a place beside: boards have it, and need only what differs."""
    try:
        if not output.is_file() or not open_list(output).is_signed:
            return None
    except UserError:
        return None
    former = output.with_name(f"{output.stem}.former{output.suffix}")
    write_file(former, output.read_bytes())
    return former


def write_file(path: Path, data: bytes) -> None:
    """Put a file in its place at once: whoever reads it has the former one or this."""
    new = path.with_name(path.name + ".new")
    try:
        new.write_bytes(data)
        os.replace(new, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}", "name another with -o") from None
