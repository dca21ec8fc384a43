"""The kernel's log read in gulps: every packet handed on once, a cut one too, and those that are lost counted."""

import struct
import unittest

from fakes.netlink import attribute, attributes, error, log_message, message, messages

from spamgate.plane import linux_log
from spamgate.plane.linux_log import PacketLog

_MAC = b"\2\0\0\0\0\7"
_DONE = message(3, b"")
_NETLINK_SOCKET = linux_log.netlink_socket
_EPERM, _EAGAIN, _EBUSY = 1, 11, 16


def ipv4(number, size=40):
    return struct.pack(">BBHHHBBH", 0x45, 0, size & 0xFFFF, number & 0xFFFF, 0, 64, 17, 0) + bytes(size - 12)


class Socket:
    """Gives what is waiting, a datagram after another into one buffer as MicroPython's readinto does."""

    def __init__(self):
        self.waiting = []
        self.answers = [error(0), error(0)]
        self.sent = []
        self.is_closed = False

    def readinto(self, buf):
        if not self.waiting:
            raise OSError(_EAGAIN)
        at = 0
        while self.waiting and at < len(buf):
            data = self.waiting.pop(0)[: len(buf) - at]  # what does not fit is gone
            buf[at : at + len(data)] = data
            at += len(data)
        return at

    def recv(self, size):
        if not self.answers:
            raise OSError(_EAGAIN)
        return self.answers.pop(0)

    def send(self, data):
        self.sent.append(bytes(data))

    def setsockopt(self, level, option, value):
        """Whatever is wished."""

    def close(self):
        self.is_closed = True


class Logging(unittest.TestCase):
    def setUp(self):
        self.socket = Socket()
        linux_log.netlink_socket = lambda: self.socket
        self.log = PacketLog(300, bytearray(700))
        self.idents = []
        self.ends = []

    def tearDown(self):
        linux_log.netlink_socket = _NETLINK_SOCKET

    def frame(self, link_type, buf, start, end):
        """What a Watcher does with a frame."""
        assert link_type == 239
        whole = attributes_until(buf, start, end)
        self.idents.append(whole[4] << 8 | whole[5] if len(whole) > 5 else -1)
        self.ends.append(end)

    def listed(self, link_type, buf, start, end):
        """And with one to an address on the blocklist."""
        self.frame(link_type, buf, start, end)
        self.idents[-1] = -self.idents[-1]

    def read(self, *waiting):
        self.socket.waiting = list(waiting)
        self.idents = []
        found = self.log.read(self)
        self.assertEqual(found, len(self.idents))
        return self.idents


def attributes_until(buf, start, end):
    """Return what there is of the logged packet, whose attribute is the last one."""
    at = start + 4
    while end - at >= 4:
        size, kind = struct.unpack_from("@HH", buf, at)
        if kind == 9:
            return bytes(buf[at + 4 : end])
        if size < 4:
            break
        at += (size + 3) & ~3
    return b""


def packets(*numbers):
    return b"".join([log_message(ipv4(number), _MAC, number) for number in numbers])


class Walking(Logging):
    def test_every_packet_is_handed_on_in_order(self):
        self.assertEqual(self.read(packets(1)), [1])
        self.assertEqual(self.read(packets(2, 3), packets(4)), [2, 3, 4])
        self.assertEqual(self.read(packets(5, 6) + _DONE, packets(7) + _DONE), [5, 6, 7])
        self.assertEqual((self.log.packets, self.log.reads, self.log.cut, self.log.lost), (7, 3, 0, 0))

    def test_what_the_list_turned_away_is_told_apart_by_its_prefix(self):
        told = [log_message(ipv4(1), _MAC, 1, prefix=b""), log_message(ipv4(2), _MAC, 2, prefix=b"L")]
        told += [log_message(ipv4(3), _MAC, 3), log_message(ipv4(4), None, 4, prefix=b"L")]
        self.assertEqual(self.read(b"".join(told)), [1, -2, 3, -4])

    def test_nothing_waiting_is_nothing(self):
        self.assertEqual(self.read(), [])
        self.socket.readinto = lambda buf: None
        self.assertEqual((self.log.read(self), self.log.reads), (0, 0))
        self.socket.readinto = lambda buf: 0
        self.assertEqual((self.log.read(self), self.log.reads), (0, 0))

    def test_messages_of_another_kind_are_stepped_over(self):
        other = message(4 << 8 | 1, packets(9))
        self.assertEqual(self.read(error(0) + packets(1) + _DONE + other + error(2) + packets(2)), [1, 2])
        self.assertEqual((self.log.packets, self.log.lost), (2, 0))

    def test_messages_are_padded_to_four(self):
        for size in (40, 41, 42, 43):
            data = b"".join([log_message(ipv4(number, size), _MAC, number) for number in (1, 2)])
            self.assertEqual(self.read(data), [1, 2])

    def test_packets_may_be_large(self):
        self.log.buf = bytearray(9000)
        data = b"".join([log_message(ipv4(number, 1500 + number), _MAC, number) for number in range(1, 6)])
        self.assertEqual(self.read(data), [1, 2, 3, 4, 5])
        self.log.buf = bytearray(80000)
        self.assertEqual(self.read(message(1, bytes(70000)) + packets(6)), [6])

    def test_lengths_that_lie_end_the_read_and_not_the_log(self):
        for size in (0, 1, 15):
            self.assertEqual(self.read(packets(1) + message(4 << 8, ipv4(2), size) + packets(3)), [1])
        self.assertEqual(self.read(packets(4)), [4])

    def test_a_length_beyond_the_end_is_a_cut(self):
        for size in (0xFFFF, 0xFFFFFF):
            self.assertEqual(self.read(packets(1) + message(4 << 8, bytes(40), size)), [1, -1])
        self.assertEqual(self.log.cut, 2)


