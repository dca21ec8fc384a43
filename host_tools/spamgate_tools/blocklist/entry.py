"""What the lines of sources mean: names by kind, names that stay allowed, and networks.

A name is in wire form, lower case, without the final zero: `\\x07example\\x03com`.
The kinds are those of the list itself: a name and everything below it, the name only, everything below it only.
"""

from spamgate.wire.list_hash import CHILDREN, DOMAIN, EXACT

KINDS = (DOMAIN, EXACT, CHILDREN)
KIND_WORDS = {DOMAIN: "domains", EXACT: "exact", CHILDREN: "children"}

Network = tuple[bytes, int]  # the address, 4 or 16 bytes in network order, and the length of the prefix


class Entries:
    """All that sources want blocked or allowed; one of these a source, or the sum of several."""

    def __init__(self) -> None:
        self.blocked: dict[int, set[bytes]] = {kind: set() for kind in KINDS}
        self.allowed: dict[int, set[bytes]] = {kind: set() for kind in KINDS}
        self.networks: set[Network] = set()

    def add(self, other: "Entries") -> None:
        """Take in what another source has."""
        for kind in KINDS:
            self.blocked[kind] |= other.blocked[kind]
            self.allowed[kind] |= other.allowed[kind]
        self.networks |= other.networks

    def counts(self) -> dict[str, int]:
        """Return how many there are of each kind."""
        found = {KIND_WORDS[kind]: len(self.blocked[kind]) for kind in KINDS}
        found["allowed"] = sum(len(names) for names in self.allowed.values())
        found["addresses"] = len(self.networks)
        return found

    def total(self) -> int:
        """Return how many there are in all."""
        return sum(self.counts().values())

    def fold(self) -> int:
        """Join a name and what is below it, where both are there, into one entry; return how many were joined."""
        folded = 0
        for names in (self.blocked, self.allowed):
            both = names[EXACT] & names[CHILDREN]
            names[DOMAIN] |= both
            names[EXACT] -= both
            names[CHILDREN] -= both
            folded += len(both)
        return folded
