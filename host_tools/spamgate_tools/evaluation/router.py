"""How a router with our table treats connections to port 25: the rules of plane/linux_rules.py, as decisions.

Kept apart for each device by its MAC, as the table's sets are: destinations with a past, the budget of a throttled
device, the pace of a normal one, and who joined while a swarm of newcomers mails.
"""

from spamgate.core import states
from spamgate.core.devices import GRANT_MAIL_SERVER

_DAY_S = 86400
_PAST_S = 8 * _DAY_S
_STRICT_S = _DAY_S
_NEVER_S = -(1 << 60)

BUDGET_PER_DAY = 5  # settings.budget_per_day, as all of these by default
NORMAL_PER_MINUTE = 60
NORMAL_BURST = 300


class Router:
    """What the kernel knows; times are seconds, as fractions."""

    def __init__(self, budget_per_day: int = BUDGET_PER_DAY) -> None:
        self.is_paced = False  # was the last connection held by the pace that everybody has to keep?
        self._refill_s = _DAY_S // max(budget_per_day, 1)
        self._budget = budget_per_day
        self._drained: dict[int, float] = {}
        self._past: dict[tuple[int, bytes], float] = {}
        self._pace: dict[int, tuple[float, float]] = {}
        self._strict_s: float = _NEVER_S
        self._settled: set[int] = set()

    def passes(self, now_s: float, device: int, state: int, grant: int, server: bytes) -> bool:
        """Does a new connection pass?  Else the responder answers 421."""
        self.is_paced = False
        if state == states.QUARANTINED:
            return False
        if state == states.THROTTLED:
            return self._has_past(now_s, device, server) or self._spend(now_s, device)
        if grant == GRANT_MAIL_SERVER:
            return True
        if self._has_past(now_s, device, server):
            return True
        if now_s - self._strict_s < _STRICT_S and device not in self._settled:
            return False
        return self._keeps_pace(now_s, device)

    def empty_budget(self, now_s: float, device: int, leaked: int) -> None:
        """The device was just throttled: the first day pays for what leaked."""
        self._drained[device] = now_s + self._refill_s * min(max(leaked, 1), max(self._budget, 1))

    def drain(self, now_s: float, device: int) -> None:
        """The device has had its message of the day."""
        self._drained[device] = now_s + _DAY_S

    def has_past(self, now_s: float, device: int, server: bytes) -> None:
        """The device's mail to this address always passes."""
        self._past[device, server] = now_s + _PAST_S

    def no_past(self, device: int, server: bytes) -> None:
        """The device's mail to this address is like any other's."""
        self._past.pop((device, server), None)

    def with_past(self, device: int) -> list[bytes]:
        """Return the servers to which the device's mail passes."""
        return [server for owner, server in self._past if owner == device]

    def be_strict(self, now_s: float, present: list[int]) -> None:
        """A swarm of newcomers mails: whoever is not present now has no budget of its own, for a day."""
        self._strict_s = now_s
        self._settled.update(present)

    def _has_past(self, now_s: float, device: int, server: bytes) -> bool:
        return self._past.get((device, server), _NEVER_S) > now_s

    def _spend(self, now_s: float, device: int) -> bool:
        if not self._budget or self._drained.get(device, _NEVER_S) > now_s:
            return False
        self._drained[device] = now_s + self._refill_s
        return True

    def _keeps_pace(self, now_s: float, device: int) -> bool:
        """A bucket of tokens, as nftables' `limit` keeps it."""
        tokens, since_s = self._pace.get(device, (float(NORMAL_BURST), now_s))
        tokens = min(NORMAL_BURST, tokens + (now_s - since_s) * NORMAL_PER_MINUTE / 60)
        keeps = tokens >= 1
        self.is_paced = not keeps
        self._pace[device] = (tokens - keeps, now_s)
        return keeps
