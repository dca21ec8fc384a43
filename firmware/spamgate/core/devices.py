"""Who lives in the home: a table of fixed size, found by identity, with a stated rule when it is full.

When it is full, the device given up is one in state normal, without a grant or a past of mail in the last
week; among those one that never asked DNS, and then the one longest silent.  A flood of forged MACs therefore replaces
its own forgeries, never a device under suspicion.  When nobody can be given up, the newcomer shares
number CROWD with all others that came too late: watched together, never forgotten.
"""

from array import array

from spamgate.core import states
from spamgate.core.addresses import PER_DEVICE, AddressBook
from spamgate.core.compat import const
from spamgate.core.identity import BY_ADDRESS, Identity, identity_kind

CROWD = 0

GRANT_NONE = 0
GRANT_SUBMISSION = 1
GRANT_MAIL_SERVER = 2

ASKED_DNS = 1  # its DNS queries pass by us, so a missing look-up means something
ASKED_MX = 2
MAILED = 4  # it has opened port 25
RESOLVER = 8  # it answers other devices' DNS: its look-ups are theirs
RELAY = 16  # several devices speak behind its MAC
CONFIRMED = 32  # the owner agrees that it is quarantined

# One day: what is younger shares the house's budget, so a bot that changes its MAC gains nothing.
_YOUNG_S = const(86400)

_MAC_BYTES = const(6)
_STALE_S = const(7 * 86400)


