"""Composition: the only place that names a concrete target."""

import gc
import sys

_IMPORT_GARBAGE_BYTES = 8192


def collect_early(early: bool, garbage_bytes: int = _IMPORT_GARBAGE_BYTES) -> None:
    """Collect garbage as it comes (while importing and composing), or only when the heap is full (from then on).

    A small heap is lost to holes when garbage lies between what stays.  Later it would only cost time: MicroPython
    takes the frames of larger functions from the heap, and gives them back by itself.
    """
    set_threshold = getattr(gc, "threshold", None)
    if set_threshold:  # MicroPython
        gc.collect()
        set_threshold(garbage_bytes if early else -1)


def forget_module(name: str) -> None:
    """Give back the memory of a module that is needed no more; importing it again loads it anew."""
    package, _, last = name.rpartition(".")
    sys.modules.pop(name, None)
    holder = sys.modules.get(package)
    if holder is not None and hasattr(holder, last):
        delattr(holder, last)
    gc.collect()


def forget_modules(names: "tuple[str, ...]") -> None:
    """Forget several."""
    for name in names:
        forget_module(name)


collect_early(True)
