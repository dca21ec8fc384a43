"""`spamgate flash`: make a guard of one board."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spamgate_tools.errors import EXIT_DIFFERENT, UserError
from spamgate_tools.gateway import read_config

if TYPE_CHECKING:
    from spamgate_tools.boards.screen import Screen
    from spamgate_tools.boards.stock_image import StockImage

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--port", metavar="PORT", help="Serial port; without it the only board on USB.")
@click.option("--image", metavar="FILE", type=_FILE, help="MicroPython's image; without it the newest in this folder.")
@click.option("--download", metavar="URL", help="Fetch MicroPython's image, ...")
@click.option("--sha256", metavar="HEX", help="... which must have this digest.")
@click.option("--wifi", metavar="NAME", help="The home's Wi-Fi; its password is asked for.")
@click.option("--wifi-password-file", metavar="FILE", type=_FILE, help="Read the password from the first line there.")
@click.option("--ap", metavar="NAME", help="The Wi-Fi that a router makes for the home; its password is asked for.")
@click.option("--ap-password-file", metavar="FILE", type=_FILE, help="Read that password from the first line there.")
@click.option("--settings", metavar="FILE", type=_FILE, help="More settings, as JSON.")
@click.option("--list", "list_file", metavar="FILE", type=_FILE, help="A signed blocklist to begin with.")
@click.option("--list-key", metavar="PUB", type=_FILE, help="Public key that lists of this board are signed with.")
@click.option("--board", metavar="NAME", help="Kind of board; without it the general one of the chip.")
@click.option("--erase", is_flag=True, help="Erase everything before: lists, settings and journal too.")
@click.option("--dry-run", is_flag=True, help="Look at the board, say what would be written, write nothing.")
@click.option("--any-version", is_flag=True, help="Take an image that is too old for the firmware.")
@click.option("--baud", type=click.IntRange(9600, 2_000_000), default=460_800, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, also when it fails.")
def flash(as_json: bool, **options: Any) -> None:
    """Make a guard of a board.

    Writes MicroPython, a partition table with room for blocklists, and Spamgate with its settings to an ESP32; has the
    board confirm what it got; restarts it; and says what to do next.  A board that was a guard before keeps its
    settings, its identity, its journal and its lists.  When it fails, the board can be flashed again.

    \b
    Examples:
      spamgate flash --wifi "My home"
      spamgate flash --image ESP32_GENERIC_S3-20250911-v1.26.1.bin --port /dev/ttyACM0 --wifi "My home"
      spamgate flash --board olimex-esp32-poe
      spamgate flash --board spamgate-esp32 --wifi "My home" --ap "My devices"
      spamgate flash --list home.sgb --list-key home.pub
      spamgate backup before.bin && spamgate flash --erase --wifi "My home"
      spamgate flash --dry-run

    \b
    Exit codes: 0 done, 1 written, but the board was not heard of, 2 failed; one line says why.
    """
    from spamgate_tools.boards.screen import Screen

    with Screen(as_json) as screen:
        heard = _flash(screen, options)
    if not heard:
        sys.exit(EXIT_DIFFERENT)


def _flash(screen: "Screen", options: dict[str, Any]) -> bool:
    """Return whether all is well with the board, as far as that can be known."""
    from spamgate_tools.boards.first_list import first_list_of
    from spamgate_tools.boards.flash_report import show_outcome
    from spamgate_tools.boards.flashing import Order, flash
    from spamgate_tools.boards.hello import wait_for_hello
    from spamgate_tools.boards.ports import only_port

    settings = _settings(options)
    first_list = first_list_of(options, settings)
    image = _image(screen, options)
    order = Order(
        port=options["port"] or only_port(),
        board=options["board"] or "",
        image=image,
        settings=settings,
        erase=options["erase"],
        dry_run=options["dry_run"],
        any_version=options["any_version"],
        baud=options["baud"],
        first_list=first_list,
    )
    outcome = flash(order, screen.progress)
    if order.dry_run:
        show_outcome(screen, outcome, None)
        return True
    screen.progress("hello", 0, 1)
    hello = wait_for_hello(order.port, outcome.can_restart)
    show_outcome(screen, outcome, hello)
    return not hello.is_fault


def _image(screen: "Screen", options: dict[str, Any]) -> "StockImage | None":
    from spamgate_tools.boards.catalogue import all_boards
    from spamgate_tools.boards.find_image import fetch_image, known_digest
    from spamgate_tools.boards.stock_image import load_image

    path, url, digest = options["image"], options["download"], options["sha256"]
    if path and url or digest and not url:
        raise UserError("--image, --download, --sha256: give either a file, or an address with its digest")
    if path:
        return load_image(path)
    if not url:
        return None
    return fetch_image(url, digest or known_digest(all_boards(), url), lambda *it: screen.progress("download", *it))


def _settings(options: dict[str, Any]) -> dict:
    settings = read_config(str(options["settings"])) if options["settings"] else {}
    for key in ("wifi", "ap"):
        name, password_file = options[key], options[f"{key}_password_file"]
        if name:
            settings[f"{key}_name"] = name
            settings[f"{key}_password"] = _password(name, password_file)
        elif password_file:
            raise UserError(f"--{key}-password-file: for which Wi-Fi?", f"add --{key} NAME")
    return settings


def _password(name: str, path: Path | None) -> str:
    if path is None:
        return str(click.prompt(f"Password of {name}", hide_input=True, default="", show_default=False, err=True))
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "is not UTF-8"
        raise UserError(f"{path}: cannot be read: {why}") from None
