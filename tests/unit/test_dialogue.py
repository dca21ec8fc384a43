"""What is said on port 25, beyond the kinds of evidence: a day's counts, and whose they are."""

import unittest

from fakes.home import Home, domain_hash, name_hash

from spamgate.core.dialogue import BAD_NAME, HOST_NAME, LITERAL

_DAY_S = 86400


class Dialogues(unittest.TestCase):
    def setUp(self):
        self.home = Home()
        self.device = self.home.settled(1)
        self.dialogue = self.home.engine.mail.dialogue

    def introduce(self, device, form, *names):
        for name in names:
            self.dialogue.introduced(device, form, name_hash(name), domain_hash(name))

    def write(self, device, *recipients):
        for recipient in recipients:
            self.dialogue.wrote_to(device, name_hash(recipient), domain_hash(recipient.split("@")[1]))
            self.dialogue.wrote_to_stranger(device, name_hash(recipient), True)

    def evidence(self, device):
        return sorted(self.home.evidence(device))

    def test_counts_start_anew_every_day(self):
        for day in range(3):
            self.introduce(self.device, HOST_NAME, "a%d.example" % day, "b%d.example" % day)
            self.home.wait(_DAY_S)
        self.assertEqual(self.evidence(self.device), [])

    def test_the_first_greeting_of_a_day_is_remembered_for_its_recipients(self):
        self.home.wait(_DAY_S)
        self.introduce(self.device, HOST_NAME, "mx.a.example")
        self.write(self.device, "u@a.example")
        self.introduce(self.device, HOST_NAME, "mx.b.example")
        self.write(self.device, "u@b.example")
        self.assertEqual(self.evidence(self.device), ["helo_impersonates"])

    def test_a_greeting_without_a_domain_impersonates_nobody(self):
        for form, domain in ((LITERAL, "a.example"), (BAD_NAME, "b.example")):
            self.introduce(self.device, HOST_NAME, "mx." + domain)
            self.dialogue.introduced(self.device, form, name_hash("x"), domain_hash(domain))
            self.write(self.device, "u@" + domain)
        self.assertFalse("helo_impersonates" in self.evidence(self.device))

    def test_devices_are_counted_apart(self):
        for number in range(10):
            device = self.home.settled(100 + number)
            self.introduce(device, HOST_NAME, "a%d.example" % number, "b.example")
            self.write(device, *["u%d@a.example" % user for user in range(4)])
            self.assertEqual(self.evidence(device), [])

    def test_a_flood_by_one_device_makes_nobody_else_look_bad(self):
        """What is "seen before" has one table for all: a bot's thousands of recipients must not empty it."""
        clean = self.home.settled(2)
        for hour in range(12):
            self.introduce(clean, HOST_NAME, "mail.home.example")
            self.dialogue.wrote_as(clean, domain_hash("home.example"))
            self.write(clean, "a@friend.example", "b@friend.example")
            self.write(self.device, *["u%d@d%d.example" % (user, hour) for user in range(1000)])
            self.introduce(self.device, HOST_NAME, *["h%d.d%d.example" % (name, hour) for name in range(100)])
        self.assertEqual(self.evidence(clean), [])
        self.assertEqual(self.evidence(self.device), ["helo_changes", "many_recipients", "mass_recipients"])

    def test_unknown_users_among_many_recipients_are_few(self):
        """Every recipient counts for the share, however often it was named."""
        self.write(self.device, *["u%d@a.example" % user for user in range(500)])
        for _ in range(124):
            self.dialogue.unknown_recipient(self.device, 3)
        self.assertFalse("many_unknown_users" in self.evidence(self.device))
        self.dialogue.unknown_recipient(self.device, 3)
        self.assertTrue("many_unknown_users" in self.evidence(self.device))

    def test_who_takes_a_number_takes_no_counts(self):
        self.introduce(self.device, HOST_NAME, "a.example", "b.example")
        self.dialogue.clear(self.device)
        self.introduce(self.device, HOST_NAME, "b.example", "c.example")
        self.assertEqual(self.evidence(self.device), [])
        self.write(self.device, "u@a.example")
        self.introduce(self.device, HOST_NAME, "d.example")
        self.assertEqual(self.evidence(self.device), ["helo_changes"])

    def test_counting_stops_before_it_overflows(self):
        self.write(self.device, *["a@a.example"])
        for _ in range(66000):
            self.dialogue.wrote_to_stranger(self.device, _, True)
        self.assertEqual(self.evidence(self.device), ["many_recipients", "mass_recipients"])


if __name__ == "__main__":
    unittest.main()
