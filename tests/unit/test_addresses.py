"""The addresses of a device: folded into one, and turns between them noticed."""

import unittest

from spamgate.core.addresses import PER_DEVICE, AddressBook

_NOW_S = 1000000


def _v4(number):
    return bytes((10, 0, 0, number))


def _v6(number):
    return bytes((0xFD,)) + bytes(14) + bytes((number,))


class Book(unittest.TestCase):
    def setUp(self):
        self.book = AddressBook(3)

    def note(self, *addresses):
        return [self.book.note(1, address, 0, len(address), _NOW_S) for address in addresses]

    def test_addresses_are_kept_once_in_the_order_of_first_sight(self):
        self.note(_v6(1), _v4(1), _v6(2), _v4(1), _v6(1))
        self.assertEqual(self.book.of(1), [_v6(1), _v4(1), _v6(2)])
        self.assertEqual((self.book.of(0), self.book.of(2)), ([], []))

    def test_only_the_bytes_at_the_offset_count(self):
        self.book.note(1, b"xx\x0a\x00\x00\x07yy", 2, 4, _NOW_S)
        self.assertEqual(self.book.of(1), [_v4(7)])

    def test_the_oldest_ipv6_address_goes_first(self):
        """Temporary addresses come and go; the IPv4 address is what the owner knows."""
        self.note(_v4(1), *[_v6(number) for number in range(1, PER_DEVICE)])
        self.note(_v6(50), _v6(51))
        self.assertEqual(self.book.of(1), [_v4(1), _v6(3), _v6(4), _v6(5), _v6(50), _v6(51)])

    def test_among_ipv4_alone_the_oldest_goes(self):
        self.note(*[_v4(number) for number in range(PER_DEVICE + 1)])
        self.assertEqual(self.book.of(1), [_v4(number) for number in range(1, PER_DEVICE + 1)])

    def test_a_row_can_be_forgotten(self):
        self.note(_v4(1), _v4(2), _v4(1), _v4(2))
        self.book.clear(1)
        self.assertFalse(self.book.has_any(1))
        self.assertEqual(self.book.of(1), [])
        self.assertEqual(self.note(_v4(1), _v4(2)), [False, False])


class Turns(unittest.TestCase):
    def setUp(self):
        self.book = AddressBook(2)

    def turns(self, step_s, count, addresses):
        """Return at which change the book says they take turns; 0 when it never does."""
        for turn in range(count):
            address = addresses[turn % len(addresses)]
            if self.book.note(1, address, 0, len(address), _NOW_S + turn * step_s):
                return turn
        return 0

    def test_two_ipv4_addresses_in_turn_are_two_devices(self):
        self.assertEqual(self.turns(1, 20, (_v4(1), _v4(2))), 5)

    def test_three_in_turn_as_well(self):
        self.assertEqual(self.turns(10, 20, (_v4(1), _v4(2), _v4(3))), 5)

    def test_changes_that_are_far_apart_are_leases(self):
        self.assertEqual(self.turns(16, 100, (_v4(1), _v4(2))), 0)

    def test_many_packets_between_changes_do_not_matter(self):
        addresses = [_v4(1)] * 5 + [_v4(2)] * 5
        self.assertEqual(self.turns(0, 100, addresses), 25)

    def test_ipv6_beside_ipv4_is_one_device(self):
        self.assertEqual(self.turns(1, 100, (_v4(1), _v6(1), _v6(2))), 0)

    def test_a_link_local_address_beside_the_real_one_is_one_device(self):
        self.assertEqual(self.turns(1, 100, (_v4(1), bytes((169, 254, 3, 4)))), 0)

    def test_a_device_first_seen_by_ipv6_needs_as_many_changes(self):
        self.book.note(1, _v6(1), 0, 16, _NOW_S)
        self.assertEqual(self.turns(1, 20, (_v4(1), _v4(2))), 5)


if __name__ == "__main__":
    unittest.main()
