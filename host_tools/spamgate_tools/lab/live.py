"""The lab as one watches it: a table of the home that follows the books; where no terminal is, a line a verdict."""

from datetime import datetime

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from spamgate_tools.device_words import STYLES, sentence
from spamgate_tools.lab.books import NORMAL, Account, Books

_PER_SECOND = 4
_WIDE = 120
_WITH_WHAT, _WITHOUT_WHAT = 75, 50  # columns that the rest of the table takes
_LEAST = 20


class Screen:
    """Shows a run on a terminal while it lasts; use as a context."""

    def __init__(self, console: Console, books: Books, seconds: float) -> None:
        self._console = console
        self._books = books
        self._seconds = seconds
        self._step = ""
        self._passed_s = 0.0
        self._live = Live(console=console, refresh_per_second=_PER_SECOND, transient=True, get_renderable=self._view)

    def __enter__(self) -> "Screen":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def step(self, step: str) -> None:
        """Say what is being done; "" when the home lives its life."""
        self._step = step

    def tick(self, passed_s: float) -> None:
        self._passed_s = passed_s

    def _view(self) -> RenderableType:
        clock = Text(f"{self._passed_s:.0f} of {self._seconds:g} s")
        waiting = Spinner("dots", Text(self._step)) if self._step else clock
        return Group(table(self._books, self._console.width), waiting) if self._books.accounts else waiting


def table(books: Books, width: int) -> Table:
    """Return the home as it stands; what a device does gives way to the evidence where the screen is narrow."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), collapse_padding=True)
    is_wide = width >= _WIDE
    made.add_column("device", no_wrap=True)
    if is_wide:
        made.add_column("what it does", no_wrap=True)
    made.add_column("state", no_wrap=True)
    made.add_column("mails out", justify="right", no_wrap=True)
    made.add_column("refused", justify="right", no_wrap=True)
    made.add_column("evidence")
    room = width - (_WITH_WHAT if is_wide else _WITHOUT_WHAT)
    for account in books.accounts.values():
        made.add_row(*_row(account, is_wide, max(room, _LEAST)))
    return made


def _row(account: Account, is_wide: bool, room: int) -> list[RenderableType]:
    style = "red" if account.member.bot else ""
    counts = (str(count or "") for count in (account.accepted, account.refused))
    state = Text(account.state, style=STYLES[account.state])
    what = [Text(account.member.what)] if is_wide else []
    evidence = Text(_evidence(account))
    evidence.truncate(room, overflow="ellipsis")
    return [Text(account.member.name, style), *what, state, *counts, evidence]


def _evidence(account: Account) -> str:
    """Return the newest reason in words, and how many others there are."""
    if account.state == NORMAL or not account.evidence:
        return ""
    newest = max(account.evidence, key=lambda row: row["last"])
    others = len(account.evidence) - 1
    return sentence(newest) + (f" (+{others})" if others else "")


def event_line(event: dict, books: Books) -> Text | None:
    """Return a line for a change of state or a complaint of the gateway's; nothing for its other events."""
    clock = datetime.fromtimestamp(event["t"]).strftime("%H:%M:%S")
    if event["type"] == "error":
        return Text.assemble(f"{clock}  ", ("the gateway", "bold"), f" reports: {event['text']}")
    if event["type"] != "verdict":
        return None
    account = books.account(event["device"])
    name = account.member.name if account else event["device"]
    reasons = ", ".join(sentence(row) for row in event["evidence"])
    return Text.assemble(f"{clock}  ", (name, "bold"), " is ", (event["to"], STYLES[event["to"]]), f": {reasons}")
