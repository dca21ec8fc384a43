"""Port 25 is taken out of other programs' flow offload, once, and given back: from what nft prints of their rules."""

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


class Kernel:
    """Rules that change as nft changes them, in the place of the kernel, nft and the file between."""

    def __init__(self, listing):
        self.lines = listing.split("\n")
        self.refused = ""  # rules of this place cannot be replaced
        self.is_broken = False  # nft does not run
        self.replaced = []
        self.reports = []
        self.offload = Offload("/run/x")

    # --- what Offload does with nft ---

    def rules(self):
        return find_rules(self.lines)

    def replace(self, rule, text):
        if rule.place == self.refused:
            return False
        self.replaced.append((rule.place, text))
        handle = " # handle %s" % rule.handle
        for at, line in enumerate(self.lines):
            if line.endswith(handle) and rule.action in line:
                # As the kernel and nft do: a new handle, counters go on, a protocol is told by its ports.
                text = text.replace("ip protocol udp th d", "udp d").replace("packets 17", "packets 99")
                self.lines[at] = "\t\t%s # handle 9%s" % (text, rule.handle)
                return True
        return False

    def exempt(self):
        self.offload.exempt(self.reports.append)
        return self.offload.problem


class Replacing(unittest.TestCase):
    def kernel(self, listing):
        kernel = Kernel(listing)
        kernel.offload._rules = kernel.rules
        kernel.offload._replace = kernel.replace
        return kernel

    def test_every_rule_is_exempted_once(self):
        for listing in (FW4, DEBIAN):
            kernel = self.kernel(listing)
            count = len(rules(listing))
            for _ in range(3):
                self.assertEqual(kernel.exempt(), "")
            self.assertEqual((len(kernel.replaced), len(kernel.reports)), (count, count))
            self.assertEqual([rule.is_exempt() for rule in rules("\n".join(kernel.lines))], [True] * count)
        self.assertEqual(kernel.reports[0], "flow offload: port 25 exempted in ip filter FORWARD")

    def test_the_old_text_comes_back_whatever_the_counters_say_now(self):
        kernel = self.kernel(DEBIAN)
        before = [(rule.place, rule.condition, rule.action) for rule in rules(DEBIAN)]
        kernel.exempt()
        kernel.offload.restore()
        after = [(rule.place, rule.condition.replace("packets 99", "packets 17")) for rule in kernel.rules()]
        self.assertEqual(after, [pair[:2] for pair in before])
        kernel.offload.restore()
        self.assertEqual(len(kernel.replaced), 2 * len(before))

    def test_what_another_exempted_is_left_to_it(self):
        kernel = self.kernel(FW4)
        kernel.exempt()
        other = self.kernel("\n".join(kernel.lines))
        other.exempt()
        other.offload.restore()
        self.assertEqual(other.replaced, [])

    def test_a_rule_written_anew_by_its_owner_is_exempted_again(self):
        kernel = self.kernel(FW4)
        kernel.exempt()
        kernel.lines = FW4.split("\n")
        kernel.exempt()
        self.assertEqual(len(kernel.replaced), 2)

    def test_what_cannot_be_replaced_is_said_and_tried_again(self):
        kernel = self.kernel(DEBIAN)
        kernel.refused = "ip6 filter FORWARD"
        for _ in range(2):
            self.assertIn("port 25 of ip6 filter FORWARD cannot be exempted", kernel.exempt())
        self.assertEqual(len(kernel.replaced), 2)
        kernel.refused = ""
        self.assertEqual(kernel.exempt(), "")


class Commands(unittest.TestCase):
    """What runs: `os` of the module is ours here."""

    def setUp(self):
        self.kernel = Kernel(FW4)
        self.ran = []
        self.answer = 0
        offload.os = self

    def tearDown(self):
        import os

        offload.os = os

    def system(self, command):
        self.ran.append(command)
        return self.answer

    def test_rules_that_cannot_be_listed_degrade(self):
        self.answer = 1
        self.assertIn("cannot be listed", self.kernel.exempt())
        self.answer = 0  # there is no such file
        self.assertIn("cannot be listed", self.kernel.exempt())
        self.assertEqual(self.ran, ["nft -a -t list ruleset >/run/x/ruleset.txt 2>/dev/null"] * 2)


if __name__ == "__main__":
    unittest.main()
