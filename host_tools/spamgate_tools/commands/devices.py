"""`spamgate devices`: the devices of the home, and why suspects are suspects."""

import click
from rich.console import Console

from spamgate_tools.control import Control, Place
from spamgate_tools.device_table import Devices, show
from spamgate_tools.gateway_verbs import NORMAL, asks_gateway, print_lines, reasons


@click.command()
@asks_gateway
def devices(place: Place, as_json: bool) -> None:
    """Show the devices of the home.

    As the running gateway sees them; for those that it suspects, also why.

    \b
    Examples:
      spamgate devices
      spamgate devices --json | jq 'select(.state != "normal").device'
    """
    with Control(place) as control:
        lines = control.ask("devices")
        if as_json:
            print_lines(lines)
            return
        table = Devices(live=True)
        for line in lines:
            table.add(line.text)
        for line in lines:
            if line.fields["state"] != NORMAL:
                for reason in reasons(control, line.fields["device"]):
                    table.add(reason.text)
    show(table, Console())
