"""Who is inside the home in a capture without private addresses."""

import unittest

from spamgate.plane.replay import Askers


def _address(number):
    return bytes((198, 18, number >> 8, number & 255))


class Asking(unittest.TestCase):
    def test_who_asked_is_inside_and_nobody_else(self):
        askers = Askers(512)
        askers.learn(b"??" + _address(7), 2, 4)
        self.assertTrue(askers.contains(_address(7), 0, 4))
        self.assertFalse(askers.contains(_address(8), 0, 4))

    def test_after_384_nobody_is_taken_in_and_nobody_is_forgotten(self):
        askers = Askers(512)
        for _ in range(2):
            for number in range(500):
                askers.learn(_address(number), 0, 4)
        inside = [number for number in range(500) if askers.contains(_address(number), 0, 4)]
        self.assertEqual(inside, list(range(384)))


if __name__ == "__main__":
    unittest.main()
