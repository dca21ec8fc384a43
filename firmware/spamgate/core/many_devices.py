"""The table of a small office or a guest network: the same rules for a thousand devices, without looking at all.

Only a newcomer whom a full table has no place for still does: who is missed least is asked of everyone.
"""

from array import array

from spamgate.core.addresses import PER_DEVICE, AddressBook
from spamgate.core.compat import const
from spamgate.core.devices import CROWD, RELAY, DeviceTable
from spamgate.core.hashing import hash_bytes

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.core.identity import Identity

_BYTES = const(16)
_NEVER = const(-(1 << 30))


class IndexedAddressBook(AddressBook):
    """Addresses that are also found from the address: chained by a hash of it."""

    def __init__(self, devices: int, addresses: int = PER_DEVICE) -> None:
        super().__init__(devices, addresses)
        places = devices * addresses
        assert places < 65535
        buckets = 64
        while buckets < places:
            buckets *= 2
        self._mask = buckets - 1
        self._heads = array("H", bytes(2 * buckets))  # a place plus one
        self._next = array("H", bytes(2 * places))

    def clear(self, device: int) -> None:
        """Forget the row: the device left the table."""
        for place in range(device * self._row, device * self._row + self._row):
            if self._sizes[place]:
                self._unchain(place)
        super().clear(device)

    def chained(self, buf: "bytes | bytearray", at: int, size: int) -> int:
        """Return the first of the places, plus one, where the address may stand; 0 when nobody uses it."""
        return self._heads[hash_bytes(buf, at, at + size) & self._mask]

    def holder(self, place: int, buf: "bytes | bytearray", at: int, size: int) -> int:
        """Return the device that uses the address, if it stands in this place, or -1."""
        return (place - 1) // self._row if self._holds(place - 1, buf, at, size) else -1

    def after(self, place: int) -> int:
        """Return the next of those places, or 0."""
        return self._next[place - 1]

    def _write(self, slot: int, buf: "bytes | bytearray", at: int, size: int) -> None:
        if self._sizes[slot]:
            self._unchain(slot)
        super()._write(slot, buf, at, size)
        bucket = hash_bytes(buf, at, at + size) & self._mask
        self._next[slot] = self._heads[bucket]
        self._heads[bucket] = slot + 1

    def _unchain(self, place: int) -> None:
        base = place * _BYTES
        bucket = hash_bytes(self._bytes, base, base + self._sizes[place]) & self._mask
        before = self._heads[bucket]
        if before == place + 1:
            self._heads[bucket] = self._next[place]
            return
        while self._next[before - 1] != place + 1:
            before = self._next[before - 1]
        self._next[before - 1] = self._next[place]


class ManyDevices(DeviceTable):
    """As its parent; whom an address belongs to, who left and where there is room is found at once."""

    book = IndexedAddressBook
    addresses: IndexedAddressBook

    def __init__(self, capacity: int, addresses: int = PER_DEVICE) -> None:
        super().__init__(capacity, addresses)
        slots = 64
        while slots < 2 * capacity:
            slots *= 2
        self._mask = slots - 1
        self._numbers = array("H", bytes(2 * slots))  # by identity, in the place of the parent's `_index`
        self._speakers = array("H", bytes(2 * slots))  # who was last heard of at an address, by a hash of it
        self._vacancies = capacity - 1
        self._vacant = 1  # there is no room below
        self._full_s = _NEVER  # when nobody could be given up

    def find(self, who: "Identity") -> int:
        """Return the number of the device with this identity, or -1.  Allocation-free."""
        high = who.high
        low = who.low
        latest = self._latest
        if self._low[latest] == low and self._high[latest] == high and latest:
            return latest
        at = (low ^ high) & self._mask
        numbers = self._numbers
        while numbers[at]:
            device = numbers[at]
            if self._low[device] == low and self._high[device] == high:
                self._latest = device
                return device
            at = (at + 1) & self._mask
        return -1

    def victim(self, now_s: int) -> int:
        """Return which device would be given up for a newcomer: -1 nobody, 0 when there is still room."""
        if self._vacancies:
            return 0
        if now_s == self._full_s:
            return -1  # the crowd comes often, and there is nothing new for it within a second
        device = super().victim(now_s)
        if device < 0:
            self._full_s = now_s
        return device

    def remove(self, device: int) -> None:
        """Take the device out of the table."""
        self._used[device] = 0
        self._vacancies += 1
        self._vacant = min(self._vacant, device)
        self._latest = CROWD
        numbers = self._numbers
        mask = self._mask
        hole = self._home(device)
        while numbers[hole] != device:
            hole = (hole + 1) & mask
        at = (hole + 1) & mask
        while numbers[at]:  # whoever stands behind moves up, unless that is before its own place
            if (at - self._home(numbers[at])) & mask >= (at - hole) & mask:
                numbers[hole] = numbers[at]
                hole = at
            at = (at + 1) & mask
        numbers[hole] = 0

    def seen(self, device: int, now_s: int, buf: "bytes | bytearray", at: int, size: int) -> None:
        """The device speaks, or is spoken to, at the address `buf[at:at + size]`.  Allocation-free."""
        self.last_s[device] = now_s
        self._speakers[(buf[at + size - 1] ^ buf[at + size - 2] << 8) & self._mask] = device
        if device != CROWD and self.addresses.note(device, buf, at, size, now_s):
            self.flags[device] |= RELAY

    def at_address(self, buf: "bytes | bytearray", at: int, size: int) -> int:
        """Return the device that uses the address, or -1.

        Of several, which used it one after another, it is one known by its MAC and the last one heard of.
        """
        found = self._speakers[(buf[at + size - 1] ^ buf[at + size - 2] << 8) & self._mask]
        if found and self._used[found] and self.has_mac(found) and self.addresses.has(found, buf, at, size):
            return found
        found = -1
        place = self.addresses.chained(buf, at, size)
        while place:
            device = self.addresses.holder(place, buf, at, size)
            if device > 0 and self._used[device] and (found < 0 or self._is_likelier(device, found)):
                found = device
            place = self.addresses.after(place)
        return found

    def _home(self, device: int) -> int:
        return (self._low[device] ^ self._high[device]) & self._mask

    def _vacancy(self) -> int:
        for device in range(self._vacant, self.capacity):
            if not self._used[device]:
                self._vacant = device + 1
                self._vacancies -= 1
                return device
        return -1

    def _put(self, device: int) -> None:
        at = self._home(device)
        while self._numbers[at]:
            at = (at + 1) & self._mask
        self._numbers[at] = device
