"""`spamgate blocklist build`: from sources of any format to one list."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from spamgate_tools.blocklist.classes import BOARD_CLASSES, LIST_CLASSES
from spamgate_tools.errors import UserError

SourceHeard = Callable[[str, str, int, int], None]
StepHeard = Callable[[str], None]

_MEGABYTE = 1 << 20
_LIST_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")


def _list_id(context: click.Context, option: click.Parameter, text: str) -> str:
    if not _LIST_ID.fullmatch(text):
        raise UserError(f"--id {text}: is no name of a list", "take up to 32 letters, digits, dots and hyphens")
    return text


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("list.sgb"), show_default=True)
@click.option("--class", "list_class", type=click.Choice(list(LIST_CLASSES)), default="exact", show_default=True)
@click.option("--board-class", type=click.Choice(BOARD_CLASSES), default="any", show_default=True)
@click.option("--id", "list_id", default="default", show_default=True, callback=_list_id, help="Which list this is.")
@click.option("--allow", multiple=True, metavar="SOURCE", help="Names that shall never be blocked.")
@click.option("--universe", multiple=True, type=click.Path(path_type=Path), help="Names in place of those shipped.")
@click.option("--format", "format_name", help="The format of all sources; for one of them write FORMAT=SOURCE.")
@click.option("--rpz", type=click.Choice(["auto", "exact", "domain"]), default="auto", help="A plain trigger's sense.")
@click.option("--force", is_flag=True, help="Take a source although it has a tenth of what it had.")
@click.option("--refresh", is_flag=True, help="Ask servers again that were asked within the hour.")
@click.option("--most-mb", type=click.IntRange(1, 4096), default=128, show_default=True, help="Limit of one source.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line: the sources, then the list.")
def build(output: Path, as_json: bool, **given) -> None:
    """Build a list from files and URLs.

    Hosts files, plain names, AdBlock, dnsmasq, unbound, BIND, RPZ, address lists: the format of each is found out.  The
    same entries give the same bytes, whatever their order and format.  What was taken and skipped is said for each
    source, and kept in OUTPUT.report.json.  Names that people need (the universe) are never blocked by chance.

    "exact" lists take a name for a listed one at most once in a million times, "compact" ones once in two thousand.
    With --board-class the list is made for boards of that flash, and refused when it is too large for them.

    The list is not signed yet, and no board takes it: `spamgate blocklist sign` comes next.  A board takes only lists
    with the id that it is set to.

    \b
    Examples:
      spamgate blocklist build https://lists.example/hosts.txt drop.txt -o home.sgb
      spamgate blocklist build *.txt --allow mine.txt --board-class 4MiB --class compact
      spamgate blocklist build rpz=feed.zone plain=names.txt --universe top-sites.csv
    """
    from spamgate_tools.blocklist.make import Order, make_list

    order = Order(output, **given)
    with _progress(hidden=as_json) as (source_heard, step_heard):
        began = time.monotonic()
        made = make_list(order, source_heard, step_heard)
        seconds = round(time.monotonic() - began, 2)
    if as_json:
        for report in made.report["sources"]:
            click.echo(json.dumps({"type": "source", **report}))
        facts = {name: value for name, value in made.report.items() if name != "sources"}
        click.echo(json.dumps({"type": "list", "file": str(output), "seconds": seconds, **facts}))
    else:
        for line in made.lines:
            click.echo(line)
        click.echo(f"next       spamgate blocklist sign {output} --key KEY.pem")


@contextmanager
def _progress(hidden: bool) -> Iterator[tuple[SourceHeard, StepHeard]]:
    """Show on a terminal what is being done, and how far it is."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=hidden or not console.is_terminal) as bar:
        task = bar.add_task("")

        def source_heard(source: str, what: str, done: int, size: int) -> None:
            unit = f"{done:,} lines" if what == "reading" else f"{done / _MEGABYTE:.1f} MB"
            of = f" of {size / _MEGABYTE:.1f} MB" if size and what != "reading" else ""
            bar.update(task, description=f"{what} {source}: {unit}{of}")

        def step_heard(step: str) -> None:
            bar.update(task, description=step)

        yield source_heard, step_heard
