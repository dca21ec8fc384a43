"""Every kind of device and its program: one table."""

from dataclasses import dataclass

from spamgate_tools.lab.devices import (
    console,
    hard_coded_resolver,
    ipv6_rotator,
    laptop,
    mac_rotator,
    mail_server,
    name_guesser,
    nas,
    one_connection,
    parallel_mx,
    phone,
    printer,
    tv,
)
from spamgate_tools.lab.devices.device import Program


@dataclass(frozen=True)
class Kind:
    """A program and what it is."""

    program: Program
    help: str
    is_bot: bool = False


KINDS = {
    "laptop": Kind(laptop.live, "browses, and submits mail on port 587"),
    "nas": Kind(nas.live, "mails a report through its owner's relay on port 25, and another"),
    "phone": Kind(phone.live, "looks names up and browses"),
    "tv": Kind(tv.live, "asks a resolver of its own, plays films"),
    "console": Kind(console.live, "looks for updates, plays"),
    "printer": Kind(printer.live, "scans a page to mail once, through the relay on port 25"),
    "mail-server": Kind(mail_server.live, "a home mail server with a queue"),
    "parallel-mx": Kind(parallel_mx.live, "bot: straight to MX, 50 connections in 10 s", True),
    "name-guesser": Kind(name_guesser.live, "bot: guesses mail., mx., smtp. and never asks MX", True),
    "hard-coded-resolver": Kind(hard_coded_resolver.live, "bot: a resolver of its own, or addresses by heart", True),
    "ipv6-rotator": Kind(ipv6_rotator.live, "bot: IPv6 only, a new temporary address every few seconds", True),
    "one-connection": Kind(one_connection.live, "bot: one connection, many messages and recipients", True),
    "mac-rotator": Kind(mac_rotator.live, "bot: a new MAC and address for every message", True),
}
