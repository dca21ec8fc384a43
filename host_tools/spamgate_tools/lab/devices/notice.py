"""What machines that report do: mail their owner over port 25, through the relay of the owner's provider.

They have no queue worth the name: a few tries, then the notice is gone, as in the tests of NAS and printer makers.
"""

from spamgate_tools.lab.devices.delivery import deliver
from spamgate_tools.lab.devices.device import Device
from spamgate_tools.lab.devices.mailer import SMTP, Lost, Manner, Refused

_TRIES = 3


async def notify(device: Device, subject: str, lines: list[str]) -> None:
    """Mail the owner."""
    options = device.options
    manner = Manner(options.hello or f"{device.name}.home.arpa", port=SMTP, ca=options.ca, source=options.source)
    letter = device.writer.letter(f"{device.name}@{_domain(options.owner)}", [options.owner], subject, lines)
    device.report.tell("sent", letter.id, recipients=1)
    for _ in range(_TRIES):
        addresses = await device.resolver.addresses(options.provider)
        try:
            if addresses:
                await deliver(device, letter, addresses[0], manner, options.provider)
                return
        except (Refused, Lost) as problem:
            if isinstance(problem, Refused) and problem.is_final:
                break
        await device.pause(options.retry)
    device.report.tell("bounced", letter.id)


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
