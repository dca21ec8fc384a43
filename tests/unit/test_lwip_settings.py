"""The settings of a board in path: what is taken, what is refused and how that is said."""

import unittest

from spamgate.store.board_settings import TABLE
from spamgate.store.lwip_settings import OWN_TABLE, LwipSettings, read_lwip_settings
from spamgate.store.lwip_settings_help import HELP, describe
from spamgate.store.settings_table import SettingsError


def fault(text):
    """Return what is said against the text."""
    try:
        read_lwip_settings(text)
    except SettingsError as error:
        return str(error)
    return ""


class Taken(unittest.TestCase):
    def test_nothing_gives_the_defaults(self):
        settings = read_lwip_settings("{}")
        self.assertEqual((settings.lan, settings.wan, settings.guard_port), ([], "", 53))
        self.assertEqual((settings.budget_per_day, settings.normal_per_minute, settings.normal_burst), (5, 60, 300))

    def test_every_key_has_an_attribute_and_a_line_of_help(self):
        settings = read_lwip_settings("{}")
        text = describe()
        self.assertEqual(sorted(HELP), sorted([row[0] for row in OWN_TABLE]))
        for key, _, _ in TABLE + OWN_TABLE:
            self.assertTrue(hasattr(settings, key), key)
        for key, _, _ in OWN_TABLE:
            self.assertTrue("`%s`" % key in text, key)
        self.assertEqual(len(set([row[0] for row in TABLE + OWN_TABLE])), len(TABLE + OWN_TABLE))

    def test_where_the_home_and_the_internet_are(self):
        settings = read_lwip_settings(
            '{"lan": ["br-lan  192.168.77.1/24 fd77:77::1/64", "br-guest 192.168.78.1/24"],'
            ' "wan": " wan0 203.0.113.77/24 2001:db8:113::77/64 via 203.0.113.1  2001:db8:113::1"}'
        )
        self.assertEqual(settings.lan, ["br-lan 192.168.77.1/24 fd77:77::1/64", "br-guest 192.168.78.1/24"])
        self.assertEqual(settings.wan, "wan0 203.0.113.77/24 2001:db8:113::77/64 via 203.0.113.1 2001:db8:113::1")
        self.assertTrue(isinstance(settings, LwipSettings))
        self.assertEqual(read_lwip_settings('{"wan": "wan0 203.0.113.77/24"}').wan, "wan0 203.0.113.77/24")

    def test_what_a_router_has_too(self):
        settings = read_lwip_settings(
            '{"aliases": {"02-00-5E-10-00-01": "porch"}, "grants": {"02:00:5e:10:00:02": "mail-server"},'
            ' "home_networks": ["10.0.0.0/8"], "verdict_hours": 48, "wifi_name": "outside", "ap_name": "home"}'
        )
        self.assertEqual(settings.aliases, {"02:00:5e:10:00:01": "porch"})
        self.assertEqual(settings.grants, {"02:00:5e:10:00:02": "mail-server"})
        self.assertEqual((settings.home_networks, settings.wifi_name), (["10.0.0.0/8"], "outside"))


class Refused(unittest.TestCase):
    def test_each_with_its_key_and_what_is_allowed(self):
        cases = (
            ('{"lan":["br-lan"]}', "lan: "),
            ('{"lan":[""]}', "such as"),
            ('{"lan":["br-lan 192.168.77.1"]}', "such as"),
            ('{"lan":["br-lan 192.168.77.1/33"]}', "such as"),
            ('{"lan":["br lan 192.168.77.1/24"]}', "such as"),
            ('{"lan":["br-lan 192.168.77.1/0"]}', "such as"),
            ('{"lan":["br-lan 192.168.77.1/24 192.168.78.1/24"]}', "such as"),
            ('{"lan":["br-lan 192.168.77.1/24 fd77::1/48"]}', "such as"),
            ('{"lan":["br-lan fd77::1/64 fd78::1/64 fd79::1/64 fd7a::1/64 fd7b::1/64"]}', "such as"),
            ('{"wan":"wan0 203.0.113.77/24 2001:db8:113::77/56"}', "next hops"),
            ('{"lan":["0* 192.168.77.1/24"]}', "interface"),
            ('{"lan":["a 10.0.0.1/24","a 10.0.1.1/24"]}', "a is named more than once"),
            ('{"lan":["a 10.0.0.1/24"],"wan":"a 10.0.1.1/24"}', "a is named more than once"),
            ('{"lan":["a 10.0.0.1/24","b 10.0.1.1/24","c 10.0.2.1/24","d 10.0.3.1/24","e 10.0.4.1/24"]}', "up to 4"),
            ('{"wan":"wan0 via 203.0.113.1"}', "next hops"),
            ('{"wan":"wan0 203.0.113.77/24 via nowhere"}', "next hops"),
            ('{"ap_password":"short"}', "8 to 63"),
            ('{"ap_name":"%s"}' % ("x" * 33), "up to 32"),
            ('{"budget_per_day":101}', "from 0 to 100"),
            ('{"later_port":8421}', "is not a key"),
            ('{"grants":{"02:00:5e:10:00:02":"none"}}', "mail-server"),
        )
        for text, part in cases:
            said = fault(text)
            self.assertTrue(said.startswith("settings: ") and part in said, text + " -> " + said)


if __name__ == "__main__":
    unittest.main()
