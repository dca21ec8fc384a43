"""`spamgate provision`: a tray of boards, all at once, each recorded with a serial and a key of its own."""

import sys
from pathlib import Path
from typing import Any

import click

from spamgate_tools.errors import EXIT_DIFFERENT, UserError
from spamgate_tools.gateway import read_config
from spamgate_tools.provision import label
from spamgate_tools.provision.identity import read_serial
from spamgate_tools.provision.inventory import Inventory, default_path
from spamgate_tools.provision.plan import Plan, read_plan
from spamgate_tools.provision.profiles import DEFAULT, Profile, Profiles
from spamgate_tools.provision.screen import Screen
from spamgate_tools.provision.station import MADE, MADE_BEFORE, Place, Station
from spamgate_tools.provision.tray import Ports, Tray, plugged_in, there
from spamgate_tools.side_by_side import FAILED

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_NO_PORT_HINT = "connect boards over USB, name ports, or let it wait for them with --wait"


@click.command()
@click.argument("ports", metavar="[PORT]...", nargs=-1)
@click.option("--image", "images", metavar="FILE", type=_FILE, multiple=True, help="MicroPython, one for each chip.")
@click.option("--board", metavar="NAME", help="Kind of the boards; without it the general one of the chip.")
@click.option("--csv", "csv_file", metavar="FILE", type=_FILE, help="Which board gets which serial and profile.")
@click.option("--prefix", metavar="TEXT", help="Count serials after it; without it the inventory has one of its own.")
@click.option("--count", metavar="N", type=click.IntRange(1, 9999), help="End after so many boards.")
@click.option("--settings", metavar="FILE", type=_FILE, help="Settings of the boards, as JSON.")
@click.option("--list", "list_file", metavar="FILE", type=_FILE, help="A signed blocklist to begin with.")
@click.option("--list-key", metavar="PUB", type=_FILE, help="Public key that lists of these boards are signed with.")
@click.option("--profiles", metavar="DIR", type=_FOLDER, help="Folder of NAME.json for the profiles of the CSV file.")
@click.option("--inventory", metavar="FILE", type=_FILE, help="Where boards are recorded, if not in your data folder.")
@click.option("--labels", metavar="DIR", type=_FOLDER, help="Write a label for each board there.")
@click.option("--label-format", type=click.Choice(label.FORMATS), default="svg", show_default=True)
@click.option("--wait", is_flag=True, help="Take boards that come later too, until Ctrl-C or --count.")
@click.option("--again", is_flag=True, help="Write boards anew that are done, or that another inventory made.")
@click.option("--erase", is_flag=True, help="Erase whole flashes first: lists, and what former owners left.")
@click.option("--baud", type=click.IntRange(9600, 2_000_000), default=460_800, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print each step of each port, one JSON object a line.")
def provision(ports: tuple[str, ...], csv_file: Path | None, **options: Any) -> None:
    """Make a tray of boards into guards.

    Works on all ports at once: those named, else those of the CSV file, else all on USB.  Each board gets firmware and
    settings, and a serial and a key of its own, kept in the inventory; a board that is done is not touched again, and
    one that was interrupted goes on as the same.  What goes wrong at one port stops no other.

    \b
    The CSV file has a first line with the names of its columns, of these:
      mac      the board with this MAC           port     the board at this port
      serial   its serial, else counted          profile  NAME of DIR/NAME.json
      site     for whom it is: for the inventory and the label only
    A row without mac and port is for any board.

    \b
    Examples:
      spamgate provision --image ESP32_GENERIC-v1.26.1.bin --settings home.json
      spamgate provision --image esp32.bin --csv order.csv --profiles profiles --labels labels
      spamgate provision --image esp32.bin --prefix ACME- --count 100 --wait

    \b
    Exit codes: 0 every board is done, 1 at least one is not, 2 nothing could be begun; one line says why.
    """
    from spamgate_tools.boards.catalogue import find_board
    from spamgate_tools.boards.first_list import first_list_of
    from spamgate_tools.provision.esp import EspBench

    tray = Tray()
    board = find_board(options["board"]) if options["board"] else None
    settings = read_config(str(options["settings"])) if options["settings"] else {}
    first_list = first_list_of(options, settings)
    bench = EspBench(options["images"], board, options["baud"], options["erase"], first_list)
    profiles = Profiles(Profile(DEFAULT, settings), options["profiles"])
    with Inventory(options["inventory"] or default_path()) as inventory:
        plan = _plan(csv_file, options["prefix"] or inventory.prefix(), profiles)
        for profile in plan.profiles():
            bench.rehearse(profile)
        named = list(ports) or plan.ports()
        if not named and not options["wait"] and not plugged_in():
            raise UserError("no port has a board on it", _NO_PORT_HINT)
        version = first_list.version if first_list else 0
        station = Station(bench, plan, inventory, tray.changed, options["again"], version)
        labels = _Labels(inventory, options["labels"], options["label_format"])
        _work(tray, station, _source(named, options["wait"]), labels, options)
    if labels.trouble:
        raise labels.trouble
    if any(place.step == FAILED for place in tray.places):
        sys.exit(EXIT_DIFFERENT)


def _plan(csv_file: Path | None, prefix: str, profiles: Profiles) -> Plan:
    read_serial(f"{prefix}0001", "--prefix")
    return read_plan(csv_file, prefix, profiles) if csv_file else Plan(prefix, profiles.default)


def _source(named: list[str], wait: bool) -> Ports:
    if not named:
        return plugged_in
    return (lambda: there(named)) if wait else (lambda: named)


def _work(tray: Tray, station: Station, source: Ports, labels: "_Labels", options: dict) -> None:
    wait = options["wait"]
    with Screen(tray, options["as_json"], "; Ctrl-C ends this" if wait else "") as screen:

        def show(place: Place | None, step: str) -> None:
            if place and step in (MADE, MADE_BEFORE):
                labels.write(place)
            screen.show(place, step)

        try:
            tray.serve(station, source, show, options["count"] or 0, wait)
        except KeyboardInterrupt:
            pass
    at_work = sum(not place.has_ended for place in tray.places)
    if at_work:
        raise UserError(f"stopped in the middle of {at_work} boards", "run it again: they go on as the same boards")


class _Labels:
    """Writes a label for each board that is done, if labels are wanted."""

    def __init__(self, inventory: Inventory, folder: Path | None, form: str) -> None:
        self.trouble: UserError | None = None
        self._inventory = inventory
        self._folder = folder
        self._form = form

    def write(self, place: Place) -> None:
        """Write one; trouble with it is kept for the end, for the boards go on."""
        try:
            record = self._inventory.board(place.mac) if self._folder else None
            if record and self._folder:
                label.save(record, self._folder, self._form)
        except UserError as error:
            self.trouble = error
