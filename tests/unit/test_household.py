"""What young devices do together: a bot that changes its MAC is found, a home that gets new devices is not blamed."""

import unittest

from fakes.home import Home

from spamgate.core.devices import GRANT_MAIL_SERVER


def _server(number):
    return "203.0.%d.1" % number


class Swarm(unittest.TestCase):
    def setUp(self):
        self.home = Home()

    def newcomers(self, count, first=100):
        return [self.home.device(first + number) for number in range(count)]

    def connect(self, device, number):
        self.home.connect(device, _server(number))

    def accused(self, devices):
        return [device for device in devices if "house_fan_out" in self.home.evidence(device)]

    def test_five_providers_by_three_newcomers_are_a_swarm(self):
        devices = self.newcomers(5)
        for number in range(4):
            self.connect(devices[number], number)
        self.assertEqual(self.accused(devices), [])
        self.connect(devices[4], 4)
        self.assertEqual(self.accused(devices), [devices[4]])

    def test_two_devices_are_no_swarm(self):
        devices = self.newcomers(2)
        for number in range(4):
            self.connect(devices[number % 2], number)
        self.assertEqual(self.accused(devices), [])

    def test_one_provider_of_five_newcomers_is_one(self):
        """Five new cameras of one maker mail their maker."""
        devices = self.newcomers(5)
        for device in devices:
            self.connect(device, 1)
        self.assertEqual(self.accused(devices), [])

    def test_relays_looked_up_by_name_are_a_swarm_at_eight(self):
        """A house that moves in sets up its devices on one day, each with a relay of its own."""
        devices = self.newcomers(8)
        for number, device in enumerate(devices):
            self.assertEqual(self.accused(devices), [])
            self.home.ask_host(device, "relay.p%d.example" % number, _server(number))
            self.connect(device, number)
        self.assertEqual(self.accused(devices), [devices[7]])

    def test_a_neighbour_who_meets_many_makes_nobody_a_suspect(self):
        """A bot that is not found yet, and two devices that report to the relays they were set up with."""
        bot, nas, printer = self.newcomers(3)
        for number in range(7):
            self.home.ask_host(bot, "relay.b%d.example" % number, _server(number))
            self.connect(bot, number)
        for number, device in ((20, nas), (21, printer)):
            self.home.ask_host(device, "relay.p%d.example" % number, _server(number))
            self.connect(device, number)
        self.assertEqual(self.accused([nas, printer]), [])

    def test_a_device_that_was_granted_something_is_no_part_of_it(self):
        devices = self.newcomers(5)
        self.home.engine.grant(devices[0], GRANT_MAIL_SERVER)
        for number in range(5):
            self.connect(devices[number], number)
        self.assertEqual(self.accused(devices), [])

    def test_devices_that_have_been_here_for_a_day_are_judged_alone(self):
        devices = [self.home.settled(100 + number) for number in range(6)]
        for number, device in enumerate(devices):
            self.connect(device, number)
        self.assertEqual(self.accused(devices), [])

    def test_newcomers_of_different_days_are_no_swarm(self):
        for number in range(12):
            device = self.home.device(200 + number)
            self.connect(device, number)
            self.assertEqual(self.accused([device]), [])
            self.home.wait(7 * 3600)

    def test_suspects_need_three_providers_in_ten_minutes(self):
        devices = self.newcomers(6)
        for number in range(2):
            self.home.spam_once(devices[number], number)
        self.home.wait(601)
        self.home.spam_once(devices[2], 2)
        self.assertEqual(self.accused(devices), [])
        for number in (3, 4):
            self.home.spam_once(devices[number], number)
            self.assertEqual(self.accused(devices), [devices[4]] if number == 4 else [])

    def test_those_who_are_throttled_no_longer_count(self):
        """Three bots, each found by itself, do not condemn the UPS installed today."""
        bots = self.newcomers(3)
        for number in range(6):
            self.home.spam_once(bots[number // 2], number)
        self.assertEqual([self.home.state(bot) for bot in bots], ["throttled"] * 3)
        self.home.ask_mx(self.home.device(200), "owner.example", ("mx.owner.example", _server(9)))
        self.connect(self.home.device(200), 9)
        self.assertEqual(self.home.state(self.home.device(200)), "watched")

    def test_those_who_are_throttled_do_not_push_out_those_who_are_not(self):
        """One bot with a new MAC every hour: the few that slipped through are remembered for the whole day."""
        slipped = 0
        for number in range(23):
            device = self.home.device(300 + number)
            self.home.spam_once(device, number)
            slipped += self.home.state(device) != "throttled"
            self.home.wait(3600)
        self.assertEqual(slipped, 4)

    def test_a_device_that_left_still_counts_as_somebody(self):
        devices = self.newcomers(5)
        for number in range(4):
            self.connect(devices[number], number)
        self.home.engine.mail.household.clear(devices[0])
        self.connect(devices[4], 4)
        self.assertEqual(self.accused(devices), [devices[4]])


if __name__ == "__main__":
    unittest.main()
