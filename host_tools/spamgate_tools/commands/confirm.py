"""`spamgate confirm`: the owner agrees with a quarantine."""

import click

from spamgate_tools.control import Place
from spamgate_tools.gateway_verbs import DEVICE, asks_gateway, give_order


@click.command()
@DEVICE
@asks_gateway
def confirm(device: str, place: Place, as_json: bool) -> None:
    """Agree that a quarantined device sends spam.

    From now on the gateway refuses the mail of DEVICE (its MAC, name or address) for good (554) instead of putting it
    off (421).  A mail program with a queue then gives up what it has, so no machine decides this alone.

    \b
    Example:
      spamgate confirm camera-porch
    """
    give_order(place, as_json, "confirm", device=device)
