"""Clean: many look-ups, many small fetches, no mail of its own.

An application asks for a name each second or so while somebody uses the phone; the sample home says the same.
"""

from spamgate_tools.lab.devices.device import Device
from spamgate_tools.lab.devices.web import browse

_APPLICATIONS = 2
_PAGES_S = 1.0


async def live(device: Device) -> None:
    for _ in range(_APPLICATIONS):
        device.spawn(browse(device, _PAGES_S))
