"""`spamgate put`: a file onto a board, from where an earlier try was cut."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from spamgate_tools.board_verbs import asks_board, board
from spamgate_tools.errors import UserError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="What the board calls it; left out: as it is called here.")
@asks_board
def put(file: Path, name: str | None, port: str, baud: int, as_json: bool) -> None:
    """Put FILE on a board.

    In pieces over its link, while the board goes on with its work.  After a cut line repeat the command: it goes on
    behind the last piece that the board has.  The file takes the place of the old one only once it is whole.

    \b
    Example:
      spamgate put list.sgb --port /dev/ttyUSB0
    """
    if not file.is_file():
        raise UserError(f"{file}: is no file")
    name = name or file.name
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=as_json or not console.is_terminal)
    with bar, board(port, baud) as client:
        task = bar.add_task(name, total=file.stat().st_size)
        client.put(file, name, lambda at, size: bar.update(task, completed=at, total=size))
    told = {"type": "put", "name": name, "size": file.stat().st_size}
    click.echo(json.dumps(told) if as_json else f"{name}: {told['size']} bytes are on the board")
