"""Whoever writes through the mail server on the same machine: `python -m spamgate_tools.lab.newsletter KIND ...`.

It takes the options of a device's program and reports as one; the server's queue does the rest.
"""

import asyncio
import sys

from spamgate_tools.lab.devices import people
from spamgate_tools.lab.devices.delivery import deliver
from spamgate_tools.lab.devices.device import Device
from spamgate_tools.lab.devices.mailer import SMTP, Lost, Manner, Refused
from spamgate_tools.lab.devices.options import parse
from spamgate_tools.lab.devices.report import Report

_LOOPBACK = "127.0.0.1"
_BETWEEN_S = 3.0
_GRACE_S = 5.0


async def live(device: Device) -> None:
    """Write to each domain in turn."""
    options = device.options
    manner = Manner("localhost", port=SMTP)
    number = 0
    while not device.is_over:
        recipient = f"{people.mailbox(device.dice)}@{options.domains[number % len(options.domains)]}"
        letter = device.writer.letter("owner@home.example", [recipient], "News", ["What is new at home."])
        device.report.tell("sent", letter.id, recipients=1)
        try:
            await deliver(device, letter, _LOOPBACK, manner)
        except (Refused, Lost):
            device.report.tell("bounced", letter.id)
        number += 1
        await device.pause(options.every or _BETWEEN_S)


def main() -> None:
    options = parse(sys.argv[1:], {"newsletter": "writes through the mail server on the same machine"})
    asyncio.run(Device(options, Report(options.report, options.name)).live(live, _GRACE_S))


if __name__ == "__main__":
    main()
