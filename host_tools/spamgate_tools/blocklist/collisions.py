"""Names of the universe that a list's hashes would hit by chance: found when it is built, and proved absent after.

A reader asks for a name and for every name above it.  So all of these are asked for here, with every kind of entry that
the list has: a hash that is in the list, of a name that is not, becomes an exception.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from spamgate.wire.list_writer import HASH_BITS, NameHasher, key_of
from spamgate_tools.blocklist.cover import NamesByKind, suffixes
from spamgate_tools.blocklist.entry import CHILDREN, DOMAIN, EXACT


class Labels(NamedTuple):
    """How many labels the names of entries have; names of fewer or more are not asked for."""

    least: int
    most: int


class Collisions(NamedTuple):
    """What came of asking for a universe."""

    probes: int
    listed: frozenset[bytes]  # names of the universe that sources want blocked
    spared: dict[int, bytes]  # 60-bit hash of each name that would be hit by chance -> that name
    hit: frozenset[bytes]  # names of the universe that one of those, or a name above it, would have blocked


class _Search:
    """Asks for names as a reader does, and knows what is really listed."""

    def __init__(self, blocked: NamesByKind, hashes: frozenset[int], bits: int, seed: int, labels: Labels) -> None:
        self._blocked = blocked
        self._hashes = hashes
        self._shift = HASH_BITS - bits
        self._hasher = NameHasher(seed)
        self._labels = labels
        self._special = tuple(kind for kind in (EXACT, CHILDREN) if blocked[kind])
        self._known: dict[bytes, tuple[int, ...]] = {}  # chance hits of a name as one above others
        self.probes = 0

    def is_listed(self, chain: list[bytes]) -> bool:
        """Is a name really listed, given it and all above it?"""
        domains, exact, children = (self._blocked[kind] for kind in (DOMAIN, EXACT, CHILDREN))
        return (
            chain[0] in exact
            or any(name in domains for name in chain)
            or (bool(children) and any(name in children for name in chain[1:]))
        )

    def by_chance(self, chain: list[bytes]) -> Iterator[tuple[int, bytes]]:
        """Yield (60-bit hash, name) of what a reader finds by mistake."""
        most = len(chain) - self._labels.least
        for at, name in enumerate(chain):
            if at <= most and len(chain) - at <= self._labels.most:
                for full in self._hits(name, at > 0):
                    yield full, name

    def _hits(self, name: bytes, is_above: bool) -> tuple[int, ...]:
        if is_above and name in self._known:
            return self._known[name]
        hits = []
        for kind in (DOMAIN, *self._special):
            if kind == DOMAIN or (kind == CHILDREN) is is_above:
                full = self._hasher.full(name, kind)
                self.probes += 1
                if full >> self._shift in self._hashes and name not in self._blocked[kind]:
                    hits.append(full)
        if is_above:
            self._known[name] = tuple(hits)
        return tuple(hits)


def find_collisions(
    universe: Iterable[bytes], blocked: NamesByKind, hashes: frozenset[int], bits: int, seed: int, labels: Labels
) -> Collisions:
    """Ask for every name of the universe."""
    search = _Search(blocked, hashes, bits, seed, labels)
    listed, hit, spared = set(), set(), {}
    for name in universe:
        chain = suffixes(name)
        if search.is_listed(chain):
            listed.add(name)
            continue
        for full, above in search.by_chance(chain):
            spared[full] = above
            hit.add(name)
    return Collisions(search.probes, frozenset(listed), spared, frozenset(hit))


def is_ambiguous(spared: Iterable[int], entries: Iterable[int], bits: int) -> bool:
    """Would an exception take a listed name along?  Then another seed must tell the two apart."""
    keys = {key_of(full, bits) for full in spared}
    return bool(keys) and any(key_of(full, bits) in keys for full in entries)
