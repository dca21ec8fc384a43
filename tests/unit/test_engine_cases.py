"""The cases an engine like ours gets wrong: each with the reason why the verdict must be what it is."""

import unittest

from fakes.home import REFUSES, SILENT, Home, large_provider

from spamgate.core.devices import CROWD, GRANT_MAIL_SERVER
from spamgate.core.limits import Limits
from spamgate.core.meanings import TEMPORARY

_DAY_S = 86400


class CleanDevices(unittest.TestCase):
    def test_five_hosts_of_one_provider_are_one_destination(self):
        """A queueing server tries all hosts of a provider that defers it: that is one fact, not five."""
        home = Home()
        server = home.settled(1)
        hosts = large_provider(1)
        home.ask_mx(server, "large1.example", *hosts)
        for _, address in hosts:
            home.refuse(home.connect(server, address), TEMPORARY)
        self.assertEqual(home.state(server), "watched")
        self.assertFalse("second_provider" in home.evidence(server))

    def test_a_listed_line_changes_nobody(self):
        """5.7.x and refusals at the banner describe the home's address, not the device behind it."""
        home = Home()
        server = home.settled(1)
        home.engine.grant(server, GRANT_MAIL_SERVER)
        panel = home.settled(2)
        home.ask_host(panel, "relay.alarm.example", "198.51.100.9")
        states_before = [home.state(server), home.state(panel)]
        for number in range(40):
            home.refuse(home.connect(server, "203.0.%d.1" % number))
            home.refuse(home.connect(panel, "198.51.100.9"))
            home.wait(600)
        self.assertEqual([home.state(server), home.state(panel)], states_before)
        self.assertEqual(home.changes, [])
        self.assertTrue(home.engine.line.listed)

    def test_a_provider_that_blocks_port_25_throttles_nobody(self):
        """All time out for five days: nothing leaves, and what fails is the line, not the device."""
        home = Home()
        server = home.settled(1)
        for hour in range(5 * 24):
            for number in range(5):
                hosts = large_provider(number)
                home.ask_mx(server, "large%d.example" % number, *hosts)
                home.connect(server, hosts[hour % 5][1], SILENT)
            home.wait(3600)
        self.assertEqual(home.state(server), "watched")
        self.assertTrue(home.engine.line.blocks_25)

    def test_a_block_by_reset_throttles_nobody(self):
        """Some providers block port 25 with a reset: an answer, but not one of a mail server."""
        home = Home()
        server = home.settled(1)
        for number in range(20):
            home.ask_mx(server, "d%d.example" % number, ("mx.p%d.example" % number, "203.0.%d.1" % number))
            home.connect(server, "203.0.%d.1" % number, REFUSES)
            home.wait(60)
        self.assertEqual(home.state(server), "watched")

    def test_a_home_resolver_is_never_more_than_watched(self):
        """A Pi-hole asks MX for everyone: look-ups arm, they do not fire."""
        home = Home()
        resolver = home.settled(1)
        for number in range(2000):
            home.ask(resolver, "d%d.example" % number, rcode=3 if number % 2 else 0)
            home.wait(10)
        self.assertEqual(home.state(resolver), "watched")

    def test_a_known_resolver_is_not_even_watched(self):
        """Once it answered another device, its look-ups are those of others."""
        home = Home()
        resolver = home.settled(1)
        home.engine.lookups.serves(resolver)
        for number in range(100):
            home.ask(resolver, "d%d.example" % number)
        self.assertEqual(home.state(resolver), "normal")

    def test_the_bot_behind_a_resolver_is_found_by_its_connections(self):
        """What the resolver asked is known home-wide, so the bot's connections match MX answers."""
        home = Home()
        resolver = home.settled(1)
        home.engine.lookups.serves(resolver)
        bot = home.settled(2)
        for number in range(5):
            address = "203.0.%d.1" % number
            home.ask_mx(resolver, "d%d.example" % number, ("mx.p%d.example" % number, address))
            home.connect(bot, address)
        self.assertEqual(home.state(bot), "throttled")
        self.assertEqual(home.state(resolver), "normal")

    def test_an_alarm_panel_may_mail_its_relay_as_often_as_it_likes(self):
        """300 mails a minute to one relay it has used for weeks: one destination with a long past."""
        home = Home()
        panel = home.settled(1)
        home.ask_host(panel, "smtp.alarm.example", "198.51.100.9")
        for _ in range(14):
            home.mail(home.connect(panel, "198.51.100.9"))
            home.wait(_DAY_S // 2)
        for _ in range(300):
            slot = home.connect(panel, "198.51.100.9")
            for _ in range(5):
                home.mail(slot)
        self.assertEqual(home.state(panel), "normal")

    def test_a_ups_that_mails_one_domain_on_its_first_day_is_only_watched(self):
        """It asks MX and connects directly, as bots do, but knows one domain: one provider is no fan-out."""
        home = Home()
        home.open_line()
        ups = home.device(1)
        hosts = large_provider(1)
        for _ in range(6):
            home.ask_mx(ups, "owner.example", *hosts)
            slot = home.connect(ups, hosts[0][1])
            home.helo(slot, "UPS")
            home.mail(slot, "ups@owner.example", ("admin@owner.example",))
            home.wait(3600)
        self.assertEqual(home.state(ups), "watched")

    def test_a_granted_mail_server_may_mail_many_providers(self):
        """Its owner said so: it is judged by rejections, not by whom it mails."""
        home = Home()
        server = home.settled(1)
        home.engine.grant(server, GRANT_MAIL_SERVER)
        for number in range(500):
            home.spam_once(server, number)
            home.wait(30)
        self.assertEqual(home.state(server), "normal")

    def test_an_ungranted_mail_server_is_throttled_and_never_quarantined(self):
        """It looks like a bot by whom it mails; only what lies outside the volume of mail may condemn it."""
        home = Home()
        server = home.settled(1)
        for _ in range(48):
            for number in range(5):
                hosts = large_provider(number)
                home.ask_mx(server, "large%d.example" % number, *hosts)
                slot = home.connect(server, hosts[0][1])
                home.helo(slot, "mail.home.example")
                home.mail(slot, recipients=["u%d@large%d.example" % (user, number) for user in range(30)])
            home.wait(3600)
        self.assertEqual(home.state(server), "throttled")
        home.engine.grant(server, GRANT_MAIL_SERVER)
        self.assertEqual(home.state(server), "released")


class Floods(unittest.TestCase):
    def test_forged_macs_do_not_push_out_a_suspect(self):
        """A device under suspicion is never given up; forgeries replace each other."""
        home = Home()
        bot = home.settled(1)
        home.spam_once(bot, 1)
        connects = home.engine.counters.get_smtp(bot, 0, 0)
        for number in range(10000):
            home.device(0x10000 + number)
        self.assertEqual(home.device(1), bot)
        self.assertEqual(home.state(bot), "watched")
        self.assertEqual(home.engine.counters.get_smtp(bot, 0, 0), connects)
        home.spam_once(bot, 2)
        self.assertEqual(home.state(bot), "throttled")

    def test_forged_macs_that_all_look_suspicious_end_in_the_crowd(self):
        """When nobody can be given up, newcomers share one number and are judged together."""
        limits = Limits()
        limits.devices = 16
        home = Home(limits)
        bot = home.settled(1)
        home.spam_once(bot, 1)
        home.spam_once(bot, 2)
        for number in range(100):
            home.spam_once(home.device(0x20000 + number), 100 + number)
        self.assertEqual(home.device(1), bot)
        self.assertEqual(home.state(bot), "throttled")
        self.assertEqual(home.device(0x30000), CROWD)
        self.assertEqual(home.state(CROWD), "throttled")


class LeavingAState(unittest.TestCase):
    def test_quiet_leads_back(self):
        """Three days without evidence release a throttled device; a week later it is normal."""
        home = Home()
        bot = home.settled(1)
        home.spam_once(bot, 1)
        home.spam_once(bot, 2)
        home.wait(3 * _DAY_S - 3600)
        self.assertEqual(home.state(bot), "throttled")
        home.wait(7200)
        self.assertEqual(home.state(bot), "released")
        home.wait(7 * _DAY_S)
        self.assertEqual(home.state(bot), "normal")

    def test_release_halves_the_score_and_a_relapse_is_found(self):
        """The owner may be wrong: the score is halved, not zeroed, and the next facts weigh anew."""
        home = Home()
        bot = home.settled(1)
        home.spam_once(bot, 1)
        home.spam_once(bot, 2)
        score = home.engine.board.score(bot)
        home.engine.release(bot)
        self.assertEqual(home.state(bot), "released")
        self.assertTrue(0 < home.engine.board.score(bot) <= score // 2 + 1)
        home.wait(60)
        home.spam_once(bot, 3)
        self.assertEqual(home.state(bot), "throttled")

    def test_a_released_mail_server_may_empty_its_queue(self):
        """A bot lived beside it: what the bot said is not held against what the server says after the release."""
        home = Home()
        server = home.settled(1)
        home.ask_mx(server, "mail.example", ("mx.mail.example", "203.0.113.25"))
        slot = home.connect(server, "203.0.113.25")
        for name in ("alpha.example", "beta.example", "gamma.example"):
            home.helo(slot, name)
        home.mail(slot, recipients=["u%d@mail.example" % user for user in range(5)])
        self.assertEqual(home.state(server), "quarantined")
        home.engine.release(server)
        for _ in range(5):
            home.wait(600)
            home.ask_mx(server, "mail.example", ("mx.mail.example", "203.0.113.25"))
            slot = home.connect(server, "203.0.113.25")
            home.helo(slot, "mail.home.example")
            home.mail(slot)
        self.assertEqual(home.state(server), "released")

    def test_a_clock_set_back_breaks_nothing(self):
        """Routers start in 1970 and jump: nobody is released or condemned by that."""
        home = Home()
        bot = home.settled(1)
        home.spam_once(bot, 1)
        home.now_s -= 10 * _DAY_S
        home.wait(0)
        home.spam_once(bot, 2)
        self.assertEqual(home.state(bot), "throttled")
