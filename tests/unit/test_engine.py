"""The engine itself: who gets which number, when decisions fall, what owner and clock may change."""

import unittest

from fakes.home import Home

from spamgate.core import evidence, states
from spamgate.core.counters import CONNECTS, NOT_YET, PORT_25
from spamgate.core.devices import CONFIRMED, CROWD, GRANT_MAIL_SERVER, GRANT_NONE, GRANT_SUBMISSION, MAILED
from spamgate.core.engine import Limits
from spamgate.core.score import H1, H2, H3

_DAY_S = 86400


class Deciding(unittest.TestCase):
    def setUp(self):
        self.home = Home()
        self.device = self.home.settled(1)

    def observe(self, *kinds):
        for kind in kinds:
            self.home.engine.observe(self.device, kind)
        return self.home.state(self.device)

    def test_every_step_is_told_on_its_own_and_in_order(self):
        self.observe(evidence.HOUSE_FAN_OUT)
        device = self.device
        steps = [(device, states.NORMAL, states.WATCHED), (device, states.WATCHED, states.THROTTLED)]
        self.assertEqual(self.home.changes, steps)

    def test_each_threshold_is_where_it_says(self):
        score = self.home.engine.board.score
        self.assertEqual(self.observe(evidence.SECOND_PROVIDER), "watched")
        self.assertTrue(H1 <= score(self.device) < H2)
        self.assertEqual(self.observe(evidence.FAN_OUT), "watched")
        self.assertEqual(self.observe(evidence.WIDE_FAN_OUT), "throttled")
        self.assertTrue(H2 <= score(self.device) < H3)

    def test_a_high_score_without_proof_only_throttles(self):
        state = self.observe(evidence.HOUSE_FAN_OUT, evidence.WIDE_FAN_OUT, evidence.MANY_RECIPIENTS, evidence.MX_QUERY)
        self.assertTrue(self.home.engine.board.score(self.device) > H3)
        self.assertEqual(state, "throttled")
        self.assertEqual(self.observe(evidence.HELO_CHANGES), "quarantined")

    def test_proof_without_the_score_only_watches(self):
        self.assertEqual(self.observe(evidence.HELO_CHANGES, evidence.BAD_HELO, evidence.NXDOMAIN_BURST), "watched")

    def test_an_observation_that_does_not_weigh_decides_nothing(self):
        self.observe(evidence.MX_QUERY)
        self.home.engine.release(self.device)
        self.assertEqual(self.home.state(self.device), "normal")
        self.observe(evidence.NXDOMAIN_BURST)
        changes = len(self.home.changes)
        self.observe(evidence.NXDOMAIN_BURST)
        self.assertEqual(len(self.home.changes), changes)

    def test_a_grant_stops_what_is_about_whom_it_mails_and_not_the_rest(self):
        self.home.engine.grant(self.device, GRANT_MAIL_SERVER)
        self.observe(evidence.HOUSE_FAN_OUT, evidence.MX_CONNECT, evidence.MANY_SENDERS)
        self.assertEqual(self.home.evidence(self.device), {})
        self.assertEqual(self.observe(evidence.UNKNOWN_USER), "watched")

    def test_a_grant_releases_and_taking_it_back_does_not(self):
        self.observe(evidence.HOUSE_FAN_OUT)
        self.home.engine.grant(self.device, GRANT_SUBMISSION)
        self.assertEqual(self.home.state(self.device), "released")
        self.observe(evidence.HOUSE_FAN_OUT)
        self.home.engine.grant(self.device, GRANT_NONE)
        self.assertEqual(self.home.state(self.device), "throttled")
        self.assertEqual(self.home.engine.devices.grant[self.device], GRANT_NONE)

    def test_the_peer_of_an_observation_is_the_one_told_last(self):
        self.home.engine.about(bytes((1, 2, 3, 4, 5, 6)), 1, 4)
        self.observe(evidence.FAN_OUT)
        self.home.engine.about_nobody()
        self.observe(evidence.MX_QUERY)
        peers = [row[4] for row in self.home.engine.board.seen(self.device)]
        self.assertEqual(peers, [b"", bytes((2, 3, 4, 5))])

    def test_the_state_before_and_when_it_was_left_are_kept(self):
        def kept():
            devices = self.home.engine.devices
            return devices.previous[self.device], devices.since_s[self.device]

        self.assertEqual(kept(), (states.NORMAL, self.home.now_s))
        self.home.wait(600)
        self.observe(evidence.SECOND_PROVIDER)
        watched = (states.NORMAL, self.home.now_s)
        self.assertEqual(kept(), watched)
        self.home.wait(600)
        self.observe(evidence.BAD_HELO)
        self.assertEqual(kept(), watched, "nothing changed")
        self.observe(evidence.HOUSE_FAN_OUT)
        self.assertEqual(kept(), (states.WATCHED, self.home.now_s))
        self.home.wait(60)
        self.home.engine.release(self.device)
        self.assertEqual(kept(), (states.THROTTLED, self.home.now_s))

    def test_only_a_quarantine_is_confirmed_and_only_while_it_lasts(self):
        engine = self.home.engine
        flags = engine.devices.flags
        for state in (states.NORMAL, states.WATCHED, states.THROTTLED, states.RELEASED):
            engine.devices.state[self.device] = state
            self.assertFalse(engine.confirm(self.device))
            self.assertEqual(flags[self.device] & CONFIRMED, 0)
        engine.devices.state[self.device] = states.THROTTLED
        self.observe(evidence.HOUSE_FAN_OUT, evidence.WIDE_FAN_OUT, evidence.UNKNOWN_USER, evidence.HELO_CHANGES)
        flags[self.device] |= MAILED
        for _ in range(2):
            self.assertTrue(engine.confirm(self.device))
            self.assertEqual(flags[self.device], CONFIRMED | MAILED)
        changes = len(self.home.changes)
        self.observe(evidence.MANY_SENDERS)
        self.assertEqual((flags[self.device] & CONFIRMED, len(self.home.changes)), (CONFIRMED, changes))
        engine.release(self.device)
        self.assertEqual(flags[self.device], MAILED, "what follows is another quarantine")


