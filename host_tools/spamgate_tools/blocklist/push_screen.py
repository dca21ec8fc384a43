"""What `spamgate blocklist push` shows: a live table on a terminal, else a line a board, or JSON for programs."""

import json
import queue
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from spamgate_tools.blocklist.push import (
    APPLYING,
    ASKING,
    DONE,
    DONE_BEFORE,
    ENDED,
    FAILED,
    PAUSING,
    SENDING,
    WAITING,
    Place,
    Push,
)

_ORDER = (FAILED, APPLYING, SENDING, PAUSING, ASKING, WAITING, DONE, DONE_BEFORE)
_STYLES = {FAILED: "bold red", DONE: "green", DONE_BEFORE: "green", **dict.fromkeys(_ORDER[1:5], "yellow")}
_HEADINGS = ("port", "serial", "board", "step")
_BAR = 10
_OTHER_LINES = 8  # heading, sums, and room for the prompt
_LOOK_S = 0.25


class News:
    """Steps of ports, told by their threads and shown by one."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console()
        is_live = self._console.is_terminal and not as_json
        self._live = Live(console=self._console, auto_refresh=False, transient=True) if is_live else None
        self._told: queue.SimpleQueue[tuple[Place, str]] = queue.SimpleQueue()
        self._began = time.monotonic()

    def changed(self, place: Place, step: str) -> None:
        """Take a step, from any thread."""
        self._told.put((place, step))

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
        until = time.monotonic() + _LOOK_S
        while True:
            try:
                place, step = self._told.get(timeout=max(until - time.monotonic(), 0.001))
            except queue.Empty:
                break
            ended += step in ENDED
            if self._as_json:
                _print({"type": "port", **asdict(place), "step": step})
            elif self._live is None and step in ENDED:
                self._line(ending(place))
        if self._live:
            self._live.update(view(places, self._console.height), refresh=True)
        return ended

    def _end(self, places: Sequence[Place]) -> None:
        seconds = round(time.monotonic() - self._began, 1)
        if self._as_json:
            counted = Counter(place.step for place in places)
            numbers = {"done": counted[DONE], "done_before": counted[DONE_BEFORE], "failed": counted[FAILED]}
            _print({"type": "summary", "ports": len(places), **numbers, "seconds": seconds})
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
    counted = Counter(place.step for place in places)
    words = ", ".join(f"{counted[step]} {step}" for step in reversed(_ORDER) if counted[step])
    return f"{len(places)} boards: {words}"


def ending(place: Place) -> str:
    """Return how it went at a port, in one line."""
    who = " ".join(text for text in (place.serial, place.board) if text)
    head = f"{place.port}: {who + ' ' if who else ''}"
    if place.step == FAILED:
        return f"{head}FAILED: {place.cause}{'; ' + place.hint if place.hint else ''}"
    return f"{head}{place.step}: {_progress(place)}"


def _progress(place: Place) -> str:
    if place.step in (SENDING, APPLYING):
        full = round(place.share * _BAR)
        return f"{'#' * full}{'.' * (_BAR - full)} {place.share:4.0%} {place.way}"
    if place.step == FAILED:
        return place.cause
    if place.step == DONE_BEFORE:
        return f"version {place.version} was in force"
    if place.step == DONE:
        former = f" after {place.former}" if place.former else ""
        text = f"version {place.version}{former}, {place.way}, {place.sent_bytes} bytes in {place.seconds} s"
        return f"{text} ({place.hint})" if place.hint else text
    return ""


def _print(fields: dict) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()
