"""Five failures, and an address is refused: longer each time, never for good, and others are not."""

import unittest

from spamgate.service.link_patience import Patience

_MINUTE = 60000
_HOUR = 3600000
_THIEF = b"\xc0\xa8\x01\x66"


def _address(number):
    return bytes([10, 0, number >> 8, number & 255])


class Failures(unittest.TestCase):
    def setUp(self):
        self.patience = Patience()

    def _fail(self, times, now_ms=0, address=_THIEF):
        return [self.patience.failed(address, now_ms) for _ in range(times)]

    def test_the_fifth_failure_is_one_too_many(self):
        self.assertEqual(self._fail(4), [0, 0, 0, 0])
        self.assertFalse(self.patience.is_refused(_THIEF, 1))
        self.assertEqual(self._fail(1), [60])
        self.assertTrue(self.patience.is_refused(_THIEF, _MINUTE - 1))
        self.assertFalse(self.patience.is_refused(_THIEF, _MINUTE))

    def test_each_more_doubles_it_up_to_sixteen_minutes(self):
        self._fail(4)
        self.assertEqual(self._fail(7), [60, 120, 240, 480, 960, 960, 960])

    def test_others_are_not_refused(self):
        self._fail(5)
        self.assertFalse(self.patience.is_refused(_address(1), 1))

    def test_whoever_proves_itself_begins_anew(self):
        self._fail(4)
        self.patience.forgive(_THIEF)
        self.assertEqual(self._fail(4), [0, 0, 0, 0])
        self.patience.forgive(_address(1))

    def test_after_an_hour_it_is_forgotten(self):
        self._fail(4)
        self.patience.tick(_HOUR - 1)
        self.assertEqual(self._fail(1, 1), [60])
        self.patience.tick(_HOUR + 1)
        self.assertEqual(self._fail(1, _HOUR + 2), [0])

    def test_a_clock_that_wraps_refuses_nobody_again(self):
        self._fail(5)
        for now_ms in range(0, 1 << 29, _HOUR // 2):
            self.patience.tick(now_ms)
        self.assertFalse(self.patience.is_refused(_THIEF, 1))

    def test_many_addresses_do_not_make_it_grow_and_push_out_whoever_failed_long_ago(self):
        self._fail(5)
        for number in range(500):
            self.patience.failed(_address(number), 10 + number)
        self.assertTrue(self.patience.is_refused(_THIEF, 600))
        self.assertEqual([self.patience.failed(_address(499), 600) for _ in range(4)][-1], 60)
        self.assertEqual(self.patience.failed(_address(0), 600), 0)


if __name__ == "__main__":
    unittest.main()
