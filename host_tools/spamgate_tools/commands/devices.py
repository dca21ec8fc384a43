"""`spamgate devices`: the devices of the home, and why suspects are suspects."""

import click
from rich.console import Console

from spamgate_tools.control import Control
from spamgate_tools.device_table import Devices, show
from spamgate_tools.errors import UserError
from spamgate_tools.gateway_verbs import asks_gateway, print_lines

_NORMAL = "normal"


@click.command()
@asks_gateway
def devices(path: str, as_json: bool) -> None:
    """Show the devices of the home.

    As the running gateway sees them; for those that it suspects, also why.

    \b
    Examples:
      spamgate devices
      spamgate devices --json | jq 'select(.state != "normal").device'
    """
    with Control(path) as control:
        lines = control.ask("devices")
        if as_json:
            print_lines(lines)
            return
        table = Devices(live=True)
        for line in lines:
            table.add(line.text)
        for line in lines:
            if line.fields["state"] != _NORMAL:
                explain_into(table, control, line.fields["device"])
    show(table, Console())


def explain_into(table: Devices, control: Control, device: str) -> None:
    """Add why the device is in its state; the crowd and who has just gone have no reasons."""
    try:
        for line in control.ask("explain", device=device):
            if line.kind != "device":  # it is in the table already
                table.add(line.text)
    except UserError:
        pass
