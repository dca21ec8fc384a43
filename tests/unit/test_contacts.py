"""Whom a device has mailed: what has a past stays, whatever floods the row."""

import unittest

from spamgate.core.contacts import ACCEPTED, FAILED, LOGGED_IN, PER_DEVICE, UNKNOWN, Contacts

_DAY_S = 86400
_NOW_S = 1000000


class Meeting(unittest.TestCase):
    def setUp(self):
        self.contacts = Contacts(3)

    def test_a_provider_is_new_once(self):
        self.assertTrue(self.contacts.meet(1, 7, _NOW_S))
        self.assertFalse(self.contacts.meet(1, 7, _NOW_S + 1))
        self.assertTrue(self.contacts.meet(2, 7, _NOW_S))
        self.assertTrue(self.contacts.meet(1, 0, _NOW_S), "zero is a provider like others")

    def test_rows_of_neighbours_are_apart(self):
        for provider in range(20):
            self.contacts.meet(1, provider, _NOW_S)
        self.assertEqual(self.contacts.recent(0, _NOW_S, _DAY_S), 0)
        self.assertEqual(self.contacts.recent(2, _NOW_S, _DAY_S), 0)
        self.assertEqual(self.contacts.recent(1, _NOW_S, _DAY_S), PER_DEVICE)

    def test_recent_counts_first_meetings_within_the_window(self):
        for number in range(4):
            self.contacts.meet(1, number, _NOW_S + number * 300)
        now_s = _NOW_S + 900
        self.assertEqual(self.contacts.recent(1, now_s, 600), 3)
        self.contacts.meet(1, 0, now_s)
        self.assertEqual(self.contacts.recent(1, now_s, 600), 3, "meeting it again makes it no newer")
        self.assertEqual(self.contacts.recent(1, now_s, _DAY_S), 4)

    def test_a_server_that_knows_the_password_is_no_stranger(self):
        self.contacts.meet(1, 7, _NOW_S)
        self.contacts.mark(1, 7, LOGGED_IN, _NOW_S)
        self.assertEqual(self.contacts.recent(1, _NOW_S, _DAY_S), 0)
        self.assertTrue(self.contacts.has_past(1, 7, _NOW_S))

    def test_only_one_login_a_device_counts(self):
        """A bot with stolen passwords would else excuse itself everywhere."""
        for provider in (7, 8):
            self.contacts.meet(1, provider, _NOW_S)
            self.contacts.mark(1, provider, LOGGED_IN, _NOW_S)
        self.assertTrue(self.contacts.has_past(1, 7, _NOW_S))
        self.assertFalse(self.contacts.has_past(1, 8, _NOW_S))

    def test_a_past_is_accepted_mail_on_another_day(self):
        self.contacts.meet(1, 7, _NOW_S)
        self.contacts.meet(1, 8, _NOW_S)
        self.contacts.mark(1, 7, ACCEPTED, _NOW_S)
        self.assertFalse(self.contacts.has_past(1, 7, _NOW_S + _DAY_S - 1))
        self.assertTrue(self.contacts.has_past(1, 7, _NOW_S + _DAY_S))
        self.assertFalse(self.contacts.has_past(1, 8, _NOW_S + _DAY_S), "it never took a message")
        self.assertFalse(self.contacts.has_past(1, 9, _NOW_S + _DAY_S))

    def test_flags_are_counted_by_provider(self):
        for provider in (7, 8, 9):
            self.contacts.meet(1, provider, _NOW_S)
            self.contacts.mark(1, provider, FAILED, _NOW_S)
            self.contacts.mark(1, provider, FAILED, _NOW_S)
        self.contacts.mark(1, 8, UNKNOWN, _NOW_S)
        self.contacts.mark(1, 99, UNKNOWN, _NOW_S)
        self.assertEqual(self.contacts.troubled(1, FAILED, _NOW_S), 3)
        self.assertEqual(self.contacts.troubled(1, UNKNOWN, _NOW_S), 1)


    def test_trouble_is_forgotten_after_a_day_and_failure_by_success(self):
        for provider in (7, 8):
            self.contacts.meet(1, provider, _NOW_S)
            self.contacts.mark(1, provider, FAILED | UNKNOWN, _NOW_S)
        self.assertEqual(self.contacts.troubled(1, UNKNOWN, _NOW_S + _DAY_S - 1), 2)
        self.assertEqual(self.contacts.troubled(1, UNKNOWN, _NOW_S + _DAY_S), 0)
        self.contacts.mark(1, 7, ACCEPTED, _NOW_S)
        self.assertEqual(self.contacts.troubled(1, FAILED, _NOW_S), 1)
        self.assertEqual(self.contacts.troubled(1, UNKNOWN, _NOW_S), 2)


class FullRow(unittest.TestCase):
    def setUp(self):
        self.contacts = Contacts(2)

    def test_a_flood_does_not_push_out_a_relay_with_a_past(self):
        """The relay an owner depends on stands, though it is the one longest unused."""
        self.contacts.meet(1, 7, _NOW_S)
        self.contacts.mark(1, 7, ACCEPTED, _NOW_S)
        for number in range(10000):
            self.contacts.meet(1, 1000 + number, _NOW_S + _DAY_S + number)
        self.assertTrue(self.contacts.has_past(1, 7, _NOW_S + 2 * _DAY_S))

    def test_a_flood_does_not_push_out_the_server_with_the_password(self):
        self.contacts.meet(1, 7, _NOW_S)
        self.contacts.mark(1, 7, LOGGED_IN, _NOW_S)
        for number in range(100):
            self.contacts.meet(1, 1000 + number, _NOW_S + number)
        self.assertTrue(self.contacts.has_past(1, 7, _NOW_S))

    def test_among_strangers_the_longest_unused_goes(self):
        for number in range(PER_DEVICE):
            self.contacts.meet(1, number, _NOW_S + number)
        self.contacts.meet(1, 0, _NOW_S + 50)
        self.contacts.meet(1, 99, _NOW_S + 60)
        self.assertTrue(self.contacts.find(1, 0) >= 0)
        self.assertEqual(self.contacts.find(1, 1), -1)

    def test_among_known_ones_the_longest_unused_goes(self):
        for number in range(PER_DEVICE):
            self.contacts.meet(1, number, _NOW_S + number)
            self.contacts.mark(1, number, ACCEPTED, _NOW_S)
        self.contacts.meet(1, 99, _NOW_S + 2 * _DAY_S)
        self.assertEqual(self.contacts.find(1, 0), -1)
        self.assertTrue(self.contacts.find(1, 1) >= 0)

    def test_who_takes_a_place_takes_no_past(self):
        for number in range(PER_DEVICE):
            self.contacts.meet(1, number, _NOW_S)
            self.contacts.mark(1, number, ACCEPTED | FAILED, _NOW_S)
        self.contacts.meet(1, 99, _NOW_S + 2 * _DAY_S)
        self.assertFalse(self.contacts.has_past(1, 99, _NOW_S + 2 * _DAY_S))
        self.assertEqual(self.contacts.troubled(1, FAILED, _NOW_S), PER_DEVICE - 1)

    def test_a_row_can_be_forgotten(self):
        self.contacts.meet(1, 7, _NOW_S)
        self.contacts.mark(1, 7, ACCEPTED | FAILED, _NOW_S)
        self.contacts.clear(1)
        self.assertEqual((self.contacts.find(1, 7), self.contacts.troubled(1, FAILED, _NOW_S)), (-1, 0))
        self.assertTrue(self.contacts.meet(1, 7, _NOW_S + _DAY_S))


if __name__ == "__main__":
    unittest.main()
