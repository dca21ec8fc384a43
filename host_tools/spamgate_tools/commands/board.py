"""`spamgate settings`, `clock`, `metrics` and `journal`: a board's own affairs, over its link."""

import json
import time

import click

from spamgate_tools.board_verbs import asks_board, board


@click.command()
@click.argument("name", required=False)
@click.argument("value", required=False)
@asks_board
def settings(name: str | None, value: str | None, port: str, baud: int, as_json: bool) -> None:
    """Show a board's settings, or change one.

    Without NAME all are shown, except secrets.  VALUE is JSON; what is none is taken as text.

    \b
    Examples:
      spamgate settings --port /dev/ttyUSB0
      spamgate settings hostname guard --port /dev/ttyUSB0
    """
    with board(port, baud) as client:
        if name and value is not None:
            told = list(client.request("set", name=name, value=_as_json(value)))
        else:
            told = [row for row in client.request("settings") if not name or row.get("name") == name]
    _show(told, as_json)


@click.command()
@asks_board
def clock(port: str, baud: int, as_json: bool) -> None:
    """Set a board's clock by this machine's.

    \b
    Example:
      spamgate clock --port /dev/ttyUSB0
    """
    with board(port, baud) as client:
        _show(list(client.request("clock", time=int(time.time()))), as_json)


@click.command()
@asks_board
def metrics(port: str, baud: int, as_json: bool) -> None:
    """Show how a board is: its memory, queries, uptime.

    \b
    Example:
      spamgate metrics --port /dev/ttyUSB0 --json
    """
    with board(port, baud) as client:
        _show(list(client.request("metrics")), as_json)


@click.command()
@click.option("--since", type=click.IntRange(0, (1 << 32) - 1), default=0, help="Only from this time on, UNIX seconds.")
@asks_board
def journal(since: int, port: str, baud: int, as_json: bool) -> None:
    """Show what a board has noted: verdicts, actions, starts, errors.

    \b
    Example:
      spamgate journal --port /dev/ttyUSB0 --json | jq 'select(.type == "verdict")'
    """
    with board(port, baud) as client:
        for row in client.request("journal", since=since):
            _show([row], as_json)


def _as_json(value: str) -> str:
    try:
        json.loads(value)
    except ValueError:
        return json.dumps(value)
    return value


def _show(told: list[dict], as_json: bool) -> None:
    for row in told:
        if as_json:
            click.echo(json.dumps(row))
        elif row.get("type") == "setting":
            click.echo(f"{row.get('name')} = {json.dumps(row.get('value'))}")
        else:
            click.echo("  ".join(f"{name} {json.dumps(value)}" for name, value in row.items()))
