"""Who is a device: its MAC, or its address where no MAC is seen, or both behind a relay.

An identity is two numbers below 2**30, so that it can be compared and looked up without allocating.
"""

from spamgate.core.compat import const
from spamgate.core.hashing import hash_bytes, hash_pair

BY_MAC = 0
BY_ADDRESS = 1
BEHIND_RELAY = 2  # MAC and address: several devices speak behind this MAC

_KIND_SHIFT = const(24)


class Identity:
    """Two numbers that name a device; one object is reused for every packet."""

    def __init__(self) -> None:
        self.high = 0
        self.low = 0

    def from_mac(self, buf: "bytes | bytearray", at: int) -> None:
        """Name the device by the MAC at `buf[at:at + 6]`."""
        self.high = buf[at] << 16 | buf[at + 1] << 8 | buf[at + 2]
        self.low = buf[at + 3] << 16 | buf[at + 4] << 8 | buf[at + 5]

    def from_address(self, buf: "bytes | bytearray", at: int, size: int) -> None:
        """Name the device by its IPv4 or IPv6 address."""
        self.high = BY_ADDRESS << _KIND_SHIFT | size
        self.low = hash_bytes(buf, at, at + size)

    def behind_relay(self, buf: "bytes | bytearray", at: int, size: int) -> None:
        """Turn a MAC identity into the one of the address behind that MAC."""
        low = hash_pair(self.low, hash_bytes(buf, at, at + size))
        self.high = BEHIND_RELAY << _KIND_SHIFT | self.high
        self.low = low


def identity_kind(high: int) -> int:
    """Return BY_MAC, BY_ADDRESS or BEHIND_RELAY."""
    return high >> _KIND_SHIFT


def is_station(buf: "bytes | bytearray", at: int) -> bool:
    """Is the MAC at `buf[at:at + 6]` one station's: neither a group address nor all zero?"""
    if buf[at] & 1:
        return False
    return bool(buf[at] or buf[at + 1] or buf[at + 2] or buf[at + 3] or buf[at + 4] or buf[at + 5])
