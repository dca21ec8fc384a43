"""Port 25 is taken out of other programs' flow offload, once, and given back: from what nft prints of their rules."""

import os
import unittest

from spamgate.plane import offload
from spamgate.plane.offload import Offload, find_rules

# As OpenWrt's fw4 writes it, with and without hardware; other lines of it stand around.
FW4 = """table inet fw4 { # handle 7
	flowtable ft { # handle 2
		hook ingress priority filter
		devices = { eth0, lan1 }
		counter
	}

	chain forward { # handle 3
		type filter hook forward priority filter; policy drop;
		meta l4proto { tcp, udp } flow add @ft # handle 31
		ct state established,related accept comment "!fw4: Allow forwarded established and related flows" # handle 32
		iifname "br-lan" jump forward_lan comment "!fw4: Handle lan IPv4/IPv6 forward traffic" # handle 33
	}

	chain forward_lan { # handle 11
		jump accept_to_wan comment "!fw4: Accept lan to wan forwarding" # handle 40
	}
}
table inet spamgate { # handle 9
	chain passed_on { # handle 20
		type filter hook forward priority filter - 5; policy accept;
		iifname @lan tcp dport 25 goto mail_out # handle 21
	}
}
"""

# As people write it on Debian: several tables, counters, an older spelling, an apostrophe in a comment.
DEBIAN = """# Warning: table ip nat is managed by iptables-nft, do not touch!
table ip filter { # handle 1
	flowtable f { # handle 1
		hook ingress priority filter
		devices = { eth0, eth1 }
	}

	chain FORWARD { # handle 2
		type filter hook forward priority filter; policy accept;
		ip protocol tcp ct state established counter packets 17 bytes 900 flow add @f comment "mother's" # handle 5
		ip protocol udp flow offload @f # handle 6
		counter packets 3 bytes 4 # handle 7
	}
}
table ip6 filter { # handle 2
	chain FORWARD { # handle 2
		ip6 nexthdr tcp flow add @f # handle 5
	}
}
"""

_EXEMPT = "th dport { 0-24, 26-65535 } th sport { 0-24, 26-65535 } "


def rules(listing):
    return find_rules(listing.split("\n"))


class Listing(unittest.TestCase):
    def test_rules_are_found_where_they_stand(self):
        found = [(rule.place, rule.handle, rule.condition, rule.action) for rule in rules(FW4)]
        self.assertEqual(found, [("inet fw4 forward", "31", "meta l4proto { tcp, udp } ", "flow add @ft")])
        found = [(rule.place, rule.handle, rule.action) for rule in rules(DEBIAN)]
        expected = [
            ("ip filter FORWARD", "5", 'flow add @f comment "mother\'s"'),
            ("ip filter FORWARD", "6", "flow offload @f"),
            ("ip6 filter FORWARD", "5", "flow add @f"),
        ]
        self.assertEqual(found, expected)

    def test_a_listing_without_them_or_of_something_else_has_none(self):
        without = FW4.replace("flow add @ft", "accept")
        for text in ("", "\n\n", "table", "chain", "flow add @f", "table inet fw4 {\n}\n", without):
            self.assertEqual(rules(text), [])

    def test_the_exemption_stands_before_the_verb_and_is_seen_again(self):
        for rule in rules(FW4) + rules(DEBIAN):
            self.assertFalse(rule.is_exempt())
            text = rule.exempt_text()
            self.assertEqual(text, rule.condition + _EXEMPT + rule.action)
            again = rules("table ip x {\n chain y {\n\t\t" + text + " # handle 9\n")
            self.assertEqual([found.is_exempt() for found in again], [True])

    def test_it_is_seen_as_nft_lists_it_behind_a_protocol(self):
        """Behind `meta l4proto tcp`, which nft then leaves out, th becomes tcp; so with udp."""
        for name in ("tcp", "udp"):
            text = "ct state new %s flow add @f # handle 3" % _EXEMPT.replace("th ", name + " ").strip()
            self.assertTrue(rules(text)[0].is_exempt())

    def test_a_rule_that_looks_at_ports_of_its_own_is_not_exempt(self):
        for ports in ("tcp dport { 80, 443 }", "tcp sport 1024-65535", "tcp dport != 25", "tcp sport { 0-24 }"):
            self.assertFalse(rules("\t%s flow add @f # handle 3" % ports)[0].is_exempt())


