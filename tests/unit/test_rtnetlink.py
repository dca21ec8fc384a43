"""Addresses of interfaces, read from parts of an answer that may end anywhere."""

import struct
import unittest

from fakes.netlink import attribute, error, message, messages

from spamgate.wire import netlink
from spamgate.wire.rtnetlink import ask_addresses, read_addresses

_V4 = bytes((192, 168, 77, 1))
_V6 = b"\xfd" + bytes(14) + b"\1"
_DONE = message(3, bytes(4))
# What a kernel said of lo and of one more interface: label, broadcast, cache information and flags included.
_ANSWERED = (
    "4c00000014000200010000009c550000020880fe01000000080001007f000001080002007f000001070003006c6f00000800080080000000"
    "14000600ffffffffffffffff24791600247916004c00000014000200010000009c5500000218800002000000080001000a09000108000200"
    "0a0900010700030076610000080008008000000014000600ffffffffffffffff24791600247916004800000014000200010000009c550000"
    "0a4082000200000014000100fd00000000000000000000000000000114000600ffffffffffffffff25791600257916000800080082000000"
    "1400000003000200010000009c55000000000000"
)


def unhex(text):
    return bytes([int(text[at : at + 2], 16) for at in range(0, len(text), 2)])


def entry(interface, bits, *attributes_, flags=0x80, kind=20):
    return message(kind, struct.pack("@BBBBI", 2, bits, flags, 0, interface) + b"".join(attributes_))


def read(*parts):
    """Return what is found as tuples, and whether an end was seen."""
    found = []
    is_last = False
    for part in parts:
        is_last = read_addresses(part + b"\xff" * 40, len(part), found)
    return [(one.interface, one.address, one.prefix_bits, one.is_tentative) for one in found], is_last


class Reading(unittest.TestCase):
    def test_addresses_come_in_parts_with_their_networks(self):
        first = entry(2, 24, attribute(1, _V4), attribute(2, _V4), attribute(3, b"br-lan\0"))
        second = entry(3, 64, attribute(1, _V6)) + entry(3, 128, attribute(1, _V6), flags=0xC0)
        expected = [(2, _V4, 24, False), (3, _V6, 64, False), (3, _V6, 128, True)]
        self.assertEqual(read(first, second, _DONE), (expected, True))
        self.assertEqual(read(first + second + _DONE), (expected, True))
        self.assertEqual(read(first, second), (expected, False))

    def test_on_a_line_between_two_it_is_ours_and_not_the_other_end(self):
        """IFA_ADDRESS is the peer's where IFA_LOCAL is ours, whichever comes first."""
        ours, peers = attribute(2, _V4), attribute(1, bytes((10, 0, 0, 9)))
        for order in ((peers, ours), (ours, peers)):
            self.assertEqual(read(entry(4, 32, *order))[0], [(4, _V4, 32, False)])

    @unittest.skipUnless(netlink.LITTLE, "the bytes are those of a little-endian machine")
    def test_what_a_kernel_answered_is_read(self):
        ten = bytes((10, 9, 0, 1))
        lo = (1, bytes((127, 0, 0, 1)), 8, False)
        self.assertEqual(read(unhex(_ANSWERED)), ([lo, (2, ten, 24, False), (2, _V6, 64, False)], True))

    def test_what_is_no_address_is_passed_over(self):
        good = entry(2, 24, attribute(2, _V4))
        for other in (
            entry(2, 24, attribute(2, _V4), kind=16),
            entry(2, 24),
            entry(2, 24, attribute(2, b"abc")),
            entry(2, 24, attribute(1, bytes(20))),
            entry(2, 24, attribute(2, b"", 0)),
            message(20, bytes(4)),
            error(0),
        ):
            self.assertEqual(read(other + good + _DONE), ([(2, _V4, 24, False)], True))

    def test_an_answer_cut_anywhere_keeps_what_was_whole(self):
        one, two = entry(2, 24, attribute(2, _V4)), entry(3, 64, attribute(1, _V6))
        whole = one + two
        for cut in range(len(whole)):
            found, _ = read(whole[:cut])
            self.assertEqual(len(found), (cut >= len(one)) + (cut >= len(whole)), cut)

    def test_a_length_that_lies_ends_it(self):
        good = entry(2, 24, attribute(2, _V4))
        for size in (0, 15, 0x7FFFFFFF, 0xFFFFFFFF):
            self.assertEqual(read(message(20, bytes(8), size) + good), ([], True))

    def test_the_question_is_for_one_or_all(self):
        for interface in (0, 7):
            ((kind, flags, _, body),) = messages(ask_addresses(interface))
            self.assertEqual((kind, flags, body), (22, 0x301, bytes(4) + struct.pack("@I", interface)))


if __name__ == "__main__":
    unittest.main()
