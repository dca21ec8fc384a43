"""What devices want that the blocklist names: counted, and weighed when they mail shortly after.

There only where lists may be: whoever makes a `Listed` ties it to the engine.
"""

from array import array

from spamgate.core import evidence
from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.core.engine import Engine

_SHORTLY_S = const(600)
_NEVER = const(-(1 << 30))


class Listed:
    """Counts of all devices.  Allocation-free once made."""

    def __init__(self, engine: "Engine") -> None:
        devices = engine.devices.capacity
        self.names = array("I", bytes(4 * devices))  # how often each asked for what the list names
        self.addresses = array("I", bytes(4 * devices))  # and called what it names
        self._last_s = array("i", [_NEVER] * devices)
        self._engine = engine
        engine.listed = self

    def asked(self, device: int, count: int = 1) -> None:
        """The device asked for names of the list; that weighs when it mails shortly after."""
        self.names[device] += count
        self._last_s[device] = self._engine.now_s

    def called(self, device: int) -> None:
        """The device wanted to reach an address of the list."""
        self.addresses[device] += 1
        self._last_s[device] = self._engine.now_s

    def mailed(self, device: int) -> None:
        """The device mails a provider that is new to it: did it need what the list names just before?"""
        engine = self._engine
        last_s = self._last_s[device]
        if last_s != _NEVER and 0 <= engine.now_s - last_s <= _SHORTLY_S and not engine.lookups.is_excused(device):
            engine.observe(device, evidence.LISTED_NAME)

    def clear(self, device: int) -> None:
        """Forget the device: another one takes its number."""
        self.names[device] = self.addresses[device] = 0
        self._last_s[device] = _NEVER
