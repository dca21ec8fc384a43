"""The time of day, and a clock that starts with it but only moves forward."""

import time

from spamgate.core.compat import const
from spamgate.hal.clock import elapsed_us, ticks_us

_US_PER_S = const(1000000)
_NS_PER_S = const(1000000000)
_WRAP = const((1 << 29) - 1)
# The UNIX time at which the system's clock is 0: MicroPython counts from 2000 on boards, from 1970 on Linux.
EPOCH_S = 946684800 if time.gmtime(0)[0] == 2000 else 0
# Seconds are counted from 2**30 (January 2004), so that they stay small integers until 2038.
_EPOCH_LATER_S = EPOCH_S - (1 << 30)

_ticks_ms = getattr(time, "ticks_ms", None)  # MicroPython


def ticks_ms() -> int:
    """Return monotonic milliseconds below 2**29, to be compared with `core.ticks.elapsed` only."""
    return (_ticks_ms() if _ticks_ms else time.perf_counter_ns() // 1000000) & _WRAP


def wall_s() -> int:
    """Return the time of day: UNIX seconds minus 2**30."""
    return int(time.time()) + _EPOCH_LATER_S


class SteadyClock:
    """Seconds (UNIX seconds minus 2**30 as it starts) and microseconds that only move forward, at an even pace.

    Whoever sets the time of day does not touch it; `skew_s` says by how much that is ahead.
    """

    def __init__(self) -> None:
        now_ns = time.time_ns()
        self.s = now_ns // _NS_PER_S + _EPOCH_LATER_S
        self.us = now_ns % _NS_PER_S // 1000
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
