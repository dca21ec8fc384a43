"""What a list may hold: how sure its answers are (class), and for which boards it is (board class).

The slots are those that the partition tables of boards/ lay out; a test compares.
"""

from math import expm1

from spamgate.wire.list_blocks import MAX_BLOCKS_BYTES, shape
from spamgate.wire.list_file import HEADER_BYTES, INDEX_ENTRY_BYTES
from spamgate.wire.list_manifest import HEAD_BYTES

EXACT_CLASS = "exact"
LIST_CLASSES = {EXACT_CLASS: 20, "compact": 11}  # a probe hits by chance at most once in 2 ** this
_RANGE_BITS = {EXACT_CLASS: 40, "compact": 31}
ANY_BOARD = "any"
# Of flash, for one of two lists; "-ab" has its firmware twice, too
SLOT_BYTES = {"4MiB": 0xD0000, "8MiB": 0x2B0000, "4MiB-ab": 0x60000, "8MiB-ab": 0x210000}
_FEWER_BITS = {"4MiB": 1, "4MiB-ab": 2}  # for fewer names
BOARD_CLASSES = (ANY_BOARD, *SLOT_BYTES, "router")


def range_bits(list_class: str, board_class: str) -> int:
    """Return how many bits of their hashes tell names apart; a small board's list has less for its fewer names."""
    return _RANGE_BITS[list_class] - _FEWER_BITS.get(board_class, 0)


def most_body_bytes(board_class: str) -> int | None:
    """Return what a slot holds besides the head, or None where only the format sets a limit."""
    slot = SLOT_BYTES.get(board_class)
    return slot - HEAD_BYTES if slot else None


def most_names(list_class: str, board_class: str) -> int:
    """Return how many names a list may have: answers stay as sure as its class says, and it goes into a slot."""
    bits = range_bits(list_class, board_class)
    surest = 1 << (bits - LIST_CLASSES[list_class])
    return min(surest, _names_in(most_body_bytes(board_class) or MAX_BLOCKS_BYTES, bits))


def body_bytes(names: int, bits: int) -> float:
    """Return about how long the body of a list of so many names is, without allow entries and addresses."""
    index_bits, code_bits = shape(bits, names)
    blocks = 1 << index_bits
    zeros = 1 / expm1(names * 2.0 ** (code_bits - bits)) if names else 0.0  # of each code, on average
    padding = min(names, blocks) * 7 / 16
    return HEADER_BYTES + INDEX_ENTRY_BYTES * (blocks + 1) + names * (code_bits + 1 + zeros) / 8 + padding


def _names_in(size_bytes: int, bits: int) -> int:
    low, high = 0, 1 << 22
    while low < high:
        middle = (low + high + 1) >> 1
        if body_bytes(middle, bits) <= size_bytes:
            low = middle
        else:
            high = middle - 1
    return low
