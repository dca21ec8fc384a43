"""Connections to mail servers: when they weigh, when they fail, and whose they are."""

import unittest

from fakes.home import ACCEPTS, REFUSES, SILENT, Home

from spamgate.core.counters import CONNECTS, DATA, MESSAGES_ACCEPTED, NOT_YET, PORT_25, SUBMISSION
from spamgate.core.devices import MAILED
from spamgate.core.engine import Limits
from spamgate.core.meanings import OTHER, POLICY, TEMPORARY, UNKNOWN_RECIPIENT

_DAY_S = 86400


def _server(number):
    return "203.0.%d.1" % number


class Case(unittest.TestCase):
    def setUp(self):
        self.home = Home()
        self.device = self.home.settled(1)
        self.mail = self.home.engine.mail
        self.counters = self.home.engine.counters

    def connect(self, number, answer=ACCEPTS, port=PORT_25):
        return self.home.connect(self.device, _server(number), answer, port)

    def evidence(self):
        return sorted(self.home.evidence(self.device))

    def count(self, field, port=PORT_25):
        return self.counters.get_smtp(self.device, port, field)


class Weighing(Case):
    def test_on_a_silent_line_connections_weigh_once_a_server_answers(self):
        slots = [self.connect(number, SILENT) for number in range(2)]
        self.assertEqual(self.evidence(), [])
        self.mail.established(slots[1])
        self.assertEqual(self.evidence(), ["second_provider"])

    def test_what_was_tried_long_before_the_line_answered_weighs_nothing(self):
        self.connect(1, SILENT)
        self.home.wait(601)
        self.connect(2)
        self.assertEqual(self.evidence(), [])

    def test_what_was_tried_and_reset_weighs_nothing_when_the_line_answers(self):
        slot = self.connect(1, REFUSES)
        self.mail.closed(slot)
        self.connect(2)
        self.assertEqual(self.evidence(), [])

    def test_on_an_open_line_the_syn_weighs(self):
        self.home.open_line()
        self.connect(1, SILENT)
        self.connect(2, SILENT)
        self.assertEqual(self.evidence(), ["second_provider"])

    def test_relay_and_exchange_of_one_domain_are_one_provider(self):
        self.home.ask_host(self.device, "relay.a.example", _server(1))
        self.home.ask_mx(self.device, "a.example", ("mx.a.example", _server(2)))
        self.connect(1)
        self.connect(2)
        self.assertEqual(self.evidence(), ["mx_query"])

    def test_it_weighs_once(self):
        self.home.open_line()
        for number in (1, 2):
            slot = self.connect(number)
            self.mail.established(slot)
        self.assertEqual(self.home.evidence(self.device), {"second_provider": 1})

    def test_a_server_in_the_home_is_counted_and_not_judged(self):
        home = self.home
        for number in range(5):
            packed = bytes((10, 0, number, 1))
            home.engine.about(packed, 0, 4)
            self.mail.opened(number, self.device, PORT_25, 1000 + number, True)
            self.mail.established(number)
            self.mail.accepted(number)
            self.assertFalse(self.mail.is_judged(number))
        self.assertEqual(self.evidence(), [])
        self.assertEqual((self.count(CONNECTS), self.count(MESSAGES_ACCEPTED)), (5, 5))
        self.assertFalse(home.engine.line.is_open(home.now_s), "it says nothing about the line")
        self.assertFalse(home.engine.devices.flags[self.device] & MAILED)

    def test_submission_is_counted_apart_and_not_judged(self):
        for number in range(6):
            slot = self.connect(number, port=SUBMISSION)
            self.mail.accepted(slot)
            self.mail.count(slot, DATA)
            self.mail.rejected(slot, UNKNOWN_RECIPIENT)
        self.assertEqual(self.evidence(), [])
        self.assertEqual((self.count(CONNECTS), self.count(CONNECTS, SUBMISSION)), (0, 6))
        self.assertEqual((self.count(DATA, SUBMISSION), self.count(MESSAGES_ACCEPTED, SUBMISSION)), (6, 6))
        self.assertEqual(self.counters.first_smtp_s[self.device], NOT_YET)
        self.assertFalse(self.home.engine.line.is_open(self.home.now_s))

    def test_a_connection_met_in_its_middle_is_not_counted_as_an_attempt(self):
        self.home.engine.about(bytes((203, 0, 1, 1)), 0, 4)
        self.mail.joined(3, self.device, PORT_25, 77, False)
        self.mail.established(3)
        self.assertEqual((self.count(CONNECTS), self.evidence()), (0, []))
        self.mail.accepted(3)
        self.assertEqual(self.count(MESSAGES_ACCEPTED), 1)


