"""Which homes a campaign is made of, and which kinds and seeds are there to learn from and which to judge by.

Even seeds are for learning, odd ones for judging.  Half of the kinds are never seen while learning; judged are all.
"""

from typing import NamedTuple
from zlib import crc32

from spamgate_tools.corpus.clean import CLEAN_KINDS
from spamgate_tools.corpus.facts import Home
from spamgate_tools.corpus.households import clean_home
from spamgate_tools.corpus.senders import SENDER_KINDS, sender_home

CLEAN = "clean"
LEARN, JUDGE, BOTH = "learn", "judge", "both"
HALVES = (JUDGE, LEARN, BOTH)
QUICK, FULL = "quick", "full"

_SEEDS_APART = 100000  # homes of one campaign and the next share no seed


class HomeId(NamedTuple):
    """What a home is made from; `days` only of clean homes."""

    kind: str
    seed: int
    days: float = 0.0

    def make(self) -> Home:
        """Make the home: the same for the same id, always."""
        return clean_home(self.seed, self.days) if self.kind == CLEAN else sender_home(self.kind, self.seed)


class Size(NamedTuple):
    """How large a campaign is: (number, days) of clean homes, and seeds of each kind of sender.

    Every n-th home also sees all settings of all methods (`sweep_every`), or ours with each of its numbers changed
    (`sensitivity_every`); 0: none does.
    """

    clean: tuple[tuple[int, float], ...]
    seeds: int
    sweep_every: int
    sensitivity_every: int


SIZES = {
    QUICK: Size(clean=((20, 7.0),), seeds=2, sweep_every=0, sensitivity_every=0),
    FULL: Size(clean=((150, 14.0), (30, 30.0)), seeds=30, sweep_every=3, sensitivity_every=10),
}


def is_learned(kind: str) -> bool:
    """May parameters be learned from this kind?  Drawn by its name, so that a new kind changes nothing for others."""
    return crc32(kind.encode()) & 1 == 0


def homes(size: Size, half: str, seed: int, kinds: tuple[str, ...] = ()) -> list[HomeId]:
    """Return the homes of a campaign: senders by kind and seed, then clean ones.  `kinds`: only these."""
    ids = [
        HomeId(kind, _seed(seed, number, half))
        for kind in SENDER_KINDS
        if (half != LEARN or is_learned(kind)) and (not kinds or kind in kinds)
        for number in range(size.seeds)
    ]
    if not kinds or CLEAN in kinds:
        number = 0
        for count, days in size.clean:
            ids.extend(HomeId(CLEAN, _seed(seed, number + more, half), days) for more in range(count))
            number += count
    return ids


def every(ids: list[HomeId], step: int) -> list[HomeId]:
    """Return each `step`-th home of each kind and length, the first included."""
    seen: dict[tuple[str, float], int] = {}
    chosen = []
    for home in ids if step else ():
        number = seen.get((home.kind, home.days), 0)
        seen[home.kind, home.days] = number + 1
        if number % step == 0:
            chosen.append(home)
    return chosen


def all_kinds() -> list[str]:
    """Return what `homes` may be restricted to."""
    return [CLEAN, *SENDER_KINDS]


def speaks_smtp(kind: str) -> bool:
    """Does a clean kind mail at all, on whatever port?"""
    return kind in CLEAN_KINDS and CLEAN_KINDS[kind].speaks_smtp


def _seed(base: int, number: int, half: str) -> int:
    if half == BOTH:
        return base * _SEEDS_APART + number
    return base * _SEEDS_APART + 2 * number + (half == JUDGE)
