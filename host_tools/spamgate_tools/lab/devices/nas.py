"""Clean: mails its owner a report through the provider's relay on port 25, and later another; looks for updates.

A NAS reports once a night; the second report stands for the next night.
"""

from spamgate_tools.lab.devices.device import Device
from spamgate_tools.lab.devices.notice import notify
from spamgate_tools.lab.devices.web import browse

_FIRST_SHARE = 0.15  # of its life, before the first report
_SECOND_SHARE = 0.5
_UPDATES_S = 15.0


async def live(device: Device) -> None:
    device.spawn(browse(device, _UPDATES_S))
    for night, share in enumerate((_FIRST_SHARE, _SECOND_SHARE), 1):
        await device.pause(device.options.every or device.options.seconds * share)
        if not device.is_over:
            volumes = [f"Volume {number}: healthy, {17 * number % 90} % full." for number in range(1, 60)]
            await notify(device, f"Report of night {night}", volumes)
