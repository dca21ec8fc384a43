"""A list's addresses on their way into the kernel: the text that nft is given, portion by portion, and its answers."""

import os
import unittest

from spamgate.plane import linux_lists
from spamgate.plane.linux_lists import AddressSets
from spamgate.wire.cursor import FormError

_FOLDER = "/tmp/spamgate-test-%s" % "".join(["%02x" % byte for byte in os.urandom(6)])


class Settings:
    log_group = 77
    monitor_only = False
    lan = ["br-lan", "br-guest"]

    def __init__(self, *allow):
        self.list_allow = list(allow)


class FakeList:
    """So many /24 of IPv4 and /40 of IPv6."""

    def __init__(self, v4, v6):
        self.v4, self.v6 = v4, v6

    def prefixes(self, size):
        for number in range(self.v4 if size == 4 else self.v6):
            packed = bytes((1 + (number >> 16), number >> 8 & 255, number & 255, 0))
            yield (packed, 24) if size == 4 else (b"\x20\x01" + packed[:3] + bytes(11), 40)


class FakeNft:
    """In the place of the shell: keeps what nft was given, and answers."""

    def __init__(self):
        self.texts = []
        self.answers = []  # exit codes; when there is none left, 0

    def __call__(self, command):
        path = command.split()[2]
        with open(path) as file:
            self.texts.append(file.read())
        status = self.answers.pop(0) if self.answers else 0
        with open(path + ".error", "w") as file:
            file.write("Error: nothing of the kind\nmore\n" if status else "")
        if status is not None:
            with open(path + ".done", "w") as file:
                file.write("%d\n" % status)


class System:
    """The module `os` with another shell."""

    def __init__(self, nft):
        self.unlink = os.unlink
        self.system = nft


class Filling(unittest.TestCase):
    def setUp(self):
        os.mkdir(_FOLDER)
        self.nft = FakeNft()
        linux_lists.os = System(self.nft)

    def tearDown(self):
        linux_lists.os = os
        for name in os.listdir(_FOLDER):
            os.unlink(_FOLDER + "/" + name)
        os.rmdir(_FOLDER)

    def sets(self, *allow, pair="b"):
        return AddressSets(_FOLDER, Settings(*allow), pair)

    def fill(self, sets, blocklist, granted=()):
        self.nft.texts = []
        sets.begin(blocklist, list(granted))
        for _ in range(2000):
            if sets.step():
                return
        self.fail("it never ends")

    def test_every_prefix_goes_into_the_idle_pair_before_the_rules_follow(self):
        sets = self.sets()
        self.fill(sets, FakeList(3, 2))
        elements, elements6, rules = self.nft.texts
        self.assertIn("flush set inet spamgate_lists listed4_a", elements)
        self.assertIn("add element inet spamgate_lists listed4_a { 1.0.0.0/24,\n1.0.1.0/24,\n1.0.2.0/24}\n", elements)
        self.assertIn("add element inet spamgate_lists listed6_a { 2001:100::/40,\n2001:100:100::/40}\n", elements6)
        self.assertIn("ip daddr @listed4_a goto to_listed4", rules)
        self.assertIn("delete chain inet spamgate_lists leads_to_b", rules)
        self.assertIn('lans { "br-lan", "br-guest" }', rules)
        self.assertNotIn("listed4_b", elements + rules)
        self.assertEqual((sets.pair, sets.count, sets.problem), ("a", 5, ""))
        self.fill(sets, FakeList(1, 0))
        self.assertIn("@listed6_b", self.nft.texts[-1])
        self.assertEqual((sets.pair, sets.count), ("b", 1))

    def test_a_long_list_goes_in_portions(self):
        sets = self.sets()
        self.fill(sets, FakeList(20000, 9000))
        counts = [text.count("/24") + text.count("/40") for text in self.nft.texts]
        self.assertEqual(counts, [4000] * 5 + [4000, 4000, 1000, 0])
        self.assertTrue(max([len(text) for text in self.nft.texts]) < 300000)
        self.assertEqual(sets.count, 29000)
        self.fill(sets, FakeList(0, 1))
        self.assertEqual([text.count("/40") for text in self.nft.texts], [1, 0])

    def test_nothing_is_left_open_and_every_chain_is_there(self):
        for allow in ((), ("192.0.2.0/24", "2001:db8::/32", "198.51.100.0/24")):
            self.fill(self.sets(*allow), FakeList(1, 1), ["02:00:00:00:00:01", "02:00:00:00:00:02"])
            text = self.nft.texts[-1]
            self.assertEqual(text.count("{"), text.count("}"))
            for family in ("4", "6"):
                self.assertIn("chain to_listed%s {" % family, text)
            self.assertEqual(text.count("iifname != @barring accept\n  oifname @lans accept"), 2)
            self.assertNotIn("%", text)
            words = text.split()
            for at, word in enumerate(words):
                if word in ("goto", "jump"):
                    self.assertIn("chain inet spamgate_lists " + words[at + 1], text)
        self.assertIn("ip daddr { 192.0.2.0/24, 198.51.100.0/24 } accept", text)
        self.assertIn("ip6 daddr { 2001:db8::/32 } accept", text)
        self.assertIn("grantees { 02:00:00:00:00:01, 02:00:00:00:00:02 }", text)
        self.assertIn("log prefix \"L\" group 77", text)

    def test_to_watch_only_turns_nothing_away(self):
        sets = self.sets()
        sets._settings.monitor_only = True
        self.fill(sets, FakeList(1, 1))
        self.assertNotIn("reject", self.nft.texts[-1])
        self.assertIn("log prefix", self.nft.texts[-1])

    def test_what_nft_refuses_is_told_and_changes_nothing(self):
        sets = self.sets()
        self.nft.answers = [0, 0, 1]
        self.fill(sets, FakeList(20000, 0))
        self.assertEqual(len(self.nft.texts), 3)
        self.assertEqual(sets.problem, "nft refuses the addresses: Error: nothing of the kind")
        self.assertEqual((sets.pair, sets.count), ("b", 0))
        self.fill(sets, FakeList(1, 0))
        self.assertEqual((sets.pair, sets.count, sets.problem), ("a", 1, ""))

    def test_a_text_that_breaks_off_is_no_success(self):
        class Starved(FakeList):
            def prefixes(self, size):
                yield b"\1\0\0\0", 24
                raise MemoryError

        sets = self.sets()
        sets.begin(Starved(2, 0), [])
        with self.assertRaises(MemoryError):
            sets.step()
        self.assertTrue(sets.step())
        self.assertEqual((self.nft.texts, sets.pair, sets.count), ([], "b", 0))
        self.assertIn("heap was full", sets.problem)

    def test_it_waits_for_nft(self):
        sets = self.sets()
        self.nft.answers = [None]
        sets.begin(FakeList(1, 0), [])
        self.assertFalse(any([sets.step() for _ in range(10)]))
        self.assertEqual(len(self.nft.texts), 1)
        with open(_FOLDER + "/listed.nft.done", "w") as file:
            file.write("0\n")
        self.assertTrue(any([sets.step() for _ in range(10)]))

    def test_a_list_that_cannot_be_read_comes_through(self):
        class Broken(FakeList):
            def prefixes(self, size):
                raise FormError("list: a prefix of 77 bits")
                yield

        with self.assertRaises(FormError):
            self.fill(self.sets(), Broken(1, 0))
        sets = self.sets()
        self.fill(sets, FakeList(1, 0))
        self.assertEqual(sets.problem, "")


if __name__ == "__main__":
    unittest.main()
