"""The hashes of all entries of a list: of many, half in a second process, for most machines have two cores."""

from array import array
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from multiprocessing import get_context

from spamgate.wire.list_writer import NameHasher
from spamgate_tools.blocklist.cover import NamesByKind
from spamgate_tools.blocklist.entry import KINDS

_WORTH_A_PROCESS = 200_000  # names; for fewer it takes longer to begin one

Part = list[tuple[int, list[bytes]]]  # names by kind


def hash_entries(seed: int, names: NamesByKind) -> "array[int]":
    """Return the 60-bit hashes of all entries, in no order that matters."""
    whole: Part = [(kind, list(names[kind])) for kind in KINDS]
    if sum(len(some) for _, some in whole) >= _WORTH_A_PROCESS:
        try:
            return _hashed_by_two(seed, whole)
        except (OSError, NotImplementedError, BrokenExecutor):
            pass  # a machine that gives no second process, or takes it away
    return _hashed(seed, whole)


def _hashed_by_two(seed: int, whole: Part) -> "array[int]":
    mine = [(kind, some[::2]) for kind, some in whole]
    others = [(kind, some[1::2]) for kind, some in whole]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        coming = pool.submit(_hashed, seed, others)
        full = _hashed(seed, mine)
        full.extend(coming.result())
    return full


def _hashed(seed: int, part: Part) -> "array[int]":
    hasher = NameHasher(seed)
    return array("Q", (hasher.full(name, kind) for kind, some in part for name in some))
