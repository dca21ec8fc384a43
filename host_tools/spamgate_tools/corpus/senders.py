"""Every kind of sender of spam: what it does, how fast it would mail, and a home of it with a few clean neighbours."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from spamgate_tools.corpus import senders_adaptive as adaptive
from spamgate_tools.corpus import senders_direct as direct
from spamgate_tools.corpus import senders_disguised as disguised
from spamgate_tools.corpus.clean import CLEAN_KINDS
from spamgate_tools.corpus.clean_life import Life, Line, Place
from spamgate_tools.corpus.facts import DAY_S, Act, Home, Resident
from spamgate_tools.corpus.parameters import parameter
from spamgate_tools.corpus.senders_bot import Bot
from spamgate_tools.sample.world import Dice

_NEIGHBOURS = parameter("sender_home.neighbours", (2, 4), "clean devices", "assumed: light ones, as runs are many")
_KNOWN = parameter("sender.known", 0.5, "of devices without history", "assumed: half are new, half are infected later")
_KNOWN_DAYS = parameter("sender.known_for", 2.0, "days", "assumed: beyond the day in which a device is new")
_BEGINS_S = parameter(
    "sender.begins", (600.0, 7200.0), "s", "assumed: the capture's bot idled 105 s; most wait for orders"
)
_LIGHT = ("phone", "laptop", "television", "console", "thing", "printer-25", "nas-587")
_SNOWSHOE_DEVICES = parameter("snowshoe.devices", 5, "devices", "assumed: all that one weakness of one maker lets in")
_GUISES = parameter("rotator.macs", 40, "MACs", "assumed: two hours of it show what it gains")
_GUISE_S = parameter("rotator.every", 180.0, "s", "assumed: as long as its connections take")

PORT_25, SUBMISSION = "port 25", "submission"

_BULK = "assumed: slow on purpose, the letters are on few connections"
_CAPTURED = "capture spambot_2010-11-18: 295 connections in 63 s"
_BY_PASSWORD: dict[str, Any] = {"asks_mx": False, "wants": SUBMISSION}
_AWARE: dict[str, Any] = {"asks_mx": False, "is_adaptive": True, "days": 3.0}


class _OpenPlace(Place):
    """A line that is never down: what leaks must not be hidden."""

    def down_until(self, at_s: float) -> float:
        """Return 0: it is up."""
        return 0.0


@dataclass(frozen=True)
class SenderKind:
    """One kind.  All senders of a home are one bot: what it leaks is the sum over its devices.

    `per_hour`: connections an hour of all its devices, while it is at it; `devices` that take part, joining `guise_s`
    apart where it is one device under many names; `days` counted; `wants`: PORT_25 or SUBMISSION.
    """

    name: str
    what: str
    per_hour: float
    live: Callable[..., None]
    asks_mx: bool = True
    wants: str = PORT_25
    is_adaptive: bool = False
    history_days: float = 0.0  # of mail, before the infection
    days: float = 2.0
    devices: int = 1
    guise_s: float = 0.0
    is_granted: bool = False
    asks_seen_dns: bool = True
    is_listed: bool = False

    @property
    def has_history(self) -> bool:
        """Has its device mailed before?"""
        return self.history_days > 0


_PACE = "assumed: a middle pace; how much pace matters is what mx-* show"


def _kind(
    name: str, what: str, per_hour: float, live: Callable[..., None], source: str = _PACE, **others: Any
) -> SenderKind:
    parameter(f"sender.{name}.per_hour", per_hour, "connections an hour, while it mails", source)
    return SenderKind(name, what, per_hour, live, **others)


def _paced(per_hour: int, source: str) -> SenderKind:
    return _kind(f"mx-{per_hour}", f"straight to MX, {per_hour:,} an hour", per_hour, direct.plain, source)


_PACES = (
    _paced(6, "assumed: the slowest that is promised to be contained"),
    _paced(30, "assumed: the low cadence that avoids rate limits"),
    _paced(120, "assumed: two a minute"),
    _paced(600, "assumed: ten a minute; Botlab, NSDI 2009, has 20 a minute of Storm"),
    _paced(6000, "Waledac, 6,548 an hour (ESET)"),
    _paced(25000, "Marshal8e6 TRACElabs 2009: Rustock and Xarvester, up to 25,000 an hour"),
)
_DIRECT = (
    _kind("captured", "as the bot of the real capture: most turn it away", 16857, direct.captured, _CAPTURED),
    _kind("address-only", "guesses mx., mail., smtp.; never asks MX", 60, direct.address_only, asks_mx=False),
    _kind("orders", "addresses come with its orders", 120, direct.orders, asks_mx=False),
    _kind("public-resolver", "a hard-coded public resolver", 60, direct.public_resolver),
    _kind("own-resolver", "its own recursive resolver", 120, direct.own_resolver),
    _kind("doh", "DNS over HTTPS: nothing of it is seen", 60, direct.blind, asks_seen_dns=False),
    _kind("ipv6", "IPv6 only", 60, direct.ipv6),
    _kind("snowshoe", "five devices share a list", 30, direct.snowshoe, devices=_SNOWSHOE_DEVICES),
    _kind("rejected-low", "a clean list: 2 % unknown users", 120, direct.rejected_low),
    _kind("rejected-high", "a bought list: 35 % unknown users", 120, direct.rejected_high),
    _kind("listed-line", "the line is on a list: most servers refuse", 120, direct.plain, is_listed=True),
    _kind("impersonator", "HELO with the victim's own name", 60, direct.impersonator),
    _kind("sealed", "STARTTLS: envelopes unseen", 60, direct.sealed),
    _kind("many-letters", "50 letters a connection", 6, direct.many_letters, _BULK),
    _kind("many-recipients", "100 recipients a letter", 6, direct.many_recipients, _BULK),
    _kind("one-provider", "customers of one large provider only", 120, direct.one_provider),
    _kind("queue", "comes back after greylisting", 60, direct.queueing),
    _kind("slow", "one an hour", 1, direct.plain, "assumed: below what is promised to be contained"),
)
_DISGUISED = (
    _kind("open-proxy", "a proxy that others mail through", 60, disguised.open_proxy, asks_mx=False),
    _kind(
        "after-60-days",
        "after two months of mail, 587 and relay on 25",
        60,
        disguised.after_long_life,
        history_days=60.0,
    ),
    _kind("beside-client", "beside a mail client on 587", 60, disguised.beside_client, history_days=7.0),
    _kind("mimic", "like a mailer in office hours", 8, disguised.mimic, "assumed: as much as a person may write"),
    _kind("mac-rotator", "a new MAC every three connections", 60, disguised.rotator, devices=_GUISES, guise_s=_GUISE_S),
    _kind(
        "granted-server",
        "a granted mail server, broken into",
        60,
        disguised.granted_server,
        history_days=7.0,
        is_granted=True,
    ),
    _kind("credential-stuffing", "tries passwords on 587", 120, disguised.credential_stuffing, **_BY_PASSWORD),
    _kind("stolen-accounts", "mails on 587 with stolen passwords", 120, disguised.stolen_accounts, **_BY_PASSWORD),
)
_ADAPTIVE = (
    _kind("adaptive-groomer", "befriends one provider first", 60, adaptive.groomer, **_AWARE),
    _kind("adaptive-accountant", "stops short of the threshold", 1, adaptive.accountant, **_AWARE),
    _kind("adaptive-login", "a stolen password on port 25", 60, adaptive.login_on_25, **_AWARE),
)
_ALL = (*_PACES, *_DIRECT, *_DISGUISED, *_ADAPTIVE)
SENDER_KINDS: dict[str, SenderKind] = {kind.name: kind for kind in _ALL}


def sender_home(kind: str, seed: int) -> Home:
    """Return a home in which one bot of this kind lives, the same for the same seed."""
    sender = SENDER_KINDS[kind]
    dice = Dice((seed << 32) + zlib.crc32(kind.encode()))
    is_known = dice.chance(_KNOWN) and not sender.guise_s
    counted_from_s = DAY_S * (sender.history_days or _KNOWN_DAYS * is_known)
    start_s = counted_from_s + dice.between(*_BEGINS_S)
    seconds = counted_from_s + sender.days * DAY_S
    neighbours = [dice.pick(_LIGHT) for _ in range(dice.whole(int(_NEIGHBOURS[0]), int(_NEIGHBOURS[1])))]
    seeds = [int.from_bytes(dice.blob(6), "big") for _ in range(1 + len(neighbours) + sender.devices)]
    starts_s = [start_s + number * sender.guise_s for number in range(sender.devices)]
    residents = (*_clean(neighbours), *_senders(sender, starts_s))

    def plan() -> Iterator[tuple[float, int, Act]]:
        place = _OpenPlace(Dice(seeds[0]), Line(sender.is_listed), seconds)
        lives = [
            Life(place, resident.name, Dice(lot), resident.joins_s, resident.asks_seen_dns)
            for resident, lot in zip(residents, seeds[1:], strict=True)
        ]
        for name, life in zip(neighbours, lives, strict=False):
            CLEAN_KINDS[name].live(life)
        per_hour = sender.per_hour if sender.guise_s else sender.per_hour / sender.devices
        bots = [Bot(life, at_s, per_hour) for life, at_s in zip(lives[len(neighbours) :], starts_s, strict=True)]
        sender.live(*bots)
        acts = [(at_s, number, act) for number, life in enumerate(lives) for at_s, act in life.acts]
        acts.sort(key=lambda item: item[0])
        yield from acts

    return Home(kind, seed, seconds, residents, plan, counted_from_s)


def _clean(names: list[str]) -> Iterator[Resident]:
    for number, name in enumerate(names):
        yield Resident(f"{name}-{number + 1}", name, uses_25=CLEAN_KINDS[name].uses_25)


def _senders(kind: SenderKind, starts_s: list[float]) -> Iterator[Resident]:
    for number, start_s in enumerate(starts_s):
        yield Resident(
            name=f"bot-{number + 1}",
            kind=kind.name,
            is_sender=True,
            uses_25=kind.wants == PORT_25,
            is_granted=kind.is_granted,
            is_adaptive=kind.is_adaptive,
            joins_s=start_s - 5 if kind.guise_s else 0.0,
            asks_seen_dns=kind.asks_seen_dns,
        )
