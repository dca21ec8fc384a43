"""The ports of a station as people watch them: those that need a hand first."""

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from spamgate_tools.provision.station import LOOKING, MADE, MADE_BEFORE, TESTING, WRITING, Place
from spamgate_tools.side_by_side import FAILED, WAITING, bar, counts

_ORDER = (FAILED, TESTING, WRITING, LOOKING, WAITING, MADE, MADE_BEFORE)
_STYLES = {FAILED: "bold red", MADE: "green", MADE_BEFORE: "green", **dict.fromkeys(_ORDER[1:4], "yellow")}
_HEADINGS = ("port", "serial", "MAC", "step")
_OTHER_LINES = 8  # heading, sums, and room for the prompt


def view(places: Sequence[Place], height: int, note: str = "") -> RenderableType:
    """Return the table, cut to the lines of the terminal, and the sums."""
    if not places:
        return Text(f"{sums(places)}{note}")
    ranked = sorted(places, key=lambda place: _ORDER.index(place.step))
    shown = ranked[: max(height - _OTHER_LINES, 4)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), collapse_padding=True)
    cells = [(place.port, place.serial, place.mac, place.step) for place in shown]
    for heading, column in zip(_HEADINGS, zip(*cells, strict=True), strict=False):
        table.add_column(heading, no_wrap=True, min_width=max(map(len, column)))
    table.add_column("", no_wrap=True, overflow="ellipsis")
    for place, texts in zip(shown, cells, strict=True):
        step = Text(place.step, style=_STYLES.get(place.step, ""))
        table.add_row(*(Text(text) for text in texts[:-1]), step, Text(_progress(place)))
    parts: list[RenderableType] = [table]
    if len(ranked) > len(shown):
        parts.append(Text(f"and {len(ranked) - len(shown)} more"))
    return Group(*parts, Text(f"{sums(places)}{note}"))


def sums(places: Sequence[Place]) -> str:
    """Return how many ports are how far."""
    return f"{len(places)} ports: {counts(places, _ORDER[::-1])}" if places else "no port yet"


def ending(place: Place) -> str:
    """Return how it went at a port, in one line."""
    who = " ".join(text for text in (place.serial, place.mac, place.board) if text)
    if place.step == FAILED:
        return f"{place.port}: {who + ' ' if who else ''}FAILED: {place.cause}{'; ' + place.hint if place.hint else ''}"
    test = f", list {place.list_version}" if place.list_version else ""
    test += f", self-test {place.self_test}" if place.self_test else ""
    return f"{place.port}: {who} {place.step}{test}{'; ' + place.hint if place.hint else ''}"


def _progress(place: Place) -> str:
    if place.step == WRITING:
        return bar(place.share)
    if place.step == FAILED:
        return place.cause
    told = [f"list {place.list_version}"] if place.list_version else []
    told += [f"self-test {place.self_test.partition(':')[0]}"] if place.self_test else []
    return place.hint or ", ".join(told)
