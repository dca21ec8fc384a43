"""The detectors that are compared: one file each, as published; here is the list of all."""

from spamgate_tools.evaluation.method import Method
from spamgate_tools.evaluation.methods import (
    block_25,
    many_mails,
    many_servers,
    mx_rule,
    random_walk,
    spamgate,
    spot,
    throttle,
)
from spamgate_tools.evaluation.methods.entry import MethodEntry, Setting

_NOTHING = "nothing"


def _sweep_none() -> list[Setting]:
    return [(_NOTHING, Method)]


NONE = MethodEntry(
    name=Method.name,
    title="No detector",
    citation="what comes of the plan if nobody interferes",
    factory=Method,
    sweep=_sweep_none,
    published=_NOTHING,
    reading="Never acts: what all others' delays and losses are counted against.",
)

_MADE = (
    NONE,
    spamgate.ENTRY,
    spot.ENTRY,
    spot.ENTRY_THETA,
    random_walk.ENTRY,
    throttle.ENTRY,
    mx_rule.ENTRY,
    many_servers.ENTRY,
    many_mails.ENTRY,
    block_25.ENTRY,
)

METHODS: dict[str, MethodEntry] = {entry.name: entry for entry in _MADE}
