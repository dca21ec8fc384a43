"""A letter on its way to a server, each step in the report."""

import asyncio
from typing import Any

from spamgate_tools.lab.devices.device import Device
from spamgate_tools.lab.devices.mailer import Lost, Mailer, Manner, Refused
from spamgate_tools.lab.devices.people import Letter

ACCEPTED = "accepted"

# How a connection is left.
QUIT = "quit"
CLOSE = "close"
RESET = "reset"


async def deliver(
    device: Device, letter: Letter, address: str, manner: Manner, host: str = "", style: str = QUIT
) -> None:
    """Send one letter over a connection of its own, left in this style; raises Refused or Lost, both reported."""
    mailer = await call(device, letter, address, manner, host)
    try:
        await hand_over(device, mailer, letter, address)
    except asyncio.CancelledError:  # the end: no time for manners
        mailer.abort()
        raise
    finally:
        await leave(mailer, style)


async def call(device: Device, letter: Letter, address: str, manner: Manner, host: str = "") -> Mailer:
    """Open a connection on which `letter` shall go; a server that does not want it is reported."""
    mailer = Mailer(manner, host)
    device.report.tell("connect", letter.id, server=address, port=manner.port)
    letter.attempts += 1
    try:
        await mailer.open(address)
    except (Refused, Lost) as problem:
        await mailer.close()
        _complain(device, letter, address, problem)
        raise
    finally:
        if mailer.certificate:
            device.report.tell("tls", letter.id, server=address, certificate=mailer.certificate)
    return mailer


async def hand_over(device: Device, mailer: Mailer, letter: Letter, address: str) -> None:
    """Send a letter over an open connection; raises Refused or Lost, both reported."""
    try:
        recipients = await mailer.send(letter)
    except (Refused, Lost) as problem:
        _complain(device, letter, address, problem)
        raise
    device.report.tell(ACCEPTED, letter.id, server=address, recipients=recipients, attempt=letter.attempts)


async def leave(mailer: Mailer, style: str) -> None:
    """End a connection in one of three styles."""
    if style == QUIT:
        await mailer.quit()
    elif style == CLOSE:
        await mailer.close()
    else:
        mailer.abort()


def _complain(device: Device, letter: Letter, address: str, problem: Refused | Lost) -> None:
    about: dict[str, Any] = {"server": address, "stage": problem.stage, "attempt": letter.attempts}
    if isinstance(problem, Refused):
        device.report.tell("refused", letter.id, code=problem.code, text=problem.text, **about)
    else:
        device.report.tell("failed", letter.id, reason=problem.reason, **about)
