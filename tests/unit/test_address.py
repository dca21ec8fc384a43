"""Addresses as people write them, and what is inside the home."""

import sys
import unittest

from spamgate.wire.address import (
    AddressError,
    Scope,
    address_text,
    is_private_v4,
    mac_text,
    parse_address,
    parse_network,
)

# RFC 4291 2.2, RFC 5952 4 and 5: text as we write it, and other ways to write the same.
_SAME = (
    ("::", "0:0:0:0:0:0:0:0", "0::0"),
    ("::1", "0:0:0:0:0:0:0:1", "0000:0000::0001"),
    ("2001:db8::1", "2001:DB8:0:0:0:0:0:1", "2001:0db8::0001"),
    ("2001:db8::1:0:0:1", "2001:db8:0:0:1:0:0:1"),  # the first of two equal runs
    ("2001:0:0:1::1", "2001:0:0:1:0:0:0:1"),  # the longer of two runs
    ("2001:db8:0:1:1:1:1:1", "2001:db8::1:1:1:1:1"),  # a single zero is no run
    ("1:2:3:4:5:6::", "1:2:3:4:5:6:0:0"),
    ("::3:4:5:6:7:8", "0:0:3:4:5:6:7:8"),
    ("::ffff:c000:201", "::ffff:192.0.2.1", "0:0:0:0:0:ffff:192.0.2.1"),
)
_WRONG = (
    "|.|:|:::|1|1.2.3|1.2.3.4.5|1.2.3.256|1.2.3.-4|1.2.3.+4|1.2.3. 4|1.2.3.0004|1..2.3|a.b.c.d|1:2:3:4:5:6:7|"
    "1:2:3:4:5:6:7:8:9|1:2:3:4:5:6:7:8::|1::2::3|12345::|g::|1:2:3:4:5:6:7:|:1:2:3:4:5:6:7|+1::|1_0::| 1::|-1::|"
    "::1.2.3|1.2.3.4::|::1.2.3.4:5|::256.1.1.1|fe80::1%eth0|0x10.1.1.1|1.2.3.4:25|1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16"
).split("|")


class Text(unittest.TestCase):
    def test_ipv6_is_written_as_rfc_5952_says(self):
        for texts in _SAME:
            for text in texts:
                with self.subTest(text=text):
                    self.assertEqual(address_text(parse_address(text)), texts[0])

    def test_ipv4_is_four_numbers(self):
        for text in ("0.0.0.0", "255.255.255.255", "192.0.2.1"):
            self.assertEqual(address_text(parse_address(text)), text)
        self.assertEqual(parse_address("10.1.2.3"), bytes((10, 1, 2, 3)))

    def test_text_that_is_no_address_is_refused(self):
        for text in _WRONG:
            with self.subTest(text=text):
                with self.assertRaises(AddressError):
                    parse_address(text)

    def test_a_mac_is_six_pairs(self):
        self.assertEqual(mac_text(bytearray((2, 0, 0x5E, 0x10, 0, 255))), "02:00:5e:10:00:ff")

    @unittest.skipUnless(sys.implementation.name == "cpython", "MicroPython has no ipaddress to compare with")
    def test_random_addresses_read_and_written_as_python_does(self):
        import ipaddress
        import random

        chance = random.Random(5952)
        for _ in range(5000):
            packed = bytes(chance.choice((0, 0, 0, 0, chance.randrange(256))) for _ in range(16))
            for size, kind in ((16, ipaddress.IPv6Address), (4, ipaddress.IPv4Address)):
                theirs = kind(packed[:size])
                if size == 4 or not str(theirs).count("."):  # newer versions write ::ffff:192.0.2.1
                    self.assertEqual(address_text(packed[:size]), str(theirs))
                self.assertEqual(parse_address(str(theirs)), packed[:size])
                self.assertEqual(parse_address(theirs.exploded), packed[:size])


class Networks(unittest.TestCase):
    def test_a_network_is_address_and_bits(self):
        self.assertEqual(parse_network("192.168.1.0/24"), (bytes((192, 168, 1, 0)), 24))
        self.assertEqual(parse_network("fd00::/8"), (b"\xfd" + bytes(15), 8))
        self.assertEqual(parse_network("0.0.0.0/0"), (bytes(4), 0))
        self.assertEqual(parse_network("::1"), (bytes(15) + b"\1", 128))
        self.assertEqual(parse_network("10.0.0.1"), (bytes((10, 0, 0, 1)), 32))

    def test_text_that_is_no_network_is_refused(self):
        for text in ("10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/-1", "10.0.0.0/8/8", "/8", "10/8"):
            with self.subTest(text=text):
                with self.assertRaises(AddressError):
                    parse_network(text)
        with self.assertRaises(AddressError):
            parse_network("10.0.0.0/\u00b2")

    def test_the_text_names_what_is_wrong(self):
        with self.assertRaises(AddressError) as caught:
            parse_network("10.0.0.0/33")
        self.assertIn("'10.0.0.0/33' has no prefix length between 0 and 32", str(caught.exception))


class Inside(unittest.TestCase):
    def check(self, scope, inside, outside):
        for text in inside + outside:
            with self.subTest(text=text):
                packed = b"xx" + parse_address(text) + b"y"
                self.assertEqual(scope.contains(packed, 2, len(packed) - 3), text in inside)

    def test_by_default_private_addresses_are_inside(self):
        """RFC 1918, RFC 3927, RFC 4193, RFC 4291; each with its neighbours."""
        inside = ["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"]
        inside += ["169.254.0.1", "fc00::1", "fdff::", "fe80::1", "febf::"]
        outside = ["9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0"]
        outside += ["169.253.255.255", "169.255.0.0", "fbff::", "fec0::", "2001:db8::1", "ff02::1", "::1"]
        self.check(Scope([]), inside, outside)
        self.assertTrue(is_private_v4(b"x\x0a\0\0\1", 1))

    def test_listed_networks_replace_the_default(self):
        scope = Scope(["198.51.100.0/25", "2001:db8:1:80::/57", "203.0.113.7"])
        inside = ["198.51.100.0", "198.51.100.127", "2001:db8:1:80::1", "2001:db8:1:ff::", "203.0.113.7"]
        outside = ["198.51.100.128", "10.0.0.1", "2001:db8:1:100::", "2001:db8:1:7f::", "203.0.113.6", "fe80::1"]
        self.check(scope, inside, outside)

    def test_a_network_may_be_named_by_any_of_its_addresses(self):
        self.check(Scope(["192.0.2.77/26"]), ["192.0.2.64", "192.0.2.127"], ["192.0.2.63", "192.0.2.128"])

    def test_everything_of_one_version_may_be_inside(self):
        self.check(Scope(["0.0.0.0/0"]), ["8.8.8.8"], ["2001:db8::1"])


if __name__ == "__main__":
    unittest.main()
