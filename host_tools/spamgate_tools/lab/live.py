"""The lab as one watches it: a table of the home that follows the books; where no terminal is, a line a verdict."""

from datetime import datetime

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from spamgate.core.sentences import SENTENCES
from spamgate_tools.device_table import STYLES
from spamgate_tools.lab.books import NORMAL, Account, Books

_PER_SECOND = 4


class Screen:
    """Shows a run on a terminal while it lasts; use as a context."""

    def __init__(self, console: Console, books: Books, seconds: float) -> None:
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
        return Group(table(self._books), waiting) if self._books.accounts else waiting


def table(books: Books) -> Table:
    """Return the home as it stands."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), collapse_padding=True)
    made.add_column("device", no_wrap=True)
    made.add_column("what it does", no_wrap=True)
    made.add_column("state", no_wrap=True)
    made.add_column("mails out", justify="right")
    made.add_column("refused", justify="right")
    made.add_column("evidence", overflow="ellipsis", no_wrap=True)
    for account in books.accounts.values():
        made.add_row(*_row(account))
    return made


def _row(account: Account) -> list[RenderableType]:
    style = "red" if account.member.bot else ""
    counts = (str(count or "") for count in (account.accepted, account.refused))
    state = Text(account.state, style=STYLES[account.state])
    return [Text(account.member.name, style), Text(account.member.what), state, *counts, Text(_evidence(account))]


def _evidence(account: Account) -> str:
    """Return the newest reason in words, and how many others there are."""
    if account.state == NORMAL or not account.evidence:
        return ""
    newest = max(account.evidence, key=lambda row: row["last"])
    others = len(account.evidence) - 1
    return SENTENCES[newest["kind"]] + (f" (+{others})" if others else "")


def verdict_line(event: dict, books: Books) -> Text:
    """Return a line for one change of state."""
    account = books.account(event["device"])
    name = account.member.name if account else event["device"]
    reasons = ", ".join(SENTENCES[row["kind"]] for row in event["evidence"])
    clock = datetime.fromtimestamp(event["t"]).strftime("%H:%M:%S")
    return Text.assemble(f"{clock}  ", (name, "bold"), " is ", (event["to"], STYLES[event["to"]]), f": {reasons}")
