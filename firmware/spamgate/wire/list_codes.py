"""Reading one block of a list: rising numbers as Golomb-Rice codes of their gaps, and exceptions behind them.

A code is q zero bits, a one, and k low bits, the highest bit of a byte first; the gap is q << k plus the low bits.  The
last byte is filled up with zeros: where no `one` is left, the block is at its end.  A block with exceptions ends with
their records, of which each has the rest of a hash and its EXTRA, and their count.
"""

from spamgate.core.machine_code import micropython, ptr8, ptr32

SLACK_BYTES = 4  # behind a block, that may be read and mean nothing

CUT = 6  # in `state`: bits of the hash that the list has not
CODE_BITS = 7
BLOCKS_AT = 8  # offset in the body
BLOCKS_BYTES = 9
LARGEST = 10
SIZE = 11  # of the block in hand
MARK = 12  # not 0: it has exceptions
REST = 13  # of the hash, behind the number of its block


@micropython.viper
def locate(pair: ptr8, state: ptr32) -> int:
    """Return where the block lies that two index entries are about, 0 if it is empty, -1 if it cannot be there."""
    start = int(pair[0]) | int(pair[1]) << 8 | (int(pair[2]) & 0x7F) << 16
    end = int(pair[3]) | int(pair[4]) << 8 | (int(pair[5]) & 0x7F) << 16
    if end < start or end - start > int(state[10]) or end > int(state[9]):
        return -1
    state[11] = end - start
    state[12] = int(pair[2]) & 0x80
    state[13] = ((int(state[2]) & ((1 << int(state[5])) - 1)) << 20 | int(state[3])) >> int(state[6])
    return start + int(state[8]) if end > start else 0


@micropython.viper
def find(buf: ptr8, size: int, k: int, target: int) -> int:
    """Return 1 if the number is among the codes in so many bytes, else 0.  `buf` has SLACK_BYTES more."""
    bits = size << 3
    low_mask = (1 << k) - 1
    pos = 0
    value = 0
    while True:
        at = pos >> 3
        word = int(buf[at]) << 24 | int(buf[at + 1]) << 16 | int(buf[at + 2]) << 8 | int(buf[at + 3])
        first = low = 31 - (pos & 7)
        while low >= 0 and not (word >> low) & 1:
            low -= 1
        value += (first - low) << k
        pos += first - low
        if low < 0 and pos < bits:
            continue  # only zeros, so far
        pos += 1
        if pos + k > bits:
            return 0
        if low < k:  # not all in this word
            at = pos >> 3
            word = int(buf[at]) << 24 | int(buf[at + 1]) << 16 | int(buf[at + 2]) << 8 | int(buf[at + 3])
            low = 32 - (pos & 7)
        value += (word >> (low - k)) & low_mask
        if value >= target:
            return 1 if value == target else 0
        pos += k
