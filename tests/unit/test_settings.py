"""Settings: what is left out has its default, what is wrong is refused with the key, the value and what is allowed."""

import json
import sys
import unittest

from spamgate.store.kinds import parse_mac
from spamgate.store.settings import TABLE, Settings, SettingsError, describe, read_settings
from spamgate.store.settings_table import MOST_BYTES


def _read(**given):
    given.setdefault("lan", ["br-lan"])
    return read_settings(json.dumps(given))


def _fault(text):
    try:
        read_settings(text)
    except SettingsError as error:
        return str(error)
    raise AssertionError("taken: " + text)


def _fault_of(**given):
    given.setdefault("lan", ["br-lan"])
    return _fault(json.dumps(given))


class Macs(unittest.TestCase):
    def test_a_mac_is_read_in_the_spellings_people_use(self):
        for text in ("02:00:5e:10:00:0a", "02-00-5E-10-00-0A", "2:0:5e:10:0:a"):
            self.assertEqual(parse_mac(text), b"\x02\0\x5e\x10\0\x0a")
        for text in ("", "02:00:5e:10:00", "02005e10000a", "02:00:5e:10:00:0a:", "01:00:5e:00:00:01", "0:0:0:0:0:0"):
            with self.assertRaises(ValueError):
                parse_mac(text)


class Taken(unittest.TestCase):
    def test_what_is_left_out_has_its_default(self):
        settings = _read()
        self.assertEqual((settings.lan, settings.wan, settings.state_dir), (["br-lan"], [], "/var/lib/spamgate"))
        self.assertEqual((settings.event_log, settings.event_log_kb, settings.fail), ("", 1024, "open"))
        self.assertEqual((settings.budget_per_day, settings.verdict_hours, settings.log_group), (5, 24, 25))
        self.assertEqual((settings.guard, settings.guard_answer), ("suspects", "nxdomain"))
        self.assertEqual((settings.later_port, settings.never_port, settings.guard_port), (8421, 8554, 8053))
        self.assertEqual(settings.control, "/run/spamgate/control")
        self.assertEqual((settings.monitor_only, settings.guard_canary), (False, False))
        self.assertEqual((settings.aliases, settings.grants, settings.page), ({}, {}, ""))

    def test_one_run_does_not_see_the_lists_of_another(self):
        _read().wan.append("eth0")
        self.assertEqual(_read().wan, [])

    def test_every_key_of_the_table_can_be_given_its_default(self):
        given = {row[0]: json.loads(row[2]) for row in TABLE}
        given["lan"] = ["br-lan", "br-guest"]
        settings = _read(**given)
        for key in given:
            self.assertEqual(getattr(settings, key), given[key], key)

    def test_values_are_kept_in_one_spelling(self):
        settings = _read(
            lan=["br-lan", "eth1.7", "br-lan"],
            aliases={"AA-BB-CC-00-00-0A": "T\u00fcr 2"},
            grants={"02:00:5E:10:00:01": "mail-server"},
            guard_block=["Spam.Example.", "xn--tda.example", "_x.a"],
        )
        self.assertEqual(settings.lan, ["br-lan", "eth1.7"])
        self.assertEqual(settings.aliases, {"aa:bb:cc:00:00:0a": "T\u00fcr 2"})
        self.assertEqual(settings.grants, {"02:00:5e:10:00:01": "mail-server"})
        self.assertEqual(settings.guard_block, ["spam.example", "xn--tda.example", "_x.a"])

    def test_what_stands_at_a_limit_is_allowed(self):
        settings = _read(
            lan=["abcdefghijklmno"],
            budget_per_day=0,
            normal_per_minute=10000,
            verdict_hours=720,
            log_group=65535,
            event_log="-",
            page="https://192.168.77.1:8443/spamgate?x=1",
            state_dir="/" + "d" * 199,
            control="/" + "c" * 106,
            home_networks=["10.0.0.0/8", "fd77:77::/64", "2001:db8::1"],
            guard_upstreams=["192.0.2.1", "2001:db8::53"],
        )
        self.assertEqual((settings.budget_per_day, settings.verdict_hours, settings.log_group), (0, 720, 65535))
        self.assertEqual(settings.page, "https://192.168.77.1:8443/spamgate?x=1")


