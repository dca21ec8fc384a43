"""`spamgate release`: let a device go."""

import click

from spamgate_tools.control import Place
from spamgate_tools.gateway_verbs import DEVICE, asks_gateway, give_order


@click.command()
@DEVICE
@asks_gateway
def release(device: str, place: Place, as_json: bool) -> None:
    """Let a device mail again.

    DEVICE (its MAC, name or address) is clean now, or never was guilty.  Its score is halved, not forgotten: if it goes
    on it is throttled again soon.

    \b
    Example:
      spamgate release camera-porch
    """
    give_order(place, as_json, "release", device=device)
