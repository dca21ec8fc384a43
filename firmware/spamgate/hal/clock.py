"""Clocks: one to measure with, one that only moves forward, and the time of day."""

import time

from spamgate.core.compat import const

# Seconds are counted from 2**30 (January 2004), so that they stay small integers until 2038.
_LATER_S = const(1 << 30)
_WRAP = const((1 << 29) - 1)
_US_PER_S = const(1000000)

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


def wall_s() -> int:
    """Return the time of day: UNIX seconds minus 2**30."""
    return int(time.time()) - _LATER_S


class SteadyClock:
    """Seconds (UNIX seconds minus 2**30 as it starts) and microseconds that only move forward, at an even pace.

    Whoever sets the time of day does not touch it; `skew_s` says by how much that is ahead.
    """

    def __init__(self) -> None:
        self.s = wall_s()
        self.us = 0
        self._read_us = ticks_us()

    def read(self) -> None:
        """Look at the clock, at least once in four minutes."""
        now_us = ticks_us()
        self.us += elapsed_us(self._read_us)
        self._read_us = now_us
        while self.us >= _US_PER_S:
            self.us -= _US_PER_S
            self.s += 1

    def skew_s(self) -> int:
        """Return by how many seconds the time of day is ahead."""
        return wall_s() - self.s
