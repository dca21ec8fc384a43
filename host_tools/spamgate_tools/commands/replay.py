"""`spamgate replay`: feed captures through the firmware's engine."""

import sys
from collections.abc import Sequence

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from spamgate.wire.address import AddressError, parse_network
from spamgate_tools.device_table import Devices, show
from spamgate_tools.errors import UserError
from spamgate_tools.replay import DEFAULT_HEAP_KB, RUNTIMES, Replay


def _checked(context: click.Context, option: click.Parameter, networks: Sequence[str]) -> Sequence[str]:
    for network in networks:
        try:
            parse_network(network)
        except AddressError as error:
            raise UserError(f"--lan {error}", "write 192.168.1.0/24 or fd00::/8") from None
    return networks


@click.command()
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True, type=click.Path(readable=False))
@click.option(
    "--lan",
    "networks",
    metavar="CIDR",
    multiple=True,
    callback=_checked,
    help="A network inside the home; may be repeated.",
)
@click.option(
    "--runtime",
    type=click.Choice(RUNTIMES),
    default=RUNTIMES[0],
    show_default=True,
    help="Which Python runs the engine; the events are the same to the byte.",
)
@click.option(
    "--heap-kb",
    type=click.IntRange(256, 1 << 20),
    default=DEFAULT_HEAP_KB,
    show_default=True,
    help="MicroPython's heap; the sizes of all tables follow from it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line instead of the table.")
def replay(captures: Sequence[str], networks: Sequence[str], runtime: str, heap_kb: int, as_json: bool) -> None:
    """Judge the devices in captures (pcap or pcapng) and show who sends spam, since when, and why.

    Without --lan, private, unique-local and link-local addresses are inside the home; in a capture that has
    none, whoever opens connections or asks questions.

    \b
    Examples:
      spamgate replay home.pcap
      spamgate replay --lan 192.168.1.0/24 --lan fd00::/8 monday.pcapng tuesday.pcapng
      spamgate replay --json home.pcap | jq 'select(.type == "verdict")'
    """
    if as_json:
        run = Replay(captures, networks, runtime, heap_kb)
        for line in run.lines():
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        run.finish()
    else:
        _show_table(captures, networks, runtime, heap_kb)


def _show_table(captures: Sequence[str], networks: Sequence[str], runtime: str, heap_kb: int) -> None:
    devices = Devices()
    fault: UserError | None = None
    screen = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )
    with bar:
        task = bar.add_task("reading", total=None)

        def progressed(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        run = Replay(captures, networks, runtime, heap_kb, progressed)
        for line in run.lines():
            if line.endswith(b"\n"):  # else the engine stopped in the middle of it; `finish` says why
                devices.add(line)
        try:
            run.finish()
        except UserError as error:
            fault = error
    if not fault or not devices.is_empty():
        show(devices, Console())
    if fault:
        raise fault
