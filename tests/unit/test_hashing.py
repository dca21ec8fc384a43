"""Hashes of names and addresses: below 2**30 whatever comes in, case folded where names are meant, well spread."""

import unittest

from spamgate.core.hashing import hash_bytes, hash_lower, hash_pair

_LIMIT = 1 << 30
_MOST = _LIMIT - 1


class Hashes(unittest.TestCase):
    def test_values_stay_below_two_to_the_thirty(self):
        """Greater ones would live on the heap of a 32-bit board."""
        ones = b"\xff" * 64
        for end in range(65):
            self.assertTrue(0 <= hash_bytes(ones, 0, end) < _LIMIT)
            self.assertTrue(0 <= hash_bytes(ones, 0, end, _MOST) < _LIMIT)
            self.assertTrue(0 <= hash_lower(ones, 0, end, _MOST) < _LIMIT)
        for pair in ((0, 0), (_MOST, _MOST), (0, _MOST), (_MOST, 0), (0xFFFFFF, 0x7FFF), (0x3F000000, 0x3FFF8000)):
            self.assertTrue(0 <= hash_pair(*pair) < _LIMIT)

    def test_only_the_bytes_in_the_range_count(self):
        self.assertEqual(hash_bytes(b"xxabcyy", 2, 5), hash_bytes(b"abc", 0, 3))
        self.assertEqual(hash_lower(bytearray(b"--A.example--"), 2, 11), hash_lower(b"a.example", 0, 9))
        self.assertNotEqual(hash_bytes(b"abc", 0, 3), hash_bytes(b"acb", 0, 3))

    def test_a_hash_goes_on_where_another_ended(self):
        whole = hash_lower(b"MX.Example", 0, 10)
        self.assertEqual(hash_lower(b"MX.Example", 3, 10, hash_lower(b"MX.Example", 0, 3)), whole)

    def test_capitals_are_folded_and_nothing_else(self):
        """RFC 4343: A-Z only; the neighbours of the letters and bytes above 127 stay what they are."""
        for byte in range(256):
            folded = byte + 32 if 65 <= byte <= 90 else byte
            self.assertEqual(hash_lower(bytes((byte,)), 0, 1), hash_bytes(bytes((folded,)), 0, 1))

    def test_thousands_of_names_and_addresses_do_not_collide(self):
        names = set()
        addresses = set()
        for number in range(3000):
            name = b"host%d.example" % number
            names.add(hash_lower(name, 0, len(name)))
            address = bytes((203, number >> 8, number & 255, 1))
            addresses.add(hash_bytes(address, 0, 4))
        self.assertEqual((len(names), len(addresses)), (3000, 3000))

    def test_a_pair_depends_on_both_and_on_their_order(self):
        value = hash_bytes(b"example", 0, 7)
        pairs = set(hash_pair(value, second) for second in range(2000))
        self.assertEqual(len(pairs), 2000)
        self.assertNotEqual(hash_pair(3, 5000), hash_pair(5000, 3))
        self.assertNotEqual(hash_pair(value, 1 << 29), hash_pair(value, 0))


if __name__ == "__main__":
    unittest.main()
