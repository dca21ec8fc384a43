"""The hash of names in a list, label by label from the top: one pass over a name gives that of each name above it.

Two lanes of 30 bits, so that a 32-bit MicroPython stays within small integers; machine code where there is some.
Not cryptographic: who looks for a name that hits by chance only finds one that is blocked besides.
`state` is an array("I") of STATE_WORDS numbers; what comes out is 60 bits, of which the first 40 tell names apart in a
list (as many of them as it has bits) and the last 20, EXTRA, a listed name from one that only looks like it.  The rest
of `state` is what an open list's readers share (list_codes).
"""

from array import array

from spamgate.core.compat import const
from spamgate.core.machine_code import micropython, ptr8, ptr32

DOMAIN = 0  # the name and everything below it
EXACT = 1  # the name only
CHILDREN = 2  # everything below it, not the name

STATE_WORDS = 14
HIGH = 2  # in `state`: the first 20 bits of the hash
LOW = 3  # the next 20
EXTRA = 4  # the last 20
BELOW = 5  # bits of HIGH that are not of the block's number

MAX_LABELS = 127
STARTS_BYTES = 128  # of what `split` writes

_MAX_LABELS = const(127)
_MAX_LABEL_BYTES = const(63)
_MAX_NAME_BYTES = const(254)  # without the final zero


@micropython.viper
def split(name: ptr8, size: int, starts: ptr8) -> int:
    """Write where each label begins (its length byte), and at last where the name ends; return their count, 0: none.

    The name is in wire form, with or without the final zero; the root, and what is no name, has no labels.
    """
    at = 0
    count = 0
    while at < size and int(name[at]):
        step = int(name[at])
        if step > _MAX_LABEL_BYTES or at + step >= size or at + step >= _MAX_NAME_BYTES or count == _MAX_LABELS:
            return 0
        starts[count] = at
        count += 1
        at += step + 1
    if at + 1 < size:
        return 0
    starts[count] = at
    return count


def begin(seed: int, state: "array[int]") -> None:
    """Start at the root."""
    state[0] = seed
    state[1] = 0x2545F491


@micropython.viper
def hash_label(name: ptr8, at: int, end: int, kind: int, state: ptr32) -> int:
    """Go one label down, to the one in `name[at:end]`, write the hash of an entry of this kind and return its block.

    Of an empty label: the hash of an entry of another kind with the same name.
    """
    a = int(state[0])
    b = int(state[1])
    while at < end:
        end -= 1
        a = ((a ^ int(name[end])) * 0x2C1B3C6D) & 0x3FFFFFFF
        b = ((b + (a >> 9)) * 0x297A2D39) & 0x3FFFFFFF
        a ^= b >> 15
    state[0] = a
    state[1] = b
    a = ((a ^ (a >> 16) ^ kind) * 0x21F0AAAD) & 0x3FFFFFFF
    b = ((b ^ (b >> 15) ^ a) * 0x15D35A2D) & 0x3FFFFFFF
    a = ((a ^ (b >> 14)) * 0x2C1B3C6D) & 0x3FFFFFFF
    b ^= a >> 15
    state[2] = a >> 10
    state[3] = b >> 10
    state[4] = (a & 0x3FF) << 10 | (b & 0x3FF)
    return a >> (10 + int(state[5]))


def new_state() -> "array[int]":
    """Return what the functions above work on."""
    return array("I", bytes(4 * STATE_WORDS))
