"""What a granted mail server has been used to, and what it is not."""

import unittest

from fakes.home import Home

from spamgate.core.devices import GRANT_MAIL_SERVER
from spamgate.core.limits import Limits

_DAY_S = 86400


def _server(number):
    """Return the address of a server in a network of its own."""
    return "203.%d.%d.1" % (number >> 8, number & 255)


class Granted(unittest.TestCase):
    def setUp(self):
        self.live(Limits())

    def live(self, limits):
        self.home = Home(limits)
        self.device = self.home.settled(1)
        self.home.engine.grant(self.device, GRANT_MAIL_SERVER)
        self._next = 0

    def mail_new(self, count):
        for _ in range(count):
            self.home.connect(self.device, _server(self._next))
            self._next += 1

    def days(self, *counts):
        for count in counts:
            self.mail_new(count)
            self.home.wait(_DAY_S)

    def is_held(self):
        return self.home.engine.is_held(self.device)

    def test_the_first_days_of_mail_are_for_learning(self):
        self.days(1, 1, 200)
        self.assertFalse(self.is_held())
        self.mail_new(420)
        self.assertFalse(self.is_held(), "the largest day had 200")
        self.mail_new(1)
        self.assertTrue(self.is_held())

    def test_days_without_mail_teach_nothing(self):
        self.days(1)
        self.home.wait(9 * _DAY_S)
        self.mail_new(200)
        self.assertFalse(self.is_held())

    def test_who_grows_slowly_is_followed_slowly(self):
        """By twenty a day, else it could double each day."""
        self.days(1, 1, 1, 22, 60)
        self.mail_new(2 * 41 + 20)
        self.assertFalse(self.is_held())
        self.mail_new(1)
        self.assertTrue(self.is_held())

    def test_a_day_of_a_surge_teaches_nothing(self):
        self.days(1, 1, 1, 23)
        self.assertTrue(self.is_held())
        self.mail_new(22)
        self.home.engine.board.halve(self.device)
        count = self.home.evidence(self.device)["surge"]
        self.mail_new(1)
        self.assertEqual(self.home.evidence(self.device)["surge"], count + 1)

    def test_the_owner_may_say_that_it_was_meant(self):
        self.days(1, 1, 1)
        self.mail_new(50)
        self.assertTrue(self.is_held())
        self.home.engine.release(self.device)
        self.mail_new(100)
        self.assertFalse(self.is_held())

    def test_who_was_not_granted_is_not_measured(self):
        self.home.engine.grant(self.device, 0)
        self.days(1, 1, 1)
        self.mail_new(30)
        self.assertFalse("surge" in self.home.evidence(self.device))

    def test_another_device_in_its_place_begins_anew(self):
        self.days(1, 1, 1)
        engine = self.home.engine
        engine.mail.clear(self.device, False)
        self.mail_new(100)
        self.assertFalse(self.is_held())

    def test_a_full_table_begins_anew_and_accuses_nobody(self):
        """Else all its friends would be new again on one day, which is no large one any more."""
        self.live(Limits(256))
        for _ in range(20):
            for friend in range(150):
                self.home.connect(self.device, _server(1000 + friend))
            self.days(5)
            self.assertFalse(self.is_held())


if __name__ == "__main__":
    unittest.main()
