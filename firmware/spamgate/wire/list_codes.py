"""Reading one block of a list: rising numbers as Golomb-Rice codes of their gaps.

A code is q zero bits, a one, and k low bits, the highest bit of a byte first; the gap is q << k plus the low bits.  The
last byte is filled up with zeros: where no `one` is left, the block is at its end.
"""

from spamgate.core.compat import micropython, ptr8

SLACK_BYTES = 4  # behind a block, that may be read and mean nothing


@micropython.viper
def find(buf: ptr8, size: int, k: int, target: int) -> int:
    """Return 1 if the number is in the block of so many bytes, else 0.  `buf` has SLACK_BYTES more."""
    end = size << 3
    pos = 0
    value = 0
    low_mask = (1 << k) - 1
    while True:
        start = pos
        while pos < end and not (int(buf[pos >> 3]) >> (7 - (pos & 7))) & 1:
            pos += 1
        value += (pos - start) << k
        pos += 1
        if pos + k > end or value > target:
            return 0
        at = pos >> 3
        word = int(buf[at]) << 24 | int(buf[at + 1]) << 16 | int(buf[at + 2]) << 8 | int(buf[at + 3])
        value += (word >> (32 - k - (pos & 7))) & low_mask
        pos += k
        if value >= target:
            return 1 if value == target else 0
