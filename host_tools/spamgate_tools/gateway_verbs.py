"""What the verbs that talk to a gateway or board share: DEVICE, --socket, --port, --json, and how an order is given."""

import functools
from collections.abc import Callable
from typing import TypeVar

import click

from spamgate.core.states import STATE_NAMES
from spamgate_tools.control import DEFAULT_SOCKET, SOCKET_VARIABLE, Control, Line, Place
from spamgate_tools.device_words import action_text
from spamgate_tools.errors import UserError
from spamgate_tools.link.transports import DEFAULT_BAUD

NORMAL = STATE_NAMES[0]
Command = TypeVar("Command", bound=Callable[..., object])

DEVICE = click.argument("device", metavar="DEVICE")

_SOCKET = click.option(
    "--socket",
    metavar="PATH",
    default=DEFAULT_SOCKET,
    envvar=SOCKET_VARIABLE,
    show_default=True,
    show_envvar=True,
    help="The running gateway's control socket.",
)
_BAUD = click.option("--baud", type=click.IntRange(9600, 4000000), default=DEFAULT_BAUD, show_default=True, hidden=True)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print what the gateway says, one JSON object a line.")


def asks_gateway(command: Command) -> Command:
    """Give the command the options --socket, --port and --json; it gets `place` and `as_json`."""
    return _asks(command, "--port", "--link")


def asks_gateway_by_link(command: Command) -> Command:
    """The same for a command whose --port is something else."""
    return _asks(command, "--link")


def _asks(command: Command, *names: str) -> Command:
    text = "The serial port of a board, or tcp://HOST:PORT of a gateway, instead of a control socket."
    port = click.option(*names, "link", metavar="PORT", help=text)

    @functools.wraps(command)
    def placed(*words: object, socket: str, link: str | None, baud: int, **options: object) -> object:
        return command(*words, place=Place(socket, link, baud), **options)

    return _SOCKET(port(_BAUD(_JSON(placed))))  # type: ignore[return-value]


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


def give_order(place: Place, as_json: bool, kind: str, **fields: str) -> None:
    """Tell the gateway what to do, and print what came of it."""
    with Control(place) as control:
        lines = control.ask(kind, **fields)
    if as_json:
        print_lines(lines)
    else:
        for line in lines:
            click.echo(action_text(line.fields))
