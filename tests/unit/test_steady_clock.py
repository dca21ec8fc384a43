"""The gateway's clock goes on evenly, whoever sets the time of day, and says how far that is from it."""

import sys
import time
import unittest

from spamgate.hal import steady_clock
from spamgate.hal.steady_clock import SteadyClock

_NOON_S = 1795348800  # of a day in 2026
_LATER_S = 1 << 30
_YEAR_S = 365 * 86400
_MICROS = 1000000


class Clocks:
    """In the place of the module `time` and of the tick counter: both stand still until told to move."""

    def __init__(self):
        self.wall_us = _NOON_S * _MICROS + 250000
        self.ticks = 5

    def time(self):
        return self.wall_us / _MICROS

    def time_ns(self):
        return self.wall_us * 1000

    def pass_by(self, micros):
        """Time goes by."""
        self.wall_us += micros
        self.ticks += micros

    def set_wall(self, by_s):
        """Somebody sets the time of day."""
        self.wall_us += by_s * _MICROS


class ASteadyClock(unittest.TestCase):
    def setUp(self):
        self.clocks = Clocks()
        self.kept = (steady_clock.time, steady_clock.ticks_us, steady_clock.elapsed_us)
        steady_clock.time = self.clocks
        steady_clock.ticks_us = lambda: self.clocks.ticks
        steady_clock.elapsed_us = lambda since: self.clocks.ticks - since
        self.clock = SteadyClock()

    def tearDown(self):
        steady_clock.time, steady_clock.ticks_us, steady_clock.elapsed_us = self.kept

    def read(self):
        self.clock.read()
        return self.clock.s + _LATER_S - _NOON_S, self.clock.us

    def test_it_starts_with_the_time_of_day(self):
        self.assertEqual(self.read(), (0, 250000))
        self.assertEqual(self.clock.skew_s(), 0)

    def test_it_counts_on(self):
        self.clocks.pass_by(700000)
        self.assertEqual(self.read(), (0, 950000))
        self.clocks.pass_by(60000)
        self.assertEqual(self.read(), (1, 10000))
        self.clocks.pass_by(239 * _MICROS)
        self.assertEqual(self.read(), (240, 10000))
        self.assertEqual(self.clock.skew_s(), 0)

    def test_a_time_of_day_set_forward_does_not_touch_it(self):
        self.clocks.set_wall(_YEAR_S)
        self.assertEqual(self.read(), (0, 250000))
        self.assertEqual(self.clock.skew_s(), _YEAR_S)
        self.clocks.pass_by(3 * _MICROS)
        self.assertEqual(self.read(), (3, 250000))
        self.assertEqual(self.clock.skew_s(), _YEAR_S)

    def test_nor_does_one_set_back_even_to_1970(self):
        for back_s in (1, _YEAR_S, _NOON_S - _YEAR_S - 1):
            self.clocks.set_wall(-back_s)
            before = self.read()
            self.clocks.pass_by(_MICROS)
            self.assertEqual(self.read(), (before[0] + 1, before[1]))
        self.assertEqual(self.clock.skew_s(), -_NOON_S)

    def test_set_to_and_fro_it_ends_where_it_was(self):
        for by_s in (86400, -2 * 86400, 86400):
            self.clocks.set_wall(by_s)
            self.clocks.pass_by(_MICROS)
            self.read()
        self.assertEqual((self.read(), self.clock.skew_s()), ((3, 250000), 0))


class BoardTime:
    """In the place of the module `time`: that of a board, whose clock counts from 2000."""

    def gmtime(self, seconds):
        return time.gmtime(seconds + 946684800)

    def time(self):
        return _NOON_S - 946684800

    def time_ns(self):
        return self.time() * 1000000000

    def perf_counter_ns(self):
        return 5


class OnABoard(unittest.TestCase):
    def test_seconds_are_counted_from_the_same_moment_as_everywhere(self):
        kept = sys.modules.pop("spamgate.hal.steady_clock")
        sys.modules["time"] = BoardTime()
        try:
            from spamgate.hal.steady_clock import EPOCH_S, SteadyClock, wall_s
        finally:
            sys.modules["time"] = time
            sys.modules["spamgate.hal.steady_clock"] = kept
        self.assertEqual((EPOCH_S, steady_clock.EPOCH_S), (946684800, 0))
        self.assertEqual((wall_s(), SteadyClock().s), (_NOON_S - _LATER_S, _NOON_S - _LATER_S))


if __name__ == "__main__":
    unittest.main()
