"""The table's text: complete for every setting, and its quick comparisons never miss a packet of interest."""

import json
import unittest

from spamgate.plane.linux_rules import write_table
from spamgate.store.settings import read_settings

_MAIL = (25, 465, 587)


def table(with_zone=True, **given):
    given.setdefault("lan", ["br-lan", "br-guest"])
    parts = []
    write_table(parts.append, read_settings(json.dumps(given)), with_zone)
    return "".join(parts)


def sieves(text, target):
    """Return the (mask, value) of the comparisons that lead to a chain."""
    found = []
    for line in text.split("\n"):
        words = line.split()
        if words[-1:] == [target] and words[0] == "@th,0,32":
            found.append((int(words[2], 16), int(words[4], 16)))
    return found


class Text(unittest.TestCase):
    def test_nothing_is_left_open(self):
        for given in ({}, {"monitor_only": True}, {"budget_per_day": 0}, {"guard": "all"}, {"guard": "off"}):
            for with_zone in (True, False):
                text = table(with_zone, **given)
                self.assertEqual(text.count("{"), text.count("}"))
                self.assertNotIn("%", text)
                self.assertTrue(text.startswith("table inet spamgate\ndelete table inet spamgate\n"))

    def test_every_chain_that_is_gone_to_is_there(self):
        for given in ({}, {"monitor_only": True}, {"budget_per_day": 0}):
            for with_zone in (True, False):
                words = table(with_zone, **given).split()
                chains = [words[at + 1] for at in range(len(words)) if words[at] == "chain"]
                self.assertEqual(len(chains), len(set(chains)))
                for at, word in enumerate(words[:-1]):
                    if word in ("goto", "jump"):
                        self.assertIn(words[at + 1].strip(";}"), chains)

    def test_settings_are_where_they_belong(self):
        given = {"later_port": 2001, "never_port": 2002, "guard_port": 2003, "log_group": 77}
        text = table(normal_per_minute=31, normal_burst=7, budget_per_day=10, **given)
        self.assertIn('set lan { type ifname; elements = { "br-lan", "br-guest" }; }', text)
        self.assertIn("chain confirmed { meta l4proto tcp redirect to :2002; }", text)
        self.assertIn("chain later { meta l4proto tcp redirect to :2001; }", text)
        self.assertIn("ether saddr @guarded redirect to :2003", text)
        self.assertIn("limit rate over 31/minute burst 7 packets", text)
        self.assertIn("timeout 8640s", text)
        self.assertEqual(text.count("log group "), text.count("log group 77 "))

    def test_all_are_sent_to_the_guard_from_the_first_moment(self):
        self.assertIn('flags timeout; elements = { "br-lan" timeout 3s, "br-guest" timeout 3s }; }', table(guard="all"))
        self.assertIn('flags timeout; elements = { "br-lan", "br-guest" }; }', table(guard="all", fail="closed"))
        for given in ({}, {"guard": "all", "monitor_only": True}):
            self.assertIn("set guarded_lan { type ifname; flags timeout;  }", table(**given))

    def test_to_watch_only_changes_nothing(self):
        for with_zone in (True, False):
            text = table(with_zone, monitor_only=True)
            for word in ("redirect", "jump cut", "drop", "zone", "dstnat"):
                self.assertNotIn(word, text)
            self.assertIn("log group 25", text)

    def test_no_budget_is_no_message(self):
        text = table(budget_per_day=0)
        self.assertNotIn("add @drained", text)
        self.assertIn("add @drained", table(budget_per_day=1))


class Sieves(unittest.TestCase):
    def passes(self, sieve, source, target):
        mask, value = sieve
        return (source << 16 | target) & mask == value

    def test_no_packet_of_interest_is_missed(self):
        text = table()
        for chain, ports, is_from in (("asking", (53, 67), False), ("sent", _MAIL, False), ("returned", _MAIL, True)):
            (sieve,) = sieves(text, chain)
            for port in ports:
                for other in (0, 1, 1023, 40000, 65535):
                    ends = (port, other) if is_from else (other, port)
                    self.assertTrue(self.passes(sieve, *ends), (chain, ends))

    def test_most_other_packets_are(self):
        """One in sixteen at the most goes on, of web traffic none."""
        text = table()
        for chain, is_from in (("asking", False), ("sent", False), ("returned", True)):
            (sieve,) = sieves(text, chain)
            others = range(0, 65536, 7)
            found = [self.passes(sieve, port, 80) if is_from else self.passes(sieve, 80, port) for port in others]
            self.assertTrue(sum(found) * 16 <= len(found), chain)
            for port in (80, 443):
                self.assertFalse(self.passes(sieve, port, 40000) or self.passes(sieve, 40000, port), (chain, port))


if __name__ == "__main__":
    unittest.main()
