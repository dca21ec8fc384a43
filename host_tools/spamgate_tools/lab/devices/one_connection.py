"""Infected: one connection, many messages on it, many recipients a message; begins anew when it is cut off.

It stays below whatever counts connections.  Fifty recipients a message are half of what every server must take
(RFC 5321 4.5.3.1.8); a forged sender for each message is what template bots do.  Three messages a second are as fast
as one connection allows; Pushdo and Kraken made five a second over many (Botlab, PEERS.md).
"""

from spamgate_tools.lab.devices.campaign import MANY, Campaign
from spamgate_tools.lab.devices.delivery import call, hand_over
from spamgate_tools.lab.devices.device import Device
from spamgate_tools.lab.devices.mailer import Lost, Mailer, Refused
from spamgate_tools.lab.devices.people import Letter

_RECIPIENTS = 50
_BETWEEN_S = 0.3
_RECONNECT_S = 1.0
_GOODBYE = 421  # the server closes after it (RFC 5321 3.8)


async def live(device: Device) -> None:
    campaign = Campaign(device, MANY)
    await device.pause(device.options.idle)
    while not device.is_over:
        await _one_domain(device, campaign, campaign.domain())
        await device.pause(_RECONNECT_S)


async def _one_domain(device: Device, campaign: Campaign, domain: str) -> None:
    """Talk to a domain's server for as long as it listens."""
    hosts = await device.resolver.exchanges(domain)
    addresses = await device.resolver.addresses(hosts[0]) if hosts else []
    if not addresses:
        return
    letter = campaign.new_letter(domain, _RECIPIENTS)
    try:
        mailer = await call(device, letter, addresses[0], campaign.manner)
    except (Refused, Lost):
        return
    try:
        while not device.is_over and await _say(device, mailer, letter, addresses[0]):
            await device.pause(device.options.every or _BETWEEN_S)
            letter = campaign.new_letter(domain, _RECIPIENTS)
    finally:
        await mailer.close()


async def _say(device: Device, mailer: Mailer, letter: Letter, address: str) -> bool:
    """Send one more message; False when the connection is over."""
    try:
        await hand_over(device, mailer, letter, address)
    except Refused as no:
        if no.code == _GOODBYE:
            return False
    except Lost:
        return False
    try:
        await mailer.reset()
    except (Refused, Lost):
        return False
    return True
