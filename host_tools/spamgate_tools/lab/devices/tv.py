"""Clean: asks a resolver of its own, reports to hosts that are long gone, and fetches films piece by piece.

A clean device that does some of what bots do: names that do not exist, and a resolver that is not the home's.
"""

from spamgate_tools.lab.devices.device import Device
from spamgate_tools.lab.devices.resolver import Resolver
from spamgate_tools.lab.devices.web import browse

_PIECE_S = 4.0
_REPORT_S = 8.0


async def live(device: Device) -> None:
    device.resolver = Resolver((device.options.own_resolver,), device.report, device.options.source)
    device.spawn(browse(device, _PIECE_S))
    while not device.is_over:
        await device.resolver.ask(f"log{device.dice.randint(1, 3)}.oldscreen.invalid", "A")
        await device.pause(_REPORT_S)
