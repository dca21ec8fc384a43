"""The addresses a device uses: up to six, IPv4 and IPv6, folded into one device.

When the row is full the oldest IPv6 address goes first: temporary ones (RFC 8981) come and go,
the IPv4 address is what an owner knows a device by.
"""

from array import array

from spamgate.core.compat import const

PER_DEVICE = 6

_ROW = const(6)
_BYTES = const(16)


class AddressBook:
    """A row of addresses for each device.  Allocation-free once made, but for `of()`."""

    def __init__(self, devices: int) -> None:
        self._sizes = bytearray(devices * PER_DEVICE)
        self._bytes = bytearray(devices * PER_DEVICE * _BYTES)
        self._latest = bytearray(devices)
        self._stamps = array("I", bytes(4 * devices * PER_DEVICE))
        self._stamp = 0

    def note(self, device: int, buf: "bytes | bytearray", at: int, size: int) -> bool:
        """Fold `buf[at:at + size]` into the device; True when the device did not have it."""
        row = device * _ROW
        latest = row + self._latest[device]
        if self._holds(latest, buf, at, size):
            return False
        for slot in range(row, row + _ROW):
            if self._holds(slot, buf, at, size):
                self._latest[device] = slot - row
                return False
        slot = self._place(row)
        self._write(slot, buf, at, size)
        self._latest[device] = slot - row
        return True

    def of(self, device: int) -> "list[bytes]":
        """Return the device's addresses in the order they were first seen.  Allocates: for reports."""
        row = device * _ROW
        slots = [slot for slot in range(row, row + _ROW) if self._sizes[slot]]
        slots.sort(key=lambda slot: self._stamps[slot])
        return [bytes(self._bytes[slot * _BYTES : slot * _BYTES + self._sizes[slot]]) for slot in slots]

    def has_any(self, device: int) -> bool:
        """Does the device have an address?"""
        return self._sizes[device * _ROW] != 0

    def keep_only(self, device: int, buf: "bytes | bytearray", at: int, size: int) -> None:
        """Forget all but this one: the device turned out to be a relay's, and the rest are others'."""
        self.clear(device)
        self.note(device, buf, at, size)

    def clear(self, device: int) -> None:
        """Forget the row: the device left the table."""
        for slot in range(device * _ROW, device * _ROW + _ROW):
            self._sizes[slot] = 0
        self._latest[device] = 0

    def _holds(self, slot: int, buf: "bytes | bytearray", at: int, size: int) -> bool:
        if self._sizes[slot] != size:
            return False
        kept = self._bytes
        base = slot * _BYTES
        for i in range(size - 1, -1, -1):
            if kept[base + i] != buf[at + i]:
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
        for slot in range(row, row + _ROW):
            if not self._sizes[slot]:
                return slot
            wide = self._sizes[slot] == _BYTES
            best_wide = self._sizes[best] == _BYTES
            if (wide and not best_wide) or (wide == best_wide and self._stamps[slot] < self._stamps[best]):
                best = slot
        return best