class Nft:
    """Runs the commands of nft that are given to the shell, on rules that change as the kernel's do."""

    def __init__(self, listing):
        self.path = "/tmp/spamgate-test-%d" % (os.urandom(1)[0] << 16 | os.urandom(1)[0] << 8 | os.urandom(1)[0])
        os.mkdir(self.path)
        self.lines = listing.split("\n")
        self.refused = ""  # rules of this place cannot be replaced
        self.is_broken = False
        self.ran = []
        self.reports = []
        self.offload = Offload(self.path)

    def remove(self):
        for name in os.listdir(self.path):
            os.unlink(self.path + "/" + name)
        os.rmdir(self.path)

    def system(self, command):
        self.ran.append(command)
        file = self.path + "/ruleset.txt"
        if self.is_broken:
            return 256
        if command == "nft -a -t list ruleset >%s 2>/dev/null" % file:
            with open(file, "w") as listing:
                listing.write("\n".join(self.lines))
            return 0
        assert command == "nft -f %s 2>/dev/null" % file, command
        with open(file) as order:
            return self.replace(order.read())

    def replace(self, order):
        verb, noun, family, table, chain, word, handle, text = order.rstrip("\n").split(" ", 7)
        assert (verb, noun, word) == ("replace", "rule", "handle")
        place = "%s %s %s" % (family, table, chain)
        if place == self.refused:
            return 256
        for old in find_rules(self.lines):
            if (old.place, old.handle) == (place, handle):
                at = self.at(old)
                # As the kernel and nft do: a new handle, counters go on, a protocol is told by its ports.
                text = text.replace("ip protocol udp th d", "udp d").replace("packets 17", "packets 99")
                self.lines[at] = "\t\t%s # handle 9%s" % (text, handle)
                return 0
        return 256

    def at(self, rule):
        """Return the line of a rule: handles count for each table anew."""
        family, table, _ = rule.place.split(" ")
        at = [number for number, line in enumerate(self.lines) if line.startswith("table %s %s {" % (family, table))][0]
        while not self.lines[at].endswith(" # handle " + rule.handle) or "flow" not in self.lines[at]:
            at += 1
        return at

    def exempt(self):
        self.offload.exempt(self.reports.append)
        return self.offload.problem

    def replaced(self):
        return len([command for command in self.ran if command.startswith("nft -f")])

    def found(self):
        return find_rules(self.lines)


class Replacing(unittest.TestCase):
    def nft(self, listing):
        """Begin with these rules; `os` of the module is ours from now on."""
        self.tearDown()
        offload.os = self.shell = Nft(listing)
        return self.shell

    def setUp(self):
        self.shell = None

    def tearDown(self):
        offload.os = os
        if self.shell:
            self.shell.remove()
            self.shell = None

    def test_every_rule_is_exempted_once(self):
        for listing in (FW4, DEBIAN):
            nft = self.nft(listing)
            count = len(rules(listing))
            for _ in range(3):
                self.assertEqual(nft.exempt(), "")
            self.assertEqual((nft.replaced(), len(nft.reports)), (count, count))
            self.assertEqual([rule.is_exempt() for rule in nft.found()], [True] * count)
        self.assertEqual(nft.reports[0], "flow offload: port 25 exempted in ip filter FORWARD")

    def test_the_old_text_comes_back_whatever_the_counters_say_now(self):
        nft = self.nft(DEBIAN)
        before = [(rule.place, rule.condition) for rule in rules(DEBIAN)]
        nft.exempt()
        nft.offload.restore()
        after = [(rule.place, rule.condition.replace("packets 99", "packets 17")) for rule in nft.found()]
        self.assertEqual(after, before)
        nft.offload.restore()
        self.assertEqual(nft.replaced(), 2 * len(before))

    def test_rules_of_one_place_get_their_own_texts(self):
        nft = self.nft(DEBIAN.replace("flow offload @f", "flow add @f").replace(' comment "mother\'s"', ""))
        before = [(rule.place, rule.condition, rule.action) for rule in nft.found()]
        nft.exempt()
        replaced = nft.replaced()
        nft.offload.restore()
        after = [(rule.place, rule.condition.replace("99", "17"), rule.action) for rule in nft.found()]
        self.assertEqual((after, nft.replaced()), (before, 2 * replaced))

    def test_what_another_exempted_is_left_to_it(self):
        nft = self.nft(FW4)
        nft.exempt()
        other = self.nft("\n".join(nft.lines))
        other.exempt()
        other.offload.restore()
        self.assertEqual(other.replaced(), 0)

    def test_what_its_owner_took_back_or_wrote_anew_is_not_restored(self):
        nft = self.nft(FW4)
        nft.exempt()
        nft.lines = FW4.split("\n")
        nft.offload.restore()
        self.assertEqual((nft.replaced(), nft.lines), (1, FW4.split("\n")))

    def test_a_rule_written_anew_by_its_owner_is_exempted_again(self):
        nft = self.nft(FW4)
        nft.exempt()
        nft.lines = FW4.split("\n")
        nft.exempt()
        self.assertEqual(nft.replaced(), 2)
        self.assertTrue(nft.found()[0].is_exempt())

    def test_what_cannot_be_replaced_is_said_and_tried_again(self):
        nft = self.nft(DEBIAN)
        nft.refused = "ip6 filter FORWARD"
        for _ in range(2):
            self.assertIn("port 25 of ip6 filter FORWARD cannot be exempted", nft.exempt())
        self.assertEqual(len(nft.reports), 2)
        nft.refused = ""
        self.assertEqual(nft.exempt(), "")
        self.assertEqual(len(nft.reports), 3)

    def test_rules_that_cannot_be_listed_degrade(self):
        nft = self.nft(FW4)
        nft.is_broken = True
        self.assertIn("cannot be listed", nft.exempt())
        nft.is_broken = False
        self.assertEqual(nft.exempt(), "")

    def test_a_folder_that_is_gone_degrades(self):
        nft = self.nft(FW4)
        nft.system = lambda command: 0
        self.assertIn("cannot be listed", nft.exempt())


if __name__ == "__main__":
    unittest.main()
