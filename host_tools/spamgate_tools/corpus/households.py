"""Clean homes: who lives in them, on which kind of line, and since when."""

from collections.abc import Collection, Iterator

from spamgate_tools.corpus.clean import CLEAN_KINDS, CleanKind
from spamgate_tools.corpus.clean_life import Life, Line, Place
from spamgate_tools.corpus.facts import DAY_S, REFUSED, SILENT, Act, Home, Resident
from spamgate_tools.corpus.parameters import parameter
from spamgate_tools.sample.world import Dice

_SIZE = parameter(
    "home.devices",
    (8, 14),
    "devices",
    "Deloitte 2019, 2021, 2022: 11, 25, 22 in US homes; those that speak for themselves",
)
_LISTED = parameter(
    "line.listed", 0.15, "of homes", "assumed: most dynamic lines are on a policy list; few such homes mail past relays"
)
_BLOCKED = parameter("line.port_25_blocked", 0.1, "of homes", "M3AAWG: Managing Port 25; many large providers, not all")
_REJECTS = parameter("line.block_rejects", 0.3, "of blocked lines", "assumed: most drop, some reset")
_UNSEEN_DNS = parameter(
    "line.unseen_dns", 0.08, "of homes", "assumed: DNS over TLS or HTTPS from the router or all devices"
)
_SETS = parameter("home.sets", 0.4, "of cameras, things and printers", "assumed: bought in sets, set up alike")
_SET_SIZE = parameter("home.set_size", (2, 4), "alike", "assumed: two for the garden, four for the house")
_NEW = parameter("resident.new", 0.1, "of devices", "assumed: one a home and fortnight is bought, borrowed or reset")
_OFTEN_NEW = parameter(
    "resident.often_new",
    0.8,
    "of kinds that are seen when installed",
    "assumed: the others were installed just before the gateway",
)
_MOVING_IN = parameter("home.moving_in", 0.06, "of homes", "assumed: several devices are set up on one day")
_OWNER_GRANTS_S = parameter(
    "owner.grants_after", 86400.0, "s", "assumed: who runs a mail server reads the notice in a day, and grants it"
)
_MOVED = parameter("home.moved", 0.6, "of devices of such a home", "assumed: the rest came earlier")
_MOVING_AT = parameter("home.moving_at", (0.1, 0.6), "of the time", "assumed: so that there are days before and after")
_MOVING_S = parameter("home.moving_for", 21600.0, "s", "assumed: an afternoon")
_JOINS = parameter("resident.joins", (0.02, 0.8), "of the time", "assumed: any day")


def clean_home(seed: int, days: float, only: Collection[str] = frozenset(CLEAN_KINDS)) -> Home:
    """Return a home without any sender of spam, the same for the same seed and length; of kinds in `only`."""
    dice = Dice(seed * 2 + 0x5EED)
    line = _line(dice)
    kinds = _draw(dice, line, only)
    return _home(seed, days, kinds, line, dice)


def home_of(kinds: tuple[CleanKind, ...], seed: int, days: float, line: Line | None = None) -> Home:
    """Return a home of just these kinds, on an ordinary line unless told otherwise."""
    return _home(seed, days, kinds, line or Line(), Dice(seed * 2 + 0x5EED))


def _home(seed: int, days: float, kinds: tuple[CleanKind, ...], line: Line, dice: Dice) -> Home:
    seconds = days * DAY_S
    residents = tuple(_residents(kinds, line, seconds, dice))
    seeds = [int.from_bytes(dice.blob(6), "big") for _ in range(len(kinds) + 1)]

    def plan() -> Iterator[tuple[float, int, Act]]:
        place = Place(Dice(seeds[0]), line, seconds)
        acts: list[tuple[float, int, Act]] = []
        for number, (kind, resident) in enumerate(zip(kinds, residents, strict=True)):
            life = Life(place, resident.name, Dice(seeds[number + 1]), resident.joins_s, resident.asks_seen_dns)
            kind.live(life)
            acts.extend((at_s, number, act) for at_s, act in life.acts)
        acts.sort(key=lambda item: item[0])
        yield from acts

    name = f"clean, {line.name}" if line.name else "clean"
    return Home(name, seed, seconds, residents, plan)


def _draw(dice: Dice, line: Line, only: Collection[str]) -> tuple[CleanKind, ...]:
    """Return the kinds of one home, drawn by their shares; rare ones once."""
    kinds = [kind for kind in CLEAN_KINDS.values() if kind.name in only and not (line.port_25 and kind.needs_25)]
    drawn: list[CleanKind] = []
    size = dice.whole(int(_SIZE[0]), int(_SIZE[1]))
    while len(drawn) < size:
        kind = _pick(dice, kinds)
        if kind.comes_in_sets and dice.chance(_SETS):
            drawn.extend([kind] * min(dice.whole(int(_SET_SIZE[0]), int(_SET_SIZE[1])), size - len(drawn)))
        elif kind.share > 1 or kind not in drawn:
            drawn.append(kind)
    return tuple(drawn)


def _pick(dice: Dice, kinds: list[CleanKind]) -> CleanKind:
    sought = dice.between(0, sum(kind.share for kind in kinds))
    for kind in kinds:
        sought -= kind.share
        if sought < 0:
            return kind
    return kinds[-1]


def _line(dice: Dice) -> Line:
    is_listed = dice.chance(_LISTED)
    blocks = (REFUSED if dice.chance(_REJECTS) else SILENT) if dice.chance(_BLOCKED) else ""
    return Line(is_listed and not blocks, blocks, not dice.chance(_UNSEEN_DNS))


def _residents(kinds: tuple[CleanKind, ...], line: Line, seconds: float, dice: Dice) -> Iterator[Resident]:
    moving_s = dice.between(*_MOVING_AT) * seconds if dice.chance(_MOVING_IN) else 0.0
    for number, kind in enumerate(kinds):
        joins_s = 0.0
        if moving_s and dice.chance(_MOVED):
            joins_s = moving_s + dice.between(0, _MOVING_S)
        elif dice.chance(_OFTEN_NEW if kind.is_often_new else _NEW):
            joins_s = dice.between(*_JOINS) * seconds
        yield Resident(
            name=f"{kind.name}-{number + 1}",
            kind=kind.name,
            uses_25=kind.uses_25,
            is_granted=kind.is_granted,
            is_reported_apart=kind.is_reported_apart,
            grant_after_s=_OWNER_GRANTS_S if kind.is_reported_apart and kind.name != "scanner" else None,
            joins_s=joins_s,
            asks_seen_dns=kind.asks_seen_dns and line.is_seen_dns,
        )
