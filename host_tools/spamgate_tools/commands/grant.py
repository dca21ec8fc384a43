"""`spamgate grant`: what a device may send."""

import click

from spamgate.wire.messages import GRANTS
from spamgate_tools.control import Place
from spamgate_tools.gateway_verbs import DEVICE, asks_gateway, give_order


@click.command()
@DEVICE
@click.argument("grant", metavar="GRANT", type=click.Choice(GRANTS))
@asks_gateway
def grant(device: str, grant: str, place: Place, as_json: bool) -> None:
    """Say what a device may send.

    GRANT says it for DEVICE (its MAC, name or address):

    \b
    mail-server  mail straight to everyone's mail servers; judged by what those reject
    submission   mail through a provider, over 465 and 587, and nothing over port 25
    none         no grant, as every device has at first

    \b
    Example:
      spamgate grant nas mail-server
    """
    give_order(place, as_json, "grant", device=device, grant=grant)
