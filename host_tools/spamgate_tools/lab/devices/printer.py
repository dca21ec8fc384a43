"""Clean: scans a page to mail once, through the provider's relay on port 25; otherwise silent.

A page scanned in grey is some 200 KB, as base64 lines of 76 letters.
"""

import base64

from spamgate_tools.lab.devices.device import Device
from spamgate_tools.lab.devices.notice import notify

_SHARE = 0.3  # of its life, before somebody scans
_PAGE_BYTES = 200_000
_LINE_BYTES = 57


async def live(device: Device) -> None:
    await device.pause(device.options.every or device.options.seconds * _SHARE)
    if device.is_over:
        return
    page = device.dice.randbytes(_PAGE_BYTES)
    pieces = [page[at : at + _LINE_BYTES] for at in range(0, len(page), _LINE_BYTES)]
    await notify(device, "Scan", [base64.b64encode(piece).decode("ascii") for piece in pieces])
