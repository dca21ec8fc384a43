"""What the young devices of a house do together: a bot that changes its MAC gains nothing.

What counts most is a *direct* contact: with a server that an MX answer named, or that nobody looked up.  A relay that
an owner has set up is looked up by its own name.

Devices first seen less than a day ago, to which the owner granted nothing, share one list of the providers they met.  A
bot that stays is found by its own score and leaves the list; what remains are many newcomers with one or two providers
each.
"""

from array import array

from spamgate.core import evidence, states
from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.core.engine import Engine

_SLOTS = const(16)
_DAY_S = const(86400)
_BURST_S = const(600)
_DEVICES = const(3)
_ANY_PROVIDERS = const(8)
_DIRECT_PROVIDERS = const(5)  # as wide_fan_out, for one device
_MANY_DEVICES = const(6)  # young ones with a direct contact in a day, be it with one provider
_BURST_PROVIDERS = const(3)  # direct ones, when the device at hand asked DNS for mail servers
_BURST_DEVICES = const(5)  # that many within ten minutes, on a gateway's first day
_NOBODY = const(0xFFFF)


class Household:
    """The last sixteen providers met by young devices.  Allocation-free once made.

    What a device met that was found since makes room first: else each bot found would push out two that were not.
    """

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._providers = array("I", bytes(4 * _SLOTS))
        self._devices = array("H", [_NOBODY] * _SLOTS)
        self._met_s = array("i", bytes(4 * _SLOTS))
        self._is_direct = bytearray(_SLOTS)

    def met(self, device: int, provider: int, is_direct: bool, is_settled: bool) -> None:
        """A device met a provider that is new to it.

        Unless the home is settled, all of its devices seem new: then only many strangers' servers tell, as its owner's
        reporters write to few.
        """
        engine = self._engine
        if not engine.devices.is_young(device, engine.now_s) or engine.devices.grant[device]:
            return
        for slot in range(_SLOTS):
            if self._providers[slot] == provider and self._devices[slot] == device:
                return
        slot = self._place()
        self._providers[slot] = provider
        self._devices[slot] = device
        self._met_s[slot] = engine.now_s
        self._is_direct[slot] = is_direct
        if self._is_swarm(device) if is_settled else is_direct and self._is_early_swarm():
            engine.observe(device, evidence.HOUSE_FAN_OUT)

    def is_overrun(self) -> bool:
        """Are three young devices held?  Then the next one may be the same that has changed its MAC again."""
        devices = self._engine.devices
        found = 0
        for device in range(1, devices.capacity):
            if self._engine.is_held(device) and devices.is_young(device, self._engine.now_s):
                found += 1
        return found >= _DEVICES

    def clear(self, device: int) -> None:
        """The device left the table: what it met stays on the list, as the crowd's."""
        for slot in range(_SLOTS):
            if self._devices[slot] == device:
                self._devices[slot] = 0

    def _place(self) -> int:
        """Return the place for one more provider: one that counts no more, else the oldest."""
        oldest = 0
        for slot in range(_SLOTS):
            if not self._counts(slot, _DAY_S, False):
                return slot
            if self._met_s[slot] < self._met_s[oldest]:
                oldest = slot
        return oldest

    def _is_early_swarm(self) -> bool:
        return self._have_met(_DAY_S, _DIRECT_PROVIDERS, _DEVICES, True) or self._have_met(
            _BURST_S, _BURST_PROVIDERS, _BURST_DEVICES, True
        )

    def _is_swarm(self, device: int) -> bool:
        if self._have_met(_DAY_S, _DIRECT_PROVIDERS, _DEVICES, True) or self._have_met(_DAY_S, 1, _MANY_DEVICES, True):
            return True
        if self._have_met(_DAY_S, _ANY_PROVIDERS, _DEVICES, False):
            return True
        board = self._engine.board
        return board.score(device) >= board.h1 and self._have_met(_BURST_S, _BURST_PROVIDERS, _DEVICES, True)

    def _have_met(self, window_s: int, providers: int, devices: int, direct: bool) -> bool:
        """Did so many devices meet so many providers?"""
        for slot in range(_SLOTS):
            if self._counts(slot, window_s, direct):
                if direct or self._is_among_first(slot, window_s):
                    providers -= self._is_first(self._providers, slot, window_s, direct)
                devices -= self._is_first(self._devices, slot, window_s, direct)
        return providers <= 0 and devices <= 0

    def _is_among_first(self, slot: int, window_s: int) -> bool:
        """Is it one of the first two providers of its device?  Who met more answers for them alone, not a neighbour."""
        before = 0
        for earlier in range(slot):
            if self._devices[earlier] == self._devices[slot] and self._counts(earlier, window_s, False):
                before += 1
        return before < 2

    def _counts(self, slot: int, window_s: int, direct: bool) -> bool:
        device = self._devices[slot]
        engine = self._engine
        if device == _NOBODY or engine.now_s - self._met_s[slot] > window_s:
            return False
        if direct and not self._is_direct[slot]:
            return False
        state = engine.devices.state[device]
        return state == states.NORMAL or state == states.WATCHED

    def _is_first(self, column: "array[int] | bytearray", slot: int, window_s: int, direct: bool) -> bool:
        """Does no earlier slot that counts have the same provider, or device?"""
        for earlier in range(slot):
            if column[earlier] == column[slot] and self._counts(earlier, window_s, direct):
                return False
        return True
