"""The addresses a device uses: up to six, IPv4 and IPv6, folded into one device.

Two IPv4 addresses that take turns behind one MAC, again and again, are two devices behind a relay.

When the row is full the oldest IPv6 address goes first: temporary ones (RFC 8981) come and go,
the IPv4 address is what an owner knows a device by.
"""

from array import array

from spamgate.core.compat import const

PER_DEVICE = 6

_BYTES = const(16)
_V4_BYTES = const(4)
_LINK_LOCAL = const(169)  # RFC 3927: held beside the real address while DHCP is late
# A new lease changes the address once; five changes in a minute are not leases.
_TURNS = const(5)
_TURNS_WINDOW_S = const(60)
_NONE = const(255)


class AddressBook:
    """A row of addresses for each device.  Allocation-free once made, but for `of()`."""

    def __init__(self, devices: int, addresses: int = PER_DEVICE) -> None:
        self._row = addresses
        self._sizes = bytearray(devices * addresses)
        self._bytes = bytearray(devices * addresses * _BYTES)
        self._latest = bytearray(devices)
        self._stamps = array("I", bytes(4 * devices * addresses))
        self._stamp = 0
        self._latest_v4 = bytearray([_NONE] * devices)
        self._turns = bytearray(devices)
        self._turned_s = array("i", bytes(4 * devices))

    def note(self, device: int, buf: "bytes | bytearray", at: int, size: int, now_s: int) -> bool:
        """Fold `buf[at:at + size]` into the device; True when its IPv4 addresses take turns like several devices'."""
        row = device * self._row
        if self._holds(row + self._latest[device], buf, at, size):
            return False
        slot = self._find(row, buf, at, size)
        self._latest[device] = slot - row
        if size != _V4_BYTES or buf[at] == _LINK_LOCAL:
            return False
        latest = self._latest_v4[device]
        self._latest_v4[device] = slot - row
        if latest == slot - row or latest == _NONE:
            return False
        if not 0 <= now_s - self._turned_s[device] <= _TURNS_WINDOW_S:
            self._turns[device] = 0
            self._turned_s[device] = now_s
        self._turns[device] += 1
        return self._turns[device] >= _TURNS

    def _find(self, row: int, buf: "bytes | bytearray", at: int, size: int) -> int:
        """Return where the address stands in the row; it is written there if it is new."""
        for slot in range(row, row + self._row):
            if self._holds(slot, buf, at, size):
                return slot
        slot = self._place(row)
        self._write(slot, buf, at, size)
        return slot

    def of(self, device: int) -> "list[bytes]":
        """Return the device's addresses in the order they were first seen.  Allocates: for reports."""
        row = device * self._row
        slots = [slot for slot in range(row, row + self._row) if self._sizes[slot]]
        slots.sort(key=lambda slot: self._stamps[slot])
        return [bytes(self._bytes[slot * _BYTES : slot * _BYTES + self._sizes[slot]]) for slot in slots]

    def has(self, device: int, buf: "bytes | bytearray", at: int, size: int) -> bool:
        """Does the device use this address?"""
        for slot in range(device * self._row, device * self._row + self._row):
            if self._holds(slot, buf, at, size):
                return True
        return False

    def has_any(self, device: int) -> bool:
        """Does the device have an address?"""
        return self._sizes[device * self._row] != 0

    def clear(self, device: int) -> None:
        """Forget the row: the device left the table."""
        for slot in range(device * self._row, device * self._row + self._row):
            self._sizes[slot] = 0
        self._latest[device] = 0
        self._latest_v4[device] = _NONE
        self._turns[device] = 0

    def _holds(self, slot: int, buf: "bytes | bytearray", at: int, size: int) -> bool:
        if self._sizes[slot] != size:
            return False
        kept = self._bytes
        base = slot * _BYTES
        while size:  # from the end, where neighbours differ
            size -= 1
            if kept[base + size] != buf[at + size]:
                return False
        return True

    def _write(self, slot: int, buf: "bytes | bytearray", at: int, size: int) -> None:
        self._sizes[slot] = size
        base = slot * _BYTES
        for i in range(size):
            self._bytes[base + i] = buf[at + i]
        self._stamp += 1
        self._stamps[slot] = self._stamp

    def _place(self, row: int) -> int:
        best = row
        for slot in range(row, row + self._row):
            if not self._sizes[slot]:
                return slot
            wide = self._sizes[slot] == _BYTES
            best_wide = self._sizes[best] == _BYTES
            if (wide and not best_wide) or (wide == best_wide and self._stamps[slot] < self._stamps[best]):
                best = slot
        return best
