"""Every kind of clean device: what it is, how often homes of the corpus have it, and the habits it lives by.

Kinds that mail by port 25 are far more frequent here than in the world: it is they whom detectors wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass

from spamgate_tools.corpus import clean_mixed as mixed
from spamgate_tools.corpus import clean_people as people
from spamgate_tools.corpus import clean_reporters as reporters
from spamgate_tools.corpus import clean_servers as servers
from spamgate_tools.corpus import clean_troubled as troubled
from spamgate_tools.corpus import clean_watchers as watchers
from spamgate_tools.corpus.clean_life import Life
from spamgate_tools.corpus.parameters import parameter

_MANY, _SOME, _FEW, _RARE = parameter(
    "kinds.shares",
    (14.0, 4.0, 2.0, 1.0),
    "weights: very common, common, some, rare",
    "assumed: so that a third of the devices mails by port 25, and each habit is met often enough",
)
_SELDOM = parameter("kinds.seldom", 0.4, "weight", "assumed: list hosts, ungranted servers and scanners")
_TELEVISION = parameter("kinds.television", 8.0, "weight", "assumed: one in ten devices of a home with this weight")
_IN_SETS = ("camera-", "thing", "printer-")


@dataclass(frozen=True)
class CleanKind:
    """One kind.  `share` is its weight among a home's devices; `is_often_new`: it is here because it was installed."""

    name: str
    what: str
    live: Callable[[Life], None]
    share: float
    ports: tuple[int, ...] = ()  # by which it mails
    is_granted: bool = False
    is_reported_apart: bool = False
    is_often_new: bool = False
    asks_seen_dns: bool = True

    @property
    def uses_25(self) -> bool:
        """Does it mail by port 25, more than once by mistake?"""
        return 25 in self.ports

    @property
    def speaks_smtp(self) -> bool:
        """Does it mail at all?"""
        return bool(self.ports)

    @property
    def needs_25(self) -> bool:
        """Would nobody keep it where port 25 is blocked?"""
        return self.is_granted or self.is_reported_apart or self.name == "monitor"

    @property
    def comes_in_sets(self) -> bool:
        """Do homes have several, alike?"""
        return self.name.startswith(_IN_SETS)


_25, _587, _BOTH = (25,), (587,), (25, 587)

