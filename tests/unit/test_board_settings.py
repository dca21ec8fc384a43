"""The settings of a board: what is taken, what is refused and how that is said."""

import unittest

from spamgate.store.board_settings import TABLE, BoardSettings, read_board_settings
from spamgate.store.board_settings_help import HELP, describe
from spamgate.store.settings_table import SettingsError

PHY = '{"phy": "LAN8720", "phy_addr": 0, "mdc": 23, "mdio": 18, "power": 12, "ref_clk": 17}'


def fault(text):
    """Return what is said against the text."""
    try:
        read_board_settings(text)
    except SettingsError as error:
        return str(error)
    return ""


class Taken(unittest.TestCase):
    def test_nothing_gives_the_defaults(self):
        settings = read_board_settings("{}")
        self.assertEqual((settings.wifi_name, settings.guard_port, settings.monitor_only), ("", 53, False))
        self.assertEqual(settings.ethernet, {})

    def test_every_key_has_an_attribute_and_a_line_of_help(self):
        settings = read_board_settings("{}")
        text = describe()
        self.assertEqual(sorted(HELP), sorted([row[0] for row in TABLE]))
        for key, _, _ in TABLE:
            self.assertTrue(hasattr(settings, key), key)
            self.assertTrue("`%s`" % key in text, key)

    def test_a_wifi_and_a_chip_for_ethernet(self):
        settings = read_board_settings('{"wifi_name":"home","wifi_password":"12345678","ethernet":%s}' % PHY)
        self.assertEqual(settings.wifi_password, "12345678")
        self.assertEqual(settings.ethernet["mdc"], 23)
        self.assertTrue(isinstance(settings, BoardSettings))


class Refused(unittest.TestCase):
    def test_each_with_its_key_and_what_is_allowed(self):
        cases = (
            ('{"wifi_pasword":"12345678"}', "did you mean wifi_password?"),
            ('{"wifi_password":"short"}', "8 to 64 characters"),
            ('{"wifi_name":"%s"}' % ("x" * 33), "up to 32 characters"),
            ('{"hostname":"two words"}', "hyphens"),
            ('{"hostname":""}', "hyphens"),
            ('{"ethernet":{"phy":"RTL8201"}}', "LAN8720"),
            ('{"ethernet":{"mdc":true}}', "LAN8720"),
            ('{"ethernet":[]}', "LAN8720"),
            ('{"guard_port":0}', "from 1 to 65535"),
            ('{"page":"ftp://x/"}', "URL"),
            ('{"guard_upstreams":["a.example"]}', "address"),
            ('{"repl_minutes":0}', "from 1 to 240"),
            ("[]", "no JSON object"),
            ("{", "no JSON"),
            ("[" * 40, "opening brackets"),
        )
        for text, part in cases:
            said = fault(text)
            self.assertTrue(said.startswith("settings: ") and part in said, text + " -> " + said)


if __name__ == "__main__":
    unittest.main()
