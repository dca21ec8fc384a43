"""The bots an engine like ours must find: each with the reason why it is found, and how early."""

import unittest

from fakes.home import ACCEPTS, SILENT, Home, large_provider


class Bots(unittest.TestCase):
    def test_a_direct_to_mx_bot_is_throttled_at_its_second_connection(self):
        """Two unrelated providers, both just looked up as MX, without a past at either."""
        home = Home()
        bot = home.settled(1)
        home.spam_once(bot, 1)
        self.assertEqual(home.state(bot), "watched")
        home.spam_once(bot, 2)
        self.assertEqual(home.state(bot), "throttled")

    def test_six_an_hour_are_not_slow_enough(self):
        """Contained means five messages in a day: the verdict must not need more."""
        home = Home()
        bot = home.settled(1)
        sent = 0
        while home.state(bot) != "throttled":
            home.spam_once(bot, sent)
            sent += 1
            home.wait(600)
        self.assertTrue(sent <= 3, sent)

    def test_a_good_record_on_587_does_not_hide_a_bot(self):
        """The bot lives beside the mail client: a record counts for its own server and port only."""
        home = Home()
        laptop = home.settled(1)
        for _ in range(100):
            home.submit(laptop, "198.51.100.25")
            home.wait(3600)
        self.assertEqual(home.state(laptop), "normal")
        home.spam_once(laptop, 1)
        home.spam_once(laptop, 2)
        self.assertEqual(home.state(laptop), "throttled")

    def test_a_bot_that_asks_no_mx_is_found_within_three_connections(self):
        """It guesses mail.domain: three guessed domains and three providers in ten minutes."""
        home = Home()
        bot = home.settled(1)
        for number in range(3):
            home.ask_host(bot, "mail.d%d.example" % number, "203.0.%d.1" % number)
            home.connect(bot, "203.0.%d.1" % number)
        self.assertEqual(home.state(bot), "throttled")

    def test_a_bot_with_addresses_built_in_is_found_within_five_connections(self):
        """Nobody in the home asked for these addresses, though the device uses DNS for other things."""
        home = Home()
        bot = home.settled(1)
        home.ask(bot, "time.example", 1)
        for number in range(5):
            home.connect(bot, "203.0.%d.1" % number)
        self.assertEqual(home.state(bot), "throttled")

    def test_a_bot_whose_dns_we_cannot_see_is_found_within_five_connections(self):
        """Missing look-ups say nothing about a device that asks elsewhere; five providers in a day do."""
        home = Home()
        bot = home.settled(1)
        for number in range(5):
            home.connect(bot, "203.0.%d.1" % number)
        self.assertEqual(home.state(bot), "throttled")
        self.assertFalse("no_dns_connect" in home.evidence(bot))

    def test_a_bot_on_one_connection_is_found_by_its_messages(self):
        """One provider, but one message after another from a device without a past there."""
        home = Home()
        bot = home.settled(1)
        home.ask_mx(bot, "d1.example", ("mx.p1.example", "203.0.1.1"))
        slot = home.connect(bot, "203.0.1.1")
        for message in range(4):
            home.mail(slot, recipients=("u%d@d1.example" % message,))
        self.assertEqual(home.state(bot), "throttled")

    def test_a_bot_that_mails_one_provider_only_is_found_by_its_fifth_recipient(self):
        """A list of one large provider's users: no fan-out, but strangers, one message each."""
        home = Home()
        bot = home.settled(1)
        home.ask_mx(bot, "large1.example", *large_provider(1))
        for message in range(5):
            slot = home.connect(bot, large_provider(1)[message % 5][1])
            home.mail(slot, recipients=("user%d@large1.example" % message,))
        self.assertEqual(home.state(bot), "throttled")

    def test_a_bot_at_one_provider_that_hides_in_tls_is_found_by_the_domains_it_asked_for(self):
        """After STARTTLS nothing is seen of recipients; but who asks MX for five domains writes to a list."""
        home = Home()
        bot = home.settled(1)
        for number in range(5):
            home.ask_mx(bot, "d%d.example" % number, *large_provider(1))
            home.connect(bot, large_provider(1)[number][1])
        self.assertEqual(home.state(bot), "throttled")

    def test_dead_servers_do_not_hide_a_bot(self):
        """Where the line is not yet known to be open, an answer to one connection tells of those before it."""
        home = Home()
        bot = home.settled(1)
        for number, answer in ((1, SILENT), (2, ACCEPTS)):
            address = "203.0.%d.1" % number
            home.ask_mx(bot, "d%d.example" % number, ("mx.p%d.example" % number, address))
            home.connect(bot, address, answer)
        self.assertEqual(home.state(bot), "throttled")

    def test_a_rotating_mac_at_one_provider_gains_nothing(self):
        """Six newcomers of a day that each go straight to a mail server are one bot, be it the same server."""
        home = Home()
        home.open_line()
        states = []
        for number in range(8):
            device = home.device(0x900 + number)
            home.ask_mx(device, "large1.example", *large_provider(1))
            home.connect(device, large_provider(1)[0][1])
            states.append(home.state(device))
            home.wait(1200)
        self.assertEqual(states[4:], ["watched", "throttled", "throttled", "throttled"])

    def test_parallel_connections_are_judged_before_any_server_answers(self):
        """On a line known to be open a SYN is enough: fifty at once must not all get through."""
        home = Home()
        home.open_line()
        bot = home.settled(1)
        for number in range(2):
            home.ask_mx(bot, "d%d.example" % number, ("mx.p%d.example" % number, "203.0.%d.1" % number))
            home.connect(bot, "203.0.%d.1" % number, SILENT)
        self.assertEqual(home.state(bot), "throttled")

    def test_unknown_users_everywhere_lead_to_quarantine(self):
        """Whom it mails and what servers say of its recipients are two families, one outside the volume."""
        home = Home()
        bot = home.settled(1)
        for number in range(5):
            slot = home.spam_once(bot, number)
            home.mail(slot, recipients=("x@d%d.example" % number,), unknown=("x@d%d.example" % number,))
        self.assertEqual(home.state(bot), "quarantined")

    def test_a_rotating_mac_gains_nothing(self):
        """Young devices share the house's list of providers: a new MAC for each message does not help."""
        home = Home()
        home.open_line()
        states = []
        for number in range(8):
            device = home.device(0x500 + number)
            home.spam_once(device, number)
            states.append(home.state(device))
            home.wait(30)
        self.assertEqual(states[:2], ["watched", "watched"])
        self.assertEqual(set(states[2:]), {"throttled"})

    def test_a_rotating_mac_without_mx_gains_nothing_either(self):
        """Five providers in a day by young devices together weigh as by one."""
        home = Home()
        home.open_line()
        for number in range(5):
            device = home.device(0x600 + number)
            home.connect(device, "203.0.%d.1" % number)
        self.assertEqual(home.state(device), "throttled")

    def test_the_devices_of_a_new_home_are_no_swarm(self):
        """On the day of installation every device is young; relays that owners set up are looked up by name."""
        home = Home()
        home.open_line()
        for number in range(4):
            relay = "198.18.%d.9" % number
            nas = home.device(0x700 + number)
            home.ask_host(nas, "smtp.isp%d.example" % number, relay)
            home.mail(home.connect(nas, relay))
        ups = home.device(0x800)
        home.ask_mx(ups, "owner.example", ("mx.owner.example", "198.18.7.7"))
        home.mail(home.connect(ups, "198.18.7.7"))
        self.assertEqual([change for change in home.changes if change[2] != 1], [])

    def test_a_first_day_device_does_not_pay_for_a_bot_next_to_it(self):
        """A bot that is throttled leaves the house's list: the UPS installed today is judged alone."""
        home = Home()
        home.open_line()
        bot = home.device(1)
        for number in range(10):
            home.spam_once(bot, number)
        ups = home.device(2)
        home.ask_mx(ups, "owner.example", ("mx.owner.example", "198.18.7.7"))
        home.connect(ups, "198.18.7.7")
        self.assertEqual(home.state(bot), "throttled")
        self.assertEqual(home.state(ups), "watched")
