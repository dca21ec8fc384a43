"""Packets as the kernel logs them: counted once, and those that did not come too."""

import struct
import unittest

from spamgate.plane import linux_log
from spamgate.plane.linux_log import PacketLog

_PACKET = 4 << 8
_SEQUENCE = 12
_PAYLOAD = 9


class Heard:
    """In the place of a watcher."""

    def __init__(self):
        self.frames = []

    def frame(self, link_type, buf, start, end):
        self.frames.append(bytes(buf[start:end]))


def message(number, payload=b"packet"):
    """One logged packet, numbered as the kernel does before the packet itself."""
    attributes = struct.pack("@HH", 8, _SEQUENCE) + struct.pack(">I", number)
    attributes += struct.pack("@HH", 4 + len(payload), _PAYLOAD) + payload + bytes(-len(payload) % 4)
    return struct.pack("@IHHII", 20 + len(attributes), _PACKET, 0, 0, 0) + bytes(4) + attributes


class Counting(unittest.TestCase):
    def setUp(self):
        self.opens = linux_log.netlink_socket
        linux_log.netlink_socket = lambda: None  # what was read is counted, nothing is asked
        self.log = PacketLog(25, bytearray(512))
        self.heard = Heard()

    def tearDown(self):
        linux_log.netlink_socket = self.opens

    def take(self, *messages, cut=0):
        """Let a read give these messages, but for the last `cut` bytes."""
        data = b"".join(messages)
        size = len(data) - cut
        self.log.buf[:size] = data[:size]
        return self.log._each(size, self.heard)

    def test_every_packet_is_handed_on(self):
        self.assertEqual(self.take(message(7, b"one"), message(8, b"another")), 2)
        self.assertEqual([b"one" in self.heard.frames[0], b"another" in self.heard.frames[1]], [True, True])
        self.assertEqual((self.log.packets, self.log.lost, self.log.cut), (2, 0, 0))

    def test_gaps_in_the_numbers_are_losses(self):
        self.take(message(7), message(8))
        self.take(message(11), message(12))
        self.assertEqual((self.log.packets, self.log.lost), (4, 2))
        self.take(message(0xFFFFFF + 10))
        self.take(message(0xFFFFFF + 11))
        self.assertEqual(self.log.packets, 6)

    def test_what_follows_a_cut_message_was_lost_and_the_message_was_not(self):
        self.take(message(1), message(2))
        self.take(message(3), message(4), cut=6)
        self.assertEqual((self.log.cut, self.log.lost), (1, 0))
        self.take(message(8), message(9))
        self.assertEqual((self.log.packets, self.log.lost), (6, 3))

    def test_packets_before_a_lost_number_are_no_losses(self):
        """Cut so early that the last one's number did not come."""
        self.take(message(1), message(2))
        self.take(message(3), message(4), message(5), cut=16)
        self.take(message(6), message(9))
        self.assertEqual((self.log.packets, self.log.lost), (7, 2))

    def test_numbers_start_over(self):
        self.take(message(0xFFFFFFFF))
        self.take(message(0))
        self.assertEqual((self.log.packets, self.log.lost), (2, 0))


if __name__ == "__main__":
    unittest.main()
