"""Follow files of JSON lines that others write while we read: whole lines only, and each once."""

import json
from collections.abc import Iterator
from pathlib import Path


class Follower:
    """One file, which may not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self.unreadable = 0  # lines that are no JSON object: a program's last words, say

    def read(self) -> Iterator[dict]:
        """Yield what was added since the last call."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                added = file.read()
        except FileNotFoundError:
            return
        whole = added[: added.rfind(b"\n") + 1]
        self._at += len(whole)
        for line in whole.splitlines():
            event = _parsed(line)
            if event is None:
                self.unreadable += 1
            else:
                yield event


def _parsed(line: bytes) -> dict | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
