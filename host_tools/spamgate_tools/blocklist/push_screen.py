"""What `spamgate blocklist push` shows: a live table on a terminal, else a line a board, or JSON for programs."""

import time
from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from spamgate_tools.blocklist.push import APPLYING, ASKING, PAUSING, SENDING, Place, Push
from spamgate_tools.side_by_side import (
    DONE,
    DONE_BEFORE,
    ENDED,
    FAILED,
    WAITING,
    Steps,
    bar,
    counts,
    print_step,
    print_summary,
)

_ORDER = (FAILED, APPLYING, SENDING, PAUSING, ASKING, WAITING, DONE, DONE_BEFORE)
_STYLES = {FAILED: "bold red", DONE: "green", DONE_BEFORE: "green", **dict.fromkeys(_ORDER[1:5], "yellow")}
_HEADINGS = ("port", "serial", "board", "step")
_OTHER_LINES = 8  # heading, sums, and room for the prompt


class News(Steps[Place]):
    """Steps of ports, told by their threads and shown by one."""

    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json
        self._console = Console()
        is_live = self._console.is_terminal and not as_json
        self._live = Live(console=self._console, auto_refresh=False, transient=True) if is_live else None
        self._began = time.monotonic()

    def serve(self, push: Push, ports: Sequence[str]) -> list[Place]:
        """Work at all ports at once, and show it until the last has ended."""
        places: list[Place] = []
        if self._live:
            self._live.start()
        try:
            places += [push.start(port) for port in ports]
            ended = 0
            while ended < len(places):
                ended += self._show_next(places)
        finally:
            if self._live:
                self._live.stop()
        self._end(places)
        return places

    def _show_next(self, places: Sequence[Place]) -> int:
        """Show the news of the next moment; return how many ports have ended."""
        ended = 0
        for place, step in self.of_a_moment():
            ended += step in ENDED
            if self._as_json:
                print_step(place, step)
            elif self._live is None and step in ENDED:
                self._line(ending(place))
        if self._live:
            self._live.update(view(places, self._console.height), refresh=True)
        return ended

    def _end(self, places: Sequence[Place]) -> None:
        seconds = round(time.monotonic() - self._began, 1)
        if self._as_json:
            print_summary(places, seconds)
            return
        if self._live:
            self._console.print(view(places, len(places) + 100))
            for place in places:
                if place.step == FAILED:
                    self._line(ending(place))
        self._line(f"{sums(places)}; {seconds:.0f} s")

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def view(places: Sequence[Place], height: int) -> RenderableType:
    """Return the table, those that need a hand first, cut to the lines of the terminal; and the sums."""
    ranked = sorted(places, key=lambda place: _ORDER.index(place.step))
    shown = ranked[: max(height - _OTHER_LINES, 4)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), collapse_padding=True)
    for heading in _HEADINGS:
        table.add_column(heading, no_wrap=True)
    table.add_column("", no_wrap=True, overflow="ellipsis")
    for place in shown:
        step = Text(place.step, style=_STYLES[place.step])
        table.add_row(place.port, place.serial, place.board, step, Text(_progress(place)))
    parts: list[RenderableType] = [table]
    if len(ranked) > len(shown):
        parts.append(Text(f"and {len(ranked) - len(shown)} more"))
    return Group(*parts, Text(sums(places)))


def sums(places: Sequence[Place]) -> str:
    """Return how many boards are how far."""
    return f"{len(places)} boards: {counts(places, _ORDER[::-1])}"


def ending(place: Place) -> str:
    """Return how it went at a port, in one line."""
    who = " ".join(text for text in (place.serial, place.board) if text)
    head = f"{place.port}: {who + ' ' if who else ''}"
    if place.step == FAILED:
        return f"{head}FAILED: {place.cause}{'; ' + place.hint if place.hint else ''}"
    return f"{head}{place.step}: {_progress(place)}"


def _progress(place: Place) -> str:
    if place.step in (SENDING, APPLYING):
        return f"{bar(place.share)} {place.way}"
    if place.step == FAILED:
        return place.cause
    if place.step == DONE_BEFORE:
        return f"version {place.version} was in force"
    if place.step == DONE:
        former = f" after {place.former}" if place.former else ""
        text = f"version {place.version}{former}, {place.way}, {place.sent_bytes} bytes in {place.seconds} s"
        return f"{text} ({place.hint})" if place.hint else text
    return ""