class Quiet(unittest.TestCase):
    def test_each_state_ends_after_its_own_quiet_time(self):
        for state, first, after in ((states.WATCHED, 1, "normal"), (states.QUARANTINED, 7, "released")):
            home = Home()
            device = home.settled(1)
            home.engine.observe(device, evidence.BAD_HELO)
            home.engine.devices.state[device] = state
            home.wait(first * _DAY_S - 120)
            self.assertEqual(home.state(device), states.STATE_NAMES[state])
            home.wait(180)
            self.assertEqual(home.state(device), after)

    def test_a_released_device_is_on_probation_for_a_week(self):
        home = Home()
        device = home.settled(1)
        home.engine.observe(device, evidence.BAD_HELO)
        home.engine.devices.state[device] = states.QUARANTINED
        home.wait(7 * _DAY_S + 60)
        self.assertEqual(home.state(device), "released")
        home.wait(7 * _DAY_S - 120)
        self.assertEqual(home.state(device), "released")
        home.wait(180)
        self.assertEqual(home.state(device), "normal")

    def test_repeated_evidence_is_no_quiet_though_it_weighs_once(self):
        home = Home()
        device = home.settled(1)
        for _ in range(10 * 24):
            home.engine.observe(device, evidence.MX_QUERY)
            home.wait(3600)
        self.assertEqual(home.state(device), "watched")

    def test_a_score_above_the_first_threshold_is_not_quiet(self):
        home = Home()
        device = home.settled(1)
        for kind in (evidence.HOUSE_FAN_OUT, evidence.HELO_CHANGES, evidence.AUTH_FAILURES, evidence.MANY_SENDERS):
            home.engine.observe(device, kind)
        home.engine.devices.state[device] = states.WATCHED
        home.wait(_DAY_S + 60)
        self.assertTrue(home.engine.board.score(device) >= H1)
        self.assertEqual(home.state(device), "watched")


class Numbers(unittest.TestCase):
    def setUp(self):
        self.limits = Limits()
        self.limits.devices = 4

    def test_who_replaces_a_device_inherits_nothing(self):
        home = Home(self.limits)
        first = home.device(1)
        for number in range(9):
            home.ask(first, "n%d.example" % number, 1, rcode=3)
        for number in (2, 3):
            home.ask(home.device(number), "a.example", 1)
        home.engine.observe(first, evidence.BAD_HELO)
        home.engine.contacts.meet(first, 7, home.now_s)
        newcomer = home.device(4)
        self.assertEqual(newcomer, first)
        self.assertEqual(home.evidence(newcomer), {})
        self.assertEqual(home.engine.board.score(newcomer), 0)
        self.assertEqual(home.engine.contacts.find(newcomer, 7), -1)
        self.assertEqual([home.engine.counters.get(newcomer, 18 + at) for at in range(4)], [0] * 4)
        home.ask(newcomer, "n9.example", 1, rcode=3)
        self.assertEqual(home.evidence(newcomer), {})

    def test_all_who_come_too_late_are_judged_as_one(self):
        home = Home(self.limits)
        for number in (1, 2, 3):
            home.engine.observe(home.device(number), evidence.MX_QUERY)
        self.assertFalse(home.engine.is_crowded)
        late = [home.device(number) for number in (4, 5, 6)]
        self.assertTrue(home.engine.is_crowded)
        self.assertEqual(late, [CROWD] * 3)
        for number in range(5):
            home.connect(late[number % 3], "203.0.%d.1" % number)
        self.assertEqual(home.state(CROWD), "throttled")
        self.assertEqual(home.engine.counters.get_smtp(CROWD, PORT_25, CONNECTS), 5)
        self.assertEqual([home.state(home.device(number)) for number in (1, 2, 3)], ["watched"] * 3)

    def test_a_router_that_wakes_up_in_1970_judges_all_the_same(self):
        home = Home()
        home.now_s = -(1 << 30) + 60
        home.wait(0)
        bot = home.device(1)
        home.spam_once(bot, 1)
        home.spam_once(bot, 2)
        self.assertEqual(home.state(bot), "throttled")

    def test_a_clock_that_was_never_set_makes_nothing_weigh_twice(self):
        home = Home(now_s=-(1 << 30))
        device = home.device(1)
        for _ in range(3):
            home.engine.observe(device, evidence.BAD_HELO)
        self.assertEqual(home.engine.board.score(device), evidence.WEIGHTS[evidence.BAD_HELO])
        home.connect(device, "203.0.113.1")
        self.assertNotEqual(home.engine.counters.first_smtp_s[device], NOT_YET)


if __name__ == "__main__":
    unittest.main()
