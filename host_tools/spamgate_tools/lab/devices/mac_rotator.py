"""Infected: takes a new MAC and a new IPv4 address for every few messages, as a device that was never here before.

No capture shows one; it is what a bot would do against a gateway that knows devices by their MAC (DESIGN 4: young
MACs share one budget of the house).  Three seconds are what joining a network anew takes at least.
"""

import ipaddress

from spamgate_tools.errors import UserError
from spamgate_tools.lab.devices import dhcp, interface
from spamgate_tools.lab.devices.campaign import Campaign
from spamgate_tools.lab.devices.device import Device
from spamgate_tools.lab.devices.dhcp import Lease

_GUISE_S = 3.0
_LEASE_S = (0.4,)  # it does not wait long for an address, it takes one
_LOCAL = 0x02  # locally administered, unicast
_FREE = range(100, 250)  # last bytes of addresses that nobody in the lab has


async def live(device: Device) -> None:
    campaign = Campaign(device)
    link = device.options.interface
    present = await interface.addresses(link, 4)
    if not present:
        raise UserError(f"{link} has no IPv4 address", "give the device one first")
    network = ipaddress.IPv4Interface(f"{present[0][0]}/{present[0][1]}").network
    router = await interface.default_router(link)
    free = device.dice.sample(_FREE, len(_FREE))
    await device.pause(device.options.idle)
    while not device.is_over:
        address = str(network.network_address + free[0])
        free.append(free.pop(0))
        await _disguise(device, Lease(address, "", network.prefixlen, router))
        await campaign.mail_by_mx(campaign.next_letter())
        await device.pause(device.options.every or _GUISE_S)


async def _disguise(device: Device, wanted: Lease) -> None:
    """Take a new MAC, join under a new name, and take the address offered, or the one wanted where none is."""
    link = device.options.interface
    mac = bytes((_LOCAL,)) + device.dice.randbytes(5)
    await interface.ip("link", "set", "dev", link, "address", interface.mac_text(mac))
    name = f"phone-{device.dice.randrange(1000):03d}"
    lease = await dhcp.exchange(link, name, wanted=wanted.address, waits_s=_LEASE_S) or wanted
    await interface.ip("-4", "address", "flush", "dev", link)
    await interface.ip("address", "add", f"{lease.address}/{wanted.prefix}", "dev", link)
    if wanted.router:
        await interface.ip("route", "replace", "default", "via", wanted.router, "dev", link)
    device.report.tell("address", address=lease.address, mac=interface.mac_text(mac), name=name)
