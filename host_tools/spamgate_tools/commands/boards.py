"""`spamgate boards`: the kinds of board there are, and the ports with something behind them."""

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from spamgate_tools.boards.catalogue import Board


@click.command()
@click.argument("name", required=False)
@click.option("--ports", is_flag=True, help="List the serial ports on USB instead.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def boards(name: str | None, ports: bool, as_json: bool) -> None:
    """List the kinds of board that Spamgate knows.

    With NAME, all that is known of one: its chip, how its flash is divided, how many names its lists may have.

    \b
    Examples:
      spamgate boards
      spamgate boards esp32-generic-s3
      spamgate boards --ports
    """
    from spamgate_tools.boards.catalogue import all_boards, find_board

    if ports:
        _show_ports(as_json)
    elif as_json:
        for board in (find_board(name),) if name else all_boards():
            click.echo(json.dumps(_facts(board)))
    elif name:
        _show_board(find_board(name))
    else:
        _show_all(all_boards())


def _facts(board: "Board") -> dict:
    layouts = [
        {
            "flash_bytes": layout.flash_bytes,
            "names": layout.capacity,
            "partitions": [it._asdict() for it in layout.partitions],
        }
        for layout in board.layouts
    ]
    told = {key: value for key, value in board.data.items() if key != "spamgate"}
    return {"type": "board", "name": board.name, **told, **board.facts, "layouts": layouts}


def _show_all(known: "tuple[Board, ...]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("board", "chip", "path", "heap", "names that a list can have"):
        table.add_column(title, no_wrap=True)
    for board in known:
        rows = [f"{it.capacity['exact']:,} ({it.flash_bytes >> 20} MB)" for it in board.layouts]
        chip = board.chip or board.data["mcu"]
        table.add_row(board.name, chip, board.facts["plane"], f"{board.facts['heap_kb']} KB", ", ".join(rows))
    Console().print(table)
    click.echo("\n`spamgate boards NAME` says more of one.")


def _show_board(board: "Board") -> None:
    facts = board.facts
    click.echo(f"{board.name}: {board.data['product']} ({board.data['vendor']})")
    click.echo(f"chip {board.chip or board.data['mcu']}, data path {facts['plane']}, network {facts['network']}")
    click.echo(f"heap that the firmware may count on: {facts['heap_kb']} KB; tried on: {facts['tried']}")
    if board.frozen_program:
        click.echo(f"image {facts['image']['pattern']}, Spamgate included, built by {facts['image']['build']}")
    elif "image" in facts:
        digests = ", ".join(facts["image"]["sha256"]) or "none is recorded: give --sha256 with --download"
        click.echo(f"image {facts['image']['pattern']} from {board.data['url']}; digests: {digests}")
    for layout in board.layouts:
        names = ", ".join(f"{count:,} names ({how})" for how, count in layout.capacity.items())
        click.echo(f"flash of {layout.flash_bytes >> 20} MB or more, for two lists of {names}:")
        for it in layout.partitions:
            click.echo(f"  {it.offset:#08x}  {it.size_bytes >> 10:>5} KB  {it.label}")


def _show_ports(as_json: bool) -> None:
    from spamgate_tools.boards.ports import usb_ports

    found = usb_ports()
    for port in found:
        click.echo(json.dumps({"type": "port", **port._asdict()}) if as_json else f"{port.path}  {port.what}")
    if not found and not as_json:
        click.echo("nothing is connected over USB; some cables only charge")
