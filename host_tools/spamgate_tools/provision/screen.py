"""What a station shows while it works: a live table on a terminal, else a line a port, or JSON for programs."""

import time

from rich.console import Console
from rich.live import Live

from spamgate_tools.provision.station import Place
from spamgate_tools.provision.table import ending, sums, view
from spamgate_tools.provision.tray import Tray
from spamgate_tools.side_by_side import ENDED, FAILED, print_step, print_summary


class Screen:
    """Shows a tray; use as a context around the work."""

    def __init__(self, tray: Tray, as_json: bool, note: str) -> None:
        self._tray = tray
        self._as_json = as_json
        self._note = note
        self._began = time.monotonic()
        console = Console()
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def __enter__(self) -> "Screen":
        if self._live and not self._as_json:
            self._live.start()
        return self

    def __exit__(self, *stopped: object) -> None:
        if self._live and not self._as_json:
            self._live.stop()
        self._end()

    def show(self, place: Place | None, step: str) -> None:
        """Show that a port has come to a step, or, without one, that time has passed."""
        if self._as_json:
            if place:
                print_step(place, step)
        elif self._live is None:
            if place and step in ENDED:
                self._line(ending(place))
        elif place is None:
            self._live.update(view(self._tray.places, self._console.height, self._note), refresh=True)

    def _end(self) -> None:
        places = self._tray.places
        seconds = round(time.monotonic() - self._began, 1)
        if self._as_json:
            print_summary(places, seconds)
            return
        if self._live is None:
            self._line(f"{sums(places)}; {seconds:.0f} s")
            return
        self._console.print(view(places, len(places) + 100, f"; {seconds:.0f} s"))
        for place in places:
            if place.step == FAILED:
                self._line(ending(place))

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
