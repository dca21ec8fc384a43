"""DHCP: the client's MAC, its host name, and what else it asks for."""

import unittest

from spamgate.wire.cursor import FormError
from spamgate.wire.dhcp import DhcpMessage

MAC = b"\x0a\x0b\x0c\x0d\x0e\x0f"
COOKIE = b"\x63\x82\x53\x63"


def message(options=b"", operation=1, hardware=1, size=6, cookie=COOKIE):
    head = bytes([operation, hardware, size, 0]) + bytes(24) + MAC + bytes(10) + bytes(192)
    return head + cookie + options


def option(code, value):
    return bytes([code, len(value)]) + value


def read(data):
    """Return the reader after `data` was read from the middle of a buffer, and the result."""
    dhcp = DhcpMessage()
    lent = b"\xee" * 4 + data + b"\xee" * 4
    return dhcp, dhcp.read(lent, 4, 4 + len(data)), lent


class Requests(unittest.TestCase):
    def test_mac_name_type_and_address_are_found(self):
        options = option(53, b"\x03") + b"\x00" + option(50, b"\xc0\xa8\x01\x07")
        options += option(12, b"camera-porch") + option(55, b"\x01\x03\x06\x0c") + b"\xff" + b"\x0c\x63"
        dhcp, is_request, lent = read(message(options))
        self.assertTrue(is_request)
        self.assertEqual(lent[dhcp.client_mac_at : dhcp.client_mac_at + 6], MAC)
        self.assertEqual(lent[dhcp.name_at : dhcp.name_end], b"camera-porch")
        self.assertEqual(lent[dhcp.requested_at : dhcp.requested_at + 4], b"\xc0\xa8\x01\x07")
        self.assertEqual(dhcp.message_type, 3)

    def test_a_reply_is_told_apart(self):
        dhcp, is_request, _ = read(message(option(53, b"\x05") + b"\xff", 2))
        self.assertEqual((is_request, dhcp.message_type), (False, 5))

    def test_what_is_absent_is_zero_even_after_another_message(self):
        dhcp, _, _ = read(message(option(53, b"\x03") + option(50, bytes(4)) + option(12, b"tv")))
        plain = message(b"", 1, 6, 0, b"")
        self.assertTrue(dhcp.read(plain, 0, len(plain)))
        self.assertEqual((dhcp.name_at, dhcp.name_end, dhcp.requested_at), (0, 0, 0))
        self.assertEqual((dhcp.message_type, dhcp.client_mac_at), (0, -1))

    def test_the_mac_is_that_of_ethernet_only(self):
        for hardware, size in ((1, 8), (6, 6), (32, 0)):
            self.assertEqual(read(message(b"\xff", 1, hardware, size))[0].client_mac_at, -1)

    def test_zeros_behind_a_name_do_not_belong_to_it(self):
        dhcp, _, lent = read(message(option(12, b"tv\x00\x00")))
        self.assertEqual(lent[dhcp.name_at : dhcp.name_end], b"tv")
        for nothing in (b"", b"\x00", b"\x00\x00"):
            dhcp, _, _ = read(message(option(12, nothing)))
            self.assertEqual((dhcp.name_at, dhcp.name_end), (0, 0))

    def test_options_of_a_false_size_say_nothing(self):
        dhcp, _, _ = read(message(option(53, b"") + option(53, b"\x01\x02") + option(50, bytes(5))))
        self.assertEqual((dhcp.message_type, dhcp.requested_at), (0, 0))

    def test_without_the_cookie_there_are_no_options(self):
        dhcp, is_request, _ = read(message(option(12, b"tv"), cookie=b"\x63\x82\x53\x64"))
        self.assertEqual((is_request, dhcp.name_at), (True, 0))

    def test_an_option_end_is_not_required(self):
        self.assertEqual(read(message(option(53, b"\x01")))[0].message_type, 1)


class Malformed(unittest.TestCase):
    def test_other_operations_are_refused(self):
        for operation in (0, 3, 255):
            with self.assertRaises(FormError):
                read(message(b"\xff", operation))

    def test_a_message_cut_anywhere_is_refused_or_ends_between_options(self):
        options = option(53, b"\x03") + option(12, b"camera-porch") + b"\xff"
        whole = message(options)
        ends = (240, 243, 257)  # behind the cookie, and behind each option
        for cut in range(len(whole)):
            with self.subTest(cut=cut):
                if cut < 236 or (cut > 240 and cut not in ends):
                    with self.assertRaises(FormError):
                        read(whole[:cut])
                else:
                    dhcp, is_request, _ = read(whole[:cut])
                    self.assertTrue(is_request)
                    self.assertEqual(dhcp.name_end - dhcp.name_at, 12 if cut == 257 else 0)


if __name__ == "__main__":
    unittest.main()
