"""What the gateway knows of its devices, written down and read back: verdicts and grants survive a power cut."""

import json

from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError
from spamgate.core.snapshot import newest_s, record, restore
from spamgate.core.ticks import elapsed

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable, Iterator

    from spamgate.core.engine import Engine
    from spamgate.store.state import StateFile

_SOON_MS = 200  # after a verdict or an action
_RETRY_MS = 5000
_ROUTINE_MS = 3600000  # seldom: on many routers it is flash


class Persistence:
    """Saves soon after what matters has changed, and every hour; where that fails, again after five seconds.

    `tickets` are the devices', by number.
    """

    def __init__(
        self, engine: "Engine", file: "StateFile", tickets: "list[str]", report: "Callable[[str], None]"
    ) -> None:
        self._engine = engine
        self._file = file
        self._tickets = tickets
        self._report = report
        self._is_dirty = False
        self._problem = ""
        self._saved_ms = 0

    def load(self) -> int:
        """Enrol the devices that were known; return how many."""
        now_s = newest = self._engine.now_s
        for line in self._file.load():
            newest = max(newest, newest_s(self._parse(line)))
        if self._file.problem:
            self._report("state: " + self._file.problem)
        count = 0
        for line in self._file.load():
            entry = self._parse(line)
            try:
                device = restore(self._engine, entry, now_s - newest)
            except SpamgateError as error:
                self._report("state: %s" % error)
                continue
            self._tickets[device] = str(entry.get("ticket", ""))[:12]
            count += 1
        return count

    def touch(self, at_once: bool = False) -> None:
        """Something changed that must not be forgotten."""
        self._is_dirty = True
        if at_once:
            self.save(self._saved_ms)

    def tick(self, now_ms: int) -> None:
        """Save if it is time."""
        pause_ms = _ROUTINE_MS
        if self._is_dirty:
            pause_ms = _RETRY_MS if self._problem else _SOON_MS
        if elapsed(now_ms, self._saved_ms) >= pause_ms:
            self.save(now_ms)

    def save(self, now_ms: int = 0) -> bool:
        """Save now; False where that failed."""
        self._saved_ms = now_ms
        saved = self._file.save(self)
        self._is_dirty = not saved
        if not saved and self._file.problem != self._problem:
            self._report("state: " + self._file.problem)
        self._problem = "" if saved else self._file.problem
        return saved

    def __iter__(self) -> "Iterator[str]":
        devices = self._engine.devices
        for device in range(1, devices.capacity):
            if devices.is_present(device):
                entry = record(self._engine, device)
                if self._tickets[device]:
                    entry["ticket"] = self._tickets[device]
                yield json.dumps(entry, separators=(",", ":"))

    def _parse(self, line: str) -> dict:
        """Return the record; an empty one, which is no device's, for a line that holds none."""
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        return entry if isinstance(entry, dict) else {}
