"""How often an address may fail to prove itself: five times, then it is refused for a minute, and each time longer.

A key of 32 random bytes is not found by trying; this saves work and lines of log.  The rule when the table is full:
whoever is refused no longer, and among those whoever failed longest ago, is forgotten.
"""

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed

_FAILURES = const(5)
_REFUSED_MS = const(60000)
_DOUBLINGS = const(4)  # up to 16 minutes
_FORGET_MS = const(3600000)
_ADDRESSES = const(16)


class Patience:
    """Failures by address."""

    def __init__(self) -> None:
        self._rows: "list[list]" = []  # address, failures, when the last was

    def is_refused(self, address: bytes, now_ms: int) -> bool:
        """Has it failed too often lately?"""
        row = self._row(address)
        return row is not None and _is_refused(row, now_ms)

    def failed(self, address: bytes, now_ms: int) -> int:
        """Count a failure; return for how many seconds the address is refused from now on."""
        row = self._row(address)
        if row is None:
            if len(self._rows) == _ADDRESSES:
                self._rows.remove(max(self._rows, key=lambda row: _rank(row, now_ms)))
            row = [address, 0, 0]
            self._rows.append(row)
        row[1] += 1
        row[2] = now_ms
        return _refused_ms(row[1]) // 1000

    def forgive(self, address: bytes) -> None:
        """It has proved itself."""
        row = self._row(address)
        if row is not None:
            self._rows.remove(row)

    def tick(self, now_ms: int) -> None:
        """Forget who failed long ago."""
        for at in range(len(self._rows) - 1, -1, -1):
            if elapsed(now_ms, self._rows[at][2]) >= _FORGET_MS:
                del self._rows[at]

    def _row(self, address: bytes) -> "list | None":
        for row in self._rows:
            if row[0] == address:
                return row
        return None


def _refused_ms(failures: int) -> int:
    return _REFUSED_MS << min(failures - _FAILURES, _DOUBLINGS) if failures >= _FAILURES else 0


def _is_refused(row: list, now_ms: int) -> bool:
    return elapsed(now_ms, row[2]) < _refused_ms(row[1])


def _rank(row: list, now_ms: int) -> "tuple[bool, int]":
    return not _is_refused(row, now_ms), elapsed(now_ms, row[2])
