"""Commands that wait for their replies, in order, run-length packed: pipelining sends many alike."""

from spamgate.core.compat import const

MESSAGE = 16  # the text of a message, after 354
NOTHING = 255

_NOTHING = const(255)
_RUN_BYTES = const(2)  # verb and count
_MOST = const(255)


class Pending:
    """One queue a slot, of at most `runs` runs: MAIL RCPT… DATA is three."""

    def __init__(self, slots: int, runs: int) -> None:
        self._most_runs = runs
        self._slot_bytes = runs * _RUN_BYTES
        self._runs = bytearray(slots * self._slot_bytes)
        self._used = bytearray(slots)

    def clear(self, slot: int) -> None:
        """Nothing waits any more."""
        self._used[slot] = 0

    def head(self, slot: int) -> int:
        """Return what the next reply answers, or NOTHING."""
        return self._runs[slot * self._slot_bytes] if self._used[slot] else _NOTHING

    def push(self, slot: int, verb: int) -> bool:
        """Add a command; False, and nothing is added, when there are too many runs."""
        runs = self._runs
        used = self._used[slot]
        at = slot * self._slot_bytes + used * _RUN_BYTES
        if used and runs[at - 2] == verb and runs[at - 1] < _MOST:
            runs[at - 1] += 1
            return True
        if used == self._most_runs:
            return False
        runs[at] = verb
        runs[at + 1] = 1
        self._used[slot] = used + 1
        return True

    def pop(self, slot: int) -> int:
        """Take the head off and return it; NOTHING when there is none."""
        used = self._used[slot]
        if not used:
            return _NOTHING
        runs = self._runs
        at = slot * self._slot_bytes
        verb = runs[at]
        if runs[at + 1] > 1:
            runs[at + 1] -= 1
            return verb
        self._used[slot] = used - 1
        for place in range(at, at + used * 2 - 2):
            runs[place] = runs[place + 2]
        return verb

    def has(self, slot: int, verb: int) -> bool:
        """Does such a command wait?"""
        at = slot * self._slot_bytes
        for run in range(self._used[slot]):
            if self._runs[at + run * 2] == verb:
                return True
        return False