class Refused(unittest.TestCase):
    def test_no_home_is_said_with_what_to_write(self):
        self.assertEqual(_fault("{}"), 'settings: lan: no interface of the home is named; write "lan": ["br-lan"]')
        self.assertEqual(_fault('{"lan":[]}'), _fault("{}"))

    def test_an_unknown_key_is_refused_and_the_nearest_is_named(self):
        for key, meant in (
            ("budget", "budget_per_day"),
            ("statedir", "state_dir"),
            ("gaurd", "guard"),
            ("Lan", "lan"),
            ("grant", "grants"),
            ("guard_blocks", "guard_block"),
            ("event_logs", "event_log"),
        ):
            self.assertEqual(_fault_of(**{key: 1}), 'settings: "%s" is not a key; did you mean %s?' % (key, meant))
        for key in ("colour", "x", "", "z" * 5000, "\n"):
            fault = _fault(json.dumps({"lan": ["a"], key: 1}))
            self.assertTrue(fault.startswith('settings: "') and fault.endswith('" is not a key'), fault)
            self.assertLess(len(fault), 100)

    def test_a_wrong_type_or_limit_says_key_value_and_what_is_allowed(self):
        for key, value, says in (
            ("budget_per_day", 101, "101 is not a whole number from 0 to 100"),
            ("budget_per_day", -1, "-1 is not a whole number from 0 to 100"),
            ("budget_per_day", "5", '"5" is not a whole number from 0 to 100'),
            ("budget_per_day", 5.0, "5.0 is not a whole number from 0 to 100"),
            ("budget_per_day", True, "True is not a whole number from 0 to 100"),
            ("budget_per_day", None, "None is not a whole number from 0 to 100"),
            ("verdict_hours", 0, "0 is not a whole number from 1 to 720"),
            ("monitor_only", 1, "1 is not true or false"),
            ("monitor_only", "yes", '"yes" is not true or false'),
            ("fail", "OPEN", '"OPEN" is not "open" or "closed"'),
            ("guard", None, 'None is not "suspects" or "all" or "off"'),
            ("wan", ["a", 3], "3 is not the name of an interface (up to 15 letters, digits and ._+@-)"),
            ("guard_block", ["a..b"], '"a..b" is not a domain name such as example.com (others than ASCII as xn--...)'),
            ("aliases", {"zz": "TV"}, '"zz" is not a MAC address such as 02:00:5e:10:00:01'),
            ("aliases", {"02:00:5e:10:00:01": ""}, '"" is not text of 1 to 64 characters'),
            ("grants", {"02:00:5e:10:00:01": "all"}, '"all" is not "submission" or "mail-server"'),
            ("later_port", 25, "25 is not a whole number from 1024 to 65535"),
            ("guard_upstreams", ["192.0.2.1"] * 5, "5 is not a number of entries up to 4"),
        ):
            self.assertEqual(_fault_of(**{key: value}), "settings: %s: %s" % (key, says))

    def test_no_list_or_object_is_refused_with_what_it_should_hold(self):
        self.assertIn('settings: wan: "eth0" is not a list of up to 8, each the name', _fault_of(wan="eth0"))
        self.assertIn("settings: grants: [] is not an object of up to 64 pairs: a MAC", _fault_of(grants=[]))

    def test_names_that_are_none_are_refused(self):
        for key, values in (
            ("wan", ("", "a" * 16, "eth 0", "a/b", "a:1", "..", ".a", "\u00e9th0", "a\n", 'a"', "a\\", "a*")),
            ("lan", ("-a", "$a", "a;b", "@", "a`", "a'")),
            ("home_networks", ("", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "home", "10.0.0.1/-1", "10.0.0.0/8/8")),
            ("guard_upstreams", ("", "dns.example", "192.0.2.256", "192.0.2.1:53", "fe80::1%eth0", "10.0.0.0/8")),
            ("guard_allow", ("", ".", "a b", "a/b", "*.a", "\u00fc.example", "a" * 64, "a." * 127 + "aa", ".a", "a\0")),
            ("home_networks", ("\ud800",)),
        ):
            for value in values:
                self.assertIn("settings: %s: " % key, _fault_of(**{key: [value]}))
        for mac in ("", "02:00:5e:10:00", "01:00:5e:10:00:01", "00:00:00:00:00:00", "02005e100001", "2:0:0:0:0:g"):
            self.assertIn("is not a MAC address", _fault_of(aliases={mac: "x"}))
        for label in (" x", "x ", "a\nb", "a\x7f", "a\x9b2J", "x" * 65, "\udc00"):
            self.assertIn("settings: aliases: ", _fault_of(aliases={"02:00:5e:10:00:01": label}))

    def test_paths_and_pages_that_are_none_are_refused(self):
        for key, values in (
            ("state_dir", ("", "var", "./x", "/" + "d" * 200, "/a\nb", "-")),
            ("state_dir", ("/a b", "/a;b", "/$x", "/a'", "/*", "/`a`")),
            ("control", ("", "run", "/" + "c" * 107, "/\u00fc")),
            ("event_log", ("events", "--", "/a\0b")),
            ("page", ("192.168.1.1", "ftp://a/", "http://", "http:///x", "http://a b/", "http://a/\r\n250 ok")),
            ("page", ("http://\u00fc/", 'http://a/"', "http://a/" + "x" * 112, "javascript://a/")),
        ):
            for value in values:
                self.assertIn("settings: %s: " % key, _fault_of(**{key: value}))

    def test_what_makes_no_sense_together_is_refused(self):
        self.assertEqual(_fault_of(wan=["eth0", "br-lan"]), "settings: wan: br-lan is in lan as well")
        self.assertIn("8421, 8554, 8554 must differ", _fault_of(guard_port=8554))

    def test_what_is_no_object_is_refused(self):
        for text in ("", "nonsense", "[", '{"lan":["a"]', '{"lan":["a"]} x', "\0", '{"lan":["\ud800"'):
            self.assertEqual(_fault(text), "settings: no JSON; look at commas, quotes and brackets")
        for text in ("[]", "3", '"lan"', "null", "true"):
            self.assertIn("settings: no JSON object", _fault(text))

    def test_a_text_too_long_or_too_deep_is_refused_before_it_is_read(self):
        self.assertEqual(_fault(" " * MOST_BYTES + "{}"), "settings: more than 16384 bytes of text")
        self.assertEqual(_fault("[" * 33), "settings: more than 32 opening brackets")
        self.assertIn("opening brackets", _fault("{[" * 8000))
        self.assertEqual(read_settings(" " * (MOST_BYTES - 16) + '{"lan":["eth1"]}').lan, ["eth1"])

    def test_every_fault_is_one_short_line(self):
        for value in ("x" * 10000, "\n\r\x1b[2J", 10**40, ["a"] * 900, {"a": "b"}, [["a" * 3000]]):
            for row in TABLE:
                fault = _fault_of(**{row[0]: value})
                self.assertLess(len(fault), 300, fault)
                self.assertTrue(min(fault) >= " " and max(fault) <= "~", fault)


class Table(unittest.TestCase):
    def test_every_row_is_described(self):
        lines = describe().split("\n")
        self.assertEqual(len(lines), len(TABLE) + 3)
        for row, line in zip(TABLE, lines[2:]):
            self.assertTrue(line.startswith("| `%s` | `%s` | " % (row[0], row[2])), line)
            self.assertEqual(line.count(" | "), 3, line)

    @unittest.skipUnless(sys.implementation.name == "cpython", "MicroPython keeps no annotations")
    def test_the_type_checker_knows_the_keys_of_the_table(self):
        self.assertEqual(list(Settings.__annotations__), [row[0] for row in TABLE])


if __name__ == "__main__":
    unittest.main()
