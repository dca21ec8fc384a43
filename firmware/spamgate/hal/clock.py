"""Clocks: one to measure with, one that only moves forward, and the time of day."""

import time

from spamgate.core.compat import const

# Seconds are counted from 2**30 (January 2004), so that they stay small integers until 2038.
_LATER_S = const(1 << 30)
_WRAP = const((1 << 29) - 1)
_NS_PER_S = const(1000000000)

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


class WallClock:
    """The time of day: `s` seconds (UNIX seconds minus 2**30) and `us` microseconds, as last read."""

    def __init__(self) -> None:
        self.s = 0
        self.us = 0
        self.read()

    def read(self) -> None:
        """Look at the clock.  Allocates a large integer; so read once for many packets."""
        now_ns = time.time_ns()
        self.s = now_ns // _NS_PER_S - _LATER_S
        self.us = now_ns % _NS_PER_S // 1000
