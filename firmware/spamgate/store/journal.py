"""The journal of a board: events on flash, with few erases.

Each append costs a flash page and, now and then, an erase; so lines wait in memory until a kilobyte of them is there, a
quarter of an hour has passed, or `flush` says that they matter.
"""

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.store.event_log import EventLog

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

NAME = "events.jsonl"

_FULL_CHARACTERS = const(1024)
_WAIT_MS = const(900000)


class Journal:
    """Appends to the file `NAME`; keeps it and one older file below `most_bytes` each."""

    def __init__(self, storage: "Any", most_bytes: int) -> None:
        self._log = EventLog(storage, NAME, most_bytes)
        self._waiting: "list[str]" = []
        self._size = 0
        self._since_ms = -1

    def write(self, line: str) -> None:
        """Add a line, which ends with a line end."""
        self._waiting.append(line)
        self._size += len(line)
        if self._size >= _FULL_CHARACTERS:
            self.flush()

    def tick(self, now_ms: int) -> None:
        """Write what has waited long."""
        if not self._waiting:
            self._since_ms = -1
        elif self._since_ms < 0:
            self._since_ms = now_ms
        elif elapsed(now_ms, self._since_ms) >= _WAIT_MS:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._log.write("".join(self._waiting))
            self._waiting.clear()
            self._size = 0

    def note_crash(self, error: Exception) -> None:
        """Write why the program ends, as far as there is memory for it."""
        try:
            self.write('{"type":"error","t":0,"text":"stopped by %s"}\n' % type(error).__name__)
            self.flush()
        except (MemoryError, OSError):
            pass
