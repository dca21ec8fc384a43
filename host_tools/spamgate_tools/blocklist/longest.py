"""Formats in which the longest name decides, brought to ours, in which an exception always wins."""

from collections.abc import Iterable, Iterator

from spamgate_tools.blocklist.entry import CHILDREN, DOMAIN, EXACT, KINDS
from spamgate_tools.blocklist.intake import Intake


def drop_idle_exceptions(intake: Intake) -> None:
    """Leave out exceptions that free nothing here and would free blocked names below them; tell of those that do both.

    Where nothing above an exception is blocked, it only says what holds anyway.
    """
    allowed = intake.entries.allowed
    if not any(allowed.values()):
        return
    blocked = intake.entries.blocked
    above_blocked = set(_names_above(blocked))
    idle = torn = 0
    for kind in (DOMAIN, CHILDREN):
        for name in sorted(allowed[kind] & above_blocked):
            if _is_below_a_block(name, blocked):
                torn += 1
            else:
                allowed[kind].discard(name)
                idle += 1
    if idle:
        intake.notes.append(f"{idle} exceptions are left out: nothing above them is blocked, and names below them are")
    if torn:
        intake.notes.append(f"{torn} exceptions have blocked names below them; here the exceptions win")


def _names_above(blocked: dict[int, set[bytes]]) -> Iterator[bytes]:
    """Yield every name that has a blocked one below it."""
    for kind in KINDS:
        for name in blocked[kind]:
            yield from parents(name)
            if kind == CHILDREN:
                yield name


def _is_below_a_block(name: bytes, blocked: dict[int, set[bytes]]) -> bool:
    if name in blocked[DOMAIN] or name in blocked[EXACT]:
        return True
    return any(parent in blocked[DOMAIN] or parent in blocked[CHILDREN] for parent in parents(name))


def parents(name: bytes) -> Iterable[bytes]:
    """Yield the names above one, the nearest first."""
    at = 1 + name[0]
    while at < len(name):
        yield name[at:]
        at += 1 + name[at]
