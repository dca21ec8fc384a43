"""Sizes that the tables can have, clocks that wrap: the smallest numbers of the program."""

import gc
import unittest

from spamgate.core.engine import Engine
from spamgate.core.limits import Limits
from spamgate.core.many_engine import ManyLimits
from spamgate.core.router_limits import RouterLimits
from spamgate.core.ticks import elapsed
from spamgate.plane.watch import Watcher

_WRAP = 1 << 29
_KB = 1024


class Sizes(unittest.TestCase):
    def test_hash_tables_are_powers_of_two(self):
        for limits in (Limits(256), Limits(512), RouterLimits()):
            for slots in (limits.hosts, limits.distinct, limits.distinct // 4, limits.reply_codes):
                self.assertEqual(slots & (slots - 1), 0, slots)

    def test_numbers_fit_the_bytes_they_are_kept_in(self):
        for limits in (Limits(256), Limits(512), RouterLimits()):
            self.assertTrue(limits.devices <= 254 and limits.suspects < limits.devices)
            self.assertTrue(limits.line_bytes >= 320 and limits.connections >= 100)

    def test_a_heap_has_the_sizes_of_its_class(self):
        small, large = Limits(383), Limits(384)
        self.assertEqual((small.devices, large.devices), (Limits(1).devices, Limits(100000).devices))
        self.assertTrue(small.devices < RouterLimits().devices < large.devices)
        self.assertEqual(RouterLimits().window_bytes, 0, "a router reads no captures")

    def test_a_large_home_has_powers_of_two_too_and_numbers_that_fit(self):
        limits = ManyLimits()
        for slots in (limits.hosts, limits.distinct, limits.distinct // 4, limits.reply_codes):
            self.assertEqual(slots & (slots - 1), 0, slots)
        self.assertTrue(limits.devices > 1000 and limits.devices * limits.addresses < 65535)
        self.assertTrue(limits.suspects <= 255 and limits.connections < 32000)

    @unittest.skipUnless(hasattr(gc, "mem_alloc"), "only MicroPython counts its heap")
    def test_tables_take_what_they_may(self):
        for limits, most_kb in ((Limits(256), 84), (RouterLimits(), 98), (Limits(512), 212)):
            engine = watcher = None
            gc.collect()
            before = gc.mem_alloc()
            engine = Engine(limits, lambda device, old, new: None)
            watcher = Watcher(engine, None, True, limits)
            gc.collect()
            taken = gc.mem_alloc() - before
            self.assertTrue(taken <= most_kb * _KB, "%d bytes, of %d KB" % (taken, most_kb))
            self.assertIsNotNone(watcher)


class Ticks(unittest.TestCase):
    def test_time_goes_on_over_the_wrap(self):
        for since_ms in (0, 1, _WRAP // 2, _WRAP - 1):
            for passed_ms in (0, 1, 100, _WRAP // 2, _WRAP - 1):
                self.assertEqual(elapsed((since_ms + passed_ms) % _WRAP, since_ms), passed_ms)


if __name__ == "__main__":
    unittest.main()
