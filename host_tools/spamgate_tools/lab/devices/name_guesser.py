"""Infected: never asks MX; guesses names of mail servers and takes the first that has an address.

The names are those of Mytob and its kin, which ask for A records only (Musashi et al., PEERS.md).  The pace is
Waledac's, 6,548 messages an hour as ESET measured it (PEERS.md): one every 0.55 seconds, side by side.
"""

from spamgate_tools.lab.devices.campaign import Campaign, domain_of
from spamgate_tools.lab.devices.device import Device
from spamgate_tools.lab.devices.people import Letter

_PREFIXES = ("mx", "mail", "smtp", "mx1", "mail1", "relay")
_BETWEEN_S = 3600 / 6548


async def live(device: Device) -> None:
    campaign = Campaign(device)
    await device.pause(device.options.idle)
    while not device.is_over:
        device.spawn(_guess(device, campaign, campaign.next_letter()))
        await device.pause(device.options.every or _BETWEEN_S)


async def _guess(device: Device, campaign: Campaign, letter: Letter) -> None:
    for prefix in _PREFIXES:
        found = await device.resolver.ask(f"{prefix}.{domain_of(letter)}", "A")
        if found:
            await campaign.attempt(letter, found[0])
            return
