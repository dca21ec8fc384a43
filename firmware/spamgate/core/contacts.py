"""Whom each device has mailed: its last few providers, which of them have a past, which failed.

A provider is a number: the hash of the registrable domain of a mail server's name, else of its network.
Eight providers a device are kept.  When a device's row is full, a provider without a past goes first,
the one longest unused; so a flood of new providers cannot push out the relay an owner depends on.
"""

from array import array

from spamgate.core.compat import const

PER_DEVICE = 8

ACCEPTED = 1  # it has taken mail from this device
LOGGED_IN = 2  # the device logged in there (AUTH); only one provider a device may count for it
FAILED = 4  # a first contact was refused or timed out
UNKNOWN = 8  # it said that a recipient does not exist
DOUBTED = 16  # met under suspicion: it gains no past by mail taken meanwhile, and has lost what it had
IDLE = 32  # connections came to nothing: no mail was begun there
DIRECT = 64  # a domain's own server, no relay

_UNCOUNTED = const(34)  # LOGGED_IN | IDLE: says nothing about fan-out
_ROW = const(8)
# A relay an owner depends on has taken mail on another day than today.
_PAST_S = const(86400)


class Contacts:
    """A row of providers for each device.  Allocation-free once made."""

    def __init__(self, devices: int) -> None:
        size = devices * PER_DEVICE
        self._providers = array("I", bytes(4 * size))
        self._first_s = array("i", bytes(4 * size))
        self._last_s = array("i", bytes(4 * size))
        self._trouble_s = array("i", bytes(4 * size))  # when FAILED or UNKNOWN was last set
        self._flags = bytearray(size)

    def find(self, device: int, provider: int) -> int:
        """Return where `provider` stands in the device's row, or -1."""
        providers = self._providers
        for at in range(device * _ROW, device * _ROW + _ROW):
            if providers[at] == provider + 1:
                return at
        return -1

    def meet(self, device: int, provider: int, now_s: int) -> bool:
        """Note a connection to `provider`; True when it is a new one for this device."""
        at = self.find(device, provider)
        fresh = at < 0
        if fresh:
            at = self._place(device, now_s)
            self._providers[at] = provider + 1
            self._first_s[at] = now_s
            self._flags[at] = 0
        self._last_s[at] = now_s
        return fresh

    def mark(self, device: int, provider: int, flag: int, now_s: int) -> None:
        """Set `flag` on a provider the device has met; what is accepted takes FAILED back."""
        at = self.find(device, provider)
        if at < 0 or (flag == LOGGED_IN and self._has_login(device)):
            return
        if flag == IDLE and self._flags[at] & (ACCEPTED | UNKNOWN):
            return
        if flag & (FAILED | UNKNOWN):
            self._trouble_s[at] = now_s
        if flag & ACCEPTED:
            self._flags[at] &= ~FAILED
        self._flags[at] |= flag

    def troubled(self, device: int, flag: int, now_s: int) -> int:
        """Return how many providers in the row were marked with FAILED or UNKNOWN in the last day."""
        found = 0
        for at in range(device * _ROW, device * _ROW + _ROW):
            if self._flags[at] & flag and abs(now_s - self._trouble_s[at]) < _PAST_S:
                found += 1
        return found

    def recent(self, device: int, now_s: int, window_s: int, flags: int = 0) -> int:
        """Return how many providers without a past, with all of `flags`, were first met within `window_s`."""
        found = 0
        for at in range(device * _ROW, device * _ROW + _ROW):
            if self._providers[at] and now_s - self._first_s[at] <= window_s:
                if self._flags[at] & (flags | _UNCOUNTED) == flags:
                    found += 1
        return found

    def begins(self, device: int, provider: int) -> bool:
        """Mail is begun at `provider`; True if it has stood there as idle until now."""
        at = self.find(device, provider)
        if at < 0 or not self._flags[at] & IDLE:
            return False
        self._flags[at] &= ~IDLE
        return True

    def has_past(self, device: int, provider: int, now_s: int) -> bool:
        """Has this provider taken the device's mail for longer than a day, or does it know its password?"""
        at = self.find(device, provider)
        return at >= 0 and self._is_known(at, now_s)

    def doubt(self, device: int, now_s: int) -> None:
        """The device is throttled: what has no past yet gains none until that is over."""
        for at in range(device * _ROW, device * _ROW + _ROW):
            if self._providers[at] and not self._is_known(at, now_s):
                self._flags[at] |= DOUBTED

    def forgive(self, device: int, now_s: int) -> None:
        """It is over: what was doubted begins its past anew, or will be new altogether if it was met days ago."""
        for at in range(device * _ROW, device * _ROW + _ROW):
            if not self._flags[at] & DOUBTED:
                continue
            self._flags[at] &= ~(DOUBTED | ACCEPTED | LOGGED_IN)
            if now_s - self._first_s[at] >= _PAST_S:
                self._providers[at] = 0
                self._flags[at] = 0

    def has_any_past(self, device: int, now_s: int) -> bool:
        """Is there a provider with a past?"""
        for at in range(device * _ROW, device * _ROW + _ROW):
            if self._providers[at] and self._is_known(at, now_s):
                return True
        return False

    def clear(self, device: int) -> None:
        """Forget the row: the device left the table."""
        for at in range(device * _ROW, device * _ROW + _ROW):
            self._providers[at] = 0
            self._flags[at] = 0

    def _has_login(self, device: int) -> bool:
        for at in range(device * _ROW, device * _ROW + _ROW):
            if self._flags[at] & LOGGED_IN:
                return True
        return False

    def _is_known(self, at: int, now_s: int) -> bool:
        flags = self._flags[at]
        if flags & DOUBTED:
            return False
        return bool(flags & LOGGED_IN or (flags & ACCEPTED and now_s - self._first_s[at] >= _PAST_S))

    def _place(self, device: int, now_s: int) -> int:
        """Return the place for one more provider: an empty one, else the least missed."""
        best = device * _ROW
        best_known = True
        for at in range(device * _ROW, device * _ROW + _ROW):
            if not self._providers[at]:
                return at
            known = self._is_known(at, now_s)
            if (best_known and not known) or (known == best_known and self._last_s[at] < self._last_s[best]):
                best = at
                best_known = known
        return best
