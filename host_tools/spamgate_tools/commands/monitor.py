"""`spamgate monitor`: the home as it is now, and what happens in it."""

import sys
import time
from collections import deque

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from spamgate_tools.control import Control, Line, Place
from spamgate_tools.device_table import Devices
from spamgate_tools.device_words import event_text
from spamgate_tools.gateway_verbs import NORMAL, asks_gateway, reasons

_REFRESH_S = 2.0  # counters change without an event
_GATHER_S = 0.5  # many events may come together, and each look at the devices costs the gateway time
_EVENTS_SHOWN = 8


@click.command()
@asks_gateway
def monitor(place: Place, as_json: bool) -> None:
    """Watch the home live.

    Shows the devices, and every event as it happens, until you stop it with Ctrl-C.  With --json: a line for each
    device first, then each event as the event log has it.

    \b
    Examples:
      spamgate monitor
      spamgate monitor --json | jq 'select(.type == "verdict")'
    """
    with Control(place) as control:
        lines = control.ask("monitor")
        try:
            if as_json:
                _stream(control, lines)
            else:
                _show(control, lines)
        except KeyboardInterrupt:
            pass


def _stream(control: Control, lines: list[Line]) -> None:
    for line in lines:
        sys.stdout.write(line.text + "\n")
    sys.stdout.flush()
    for line in control.lines(None):
        sys.stdout.write(line.text + "\n")
        sys.stdout.flush()


def _show(control: Control, lines: list[Line]) -> None:
    view = _View()
    view.take(lines)
    for line in lines:
        if line.kind == "device" and line.fields["state"] != NORMAL:
            view.learn(reasons(control, line.fields["device"]))
    view.take(lines)
    with Live(view.view(), console=Console(), auto_refresh=False) as live:
        while True:
            live.update(view.view(), refresh=True)
            view.take(_news(control))
            view.take(control.ask("devices"))


def _news(control: Control) -> list[Line]:
    """Return the events of the next two seconds; if there are any, after half a second already."""
    news: list[Line] = []
    until = time.monotonic() + _REFRESH_S
    while time.monotonic() < until:
        try:
            news.append(next(control.lines(until - time.monotonic())))
        except TimeoutError:
            break
        until = min(until, time.monotonic() + _GATHER_S)
    return news


class _View:
    """What is on the screen."""

    def __init__(self) -> None:
        self._events: deque[dict] = deque(maxlen=_EVENTS_SHOWN)
        self._verdicts: dict[str, str] = {}
        self._devices = Devices(live=True)

    def learn(self, lines: list[Line]) -> None:
        """Take verdicts that are no news."""
        for line in lines:
            if line.kind == "verdict":
                self._verdicts[line.fields["device"]] = line.text

    def take(self, lines: list[Line]) -> None:
        """Take events, and the devices if they are among the lines: always all of them."""
        known = [line.text for line in lines if line.kind == "device"]
        for line in lines:
            if line.kind != "device":
                self._events.append(line.fields)
        self.learn(lines)
        if known:
            self._devices = Devices(live=True)
            for text in [*self._verdicts.values(), *known]:
                self._devices.add(text)

    def view(self) -> RenderableType:
        """Return the table and the last events."""
        events = [Text(event_text(event)) for event in self._events]
        return Group(self._devices.view(), Text(f"\n{time.strftime('%H:%M:%S')}  Ctrl-C ends this"), *events)