_PEOPLE = (
    CleanKind("phone", "apps; mail accounts on 465 and 587", people.phone, _MANY, _587),
    CleanKind("laptop", "browser; mail client on 465 and 587", people.laptop, _MANY, _587),
    CleanKind("legacy-laptop", "mail client on port 25 of one or two relays", people.legacy_laptop, _SOME, _25),
    CleanKind("vpn-laptop", "lives in a tunnel", people.vpn_laptop, _FEW, _587, asks_seen_dns=False),
    CleanKind(
        "vpn-laptop-25", "in a tunnel; its office takes port 25", people.vpn_laptop_25, _RARE, _25, asks_seen_dns=False
    ),
    CleanKind("forgotten-password", "tries an old password for days", people.forgotten_password, _RARE, _587),
    CleanKind(
        "account-setup", "guesses the servers of new accounts", people.account_setup, _RARE, _587, is_often_new=True
    ),
    CleanKind("television", "films", people.television, _TELEVISION),
    CleanKind("console", "games", people.console, _SOME),
    CleanKind("thing", "bulbs, speakers, a receiver", people.thing, _MANY),
)
_REPORTERS = (
    CleanKind("nas-587", "reports with a password", reporters.nas_587, _FEW, _587),
    CleanKind("nas-25", "reports by a relay on port 25", reporters.nas_25, _SOME, _25),
    CleanKind("nas-mx", "reports straight to the owner's domain", reporters.nas_mx, _FEW, _25),
    CleanKind("printer-587", "scans to mail, with a password", reporters.printer_587, _FEW, _587),
    CleanKind("printer-25", "scans to mail by a relay on port 25", reporters.printer_25, _SOME, _25),
    CleanKind("camera-587", "pictures of motion, with a password", reporters.camera_587, _FEW, _587),
    CleanKind("camera-25", "pictures of motion by a relay on port 25", reporters.camera_25, _FEW, _25),
    CleanKind("camera-mx", "pictures of motion straight to the owner's domain", reporters.camera_mx, _FEW, _25),
    CleanKind("alarm-panel", "alarm bursts on port 25, no queue", reporters.panel_25, _FEW, _25),
    CleanKind("ups-25", "the mains, by a relay on port 25", reporters.ups_25, _FEW, _25),
    CleanKind("ups-mx", "the mains, straight to the owner's domain", reporters.ups_mx, _FEW, _25),
    CleanKind("router-587", "a day's push mail, with a password", reporters.router_587, _FEW, _587),
    CleanKind("router-25", "a second router, push mail on port 25", reporters.router_25, _RARE, _25),
    CleanKind("inverter", "yield to its maker's server, and to the owner", reporters.inverter, _RARE, _25),
    CleanKind("cron-25", "root's mail by a relay on port 25", reporters.cron_25, _FEW, _25),
    CleanKind("cron-mx", "root's mail straight to the owner's address", reporters.cron_mx, _FEW, _25),
    CleanKind(
        "cron-mx-two",
        "the same to two owners at unrelated providers: an ungranted mail server",
        reporters.cron_mx_two,
        _RARE,
        _25,
        is_reported_apart=True,
    ),
)
_TROUBLED = (
    CleanKind("dead-relay", "tries a dead relay for days", troubled.dead_relay, _RARE, _25),
    CleanKind("dead-mx", "tries the dead servers of a domain for days", troubled.dead_mx, _RARE, _25),
    CleanKind("dead-587", "tries a dead submission server for days", troubled.dead_587, _RARE, _587),
    CleanKind("broken-dns", "asks for its relay in vain for days", troubled.broken_dns, _RARE, _25),
    CleanKind("half-ipv6", "fails over IPv6 before each letter", troubled.half_ipv6, _RARE, _25),
    CleanKind("greylisted", "put off again and again", troubled.greylisted, _RARE, _25),
    CleanKind("moved-provider", "its owner changes relays", troubled.moved_provider, _RARE, _BOTH),
    CleanKind(
        "unseen-relay", "learns its relay's address unseen", troubled.unseen_relay, _RARE, _25, asks_seen_dns=False
    ),
    CleanKind(
        "first-relays", "new; relays are tried until one works", troubled.first_relays, _FEW, _BOTH, is_often_new=True
    ),
)
_MIXED = (
    CleanKind("second-router", "a network of its own behind it", mixed.second_router, _RARE, _BOTH),
    CleanKind("container-host", "programs that each call themselves otherwise", mixed.container_host, _RARE, _25),
    CleanKind("direct-send", "an office's scanner; the office's MX by name", mixed.direct_send, _RARE, _25),
)
_SERVERS = (
    CleanKind("mail-fetcher", "filters fetched mail; relay on port 25", servers.mail_fetcher, _RARE, _25),
    CleanKind("smarthost", "a mail server that hands in at one relay", servers.smarthost_user, _RARE, _25),
    CleanKind("mail-server", "a family's mail server, granted", servers.family_server, _RARE, _25, is_granted=True),
    CleanKind("list-host", "a mailing list's server, granted", servers.list_host, _SELDOM, _25, is_granted=True),
    CleanKind(
        "ungranted-server", "a family's, nobody granted", servers.exposed_server, _SELDOM, _25, is_reported_apart=True
    ),
)
_WATCHERS = (
    CleanKind("monitor", "probes port 25 of own servers", watchers.monitor, _RARE, _BOTH),
    CleanKind("tinkerer", "asks MX and lists by hand; mails its own server once", watchers.tinkerer, _RARE),
    CleanKind("scanner", "its owner scans port 25", watchers.scanner, _SELDOM, _25, is_reported_apart=True),
    CleanKind("resolver", "asks DNS for everybody", watchers.resolver, _RARE),
)

CLEAN_KINDS: dict[str, CleanKind] = {
    kind.name: kind for kind in (*_PEOPLE, *_REPORTERS, *_TROUBLED, *_MIXED, *_SERVERS, *_WATCHERS)
}
