"""The event log: one JSON object a line, in a file that is put aside when it has grown too large.

A disk that is full loses lines, never the gateway: `lost` counts them, and the first line that fits again says so.
Of the line at which room or power ended, a part may stay; it is ended, so that what follows is a line of its own.
"""

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
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
        self._may_be_torn = True

    def write(self, line: str) -> bool:
        """Add a line, which ends with a line end; False when it was lost."""
        data = line.encode()
        if self.lost:
            at = line.find('"t":')
            told = (line[at : line.find(",", at) + 1], self.lost)
            data = ('{"type":"error",%s"text":"%d events before this one are lost: no room"}\n' % told).encode() + data
        try:
            size = self._storage.size(self._name)
            if size and size + len(data) > self._most_bytes:
                self._storage.rename(self._name, self._name + _OLD)
            elif size and self._may_be_torn and self._storage.read_at(self._name, size - 1, 1) != b"\n":
                data = b"\n" + data
            self._storage.append(self._name, data)
        except OSError:
            self.lost += 1
            self._may_be_torn = True
            return False
        self.lost = 0
        self._may_be_torn = False
        return True
