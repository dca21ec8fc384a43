"""What the verbs that talk to a running gateway share: DEVICE, --socket, --json, and how an order is given."""

from collections.abc import Callable
from typing import TypeVar

import click

from spamgate.core.states import STATE_NAMES
from spamgate_tools.control import DEFAULT_SOCKET, SOCKET_VARIABLE, Control, Line
from spamgate_tools.device_words import action_text
from spamgate_tools.errors import UserError

NORMAL = STATE_NAMES[0]
Command = TypeVar("Command", bound=Callable[..., object])

DEVICE = click.argument("device", metavar="DEVICE")

_SOCKET = click.option(
    "--socket",
    "path",
    metavar="PATH",
    default=DEFAULT_SOCKET,
    envvar=SOCKET_VARIABLE,
    show_default=True,
    show_envvar=True,
    help="The running gateway's control socket.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print what the gateway says, one JSON object a line.")


def asks_gateway(command: Command) -> Command:
    """Give the command the options --socket (`path`) and --json (`as_json`)."""
    return _SOCKET(_JSON(command))


def reasons(control: Control, device: str) -> list[Line]:
    """Return the lines that say why a device is in its state; the crowd and who has just gone have none."""
    try:
        return [line for line in control.ask("explain", device=device) if line.kind != "device"]
    except UserError:
        return []


def print_lines(lines: list[Line]) -> None:
    """Print lines as they came."""
    for line in lines:
        click.echo(line.text)


def give_order(path: str, as_json: bool, kind: str, **fields: str) -> None:
    """Tell the gateway what to do, and print what came of it."""
    with Control(path) as control:
        lines = control.ask(kind, **fields)
    if as_json:
        print_lines(lines)
    else:
        for line in lines:
            click.echo(action_text(line.fields))
