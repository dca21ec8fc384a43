"""Every kind of sender of spam: what it does, how fast it would mail, and a home of it with a few clean neighbours."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
_KNOWN_DAYS = 2.0
_BEGINS_S = parameter(
    "sender.begins", (600.0, 7200.0), "s", "assumed: the capture's bot idled 105 s; most wait for orders"
)
_LIGHT = ("phone", "laptop", "television", "console", "thing", "printer-25", "nas-587")
_SNOWSHOE_DEVICES = 5
_GUISES = 40
_GUISE_S = 180.0
_SEED = 0xB07


class _OpenPlace(Place):
    """A line that is never down: what leaks must not be hidden."""

    def down_until(self, at_s: float) -> float:
        """Return 0: it is up."""
        return 0.0


@dataclass(frozen=True)
class SenderKind:
    """One kind.  All senders of a home are one bot: what it leaks is the sum over its devices.

    `per_hour`: connections an hour while it is at it; `has_history`: its device has mailed before; `devices` that take
    part, `guise_s` apart where it is one device under many names; `days` counted.
    """

    name: str
    what: str
    per_hour: float
    live: Callable[..., None]
    asks_mx: bool = True
    wants: str = "port 25"  # or "submission"
    is_adaptive: bool = False
    has_history: bool = False
    history_days: float = 0.0
    days: float = 2.0
    devices: int = 1
    guise_s: float = 0.0
    is_granted: bool = False
    asks_seen_dns: bool = True


def _paced(per_hour: int) -> SenderKind:
    return SenderKind(f"mx-{per_hour}", f"straight to MX, {per_hour:,} an hour", per_hour, direct.paced(per_hour))


_KINDS = (
    _paced(6),
    _paced(30),
    _paced(120),
    _paced(600),
    _paced(6000),
    _paced(25000),
    SenderKind("captured", "as the bot of the real capture: most servers turn it away", 16857, direct.captured),
    SenderKind("address-only", "guesses mx., mail., smtp.; never asks MX", 60, direct.address_only, False),
    SenderKind("orders", "addresses come with its orders", 120, direct.orders, False),
    SenderKind("public-resolver", "a hard-coded public resolver", 60, direct.public_resolver),
    SenderKind("own-resolver", "its own recursive resolver", 120, direct.own_resolver),
    SenderKind("doh", "DNS over HTTPS: nothing of it is seen", 60, direct.blind, asks_seen_dns=False),
    SenderKind("ipv6", "IPv6 only", 60, direct.ipv6),
    SenderKind("snowshoe", "five devices share a list", 30, direct.snowshoe, devices=_SNOWSHOE_DEVICES),
    SenderKind("rejected-low", "a clean list: 2 % unknown users", 120, direct.rejected_low),
    SenderKind("rejected-high", "a bought list: 35 % unknown users", 120, direct.rejected_high),
    SenderKind("impersonator", "HELO with the victim's own name", 60, direct.impersonator),
    SenderKind("sealed", "STARTTLS: envelopes unseen", 60, direct.sealed),
    SenderKind("many-letters", "50 letters a connection", 6, direct.many_letters),
    SenderKind("many-recipients", "100 recipients a letter", 6, direct.many_recipients),
    SenderKind("one-provider", "customers of one large provider only", 120, direct.one_provider),
    SenderKind("queue", "comes back after greylisting", 60, direct.queueing),
    SenderKind("open-proxy", "a proxy that others mail through", 60, disguised.open_proxy, False),
    SenderKind(
        "after-60-days",
        "infected after two months of mail by 587 and by a relay on port 25",
        60,
        disguised.after_long_life,
        has_history=True,
        history_days=60,
    ),
    SenderKind("beside-client", "beside a mail client", 60, disguised.beside_client, has_history=True, history_days=7),
    SenderKind("mimic", "like a mailer in office hours", 8, disguised.mimic),
    SenderKind("mac-rotator", "a new MAC every three", 60, disguised.rotator, devices=_GUISES, guise_s=_GUISE_S),
    SenderKind(
        "granted-server",
        "a granted mail server, broken into",
        60,
        disguised.granted_server,
        has_history=True,
        history_days=7,
        is_granted=True,
    ),
    SenderKind("slow", "one an hour", 1, direct.paced(1)),
    SenderKind(
        "credential-stuffing", "tries passwords on 587", 120, disguised.credential_stuffing, False, "submission"
    ),
    SenderKind("stolen-accounts", "mails on 587 with passwords", 120, disguised.stolen_accounts, False, "submission"),
    SenderKind(
        "adaptive-groomer", "befriends one provider first", 60, adaptive.groomer, False, is_adaptive=True, days=3
    ),
    SenderKind("adaptive-accountant", "stops short of H2", 1, adaptive.accountant, False, is_adaptive=True, days=3),
    SenderKind("adaptive-login", "a stolen password on port 25", 60, adaptive.login_on_25, False, is_adaptive=True),
)
SENDER_KINDS: dict[str, SenderKind] = {kind.name: kind for kind in _KINDS}


def sender_home(kind: str, seed: int) -> Home:
    """Return a home in which one bot of this kind lives, the same for the same seed."""
    sender = SENDER_KINDS[kind]
    dice = Dice(seed * 2 + _SEED)
    is_known = dice.chance(_KNOWN) and not sender.guise_s
    counted_from_s = DAY_S * (sender.history_days or _KNOWN_DAYS * is_known)
    start_s = counted_from_s + dice.between(*_BEGINS_S)
    seconds = counted_from_s + sender.days * DAY_S
    neighbours = [dice.pick(_LIGHT) for _ in range(dice.whole(int(_NEIGHBOURS[0]), int(_NEIGHBOURS[1])))]
    seeds = [int.from_bytes(dice.blob(6), "big") for _ in range(1 + len(neighbours) + sender.devices)]
    starts_s = [start_s + number * sender.guise_s for number in range(sender.devices)]
    residents = (*_clean(neighbours), *_senders(sender, starts_s))

    def plan() -> Iterator[tuple[float, int, Act]]:
        place = _OpenPlace(Dice(seeds[0]), Line(), seconds)
        lives = [
            Life(place, resident.name, Dice(lot), resident.joins_s, resident.asks_seen_dns)
            for resident, lot in zip(residents, seeds[1:], strict=True)
        ]
        for name, life in zip(neighbours, lives, strict=False):
            CLEAN_KINDS[name].live(life)
        bots = [Bot(life, at_s) for life, at_s in zip(lives[len(neighbours) :], starts_s, strict=True)]
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
            uses_25=kind.wants == "port 25",
            is_granted=kind.is_granted,
            is_adaptive=kind.is_adaptive,
            joins_s=start_s - 5 if kind.guise_s else 0.0,
            asks_seen_dns=kind.asks_seen_dns,
        )
