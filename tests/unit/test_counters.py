"""The numbers of the report: each device's own, and none of who had its number before."""

import unittest

from spamgate.core.counters import (
    CONNECTS,
    DESTINATIONS,
    DNS_NAMES,
    DNS_NXDOMAIN,
    DNS_QUERIES,
    MESSAGES_ACCEPTED,
    MX_NAMES,
    NOT_YET,
    PORT_25,
    SMTP_FIELDS,
    SMTP_NAMES,
    SUBMISSION,
    Counters,
)


class Counting(unittest.TestCase):
    def setUp(self):
        self.counters = Counters(4, 256, 64)

    def test_every_field_is_counted_apart(self):
        self.assertEqual((len(SMTP_NAMES), len(DNS_NAMES)), (SMTP_FIELDS, 4))
        expected = {}
        for device in (1, 2):
            for port in (PORT_25, SUBMISSION):
                for field in range(SMTP_FIELDS):
                    expected[device, port, field] = len(expected) + 1
                    for _ in range(len(expected)):
                        self.counters.add_smtp(device, port, field)
            for field in range(DNS_QUERIES, DNS_NXDOMAIN + 1):
                self.counters.add(device, field)
        for key in expected:
            self.assertEqual(self.counters.get_smtp(*key), expected[key])
        self.assertEqual([self.counters.get(2, DNS_QUERIES + at) for at in range(4)], [1] * 4)
        self.assertEqual(self.counters.get_smtp(3, PORT_25, CONNECTS), 0)
        self.assertEqual(self.counters.get_smtp(0, SUBMISSION, MESSAGES_ACCEPTED), 0)

    def test_a_server_is_a_destination_once_a_device_and_port(self):
        for device, port, server in ((1, 0, 7), (1, 0, 7), (1, 0, 8), (1, 1, 7), (2, 0, 7)):
            self.counters.add_destination(device, port, server)
        found = [self.counters.get_smtp(device, port, DESTINATIONS) for device, port in ((1, 0), (1, 1), (2, 0))]
        self.assertEqual(found, [2, 1, 1])

    def test_topics_do_not_mix(self):
        self.assertTrue(self.counters.is_new(1, PORT_25, 7))
        self.assertTrue(self.counters.is_new(1, MX_NAMES, 7))
        self.assertFalse(self.counters.is_new(1, MX_NAMES, 7))

    def test_replies_are_listed_by_code(self):
        for code in (550, 220, 250, 250, 354, 250):
            self.counters.add_reply(1, PORT_25, code)
        self.counters.add_reply(1, SUBMISSION, 235)
        self.counters.add_reply(2, PORT_25, 421)
        self.assertEqual(self.counters.replies(1, PORT_25), [(220, 1), (250, 3), (354, 1), (550, 1)])
        self.assertEqual(self.counters.replies(1, SUBMISSION), [(235, 1)])
        self.assertEqual(self.counters.replies(3, PORT_25), [])

    def test_codes_beyond_the_room_are_counted_together(self):
        for code in range(200, 300):
            self.counters.add_reply(1, PORT_25, code)
        self.counters.add_reply(2, PORT_25, 250)
        replies = self.counters.replies(1, PORT_25)
        self.assertEqual(replies[0], (0, 52))
        self.assertEqual(sum(count for _, count in replies), 100)
        self.assertEqual(self.counters.replies(2, PORT_25), [(0, 1)])

    def test_the_first_connection_keeps_its_time(self):
        self.counters.connected(1, 1000, 5)
        self.counters.connected(1, 2000, 6)
        self.assertEqual((self.counters.first_smtp_s[1], self.counters.first_smtp_us[1]), (1000, 5))
        self.assertEqual(self.counters.first_smtp_s[2], NOT_YET)

    def test_who_takes_a_number_starts_at_nothing(self):
        for device in (1, 2):
            self.counters.add_destination(device, PORT_25, 7)
            self.counters.add(device, DNS_QUERIES)
            self.counters.add_reply(device, PORT_25, 250)
            self.counters.connected(device, 1000, 5)
        self.counters.clear(1)
        self.assertEqual(self.counters.get(1, DNS_QUERIES), 0)
        self.assertEqual(self.counters.get_smtp(1, PORT_25, DESTINATIONS), 0)
        self.assertEqual(self.counters.replies(1, PORT_25), [])
        self.assertEqual(self.counters.first_smtp_s[1], NOT_YET)
        self.counters.add_destination(1, PORT_25, 7)
        self.assertEqual(self.counters.get_smtp(1, PORT_25, DESTINATIONS), 1, "new to this one")
        self.assertEqual(self.counters.get(2, DNS_QUERIES), 1)
        self.assertEqual(self.counters.replies(2, PORT_25), [(250, 1)])


if __name__ == "__main__":
    unittest.main()
