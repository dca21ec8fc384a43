"""The event log: one JSON object a line, in a file that is put aside when it has grown too large.

A disk that is full loses lines, never the gateway: `lost` counts them, and the first line that fits again says so.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_OLD = ".1"


class EventLog:
    """Appends to the file `name`; keeps it and one older file below `most_bytes` each."""

    def __init__(self, storage: "Any", name: str, most_bytes: int) -> None:
        self._storage = storage
        self._name = name
        self._most_bytes = most_bytes
        self.lost = 0

    def write(self, line: str) -> bool:
        """Add a line, which ends with a line end; False when it was lost."""
        data = line.encode()
        if self.lost:
            data = b'{"type":"error","text":"%d events before this one are lost: no room"}\n' % self.lost + data
        try:
            size = self._storage.size(self._name)
            if size and size + len(data) > self._most_bytes:
                self._storage.rename(self._name, self._name + _OLD)
            self._storage.append(self._name, data)
        except OSError:
            self.lost += 1
            return False
        self.lost = 0
        return True
