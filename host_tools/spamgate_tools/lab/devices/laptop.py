"""Clean: somebody reads pages on it, and a mail client submits a message every few seconds (587, STARTTLS, AUTH).

A professional writes 31 mails a workday (PEERS.md), a message in fifteen minutes; a minute of the lab stands for an
evening.
"""

from spamgate_tools.lab.devices.delivery import deliver
from spamgate_tools.lab.devices.device import Device
from spamgate_tools.lab.devices.mailer import SUBMISSION, Lost, Manner, Refused
from spamgate_tools.lab.devices.web import browse

_BETWEEN_S = 4.0
_PAGES_S = 3.0


async def live(device: Device) -> None:
    options = device.options
    # mail clients greet with their address (RFC 5321 4.1.3)
    manner = Manner(
        options.hello or "[127.0.0.1]",
        port=SUBMISSION,
        tls=True,
        ca=options.ca,
        user=options.user,
        password=options.password,
        source=options.source,
    )
    device.spawn(browse(device, _PAGES_S))
    while not device.is_over:
        await _submit(device, manner)
        await device.pause(options.every or device.dice.uniform(0.5, 1.5) * _BETWEEN_S)


async def _submit(device: Device, manner: Manner) -> None:
    """Write a message and submit it; a client shows a failure to its user, who does not press the button again."""
    options = device.options
    recipient = device.dice.choice(options.to)
    letter = device.writer.letter(options.owner, [recipient], "Sunday", ["See you on Sunday?", "", "Best wishes"])
    device.report.tell("sent", letter.id, recipients=1)
    addresses = await device.resolver.addresses(options.provider)
    if not addresses:
        device.report.tell("failed", letter.id, server=options.provider, stage="dns", reason="no address")
        return
    try:
        await deliver(device, letter, addresses[0], manner, options.provider)
    except (Refused, Lost):
        pass
