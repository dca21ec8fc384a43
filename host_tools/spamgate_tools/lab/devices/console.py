"""Clean: looks for updates, then plays: look-ups and short connections to a few servers, no mail."""

from spamgate_tools.lab.devices.device import Device
from spamgate_tools.lab.devices.web import browse, visit

_MATCH_S = 6.0


async def live(device: Device) -> None:
    for site in device.options.sites:
        await visit(device, site)
    await browse(device, _MATCH_S)
