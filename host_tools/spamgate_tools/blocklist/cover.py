"""The fewest entries that say the same: what another entry covers is dropped, and neighbouring networks are joined.

What is equal as a set of names and addresses comes out equal, whatever the sources' order, formats and repetitions; the
bytes of a list follow from that.
"""

from collections.abc import Iterable

from spamgate_tools.blocklist.entry import CHILDREN, DOMAIN, EXACT, KINDS, Network

NamesByKind = dict[int, set[bytes]]


def drop_covered(names: NamesByKind) -> int:
    """Drop every entry that another one covers; return how many that were."""
    before = sum(map(len, names.values()))
    names[DOMAIN] |= names[EXACT] & names[CHILDREN]  # the name and, apart, all below it
    above = names[DOMAIN] | names[CHILDREN]
    for kind in KINDS:
        names[kind] = {name for name in names[kind] if not _is_below(name, above)}
    for kind in (EXACT, CHILDREN):
        names[kind] -= names[DOMAIN]
    return before - sum(map(len, names.values()))


def suffixes(name: bytes) -> list[bytes]:
    """Return the name and every name above it, nearest first, the root left out."""
    found = []
    at = 0
    while at < len(name):
        found.append(name[at:])
        at += name[at] + 1
    return found


def join_networks(networks: Iterable[Network]) -> list[Network]:
    """Return the fewest networks with the same addresses, in order, IPv4 before IPv6."""
    joined: list[tuple[int, int, int]] = []  # bytes of an address, the address as a number, length of the prefix
    for address, length in sorted(networks, key=lambda it: (len(it[0]), it[0], it[1])):
        size, number = len(address), int.from_bytes(address, "big")
        if joined and _holds(joined[-1], size, number):
            continue
        while joined and _are_halves(joined[-1], size, number, length):
            _, number, length = joined.pop()
            length -= 1
        joined.append((size, number, length))
    return [(number.to_bytes(size, "big"), length) for size, number, length in joined]


def _holds(network: tuple[int, int, int], size: int, number: int) -> bool:
    free = 8 * size - network[2]
    return network[0] == size and network[1] >> free == number >> free


def _are_halves(network: tuple[int, int, int], size: int, number: int, length: int) -> bool:
    """Are the two one network of a bit less?"""
    free = 8 * size - length
    return network[0] == size and network[2] == length > 0 and network[1] ^ number == 1 << free


def _is_below(name: bytes, above: set[bytes]) -> bool:
    at = name[0] + 1
    size = len(name)
    while at < size:
        if name[at:] in above:
            return True
        at += name[at] + 1
    return False
