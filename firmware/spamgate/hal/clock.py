"""Clocks to measure with; not the time of day."""

import time

_ticks_us = getattr(time, "ticks_us", None)  # MicroPython
_ticks_diff = getattr(time, "ticks_diff", None)


def ticks_us() -> int:
    """Return microseconds from any origin, to be compared with `elapsed_us` only."""
    return _ticks_us() if _ticks_us else time.perf_counter_ns() // 1000


def elapsed_us(since: int) -> int:
    """Return the microseconds since `ticks_us` gave `since`."""
    return _ticks_diff(ticks_us(), since) if _ticks_diff else ticks_us() - since
