"""Every kind of clean device: what it is, how often homes of the corpus have it, and the habits it lives by.

Kinds that mail by port 25 are far more frequent here than in the world: it is they whom detectors wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass

from spamgate_tools.corpus import clean_people as people
from spamgate_tools.corpus import clean_reporters as reporters
from spamgate_tools.corpus import clean_servers as servers
from spamgate_tools.corpus import clean_troubled as troubled
from spamgate_tools.corpus import clean_watchers as watchers
from spamgate_tools.corpus.clean_life import Life
from spamgate_tools.corpus.parameters import parameter

_SHARES_SOURCE = "assumed: chosen so that a third of the devices mail by port 25, and each habit is common enough"


@dataclass(frozen=True)
class CleanKind:
    """One kind.  `share`: of the devices of a home, by weight; `is_often_new`: it is here because it was installed."""

    name: str
    what: str
    live: Callable[[Life], None]
    share: float
    uses_25: bool = False
    uses_submission: bool = False
    is_granted: bool = False
    is_reported_apart: bool = False
    is_often_new: bool = False
    asks_seen_dns: bool = True

    @property
    def speaks_smtp(self) -> bool:
        """Does it mail at all?"""
        return self.uses_25 or self.uses_submission


_MANY, _SOME, _FEW, _RARE = parameter(
    "kinds.shares", (14.0, 4.0, 2.0, 1.0), "weights: very common, common, some, rare", _SHARES_SOURCE
)


def _kinds() -> tuple[CleanKind, ...]:
    return (
        CleanKind("phone", "apps, mail accounts on 465 and 587", people.phone, _MANY, uses_submission=True),
        CleanKind("laptop", "browser, mail client on 465 and 587", people.laptop, _MANY, uses_submission=True),
        CleanKind("legacy-laptop", "mail client on port 25 of a relay", people.legacy_laptop, _SOME, True),
        CleanKind(
            "vpn-laptop", "lives in a tunnel", people.vpn_laptop, _FEW, uses_submission=True, asks_seen_dns=False
        ),
        CleanKind(
            "vpn-laptop-25",
            "lives in a tunnel, its office takes port 25",
            people.vpn_laptop_25,
            _RARE,
            True,
            asks_seen_dns=False,
        ),
        CleanKind(
            "forgotten-password",
            "tries an old password for days",
            people.forgotten_password,
            _RARE,
            uses_submission=True,
        ),
        CleanKind(
            "account-setup",
            "a mail client that guesses the servers of new accounts",
            people.account_setup,
            _RARE,
            True,
            uses_submission=True,
            is_often_new=True,
        ),
        CleanKind("television", "films", people.television, _MANY * 0.6),
        CleanKind("console", "games", people.console, _SOME),
        CleanKind("thing", "bulbs, speakers, a receiver", people.thing, _MANY),
        CleanKind("nas-587", "reports with a password", reporters.nas_587, _FEW, uses_submission=True),
        CleanKind("nas-25", "reports by a relay on port 25", reporters.nas_25, _SOME, True),
        CleanKind("nas-mx", "reports straight to the owner's domain", reporters.nas_mx, _FEW, True),
        CleanKind("printer-587", "scans to mail, with a password", reporters.printer_587, _FEW, uses_submission=True),
        CleanKind("printer-25", "scans to mail by a relay on port 25", reporters.printer_25, _SOME, True),
        CleanKind(
            "camera-587", "pictures of motion, with a password", reporters.camera_587, _FEW, uses_submission=True
        ),
        CleanKind("camera-25", "pictures of motion by a relay on port 25", reporters.camera_25, _FEW, True),
        CleanKind("camera-mx", "pictures of motion straight to the owner's domain", reporters.camera_mx, _FEW, True),
        CleanKind("alarm-panel", "alarm bursts on port 25, no queue", reporters.panel_25, _FEW, True),
        CleanKind("ups-25", "the mains, by a relay on port 25", reporters.ups_25, _FEW, True),
        CleanKind("ups-mx", "the mains, straight to the owner's domain", reporters.ups_mx, _FEW, True),
        CleanKind("router-587", "a day's push mail, with a password", reporters.router_587, _FEW, uses_submission=True),
        CleanKind("router-25", "a second router, push mail on port 25", reporters.router_25, _RARE, True),
        CleanKind("inverter", "yield to its maker's server, and to the owner", reporters.inverter, _RARE, True),
        CleanKind("cron-25", "root's mail by a relay on port 25", reporters.cron_25, _FEW, True),
        CleanKind("cron-mx", "root's mail straight to the owner's addresses", reporters.cron_host, _FEW, True),
        CleanKind("dead-relay", "retries at a dead relay for days", troubled.dead_relay, _RARE, True),
        CleanKind("dead-mx", "retries at the dead servers of a domain", troubled.dead_mx, _RARE, True),
        CleanKind(
            "dead-587", "retries at a dead submission server", troubled.submission_down, _RARE, uses_submission=True
        ),
        CleanKind("broken-dns", "asks for its relay in vain for days", troubled.broken_dns, _RARE, True),
        CleanKind("half-ipv6", "fails over IPv6 before each letter", troubled.half_ipv6, _RARE, True),
        CleanKind("greylisted", "put off again and again", troubled.greylisted, _RARE, True),
        CleanKind("moved-provider", "changes relays", troubled.moved_provider, _RARE, True),
        CleanKind(
            "unseen-relay",
            "learns its relay's address unseen",
            troubled.changed_resolver,
            _RARE,
            True,
            asks_seen_dns=False,
        ),
        CleanKind(
            "first-relays",
            "installed today, tries relays until one works",
            troubled.first_relays,
            _FEW,
            True,
            uses_submission=True,
            is_often_new=True,
        ),
        CleanKind("mail-fetcher", "filters fetched mail, relay on port 25", servers.mail_fetcher, _RARE, True),
        CleanKind(
            "mail-server", "a family's mail server, granted", servers.family_server, _RARE, True, is_granted=True
        ),
        CleanKind(
            "list-host", "a mailing list's server, granted", servers.list_host, _RARE * 0.4, True, is_granted=True
        ),
        CleanKind(
            "ungranted-server",
            "a family's mail server that nobody granted",
            servers.exposed_server,
            _RARE * 0.4,
            True,
            is_reported_apart=True,
        ),
        CleanKind("monitor", "probes port 25 of own servers", watchers.monitor, _RARE, True, uses_submission=True),
        CleanKind("tinkerer", "asks MX and lists by hand, mails its own server", watchers.tinkerer, _RARE, True),
        CleanKind("scanner", "its owner scans port 25", watchers.scanner, _RARE * 0.4, True, is_reported_apart=True),
        CleanKind("resolver", "asks DNS for everybody", watchers.resolver, _RARE, True),
    )


CLEAN_KINDS: dict[str, CleanKind] = {kind.name: kind for kind in _kinds()}
