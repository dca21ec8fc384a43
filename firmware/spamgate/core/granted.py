"""What a granted mail server has been used to: to how many providers new to it it goes in a day.

Such a server may mail anybody, so whom it mails says nothing; that it suddenly mails many more strangers than it ever
did does: it was broken into.  Or its owner writes to everybody at once: then the mail waits in its queue until that
has been said, and nothing is lost.
"""

from array import array

from spamgate.core import evidence
from spamgate.core.compat import const
from spamgate.core.hashing import hash_pair
from spamgate.core.tables import DistinctSet

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.core.engine import Engine

_DAY_S = const(86400)
_LEARNING_DAYS = const(3)  # on which it mails
_ALLOWED = const(20)  # a party's invitations; also by how much the largest day may grow at a time
_TIMES = const(2)


class GrantedPast:
    """Days of granted devices, the largest of which wears off by a quarter a day.  Allocation-free once made.

    What they tell is forgotten when the gateway restarts.  When the set of known providers is full, it and all days
    begin anew: nobody is judged for three days then.
    """

    def __init__(self, engine: "Engine", slots: int) -> None:
        devices = engine.devices.capacity
        self._engine = engine
        self._known = DistinctSet(slots)
        self._since_s = array("i", bytes(4 * devices))
        self._today = array("H", bytes(2 * devices))
        self._largest = array("H", bytes(2 * devices))
        self._days = bytearray(devices)

    def met(self, device: int, provider: int) -> None:
        """A granted device goes to a provider."""
        self._roll(device)
        if self._known.is_full():
            self._begin_anew()
        if not self._known.add(hash_pair(provider, device)) or self._today[device] == 0xFFFF:
            return
        self._today[device] += 1
        limit = _ALLOWED + _TIMES * self._largest[device]
        if self._days[device] >= _LEARNING_DAYS and self._today[device] > limit:
            self._engine.observe(device, evidence.SURGE)

    def excuse(self, device: int) -> None:
        """The owner says that what it did today is well."""
        self._largest[device] = max(self._largest[device], self._today[device])
        self._today[device] = 0

    def clear(self, device: int) -> None:
        """Forget the device: another one takes its number."""
        self._since_s[device] = 0
        self._today[device] = 0
        self._largest[device] = 0
        self._days[device] = 0

    def _roll(self, device: int) -> None:
        """Begin a new day if the last one is over; a day of a surge teaches nothing."""
        now_s = self._engine.now_s
        if 0 <= now_s - self._since_s[device] < _DAY_S and self._since_s[device]:
            return
        if self._since_s[device] and not self._engine.is_held(device):
            self._learn(device)
        self._since_s[device] = now_s
        self._today[device] = 0

    def _learn(self, device: int) -> None:
        most = self._today[device]
        if self._days[device] >= _LEARNING_DAYS:
            most = min(most, self._largest[device] + _ALLOWED)
        else:
            self._days[device] += 1
        self._largest[device] = max(self._largest[device] * 3 // 4, most)  # of its first day all is new

    def _begin_anew(self) -> None:
        self._known.clear()
        for device in range(len(self._days)):
            self.clear(device)
