"""`spamgate explain`: why a device is in its state, in words, and what its owner can do."""

import click
from rich.console import Console

from spamgate_tools.control import Control, Place
from spamgate_tools.device_words import explain_device
from spamgate_tools.gateway_verbs import DEVICE, asks_gateway, print_lines


@click.command()
@DEVICE
@asks_gateway
def explain(device: str, place: Place, as_json: bool) -> None:
    """Say why a device is in its state.

    Shows what DEVICE (its MAC, name or address) did, when and with whom, and what you can do about it.

    \b
    Examples:
      spamgate explain camera-porch
      spamgate explain 02:00:5e:10:00:01 --json
    """
    with Control(place) as control:
        lines = control.ask("explain", device=device)
    if as_json:
        print_lines(lines)
    else:
        Console(highlight=False).print(explain_device({line.kind: line.fields for line in lines}))
