"""What the verbs for a board's own affairs share: --port, --baud, and lines as they come or in words."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click

from spamgate_tools.link.client import Client
from spamgate_tools.link.transports import DEFAULT_BAUD, open_port

Command = TypeVar("Command", bound=Callable[..., object])

_PORT = click.option("--port", required=True, metavar="PORT", help="The board's serial port, or tcp://HOST:PORT.")
_BAUD = click.option(
    "--baud", type=click.IntRange(9600, 4000000), default=DEFAULT_BAUD, show_default=True, help="Of a serial port."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print what the board says, one JSON object a line.")


def asks_board(command: Command) -> Command:
    """Give the command --port, --baud and --json."""
    return _PORT(_BAUD(_JSON(command)))


@contextmanager
def board(port: str, baud: int) -> Iterator[Client]:
    """Lend a session with the board at this port."""
    with Client(open_port(port, baud)) as client:
        yield client
