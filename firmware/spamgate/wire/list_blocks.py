"""What makes the blocks of a list, in the build and in the merge alike: the shape for a number of names, and the codes.

Shape and codes follow from the entries alone: the same entries give the same bytes, wherever they are put together.
"""

from spamgate.core.compat import const
from spamgate.core.machine_code import micropython, ptr8, ptr32
from spamgate.wire.cursor import FormError

MAX_BLOCKS_BYTES = (1 << 23) - 1

_LEAST_INDEX_BITS = const(10)
_MOST_INDEX_BITS = const(16)
_NAMES_A_BLOCK_BITS = const(7)
_MOST_CODE_BITS = const(24)
_MOST_REST_BITS = const(30)
_MOST_RANGE_BITS = const(40)


def shape(range_bits: int, names: int) -> "tuple[int, int]":
    """Return (index bits, code bits) of a list of so many names."""
    size = bit_length(names)
    index_bits = min(max(size - _NAMES_A_BLOCK_BITS, _LEAST_INDEX_BITS), _MOST_INDEX_BITS)
    rest_bits = range_bits - index_bits
    if not 0 < rest_bits <= _MOST_REST_BITS or range_bits > _MOST_RANGE_BITS:
        raise FormError("list: %d names do not go into a range of %d bits" % (names, range_bits))
    return index_bits, min(_MOST_CODE_BITS, max(0, range_bits - size), rest_bits)


def bit_length(value: int) -> int:
    """As int.bit_length, which MicroPython lacks."""
    bits = 0
    while value >> bits:
        bits += 1
    return bits


@micropython.viper
def decode(buf: ptr8, size: int, k: int, out: ptr32, room: int) -> int:
    """Write the numbers of a block of `size` bytes to `out`; return their count, at most `room`, or -1: too many.

    `buf` has SLACK_BYTES more.
    """
    end = size << 3
    pos = 0
    value = 0
    count = 0
    low_mask = (1 << k) - 1
    while True:
        at = pos >> 3
        word = int(buf[at]) << 24 | int(buf[at + 1]) << 16 | int(buf[at + 2]) << 8 | int(buf[at + 3])
        first = low = 31 - (pos & 7)
        while low >= 0 and not (word >> low) & 1:
            low -= 1
        value += (first - low) << k
        pos += first - low
        if low < 0 and pos < end:
            continue
        pos += 1
        if pos + k > end:
            return count
        if count == room:
            return -1
        if low < k:
            at = pos >> 3
            word = int(buf[at]) << 24 | int(buf[at + 1]) << 16 | int(buf[at + 2]) << 8 | int(buf[at + 3])
            low = 32 - (pos & 7)
        value = (value + ((word >> (low - k)) & low_mask)) & 0x3FFFFFFF
        out[count] = value
        count += 1
        pos += k


@micropython.viper
def encode(numbers: ptr32, count: int, k: int, out: ptr8, room: int) -> int:
    """Write the codes of rising numbers to `out`; return how many bytes they took, or -1: more than `room`.

    `out` has SLACK_BYTES more.
    """
    end = room << 3
    pos = 0
    last = 0
    at = 0
    clean = 0  # bytes that have been written
    low_mask = (1 << k) - 1
    while at < count:
        value = int(numbers[at])
        gap = value - last
        last = value
        at += 1
        pos += gap >> k
        if gap < 0 or pos + 1 + k > end:
            return -1
        while clean <= (pos + 1) >> 3:
            out[clean] = 0
            clean += 1
        out[pos >> 3] = int(out[pos >> 3]) | (0x80 >> (pos & 7))
        pos += 1
        byte = pos >> 3
        word = (gap & low_mask) << (32 - k - (pos & 7))
        out[byte] = int(out[byte]) | ((word >> 24) & 0xFF)
        out[byte + 1] = (word >> 16) & 0xFF
        out[byte + 2] = (word >> 8) & 0xFF
        out[byte + 3] = word & 0xFF
        clean = byte + 4
        pos += k
    return (pos + 7) >> 3


@micropython.viper
def drop(numbers: ptr32, count: int, at: int) -> int:
    """Take number `at` out and return how many are left."""
    count -= 1
    while at < count:
        numbers[at] = int(numbers[at + 1])
        at += 1
    return count


@micropython.viper
def insert(numbers: ptr32, count: int, value: int) -> int:
    """Put a number in its place among rising ones and return how many there are, or -1: it is there."""
    at = count
    while at > 0 and int(numbers[at - 1]) > value:
        numbers[at] = int(numbers[at - 1])
        at -= 1
    if at > 0 and int(numbers[at - 1]) == value:
        return -1
    numbers[at] = value
    return count + 1
