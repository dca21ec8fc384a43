"""`spamgate blocklist push`: a signed list onto one board or many."""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from spamgate_tools.errors import EXIT_DIFFERENT, UserError
from spamgate_tools.link.transports import DEFAULT_BAUD

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--port", "ports", metavar="PORT", multiple=True, help="A board's serial port; more than once for more.")
@click.option("--all", "to_all", is_flag=True, help="To the boards at all ports on USB.")
@click.option("--base", "bases", metavar="FILE", type=_FILE, multiple=True, help="A former list that boards may have.")
@click.option("--full", is_flag=True, help="Send the whole list, also where a delta would do.")
@click.option("--pause", is_flag=True, help="Boards without the memory may rest their DNS until they have the list.")
@click.option("--baud", type=click.IntRange(9600, 4_000_000), default=DEFAULT_BAUD, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print each step of each port, one JSON object a line.")
def push(file: Path, ports: tuple[str, ...], to_all: bool, as_json: bool, **options: Any) -> None:
    """Put the signed list FILE in force on boards.

    A board that has a former list, whose file lies beside FILE or is named with --base, gets a delta; all others, and
    those that refuse it, the whole list.  Boards go on with their work and with the list they have until the new one is
    there, whole and proved.  What is cut goes on where it was: repeat the command.  One board stops no other.

    An ESP32 without PSRAM may lack the memory to serve and to take a list at the same time.  With --pause it is started
    anew for the list only, and the home has no DNS from it for as long: seconds for a delta, minutes for a large list.

    \b
    Examples:
      spamgate blocklist push list.sgb --port /dev/ttyUSB0
      spamgate blocklist push list.sgb --all
      spamgate blocklist push new.sgb --base old.sgb --all --json

    \b
    Exit codes: 0 every board has it, 1 at least one has not, 2 nothing could be begun; one line says why.
    """
    from spamgate_tools.blocklist.push import Deltas, Push
    from spamgate_tools.blocklist.push_screen import News
    from spamgate_tools.blocklist.signed_file import find_bases, read_signed

    signed = read_signed(file)
    if signed.expires <= time.time():
        raise UserError(f"{file}: has expired, and no board would take it", "sign it again: `spamgate blocklist sign`")
    chosen = _ports(ports, to_all)
    news = News(as_json)
    with tempfile.TemporaryDirectory() as scratch:
        bases = {} if options["full"] else find_bases(signed, options["bases"])
        deltas = Deltas(bases, _maker(file), Path(scratch), signed)
        places = news.serve(Push(signed, deltas, news.changed, options["baud"], options["pause"]), chosen)
    if any(place.cause for place in places):
        sys.exit(EXIT_DIFFERENT)


def _ports(named: tuple[str, ...], to_all: bool) -> list[str]:
    from spamgate_tools.provision.tray import plugged_in

    if bool(named) == to_all:
        raise UserError("which boards?", "name ports with --port, or take all on USB with --all")
    chosen = list(dict.fromkeys(named)) if named else plugged_in()
    if not chosen:
        raise UserError("no port has a board on it", "connect boards over USB, or name ports with --port")
    return chosen


def _maker(file: Path) -> Callable[[Path], bytes | None]:
    """Return what makes a delta from a former file to this one, where there can be one."""
    from spamgate_tools.blocklist.differences import delta_file
    from spamgate_tools.blocklist.open_list import open_list

    new = open_list(file)
    return lambda base: delta_file(open_list(base), new)