class Cut(Logging):
    def test_what_came_of_the_last_packet_is_read(self):
        whole = packets(1, 2, 3, 4, 5, 6)
        self.assertTrue(len(whole) > 700)
        idents = self.read(whole)
        count = len(idents)
        self.assertEqual(idents[: count - 1], list(range(1, count)))
        self.assertEqual((self.log.cut, self.ends[-1]), (1, 700))

    def test_a_read_may_end_anywhere(self):
        two = packets(1, 2)
        for size in range(len(two)):
            self.setUp()
            self.log.buf = bytearray(size)
            idents = self.read(two)
            self.assertTrue(idents[:1] in ([], [1], [-1]), size)
            self.assertTrue(self.ends == [] or self.ends[-1] <= size)
            self.assertEqual(self.log.lost, 0)

    def test_after_a_cut_the_next_read_goes_on(self):
        self.read(packets(1, 2, 3, 4, 5, 6, 7, 8))
        self.assertEqual(self.read(packets(9)), [9])


class Lost(Logging):
    def test_a_hole_in_the_numbers_is_counted(self):
        self.read(packets(10, 11))
        self.assertEqual(self.log.lost, 0)
        self.read(packets(15))
        self.assertEqual(self.log.lost, 3)
        self.read(packets(16, 17, 20))
        self.assertEqual(self.log.lost, 5)

    def test_what_was_lost_before_we_came_is_not_ours(self):
        self.read(packets(0xFFFF0))
        self.assertEqual(self.log.lost, 0)

    def test_what_a_cut_read_drops_is_counted(self):
        """Of eight packets some did not fit the buffer; the next one's number tells how many."""
        count = len(self.read(packets(1, 2, 3, 4, 5, 6, 7, 8)))
        self.read(packets(9))
        self.assertEqual(self.log.lost, 8 - count)
        self.assertTrue(0 < self.log.lost < 8)

    def test_a_number_that_was_cut_off_is_no_loss(self):
        """Whatever was read of the last packet, the next one follows it."""
        first = len(packets(1))
        for size in range(first + 16, 2 * first):
            self.setUp()
            self.log.buf = bytearray(size)
            self.assertEqual(len(self.read(packets(1, 2))), 2)
            self.log.buf = bytearray(700)
            self.read(packets(3, 4))
            self.assertEqual(self.log.lost, 0, size)

    def test_every_byte_of_a_number_counts(self):
        self.read(packets(0x120FFE, 0x120FFF))
        self.read(packets(0x121000))
        self.assertEqual(self.log.lost, 0)
        self.read(packets(0x131000))
        self.assertEqual(self.log.lost, 0xFFFF)

    def test_the_numbers_wrap(self):
        self.read(packets(0xFFFFFE, 0xFFFFFF))
        self.read(packets(0, 1))
        self.assertEqual(self.log.lost, 0)
        self.read(packets(4))
        self.assertEqual(self.log.lost, 2)

    def test_packets_without_a_number_are_not_counted(self):
        plain = log_message(ipv4(1), _MAC)
        self.read(plain)
        self.read(packets(5) + plain)
        self.assertEqual((self.log.packets, self.log.lost), (3, 0))


class Starting(Logging):
    def test_it_asks_for_the_group(self):
        self.assertEqual(self.log.start(), 0)
        orders = [messages(data)[0] for data in self.socket.sent]
        self.assertEqual([order[3][:4] for order in orders], [b"\0\0\1\x2c"] * 2)
        self.assertEqual(attributes(orders[0][3][4:]), {1: b"\1"})
        self.assertEqual(attributes(orders[1][3][4:])[6], b"\0\1", "the packets are not numbered")

    def test_a_refusal_is_told(self):
        for answers, found in (([error(_EPERM)], _EPERM), ([error(0), error(_EBUSY)], _EBUSY), ([], 0)):
            self.socket.answers = answers
            self.assertEqual(self.log.start(), found)

    def test_a_packet_in_the_place_of_an_answer_is_no_refusal(self):
        self.socket.answers = [error(0), packets(1)]
        self.assertEqual(self.log.start(), 0)

    def test_it_is_closed(self):
        self.log.close()
        self.assertTrue(self.socket.is_closed)


class Hostile(Logging):
    def test_attributes_that_lie_hide_the_number_only(self):
        for size in (0, 3, 5, 0xFFFF):
            body = b"\2\0\0\x19" + attribute(1, bytes(4), size) + attribute(9, ipv4(1))
            self.assertEqual(len(self.read(message(4 << 8, body))), 1)
        self.assertEqual(self.log.lost, 0)


if __name__ == "__main__":
    unittest.main()
