"""30-bit hashes of names and addresses, equal on 32-bit and 64-bit builds.

Multiply-with-carry over 24 bits: every intermediate stays below 2**30, so a 32-bit
MicroPython never leaves small integers.  Not cryptographic: tables that use it
are bounded, and a forged collision only makes two strangers look like one.
"""

from spamgate.core.compat import const

HASH_SEED = 0x1505

_LOW = const(0xFFFFFF)
_FACTOR = const(33)


def hash_bytes(buf: "bytes | bytearray", start: int, end: int, seed: int = HASH_SEED) -> int:
    """Return a hash below 2**30 of `buf[start:end]`.  Allocation-free."""
    value = seed
    for at in range(start, end):
        value = (value & _LOW) * _FACTOR + (value >> 24) + buf[at]
    return value


def hash_lower(buf: "bytes | bytearray", start: int, end: int, seed: int = HASH_SEED) -> int:
    """As `hash_bytes`, ASCII capitals folded to small letters (RFC 4343)."""
    value = seed
    for at in range(start, end):
        byte = buf[at]
        if 65 <= byte <= 90:
            byte += 32
        value = (value & _LOW) * _FACTOR + (value >> 24) + byte
    return value


def hash_pair(first: int, second: int) -> int:
    """Mix two values below 2**30 into one below 2**30.  Allocation-free."""
    value = (first & _LOW) * _FACTOR + (first >> 24) + (second & 0x7FFF)
    return (value & _LOW) * _FACTOR + (value >> 24) + (second >> 15)