class Failing(Case):
    def setUp(self):
        Case.setUp(self)
        self.home.open_line()

    def test_refusals_by_two_providers_are_failures(self):
        self.connect(1, REFUSES)
        self.connect(2, REFUSES)
        self.assertIn("connect_failed", self.evidence())

    def test_a_provider_with_a_past_may_fail(self):
        for number in (1, 2):
            self.home.mail(self.connect(number))
        self.home.wait(_DAY_S)
        self.home.open_line()
        for number in (1, 2):
            self.connect(number, REFUSES)
        self.assertFalse("connect_failed" in self.evidence())

    def test_what_fails_while_the_line_is_shut_says_nothing(self):
        for number in range(9):
            self.home.connect(self.home.settled(50 + number), _server(100 + number), SILENT)
        self.connect(1, REFUSES)
        self.connect(2, REFUSES)
        self.home.wait(100)
        self.assertEqual(self.evidence(), [])

    def test_a_line_that_shuts_meanwhile_excuses_what_is_under_way(self):
        for number in (1, 2):
            self.connect(number, SILENT)
        for number in range(9):
            self.home.connect(self.home.settled(50 + number), _server(100 + number), SILENT)
        self.home.wait(100)
        self.assertFalse("connect_failed" in self.evidence())

    def test_after_a_clock_was_set_back_connections_still_expire(self):
        self.home.now_s -= 10 * _DAY_S
        self.home.wait(0)
        for number in (1, 2):
            self.connect(number, SILENT)
        self.home.wait(100)
        self.assertIn("connect_failed", self.evidence())

    def test_a_reset_after_the_answer_is_no_refusal(self):
        for number in (1, 2):
            slot = self.connect(number)
            self.mail.refused(slot)
        self.home.wait(100)
        self.assertFalse("connect_failed" in self.evidence())

    def test_a_closed_connection_does_not_expire(self):
        for number in (1, 2):
            self.mail.closed(self.connect(number, SILENT))
        self.home.wait(100)
        self.assertFalse("connect_failed" in self.evidence())

    def test_a_connection_expires_once(self):
        self.connect(1, SILENT)
        self.connect(2, SILENT)
        self.home.wait(600)
        self.assertEqual(self.home.evidence(self.device)["connect_failed"], 1)


class Replies(Case):
    def test_only_policy_makes_the_line_look_listed(self):
        for meaning in (TEMPORARY, OTHER, UNKNOWN_RECIPIENT):
            for number in range(4):
                self.mail.rejected(self.connect(number), meaning)
            self.assertFalse(self.home.engine.line.listed, meaning)
        for number in range(3):
            self.mail.rejected(self.connect(number), POLICY)
        self.assertTrue(self.home.engine.line.listed)
        self.mail.accepted(self.connect(5))
        self.assertFalse(self.home.engine.line.listed)

    def test_many_messages_to_a_relay_with_a_past_are_its_business(self):
        self.home.mail(self.connect(1))
        self.home.wait(_DAY_S)
        slot = self.connect(1)
        for _ in range(1000):
            self.home.mail(slot)
        self.assertEqual(self.evidence(), [])

    def test_a_login_makes_the_server_a_known_one(self):
        slot = self.connect(1)
        self.mail.logged_in(slot)
        for _ in range(10):
            self.home.mail(slot)
        self.connect(2)
        self.assertEqual(self.evidence(), [], "the second provider is the first stranger")

    def test_messages_are_counted_by_connection(self):
        limits = Limits()
        limits.connections = 1
        self.home = Home(limits)
        self.device = self.home.settled(1)
        for _ in range(5):
            slot = self.connect(1)
            for _ in range(3):
                self.home.mail(slot)
        self.assertEqual(self.evidence(), [])

    def test_a_failed_login_in_the_home_is_nobodys_business(self):
        self.home.engine.about(bytes((10, 0, 0, 9)), 0, 4)
        for number in range(9):
            self.mail.joined(number, self.device, SUBMISSION, number, True)
            self.mail.login_failed(number, number)
        self.assertEqual(self.evidence(), [])


class Owners(Case):
    def test_a_slot_has_an_owner_until_it_is_closed(self):
        slot = self.connect(1)
        self.assertEqual((self.mail.device(slot), self.mail.port(slot)), (self.device, PORT_25))
        self.mail.closed(slot)
        self.assertEqual(self.mail.device(slot), -1)
        self.assertFalse(self.mail.is_judged(slot))
        self.mail.established(slot)
        self.mail.rejected(slot, UNKNOWN_RECIPIENT)
        self.assertEqual(self.evidence(), [])

    def test_connections_of_a_device_that_left_are_nobodys_who_comes(self):
        limits = Limits()
        limits.devices = 3
        home = Home(limits)
        first = home.settled(1)
        home.settled(2)
        slot = home.connect(first, _server(1))
        home.wait(8 * _DAY_S)
        home.device(2)
        newcomer = home.device(3)
        self.assertEqual(newcomer, first)
        home.mail(slot, unknown=("friend@mail.example",))
        home.engine.mail.accepted(slot)
        self.assertEqual(home.engine.counters.get_smtp(newcomer, PORT_25, MESSAGES_ACCEPTED), 0)
        self.assertEqual(home.engine.mail.device(slot), 0, "the crowd's")

    def test_every_slot_of_the_table_is_as_good_as_another(self):
        home = Home()
        for _ in range(home.slots):
            home.connect(home.settled(1), _server(1))
        self.assertEqual(home.engine.counters.get_smtp(home.device(1), PORT_25, CONNECTS), home.slots)


if __name__ == "__main__":
    unittest.main()
