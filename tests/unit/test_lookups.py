"""What a device asks DNS: counted once, weighed for some, learned from for all."""

import unittest

from fakes.home import TYPE_A, Home, name_hash

from spamgate.core.counters import DNS_MX, DNS_MX_NAMES, DNS_NXDOMAIN, DNS_QUERIES
from spamgate.core.devices import ASKED_DNS, ASKED_MX, CROWD, GRANT_MAIL_SERVER, RESOLVER
from spamgate.core.lookups import LIST_NAME, MAIL_NAME, NXDOMAIN, TYPE_MX
from spamgate.core.states import QUARANTINED, RELEASED, THROTTLED


class Counting(unittest.TestCase):
    def setUp(self):
        self.home = Home()
        self.device = self.home.settled(1)
        self.lookups = self.home.engine.lookups

    def counts(self):
        return [self.home.engine.counters.get(self.device, DNS_QUERIES + at) for at in range(4)]

    def asked(self, question, name="a.example", qtype=TYPE_MX):
        return self.lookups.asked(self.device, question, qtype, name_hash(name))

    def test_fields_stand_in_the_order_of_the_report(self):
        self.assertEqual((DNS_MX, DNS_MX_NAMES, DNS_NXDOMAIN), (DNS_QUERIES + 1, DNS_QUERIES + 2, DNS_QUERIES + 3))

    def test_a_resent_query_counts_once(self):
        self.assertTrue(self.asked(1))
        self.home.wait(60)
        self.assertFalse(self.asked(1))
        self.home.wait(61)
        self.assertTrue(self.asked(1), "the same id and port a minute later is another query")
        self.assertEqual(self.counts(), [2, 2, 1, 0])

    def test_the_same_question_of_two_devices_is_two(self):
        self.asked(1)
        self.assertTrue(self.lookups.asked(self.home.settled(2), 1, TYPE_MX, 5))

    def test_names_asked_for_mx_count_once_each(self):
        for question, name in enumerate(("a.example", "b.example", "a.example")):
            self.asked(question, name)
        self.asked(9, "c.example", TYPE_A)
        self.assertEqual(self.counts(), [4, 3, 2, 0])

    def test_a_reply_counts_once_and_only_to_a_query(self):
        self.assertFalse(self.lookups.answered(self.device, 1, NXDOMAIN), "nobody asked")
        self.asked(1)
        self.assertTrue(self.lookups.answered(self.device, 1, NXDOMAIN))
        self.assertFalse(self.lookups.answered(self.device, 1, NXDOMAIN), "a doubled frame")
        self.asked(2)
        self.assertTrue(self.lookups.answered(self.device, 2, 0))
        self.asked(3)
        self.assertTrue(self.lookups.answered(self.device, 3, 2))
        self.assertEqual(self.counts()[3], 1)

    def test_a_query_resent_after_its_answer_is_no_new_one(self):
        self.asked(1)
        self.lookups.answered(self.device, 1, NXDOMAIN)
        self.assertFalse(self.asked(1))
        self.assertFalse(self.lookups.answered(self.device, 1, NXDOMAIN))

    def test_who_asks_is_remembered_as_one_who_does(self):
        flags = self.home.engine.devices.flags
        self.asked(1, qtype=TYPE_A)
        self.assertEqual(flags[self.device], ASKED_DNS)
        self.asked(2)
        self.assertEqual(flags[self.device], ASKED_DNS | ASKED_MX)


class Excused(unittest.TestCase):
    def ask_everything(self, home, device):
        for number in range(20):
            home.ask(device, "d%d.example" % number, rcode=NXDOMAIN)
            home.ask(device, "mail.d%d.example" % number, TYPE_A, MAIL_NAME)
            home.ask(device, "1.2.0.192.list%d.example" % number, TYPE_A, LIST_NAME)

    def test_others_are_observed(self):
        home = Home()
        device = home.settled(1)
        self.ask_everything(home, device)
        self.assertEqual(len(home.evidence(device)), 4)

    def test_a_granted_mail_server_may_ask(self):
        home = Home()
        device = home.settled(1)
        home.engine.grant(device, GRANT_MAIL_SERVER)
        self.ask_everything(home, device)
        self.assertEqual(home.evidence(device), {})

    def test_a_resolver_asks_for_others(self):
        home = Home()
        device = home.settled(1)
        home.engine.lookups.serves(device)
        self.ask_everything(home, device)
        self.assertEqual(home.evidence(device), {})

    def test_the_crowd_is_no_resolver(self):
        """Else one forged answer would excuse all who share the number."""
        home = Home()
        home.engine.lookups.serves(CROWD)
        self.assertFalse(home.engine.devices.flags[CROWD] & RESOLVER)

    def test_who_takes_a_number_takes_no_counts(self):
        home = Home()
        device = home.settled(1)
        for number in range(9):
            home.ask(device, "n%d.example" % number, TYPE_A, rcode=NXDOMAIN)
        for number in range(2):
            home.ask(device, "mail.d%d.example" % number, TYPE_A, MAIL_NAME)
        home.engine.lookups.clear(device)
        home.ask(device, "n9.example", TYPE_A, rcode=NXDOMAIN)
        home.ask(device, "mail.d9.example", TYPE_A, MAIL_NAME)
        self.assertEqual(home.evidence(device), {})

    def test_a_flood_of_guesses_makes_nobody_else_look_bad(self):
        home = Home()
        bot = home.settled(1)
        clean = home.settled(2)
        for number in range(4):
            for guess in range(1000):
                home.ask(bot, "mail.d%d-%d.example" % (number, guess), TYPE_A, MAIL_NAME)
            for name in ("mail.a.example", "mail.b.example"):
                home.ask(clean, name, TYPE_A, MAIL_NAME)
        self.assertEqual(home.evidence(clean), {})
        self.assertEqual(list(home.evidence(bot)), ["mail_name_query"])


class Refused(unittest.TestCase):
    """Who is refused by us looks up again: that is our doing, and says nothing of the device."""

    def setUp(self):
        self.home = Home()
        self.device = self.home.settled(1)

    def evidence(self, state, enforces):
        engine = self.home.engine
        engine.enforces = enforces
        engine.devices.state[self.device] = state
        engine.lookups.judge(self.device, TYPE_MX, 0, 0)
        return len(engine.board.seen(self.device))

    def test_look_ups_of_a_throttled_device_say_nothing_where_it_is_refused(self):
        for state in (THROTTLED, QUARANTINED):
            self.assertEqual(self.evidence(state, True), 0)
        self.assertEqual(self.evidence(RELEASED, True), 1)

    def test_they_count_where_nothing_is_refused(self):
        self.assertEqual(self.evidence(THROTTLED, False), 1)


if __name__ == "__main__":
    unittest.main()
