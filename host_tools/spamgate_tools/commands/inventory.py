"""`spamgate inventory`: the boards that were made here, their labels, and on request their keys."""

import json
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from spamgate_tools.errors import UserError
from spamgate_tools.provision import label
from spamgate_tools.provision.identity import read_mac
from spamgate_tools.provision.inventory import DONE, Inventory, Record, default_path

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_COLUMNS = ("serial", "mac", "board", "site", "profile", "state", "self_test", "done", "problem")


@click.command()
@click.argument("names", metavar="[BOARD]...", nargs=-1)
@click.option("--inventory", "path", metavar="FILE", type=_FILE, help="Where boards are recorded.")
@click.option("--label", "as_label", is_flag=True, help="Show labels instead.")
@click.option("--labels", metavar="DIR", type=_FOLDER, help="Write labels there.")
@click.option("--label-format", type=click.Choice(label.FORMATS), default="svg", show_default=True)
@click.option("--forget", is_flag=True, help="Drop boards, and their keys for good.")
@click.option("--keys", is_flag=True, help="With --json: the keys too.  Whoever has a key can command its board.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a board.")
def inventory(names: tuple[str, ...], path: Path | None, forget: bool, **options: object) -> None:
    """Show the boards that `spamgate provision` made.

    All of them, or each BOARD: a serial or a MAC.

    \b
    Examples:
      spamgate inventory
      spamgate inventory SG-7KQ2-0001 --label
      spamgate inventory --json | jq 'select(.state != "done").problem'
    """
    path = path or default_path()
    if not path.exists():
        raise UserError(f"{path}: there is no inventory", "`spamgate provision` makes one, or name it with --inventory")
    if forget and not names:
        raise UserError("--forget without a board", "name those that it shall drop")
    with Inventory(path) as boards:
        records = [_named(boards, name) for name in names] if names else boards.boards()
        if forget:
            for record in records:
                boards.forget(record.mac)
                click.echo(f"{record.serial} {record.mac}: forgotten; its serial can be given again by a CSV file only")
        elif options["labels"]:
            for record in records:
                click.echo(label.save(record, Path(str(options["labels"])), str(options["label_format"])))
        else:
            _print(records, bool(options["as_json"]), bool(options["as_label"]), bool(options["keys"]))


def _named(boards: Inventory, name: str) -> Record:
    record = boards.holder(name)
    if record is None and (":" in name or "-" in name or len(name) == 12):
        try:
            record = boards.board(read_mac(name, name))
        except UserError:
            record = None
    if record is None:
        raise UserError(f"{name}: no board with this serial or MAC", "`spamgate inventory` lists them")
    return record


def _print(records: list[Record], as_json: bool, as_label: bool, keys: bool) -> None:
    if as_json:
        for record in records:
            secret = {"link_key": record.link_key.hex()} if keys else {}
            click.echo(json.dumps({"type": "board", **record.public(), **secret}))
    elif as_label:
        click.echo("\n".join(label.as_text(record) for record in records))
    else:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), collapse_padding=True)
        for heading in _COLUMNS:
            table.add_column("MAC" if heading == "mac" else heading.replace("_", "-"), overflow="fold")
        for record in records:
            table.add_row(*(Text(str(getattr(record, name))) for name in _COLUMNS))
        done = sum(record.state == DONE for record in records)
        Console().print(table, f"{len(records)} boards, {done} done")
