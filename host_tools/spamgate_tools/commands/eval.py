"""`spamgate eval`: how well detectors find senders of spam, and whom else they touch."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spamgate_tools.errors import EXIT_DIFFERENT, UserError

if TYPE_CHECKING:
    from spamgate_tools.evaluation.report import Json
    from spamgate_tools.evaluation.study import Study, Wanted

_HALVES = ("judge", "learn", "both")
_SEEDS = 1 << 20
_FILE_WIDTH = 160  # of tables that go into a file


@click.command(name="eval")
@click.option("--quick", "size", flag_value="quick", default="quick", help="Few homes: two minutes.  [default]")
@click.option("--full", "size", flag_value="full", help="All homes, and all settings of all methods: an hour or two.")
@click.option("--seed", type=click.IntRange(0, _SEEDS), default=1, show_default=True, help="Another seed, other homes.")
@click.option(
    "--half",
    type=click.Choice(_HALVES),
    default=_HALVES[0],
    show_default=True,
    help="Homes to judge by, or those that parameters may be learned from.",
)
@click.option("--method", "methods", metavar="NAME", multiple=True, help="Only this method; may be repeated.")
@click.option(
    "--kind", "kinds", metavar="NAME", multiple=True, help="Only this kind of sender, or `clean`; repeatable."
)
@click.option(
    "--sweep-every", type=click.IntRange(0), help="All settings of all methods in each n-th home; 0: in none."
)
@click.option(
    "--sensitivity-every", type=click.IntRange(0), help="Ours with each number changed in each n-th home; 0: in none."
)
@click.option("--processes", type=click.IntRange(1, 1024), help="How many homes at a time.  [default: one a core]")
@click.option(
    "--captures",
    metavar="DIR",
    envvar="SPAMGATE_DATA",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Run all methods over the real captures below DIR, too; its labels.tsv says who sends spam.",
)
@click.option("--out", "folder", metavar="DIR", type=click.Path(path_type=Path), help="Write report, plots and page.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object instead of tables.")
def evaluate(folder: Path | None, as_json: bool, **options: Any) -> None:
    """Run made homes under Spamgate and under published detectors, side by side.

    Each home lives through the same plan under every detector: what leaks of senders of spam, how soon they are
    found, which clean devices are touched, and what becomes of their mail.

    Exit 0: all that must hold of Spamgate holds. Exit 1: not so. Exit 2: it could not run.

    \b
    Examples:
      spamgate eval
      spamgate eval --full --out build/evaluation
      spamgate eval --kind mx-120 --kind clean --method spamgate --half learn
    """
    from spamgate_tools.evaluation.study import Study, Wanted

    wanted = Wanted(**{name: value for name, value in options.items() if value is not None})
    _check(wanted)
    report = _with_progress(Study(wanted))
    if folder:
        _write(report, folder)
    if as_json:
        click.echo(json.dumps(report))
    else:
        _show(report, folder)
    if any(bar["is_met"] is False for bar in report["bars"]):
        sys.exit(EXIT_DIFFERENT)


def _check(wanted: "Wanted") -> None:
    from spamgate_tools.corpus.catalogue import all_kinds
    from spamgate_tools.evaluation.methods import METHODS

    for option, given, known in (("--method", wanted.methods, list(METHODS)), ("--kind", wanted.kinds, all_kinds())):
        for name in given:
            if name not in known:
                raise UserError(f"{option} {name}: there is none of that name", f"there are: {', '.join(known)}")


def _with_progress(study: "Study") -> "Json":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    screen = Console(stderr=True)
    columns = TextColumn("homes"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("homes", total=study.steps)
        return study.run(lambda: bar.advance(task))


def _write(report: "Json", folder: Path) -> None:
    from spamgate_tools.evaluation import page, plots

    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        page.write(report, plots.draw(report, folder), folder)
    except OSError as error:
        raise UserError(f"--out {folder}: {error.strerror}", "name a folder that can be written") from None


def _show(report: "Json", folder: Path | None) -> None:
    from rich.console import Console

    from spamgate_tools.evaluation.tables import show

    console = Console()
    if not console.is_terminal:
        console = Console(width=_FILE_WIDTH)
    show(report, console)
    homes = report["homes"]
    console.print(
        f"\n{homes['clean_device_days']:,.0f} clean device-days and {homes['sender_homes']} homes with a sender, "
        f"half {report['half']}, seed {report['seed']}: {report['run_s']:.0f} s"
    )
    if folder:
        console.print(f"Written: {folder / 'index.html'}, report.json and the plots beside it")
