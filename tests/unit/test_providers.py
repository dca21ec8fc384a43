"""Which provider stands behind an address, as the home's own look-ups told."""

import unittest

from spamgate.core.hashing import hash_bytes
from spamgate.core.providers import Providers, is_exchange, network_provider

_WEEK_S = 7 * 86400
_NOW_S = 1000000
_NAME, _DOMAIN, _ADDRESS = 11111111, 22222222, 33333333


class Known(unittest.TestCase):
    def setUp(self):
        self.providers = Providers(64)

    def of(self, address, now_s=_NOW_S):
        return self.providers.of_host(address, now_s)

    def test_an_address_nobody_asked_for_has_none(self):
        self.assertEqual(self.of(_ADDRESS), -1)

    def test_hosts_of_one_mx_answer_are_one_provider(self):
        for number in range(5):
            self.providers.note_exchange(_NAME + number, _DOMAIN, _NOW_S)
            self.providers.note_host(_NAME + number, 500 + number, _ADDRESS + number, _NOW_S)
        found = set(self.of(_ADDRESS + number) for number in range(5))
        self.assertEqual(len(found), 1)
        self.assertTrue(is_exchange(found.pop()))

    def test_a_host_in_two_mx_answers_stays_with_the_first(self):
        self.providers.note_exchange(_NAME, _DOMAIN, _NOW_S)
        self.providers.note_exchange(_NAME, _DOMAIN + 999, _NOW_S)
        self.providers.note_host(_NAME, 500, _ADDRESS, _NOW_S)
        self.providers.note_exchange(_NAME + 1, _DOMAIN, _NOW_S)
        self.providers.note_host(_NAME + 1, 500, _ADDRESS + 1, _NOW_S)
        self.assertEqual(self.of(_ADDRESS), self.of(_ADDRESS + 1))

    def test_without_an_mx_answer_the_domain_is_the_provider(self):
        self.providers.note_host(_NAME, _DOMAIN, _ADDRESS, _NOW_S)
        self.providers.note_host(_NAME + 1, _DOMAIN, _ADDRESS + 1, _NOW_S)
        self.providers.note_host(_NAME + 2, _DOMAIN + 1, _ADDRESS + 2, _NOW_S)
        one, same, other = (self.of(_ADDRESS + number) for number in range(3))
        self.assertFalse(is_exchange(one))
        self.assertEqual(one, same)
        self.assertNotEqual(one | 1, other | 1, "domains whose hashes differ by one")

    def test_exchange_and_relay_of_one_domain_are_one_provider(self):
        """The connection side compares with the lowest bit set."""
        self.providers.note_exchange(_NAME, _DOMAIN, _NOW_S)
        self.providers.note_host(_NAME, _DOMAIN, _ADDRESS, _NOW_S)
        self.providers.note_host(_NAME + 1, _DOMAIN, _ADDRESS + 1, _NOW_S)
        self.assertEqual(self.of(_ADDRESS), self.of(_ADDRESS + 1) | 1)

    def test_an_address_stays_with_its_first_provider_and_may_become_an_exchange(self):
        """A bot cannot make one server look like many by asking for it under many names, nor the reverse."""
        self.providers.note_host(_NAME, _DOMAIN, _ADDRESS, _NOW_S)
        first = self.of(_ADDRESS)
        self.providers.note_exchange(_NAME + 1, _DOMAIN + 999, _NOW_S)
        self.providers.note_host(_NAME + 1, _DOMAIN + 1, _ADDRESS, _NOW_S)
        self.assertEqual(self.of(_ADDRESS), first | 1)
        self.providers.note_host(_NAME + 2, _DOMAIN + 2, _ADDRESS, _NOW_S)
        self.assertEqual(self.of(_ADDRESS), first | 1)

    def test_what_was_learned_is_forgotten_after_a_week(self):
        self.providers.note_host(_NAME, _DOMAIN, _ADDRESS, _NOW_S)
        self.assertTrue(self.of(_ADDRESS, _NOW_S + _WEEK_S) >= 0)
        self.assertEqual(self.of(_ADDRESS, _NOW_S + _WEEK_S + 1), -1)


class Network(unittest.TestCase):
    def test_a_24_is_one_provider(self):
        addresses = ((9, 8, 7, 1), (9, 8, 7, 200), (9, 8, 6, 1))
        near, same, other = (network_provider(bytes(address), 0, 4) for address in addresses)
        self.assertEqual(near, same)
        self.assertNotEqual(near, other)
        self.assertEqual(network_provider(b"xx\x09\x08\x07\x01", 2, 4), near)

    def test_a_48_is_one_provider(self):
        base = bytes((0x20, 1, 0xD, 0xB8, 0, 1))
        near = network_provider(base + bytes(10), 0, 16)
        self.assertEqual(network_provider(base + b"\xff" * 10, 0, 16), near)
        self.assertNotEqual(network_provider(base[:5] + b"\2" + bytes(10), 0, 16), near)

    def test_thousands_of_networks_are_as_many_providers(self):
        found = set()
        for number in range(3000):
            found.add(network_provider(bytes((203, number >> 8, number & 255, 1)), 0, 4))
        self.assertEqual(len(found), 3000)
        self.assertTrue(max(found) < 1 << 30)
        self.assertNotIn(hash_bytes(b"", 0, 0), found)


if __name__ == "__main__":
    unittest.main()
