"""Clocks to measure with; not the time of day."""

import time

from spamgate.core.compat import const

_WRAP = const((1 << 29) - 1)

_ticks_us = getattr(time, "ticks_us", None)  # MicroPython
_ticks_ms = getattr(time, "ticks_ms", None)
_ticks_diff = getattr(time, "ticks_diff", None)


def ticks_us() -> int:
    """Return microseconds from any origin, to be compared with `elapsed_us` only."""
    return _ticks_us() if _ticks_us else time.perf_counter_ns() // 1000


def elapsed_us(since: int) -> int:
    """Return the microseconds since `ticks_us` gave `since`."""
    return _ticks_diff(ticks_us(), since) if _ticks_diff else ticks_us() - since


def ticks_ms() -> int:
    """Return monotonic milliseconds below 2**29, to be compared with `core.ticks.elapsed` only."""
    return (_ticks_ms() if _ticks_ms else time.perf_counter_ns() // 1000000) & _WRAP
