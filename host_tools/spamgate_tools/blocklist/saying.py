"""What a build, or a list that lies there, has to say for itself: as JSON, and as lines for people."""

from collections.abc import Iterator
from math import log2
from typing import Any

from spamgate_tools.blocklist.build import Built
from spamgate_tools.blocklist.classes import most_names
from spamgate_tools.blocklist.names import dotted
from spamgate_tools.blocklist.open_list import reader_of

_EXAMPLES = 5


def list_facts(body: bytes, manifest: dict) -> dict[str, Any]:
    """Return what is in a list, and how often it takes a name for a listed one."""
    reader = reader_of(body)
    names = reader.names
    return {
        "class": manifest["class"],
        "board_class": manifest["board_class"],
        "id": manifest["id"],
        "names": names,
        "allowed": reader.allow,
        "networks_v4": reader.v4,
        "networks_v6": reader.v6,
        "exceptions": reader.exceptions,
        "body_bytes": len(body),
        "bytes_a_name": round(len(body) / names, 4) if names else None,
        "range_bits": reader.range_bits,
        "false_hits_per_probe": names / (1 << reader.range_bits),
        "room_for_names": most_names(manifest["class"], manifest["board_class"]),
        "sha256": manifest["sha256"],
    }


def list_lines(facts: dict[str, Any]) -> Iterator[str]:
    """Yield it for people."""
    size = f"{facts['body_bytes']:,} bytes" + (f", {facts['bytes_a_name']:.3f} a name" if facts["names"] else "")
    networks = facts["networks_v4"] + facts["networks_v6"]
    yield f"holds      {facts['names']:,} names, {facts['allowed']:,} allowed, {networks:,} networks: {size}"
    yield f"class      {facts['class']}: {_rate_words(facts['false_hits_per_probe'])}"
    yield f"boards     {facts['board_class']}: room for {facts['room_for_names']:,} names of this class"


def universe_facts(built: Built, names: int) -> dict[str, Any]:
    """Return the proof that no name of the universe is blocked by chance."""
    found = built.collisions
    return {
        "names": names,
        "probes": found.probes,
        "listed": len(found.listed),
        "listed_examples": sorted(map(dotted, found.listed), key=lambda name: (len(name), name))[:_EXAMPLES],
        "would_be_blocked_by_chance": len(found.hit),
        "exceptions": sorted(map(dotted, set(found.spared.values()))),
        "blocked_by_chance": 0,
    }


def universe_lines(facts: dict[str, Any]) -> Iterator[str]:
    """Yield that proof for people."""
    spared = facts["exceptions"]
    yield (
        f"universe   {facts['names']:,} well-known names, with those above them {facts['probes']:,} probes: "
        f"{facts['would_be_blocked_by_chance']:,} would be blocked by chance"
    )
    if spared:
        more = f" and {len(spared) - _EXAMPLES:,} more" if len(spared) > _EXAMPLES else ""
        yield f"           spared by {len(spared):,} exceptions: {', '.join(spared[:_EXAMPLES])}{more}"
    if facts["listed"]:
        yield f"           {facts['listed']:,} are on the list themselves, as {', '.join(facts['listed_examples'])}"
    yield "proof      read back: every entry is found, and of the universe only what is on the list is blocked"


def _rate_words(rate: float) -> str:
    if not rate:
        return "it has no names, and none hits"
    once = f"once in {round(1 / rate):,} probes (2^{log2(rate):.2f})"
    return f"a name that is not on it is taken for one {once}; a look-up probes the name and those above"
