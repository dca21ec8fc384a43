"""Infected: mails over IPv6 straight to mail servers, from a new temporary address every few seconds.

RFC 8981 gives temporary addresses a day; a bot with root may take a new one of its network's 2^64 whenever it likes.
That it does so every three seconds, with a message each second, is our assumption: fast enough that a gateway that
counted by address would never see two connections of one sender for long.
"""

import asyncio
import ipaddress

from spamgate_tools.errors import UserError
from spamgate_tools.lab.devices import interface
from spamgate_tools.lab.devices.campaign import Campaign
from spamgate_tools.lab.devices.device import Device

_ADDRESS_S = 3.0
_BETWEEN_S = 1.0
_KEPT = 4  # addresses at a time
_PRIVATE = ipaddress.IPv6Network("fc00::/7")


async def live(device: Device) -> None:
    campaign = Campaign(device)
    network = await _network(device.options.interface)
    has_one = asyncio.Event()
    device.spawn(_rotate(device, campaign, network, has_one))
    await has_one.wait()
    await device.pause(device.options.idle)
    while not device.is_over:
        device.spawn(campaign.mail_by_mx(campaign.next_letter(), ("AAAA",)))
        await device.pause(device.options.every or _BETWEEN_S)


async def _network(link: str) -> ipaddress.IPv6Network:
    """Return the network of the interface's global address."""
    for address, prefix in await interface.addresses(link, 6):
        network = ipaddress.IPv6Network((address, prefix), strict=False)
        if not network.subnet_of(_PRIVATE):
            return network
    raise UserError(f"{link} has no global IPv6 address", "give the device one, or a router that advertises a prefix")


async def _rotate(device: Device, campaign: Campaign, network: ipaddress.IPv6Network, has_one: asyncio.Event) -> None:
    """Take a new address and speak from it; the oldest goes, with what still used it.  The first sets `has_one`."""
    change = ("dev", device.options.interface)
    taken: list[str] = []
    while not device.is_over:
        # half of all numbers will do: routers and neighbours have small ones
        address = str(network[device.dice.getrandbits(62) | 1 << 62])
        await interface.ip("-6", "address", "add", f"{address}/{network.prefixlen}", *change, "nodad")
        campaign.speak_from(address)
        has_one.set()
        device.report.tell("address", address=address)
        taken.append(address)
        if len(taken) > _KEPT:
            await interface.ip("-6", "address", "delete", f"{taken.pop(0)}/{network.prefixlen}", *change)
        await device.pause(_ADDRESS_S)
