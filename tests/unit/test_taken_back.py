"""What the engine thinks better of: connections that came to nothing, pasts that were none, swarms that were none."""

import unittest

from fakes.home import REFUSES, SILENT, Home

from spamgate.core.counters import MAIL, SUBMISSION
from spamgate.core.devices import GRANT_MAIL_SERVER

_DAY_S = 86400


def _relay(number):
    return "203.0.%d.1" % number


class Case(unittest.TestCase):
    def setUp(self):
        self.home = Home()
        self.mail = self.home.engine.mail
        self.device = self.home.settled(1)

    def relay(self, number, answer=0):
        """The device connects to a relay that it has looked up by name; return the slot."""
        self.home.ask_host(self.device, "relay.r%d.example" % number, _relay(number))
        return self.home.connect(self.device, _relay(number), answer)

    def score(self):
        return self.home.engine.board.score(self.device)


class CameToNothing(Case):
    def probe(self, number):
        slot = self.relay(number)
        self.mail.greeted(slot)
        self.mail.closed(slot)

    def test_a_test_of_servers_is_no_fan_out(self):
        for number in range(7):
            self.probe(number)
        self.assertEqual((self.score(), self.home.state(self.device)), (0, "normal"))

    def test_who_mails_after_all_is_weighed_then(self):
        self.probe(1)
        self.probe(2)
        for number in (1, 2):
            slot = self.relay(number)
            self.mail.greeted(slot)
            self.mail.count(slot, MAIL)
        self.assertIn("second_provider", self.home.evidence(self.device))

    def test_a_server_that_never_greets_is_no_test(self):
        for number in (1, 2):
            self.mail.closed(self.relay(number))
        self.assertEqual(self.score(), 0, "nor is mail handed to a relay")
        for number in (1, 2):
            self.home.ask_mx(self.device, "d%d.example" % number, ("mx.d%d.example" % number, _relay(10 + number)))
            self.mail.closed(self.home.connect(self.device, _relay(10 + number)))
        self.assertIn("second_provider", self.home.evidence(self.device), "straight to strangers it says enough")

    def test_dead_relays_are_no_fan_out(self):
        self.home.open_line()
        for number in range(4):
            self.relay(number, REFUSES)
        self.assertFalse("fan_out" in self.home.evidence(self.device))

    def test_a_login_is_no_fan_out(self):
        for number in (1, 2):
            slot = self.relay(number)
            self.mail.greeted(slot)
            self.home.mail(slot) if number == 1 else self.mail.logged_in(slot)
        self.assertFalse("second_provider" in self.home.evidence(self.device))

    def test_one_domain_and_one_relay_are_no_fan_out(self):
        self.home.ask_mx(self.device, "owner.example", ("mx.owner.example", _relay(9)))
        self.home.mail(self.home.connect(self.device, _relay(9)))
        self.home.mail(self.relay(1))
        self.assertFalse("second_provider" in self.home.evidence(self.device))
        self.home.mail(self.relay(2))
        self.assertIn("second_provider", self.home.evidence(self.device))


class Lines(Case):
    def test_a_provider_s_own_relay_proves_no_line_open(self):
        self.home.mail(self.relay(1))
        self.assertFalse(self.home.engine.line.is_open(self.home.now_s))
        for number in (2, 3):
            self.home.ask_mx(self.device, "d%d.example" % number, ("mx.d%d.example" % number, _relay(number)))
            self.home.connect(self.device, _relay(number), SILENT)
        self.home.wait(120)
        evidence = self.home.evidence(self.device)
        self.assertFalse("connect_failed" in evidence or "second_provider" in evidence)


class Pasts(Case):
    def throttle(self):
        slots = [self.home.spam_once(self.device, number) for number in (1, 2)]
        self.assertEqual(self.home.state(self.device), "throttled")
        return slots

    def test_none_is_made_under_suspicion(self):
        slots = self.throttle()
        for _ in range(2):
            self.home.wait(_DAY_S)
            for slot in slots:
                self.mail.accepted(slot)
        self.assertEqual([self.mail.has_past(slot) for slot in slots], [False, False])
        self.assertFalse(self.home.engine.contacts.has_any_past(self.device, self.home.now_s))

    def test_an_old_one_outlives_it(self):
        friend = self.relay(7)
        self.mail.accepted(friend)
        self.home.wait(2 * _DAY_S)
        self.throttle()
        self.assertTrue(self.mail.has_past(friend))

    def test_after_it_friends_are_made_anew(self):
        slot = self.throttle()[0]
        self.home.wait(4 * _DAY_S)
        self.assertEqual(self.home.state(self.device), "released")
        self.assertFalse(self.mail.has_past(slot))
        slot = self.home.spam_once(self.device, 1)
        self.assertFalse(self.mail.has_past(slot), "met again, not known again")


class Swarms(Case):
    def spam_as_newcomers(self, count):
        for number in range(count):
            device = self.home.device(100 + number)
            self.home.spam_once(device, 2 * number)
            self.home.spam_once(device, 2 * number + 1)

    def test_three_that_are_held_overrun_a_home(self):
        self.home.open_line()
        self.spam_as_newcomers(2)
        self.assertFalse(self.mail.household.is_overrun())
        self.spam_as_newcomers(3)
        self.assertTrue(self.mail.household.is_overrun())

    def test_old_ones_do_not(self):
        self.home.open_line()
        self.spam_as_newcomers(3)
        self.home.wait(_DAY_S + 60)
        self.assertFalse(self.mail.household.is_overrun())


class Known(Case):
    def test_a_granted_server_may_write_to_many_old_friends(self):
        self.home.engine.grant(self.device, GRANT_MAIL_SERVER)
        slot = self.relay(1)
        self.mail.accepted(slot)
        self.home.wait(2 * _DAY_S)
        self.home.mail(slot, recipients=["r%d@a.example" % number for number in range(600)])
        self.assertEqual(self.home.state(self.device), "normal")
        self.assertTrue(self.mail.has_past(slot))

    def test_on_submission_nothing_is_taken_for_a_test(self):
        for number in range(6):
            slot = self.home.connect(self.device, _relay(number), 0, SUBMISSION)
            self.mail.closed(slot)
        self.assertEqual(self.score(), 0)


if __name__ == "__main__":
    unittest.main()