class DeviceTable:
    """Devices 1 .. capacity - 1, at most 254, and CROWD."""

    book = AddressBook

    def __init__(self, capacity: int, addresses: int = PER_DEVICE) -> None:
        self.capacity = capacity
        self.addresses = self.book(capacity, addresses)
        self.state = bytearray(capacity)
        self.previous = bytearray(capacity)  # the state before, and when it was left
        self.since_s = array("i", bytes(4 * capacity))
        self.flags = bytearray(capacity)
        self.grant = bytearray(capacity)
        self.first_s = array("i", bytes(4 * capacity))
        self.last_s = array("i", bytes(4 * capacity))
        self.names = [""] * capacity
        self._high = array("I", bytes(4 * capacity))
        self._low = array("I", bytes(4 * capacity))
        self._macs = bytearray(capacity * _MAC_BYTES)
        self._used = bytearray(capacity)
        self._used[CROWD] = 1
        self._index = bytearray(256)
        self._at_address = bytearray(256)  # who was last heard of at an address, by a hash of it
        self._latest = CROWD

    def find(self, who: Identity) -> int:
        """Return the number of the device with this identity, or -1.  Allocation-free."""
        high = who.high
        low = who.low
        latest = self._latest
        if self._low[latest] == low and self._high[latest] == high and latest:
            return latest
        index = self._index
        at = (low ^ high) & 0xFF
        while index[at]:
            device = index[at]
            if self._low[device] == low and self._high[device] == high:
                self._latest = device
                return device
            at = (at + 1) & 0xFF
        return -1

    def enrol(self, who: Identity, now_s: int) -> int:
        """Give `who`, who is not in the table, a number; -1 when the crowd is its place."""
        device = self._vacancy()
        if device < 0:
            return -1
        self._used[device] = 1
        self._high[device] = who.high
        self._low[device] = who.low
        self.first_s[device] = now_s
        self.last_s[device] = now_s
        self.state[device] = self.previous[device] = states.NORMAL
        self.since_s[device] = now_s
        self.flags[device] = 0
        self.grant[device] = GRANT_NONE
        self.names[device] = ""
        self.addresses.clear(device)
        self._put(device)
        return device

    def victim(self, now_s: int) -> int:
        """Return which device would be given up for a newcomer: -1 nobody, 0 when there is still room."""
        if not all(self._used):
            return 0
        best = -1
        for device in range(1, self.capacity):
            if self._is_expendable(device, now_s) and (best < 0 or self._less_missed(device, best)):
                best = device
        return best

    def remove(self, device: int) -> None:
        """Take the device out of the table."""
        self._used[device] = 0
        self._latest = CROWD
        for at in range(len(self._index)):
            self._index[at] = 0
        for other in range(1, self.capacity):
            if self._used[other]:
                self._put(other)

    def seen(self, device: int, now_s: int, buf: "bytes | bytearray", at: int, size: int) -> None:
        """The device speaks, or is spoken to, at the address `buf[at:at + size]`.  Allocation-free."""
        self.last_s[device] = now_s
        self._at_address[(buf[at + size - 1] ^ buf[at + size - 2] << 3) & 0xFF] = device
        if device != CROWD and self.addresses.note(device, buf, at, size, now_s):
            self.flags[device] |= RELAY

    def at_address(self, buf: "bytes | bytearray", at: int, size: int) -> int:
        """Return the device that uses the address, or -1.  Looks at all: for frames without a usable MAC.

        Of several, which used it one after another, it is one known by its MAC and the last one heard of.
        """
        found = self._at_address[(buf[at + size - 1] ^ buf[at + size - 2] << 3) & 0xFF]
        if found and self._used[found] and self.has_mac(found) and self.addresses.has(found, buf, at, size):
            return found
        found = -1
        for device in range(1, self.capacity):
            if self._used[device] and self.addresses.has(device, buf, at, size):
                if found < 0 or self._is_likelier(device, found):
                    found = device
        return found

    def is_present(self, device: int) -> bool:
        """Is the number given to a device?"""
        return bool(self._used[device])

    def everyone(self) -> "list[int]":
        """Return the devices that have an address, in the order of first sight.  Allocates: for reports."""
        inside = range(1, self.capacity)
        present = [device for device in inside if self._used[device] and self.addresses.has_any(device)]
        return sorted(present, key=lambda device: (self.first_s[device], device))

    def set_mac(self, device: int, buf: "bytes | bytearray", at: int) -> None:
        """Keep the MAC itself, for reports."""
        for i in range(_MAC_BYTES):
            self._macs[device * _MAC_BYTES + i] = buf[at + i]

    def mac(self, device: int) -> bytes:
        """Return the six bytes of the device's MAC.  Allocates: for reports."""
        return bytes(self._macs[device * _MAC_BYTES : device * _MAC_BYTES + _MAC_BYTES])

    def kind(self, device: int) -> int:
        """Return BY_MAC, BY_ADDRESS or BEHIND_RELAY."""
        return identity_kind(self._high[device])

    def has_mac(self, device: int) -> bool:
        """Is the device known by a MAC, its own or a relay's?"""
        return self.kind(device) != BY_ADDRESS

    def is_young(self, device: int, now_s: int) -> bool:
        """Was the device first seen less than a day ago?  The crowd's are newcomers all."""
        return device == CROWD or now_s - self.first_s[device] < _YOUNG_S

    def _is_likelier(self, device: int, other: int) -> bool:
        if self.has_mac(device) != self.has_mac(other):
            return self.has_mac(device)
        return self.last_s[device] > self.last_s[other]

    def _vacancy(self) -> int:
        for device in range(1, self.capacity):
            if not self._used[device]:
                return device
        return -1

    def _put(self, device: int) -> None:
        at = (self._low[device] ^ self._high[device]) & 0xFF
        while self._index[at]:
            at = (at + 1) & 0xFF
        self._index[at] = device

    def _is_expendable(self, device: int, now_s: int) -> bool:
        if self.state[device] != states.NORMAL or self.grant[device] != GRANT_NONE:
            return False
        stale = now_s - self.last_s[device] > _STALE_S
        return stale or not self.flags[device] & (MAILED | ASKED_MX | RELAY | RESOLVER)

    def _less_missed(self, device: int, other: int) -> bool:
        quiet = self.flags[device] & ASKED_DNS
        other_quiet = self.flags[other] & ASKED_DNS
        if quiet != other_quiet:
            return quiet < other_quiet
        return self.last_s[device] < self.last_s[other]
