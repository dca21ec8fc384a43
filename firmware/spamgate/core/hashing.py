"""30-bit hashes of names and addresses, equal on 32-bit and 64-bit builds.

Multiply-with-carry over 21 bits: every intermediate stays below 2**30, so a 32-bit
MicroPython never leaves small integers.  Not cryptographic: tables that use it
are bounded, and a forged collision only makes two strangers look like one.
"""

from spamgate.core.compat import const

HASH_SEED = 0x1505

# Above 255, so that neighbours in a network differ (with 33, 10.0.1.40 is 10.0.2.7); 381 * 2**21 - 1 is prime,
# and addresses whose four bytes all differ by less than 121 have different hashes.
_FACTOR = const(381)
_LOW = const(0x1FFFFF)
_LOW_BITS = const(21)
_DOT = const(46)


def hash_bytes(buf: "bytes | bytearray", at: int, end: int, value: int = HASH_SEED) -> int:
    """Return a hash below 2**30 of `buf[at:end]`, going on from `value`.  Allocation-free."""
    while at < end:
        value = (value & _LOW) * _FACTOR + (value >> _LOW_BITS) + buf[at]
        at += 1
    return value


def hash_lower(buf: "bytes | bytearray", at: int, end: int, value: int = HASH_SEED) -> int:
    """As `hash_bytes`, ASCII capitals folded to small letters (RFC 4343)."""
    while at < end:
        byte = buf[at]
        if byte < 91 and byte > 64:
            byte += 32
        value = (value & _LOW) * _FACTOR + (value >> _LOW_BITS) + byte
        at += 1
    return value


def hash_labels(buf: "bytes | bytearray", at: int) -> int:
    """Return what `hash_lower` gives for a domain name as text; at `at` it lies in labels, whole (RFC 1035 3.1)."""
    value = HASH_SEED
    size = buf[at]
    while size:
        end = at + size
        while at < end:
            at += 1
            byte = buf[at]
            if byte < 91 and byte > 64:
                byte += 32
            value = (value & _LOW) * _FACTOR + (value >> _LOW_BITS) + byte
        at += 1
        size = buf[at]
        if size:
            value = (value & _LOW) * _FACTOR + (value >> _LOW_BITS) + _DOT
    return value


def hash_pair(first: int, second: int) -> int:
    """Mix two values below 2**30 into one below 2**30.  Allocation-free."""
    value = (first & _LOW) * _FACTOR + (first >> _LOW_BITS) + (second & 0x7FFF)
    return (value & _LOW) * _FACTOR + (value >> _LOW_BITS) + (second >> 15)
