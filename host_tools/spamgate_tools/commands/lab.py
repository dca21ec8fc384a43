"""`spamgate lab`: a whole home in network namespaces on this machine, some of it infected."""

import json
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import click
from rich.console import Console

from spamgate_tools.errors import EXIT_DIFFERENT
from spamgate_tools.lab.live import Screen, event_line, table
from spamgate_tools.lab.rootless import settle
from spamgate_tools.lab.run import LEAST_S, LINUX, LWIP, MOST_S, Course
from spamgate_tools.lab.summary import faults, view


@click.command()
@click.option(
    "--seconds",
    type=click.IntRange(LEAST_S, MOST_S),
    default=60,
    show_default=True,
    envvar="SPAMGATE_LAB_SECONDS",
    help="How long to watch the home.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="The same seed, the same choices.")
@click.option(
    "--plane",
    type=click.Choice((LINUX, LWIP)),
    default=LINUX,
    show_default=True,
    help="Who routes and holds back: the kernel, or lwIP in MicroPython as on a board.",
)
@click.option("--keep-logs", metavar="DIR", type=click.Path(path_type=Path), help="Copy all programs' logs there.")
@click.option("--json", "as_json", is_flag=True, help="Print the gateway's events and the summary, one JSON a line.")
def lab(seconds: int, seed: int, plane: str, keep_logs: Path | None, as_json: bool) -> None:
    """Show a home with five infected devices behind a router that runs the firmware, all on this machine.

    Devices, router and internet are network namespaces; nothing leaves the machine and nothing stays on it. DNS and
    mail servers are real programs, and the router runs the firmware in MicroPython with a 512 KB heap. With --plane
    lwip that MicroPython is the whole router, with lwIP as on an ESP32; it is built first if it is not there. Needs
    root or user namespaces.

    Exit 0: every bot was contained (at most 5 messages accepted anywhere), all legitimate mail arrived and no other
    device changed its state. Exit 1: not so. Exit 2: it could not run.

    \b
    Examples:
      spamgate lab
      spamgate lab --seconds 120 --keep-logs build/lab
      spamgate lab --plane lwip
      spamgate lab --json | tail -n 1 | jq .bots
    """
    settle()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    run = _run_json if as_json else _run_for_people
    summary = run(seconds, seed, plane, keep_logs)
    if faults(summary):
        sys.exit(EXIT_DIFFERENT)


def _stop(number: int, frame: FrameType | None) -> None:
    """End as with Ctrl-C: namespaces and programs are removed on the way out."""
    raise KeyboardInterrupt


def _run_json(seconds: int, seed: int, plane: str, keep_logs: Path | None) -> dict:
    def put(event: dict) -> None:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()

    course = Course(seconds, seed, put, lambda step: None, plane)
    summary = course.run(lambda: None, keep_logs)
    put(summary)
    return summary


def _run_for_people(seconds: int, seed: int, plane: str, keep_logs: Path | None) -> dict:
    console = Console()
    with ExitStack() as stack:

        def tell(event: dict) -> None:
            line = event_line(event, course.books)
            if line:
                console.print(line, soft_wrap=True)

        def step(text: str) -> None:
            if screen:
                screen.step(text)

        def tick() -> None:
            if screen:
                screen.tick(time.time() - course.started)

        course = Course(seconds, seed, tell, step, plane)
        screen = stack.enter_context(Screen(console, course.books, seconds)) if console.is_terminal else None
        summary = course.run(tick, keep_logs)
    for note in course.notes:
        console.print(f"Note: {note}.", soft_wrap=True)
    console.print(table(course.books, console.width), view(summary))
    return summary
