"""How the commands for boards show themselves: progress on a terminal, facts as text or as one JSON object."""

import json
import sys
from types import TracebackType

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from spamgate_tools.errors import UserError

_DOING = {
    "connect": "looking for the board",
    "download": "fetching MicroPython",
    "erase": "erasing",
    "write": "writing",
    "verify": "verified",
    "read": "reading",
    "hello": "waiting for its hello",
}


class Screen:
    """Use it in a `with`: an error inside is also printed as JSON where JSON was asked for."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        console = Console(stderr=True)
        columns = (TextColumn("{task.description:22}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self._bars = Progress(*columns, console=console, transient=True, disable=as_json or not console.is_terminal)
        self._bar: TaskID | None = None
        self._stage = ""

    def __enter__(self) -> "Screen":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.clear()
        if self.as_json and isinstance(error, UserError):
            word = getattr(error, "kind", "input")
            self.print_object({"type": "error", "kind": word, "text": error.text, "hint": error.hint})

    def progress(self, stage: str, done: int, total: int) -> None:
        """Show how far a stage is."""
        if stage != self._stage:
            self.clear()
            self._stage = stage
            self._bar = self._bars.add_task(_DOING.get(stage, stage), total=total)
            self._bars.start()
        if self._bar is not None:
            self._bars.update(self._bar, completed=done, total=total)

    def clear(self) -> None:
        """Take the bar away: something else is to be shown, or asked."""
        if self._bar is not None:
            self._bars.remove_task(self._bar)
            self._bar = None
        self._stage = ""
        self._bars.stop()

    def print_object(self, content: dict) -> None:
        """Print one line of JSON."""
        click.echo(json.dumps(content))
        sys.stdout.flush()


def bytes_text(count: int) -> str:
    """Return a size as people say it."""
    return f"{count >> 20} MB" if count >= 1 << 20 and not count % (1 << 20) else f"{count / 1024:.0f} KB"
