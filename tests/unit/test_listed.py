"""What devices want that the blocklist names is counted, and weighs only where mail follows."""

import unittest

from fakes.home import Home

from spamgate.core.listed import Listed


class Wanting(unittest.TestCase):
    def test_what_the_list_names_is_counted_and_only_arms(self):
        home = Home()
        device = home.settled(1)
        listed = Listed(home.engine)
        for _ in range(1000):
            listed.asked(device, 3)
            listed.called(device)
        self.assertEqual((listed.names[device], listed.addresses[device]), (3000, 1000))
        self.assertEqual((home.evidence(device), home.state(device)), ({}, "normal"))
        home.connect(device, "203.0.1.1")
        self.assertEqual(home.evidence(device)["listed_name"], 1)
        self.assertEqual(home.state(device), "normal", "one list and one connection make no suspect")
        listed.clear(device)
        home.connect(device, "203.0.2.1")
        self.assertEqual((listed.names[device], listed.addresses[device]), (0, 0))
        self.assertEqual(home.evidence(device)["listed_name"], 1)

    def test_who_comes_anew_wanted_nothing(self):
        home = Home()
        listed = Listed(home.engine)
        for device in range(home.engine.devices.capacity):
            listed.asked(device)
        self.assertEqual(listed.names[home.device(1)], 0)
