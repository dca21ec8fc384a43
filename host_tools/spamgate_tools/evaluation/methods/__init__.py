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

_PUBLISHED = (spot, random_walk, throttle, mx_rule, many_servers, many_mails, block_25)

METHODS: dict[str, MethodEntry] = {
    entry.name: entry for entry in (NONE, spamgate.ENTRY, *(made.ENTRY for made in _PUBLISHED))
}
