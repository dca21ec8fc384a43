"""Who lives in the lab's home: each device, the program it runs, how it is connected, and what it may come to.

Names are what the devices call themselves in their DHCP packets.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from spamgate_tools.lab.books import NORMAL, Member
from spamgate_tools.lab.internet import DOMAINS, KNOWN_BY_HEART, LARGE_DOMAINS, OWNER, PASSWORD
from spamgate_tools.lab.network import GUEST, LAN

PI_HOLE, REPEATER, MAIL_SERVER = "pi-hole", "repeater", "mail-server"


@dataclasses.dataclass(frozen=True)
class Resident:
    """A member of the household and how it lives; options are those of its program in lab/devices."""

    member: Member
    program: str = ""  # none: it only serves others
    lan: str = LAN
    grant: str = ""
    asks_pi_hole: bool = False
    behind: str = ""  # the last part of its address behind the repeater
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def address(self) -> str:
        """Its own address behind the repeater, else nothing."""
        return f"192.168.77.{self.behind}" if self.behind else ""

    @property
    def own_mac(self) -> str:
        """The MAC in the DHCP packets of a device behind the repeater, whose MAC its frames carry; else nothing."""
        return f"02:00:00:00:99:{int(self.behind):02x}" if self.behind else ""


def _bot(name: str, what: str, kind: str, **more: Any) -> Resident:
    return Resident(Member(name, what, bot=kind), kind, **more)


_OWN_ACCOUNT = {"user": OWNER, "password": PASSWORD}
_NEWS = {"domains": ",".join(LARGE_DOMAINS)}
_SPAMMED = {"domains": ",".join(DOMAINS)}
_MAY_BE_WATCHED = (NORMAL, "watched")  # it asks MX for everybody who asks it

RESIDENTS = (
    Resident(Member(PI_HOLE, "resolver of some", may_be=_MAY_BE_WATCHED)),
    Resident(Member("laptop", "mails over 587"), "laptop", asks_pi_hole=True, options=_OWN_ACCOUNT),
    Resident(Member("nas", "mails reports"), "nas"),
    Resident(Member(MAIL_SERVER, "granted mail server"), "mail-server", grant="mail-server", options=_NEWS),
    Resident(Member("printer", "scans to mail"), "printer"),
    Resident(Member("phone", "browses"), "phone", asks_pi_hole=True),
    Resident(Member("television", "plays films"), "tv"),
    Resident(Member("console", "plays"), "console"),
    Resident(Member("guest-phone", "browses, guest LAN"), "phone", lan=GUEST),
    Resident(Member(REPEATER, "one MAC for two devices")),
    Resident(Member("tablet", "browses, by repeater"), "phone", behind="201"),
    Resident(Member("reader", "browses, by repeater"), "console", behind="202"),
    _bot("streaming-stick", "straight to MX", "parallel-mx", options=_SPAMMED),
    _bot("doorbell", "guesses mail servers", "name-guesser", options=_SPAMMED),
    _bot("camera", "by address", "hard-coded-resolver", options={**_SPAMMED, "addresses": ",".join(KNOWN_BY_HEART)}),
    _bot("old-pc", "IPv6, ever new", "ipv6-rotator", options=_SPAMMED),
    _bot("smart-plug", "one connection", "one-connection", asks_pi_hole=True, options=_SPAMMED),
)
