"""Infected: asks a resolver of its own, past the home's; or, with --addresses, none at all for mail servers.

Streaming sticks and their malware come with a resolver built in (DESIGN 1, 2).  With --addresses it fetches its
orders as a TXT record and then connects to addresses it knows by heart, so that no DNS answer ever named them.
The pace is Rustock's, 33 messages a minute (Botlab, PEERS.md).
"""

from spamgate_tools.lab.devices.campaign import Campaign
from spamgate_tools.lab.devices.device import Device
from spamgate_tools.lab.devices.resolver import Resolver

_BETWEEN_S = 60 / 33


async def live(device: Device) -> None:
    options = device.options
    device.resolver = Resolver((options.own_resolver,), device.report, options.source)
    campaign = Campaign(device)
    if options.addresses:
        await device.resolver.ask(options.domains[0], "TXT")
    await device.pause(options.idle)
    while not device.is_over:
        letter = campaign.next_letter()
        if options.addresses:
            device.spawn(campaign.attempt(letter, device.dice.choice(options.addresses)))
        else:
            device.spawn(campaign.mail_by_mx(letter))
        await device.pause(options.every or _BETWEEN_S)
