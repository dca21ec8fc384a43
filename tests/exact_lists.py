"""What an exact set of entries says of a name: the plain meaning of the kinds, to hold readers and lists against."""

from spamgate_tools.blocklist.entry import CHILDREN, DOMAIN, EXACT, Entries
from spamgate_tools.blocklist.names import wire_name


def suffixes(name: bytes) -> list[bytes]:
    """Return the wire name itself and every one above it, but for the root."""
    found = []
    while name:
        found.append(name)
        name = name[1 + name[0] :]
    return found


def is_in(names: dict[int, set[bytes]], name: bytes) -> bool:
    """Tell whether entries of these kinds hit a wire name."""
    above = suffixes(name)
    return (
        any(suffix in names[DOMAIN] for suffix in above)
        or name in names[EXACT]
        or any(suffix in names[CHILDREN] for suffix in above[1:])
    )


def is_blocked(entries: Entries, text: str) -> bool:
    """Tell whether a name is listed and not allowed."""
    name = wire_name(text.encode())
    return is_in(entries.blocked, name) and not is_in(entries.allowed, name)
