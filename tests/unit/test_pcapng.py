"""pcapng: sections, interfaces, the three kinds of packet blocks, and their clocks."""

import struct
import unittest

from spamgate.core.compat import LATER_S
from spamgate.wire.capture import open_capture
from spamgate.wire.cursor import FormError
from spamgate.wire.pcap import LATEST_S

FRAME = bytes(range(61))  # not a multiple of four: blocks are padded
TIME_US = 1290000000123456


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def section(order, major=1):
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, major, 0, -1))


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(order, link_type, options=b"", cut_bytes=0):
    return block(order, 1, struct.pack(order + "HHI", link_type, 0, cut_bytes) + options)


def packet(order, number, ticks, frame=FRAME, wire_bytes=1514, captured=None):
    captured = len(frame) if captured is None else captured
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, captured, wire_bytes)
    return block(order, 6, head + frame)


def packets(data):
    """Return (link type, seconds, micros, frame, wire bytes) of each packet of a whole file."""
    reader = open_capture(data, 0, len(data))
    found = []
    at = 0
    while at < len(data):
        size = reader.next(data, at, len(data))
        if size == 0:
            raise ValueError("cut short")
        at += size
        if reader.packet:
            frame = bytes(data[reader.packet_at : reader.packet_end])
            found.append(
                (reader.link_type, reader.seconds + LATER_S, reader.micros, frame, reader.wire_bytes)
            )
    return found


class ReadingBlocks(unittest.TestCase):
    def test_both_byte_orders_are_read(self):
        for order in "<>":
            data = section(order) + interface(order, 276) + packet(order, 0, TIME_US)
            self.assertEqual(packets(data), [(276, 1290000000, 123456, FRAME, 1514)])

    def test_a_new_section_brings_its_own_order_and_interfaces(self):
        data = section("<") + interface("<", 1) + interface("<", 101) + packet("<", 1, TIME_US)
        data += section(">") + interface(">", 276) + packet(">", 0, TIME_US + 1)
        found = packets(data)
        self.assertEqual([one[0] for one in found], [101, 276])
        self.assertEqual([one[2] for one in found], [123456, 123457])
        with self.assertRaises(FormError):
            packets(data + packet(">", 1, TIME_US))

    def test_interfaces_keep_their_link_type_and_clock(self):
        data = section("<") + interface("<", 1) + interface("<", 101, option("<", 9, b"\x09"))
        data += packet("<", 1, TIME_US * 1000 + 999) + packet("<", 0, TIME_US)
        want = (1290000000, 123456, FRAME, 1514)
        self.assertEqual(packets(data), [(101,) + want, (1,) + want])

    def test_unknown_blocks_are_skipped(self):
        data = section(">") + block(">", 4, b"names") + interface(">", 1)
        data += block(">", 0x80000006, b"private") + block(">", 0x106, b"")
        data += block(">", 0x00010006, b"")
        for almost_a_section in (0x0A0D0D0B, 0x0A0D000A, 0x0A000D0A, 0x000D0D0A):
            data += block(">", almost_a_section, bytes(16))
        data += packet(">", 0, TIME_US) + block(">", 5, bytes(12))
        self.assertEqual(len(packets(data)), 1)

    def test_a_simple_packet_has_the_first_interface_and_the_time_before(self):
        simple = block("<", 3, struct.pack("<I", 61) + FRAME)
        data = section("<") + interface("<", 229) + packet("<", 0, TIME_US) + simple
        self.assertEqual(packets(data)[1], (229, 1290000000, 123456, FRAME, 61))

    def test_a_simple_packet_is_cut_by_the_interface(self):
        simple = block(">", 3, struct.pack(">I", 1514) + FRAME)
        found = packets(section(">") + interface(">", 1, b"", 61) + simple)
        self.assertEqual((found[0][3], found[0][4]), (FRAME, 1514))
        for no_limit in (0, 0x1000000, 0xFFFFFFFF):
            simple = block(">", 3, struct.pack(">I", 61) + FRAME)
            found = packets(section(">") + interface(">", 1, b"", no_limit) + simple)
            self.assertEqual((found[0][3], found[0][4]), (FRAME, 61))

    def test_the_obsolete_packet_block_is_read(self):
        for order in "<>":
            head = struct.pack(order + "HHIIII", 1, 0xFFFF, TIME_US >> 32, TIME_US & 0xFFFFFFFF, 61, 1514)
            data = section(order) + interface(order, 1) + interface(order, 12)
            data += block(order, 2, head + FRAME)
            self.assertEqual(packets(data), [(12, 1290000000, 123456, FRAME, 1514)])


class Clocks(unittest.TestCase):
    def timed(self, options, ticks, order="<"):
        data = section(order) + interface(order, 1, options) + packet(order, 0, ticks)
        return packets(data)[0][1:3]

    def test_any_resolution_gives_the_time(self):
        whole = 1290000000
        cases = (
            (0, whole, 0),
            (3, whole * 1000 + 123, 123000),
            (6, TIME_US, 123456),
            (7, TIME_US * 10 + 9, 123456),
            (9, TIME_US * 1000 + 999, 123456),
            (0x80, whole, 0),
            (0x80 | 1, whole * 2 + 1, 500000),
            (0x80 | 20, (whole << 20) + (1 << 18), 250000),
            (0x80 | 30, (whole << 30) + (1 << 30) - 1, 999999),
        )
        for unit, ticks, micros in cases:
            for order in "<>":
                with self.subTest(unit=unit, order=order):
                    found = self.timed(option(order, 9, bytes([unit])), ticks, order)
                    self.assertEqual(found, (whole, micros))

    def test_every_second_that_fits_is_read(self):
        for seconds in (0, 1, LATER_S - 1, LATER_S, LATER_S + 1, 0x7FFFFFFF, 0x80000000, LATER_S + LATEST_S):
            for micros in (0, 1, 999999):
                self.assertEqual(self.timed(b"", seconds * 1000000 + micros), (seconds, micros))
                nanos = (seconds * 1000000 + micros) * 1000
                self.assertEqual(self.timed(option("<", 9, b"\x09"), nanos), (seconds, micros))

    def test_a_time_that_others_cannot_keep_is_clamped(self):
        self.assertEqual(self.timed(b"", (1 << 64) - 1)[0], LATER_S + LATEST_S)
        self.assertEqual(self.timed(option("<", 9, b"\x00"), (1 << 64) - 1)[0], LATER_S + LATEST_S)
        back = option("<", 14, struct.pack("<q", -2000000000))
        self.assertEqual(self.timed(back, TIME_US), (0, 123456))

    def test_the_offset_of_an_interface_is_added(self):
        for order in "<>":
            for offset in (3600, -3600):
                options = option(order, 2, b"eth0") + option(order, 14, struct.pack(order + "q", offset))
                found = self.timed(options + option(order, 0, b""), TIME_US, order)
                self.assertEqual(found, (1290000000 + offset, 123456))

    def test_other_options_and_false_sizes_say_nothing(self):
        options = option("<", 9, b"\x00\x00") + option("<", 14, b"\x01\x00\x00\x00")
        options += option("<", 2, b"enp0s3f1") + option("<", 11, b"\x03")
        self.assertEqual(self.timed(options, TIME_US), (1290000000, 123456))

    def test_nothing_behind_the_end_of_options_counts(self):
        options = option("<", 0, b"") + option("<", 9, b"\x00")
        self.assertEqual(self.timed(options, TIME_US), (1290000000, 123456))


class BadBlocks(unittest.TestCase):
    def refused(self, data, words):
        with self.assertRaises(FormError) as caught:
            packets(data)
        self.assertIn(words, str(caught.exception))

    def test_each_fault_has_its_words(self):
        good = section("<") + interface("<", 1)
        self.refused(section("<", 2), "version 2")
        for order in "<>":
            for place in range(8, 12):
                data = bytearray(section(order))
                data[place] ^= 1
                self.refused(data, "byte order")
        self.refused(good + packet("<", 1, 0), "unknown interface 1")
        self.refused(good + packet("<", 0x1000000, 0), "16 MiB")
        self.refused(good + block("<", 3, b""), "cut short")
        self.refused(good + packet("<", 0, 0, FRAME, 61, 65), "cut short")
        self.refused(section("<") + block("<", 1, bytes(4)), "cut short")
        self.refused(section("<") + interface("<", 1, b"\x09\x00\x05\x00\x06"), "cut short")
        self.refused(section("<") + interface("<", 1) * 33, "more than 32 interfaces")
        self.refused(section("<") + block("<", 3, bytes(8)), "unknown interface 0")

    def test_block_lengths_must_be_credible_and_agree(self):
        good = section("<") + interface("<", 1)
        for size, words in ((0, "block of"), (8, "block of"), (13, "block of"), (0x1000000, "16 MiB")):
            self.refused(good + struct.pack("<II", 6, size) + bytes(20), words)
        data = bytearray(good + packet("<", 0, 0))
        data[-4] += 4
        self.refused(data, "lengths differ")

    def test_a_file_must_begin_with_a_section(self):
        reader = open_capture(section("<"), 0, 28)
        with self.assertRaises(FormError):
            reader.next(interface("<", 1), 0, 20)


class ShortOfBytes(unittest.TestCase):
    def test_at_every_cut_the_reader_says_what_it_wants(self):
        for order in "<>":
            before = section(order) + interface(order, 1)
            last = packet(order, 0, TIME_US)
            for cut in range(len(last)):
                data = before + last[:cut]
                reader = open_capture(data, 0, len(data))
                at = reader.next(data, 0, len(data))
                at += reader.next(data, at, len(data))
                self.assertEqual(reader.next(data, at, len(data)), 0)
                self.assertEqual(reader.wanted, len(last) if cut >= 12 else 12)
                whole = before + last
                self.assertEqual(reader.next(whole, at, len(whole)), len(last))
                self.assertEqual(reader.micros, 123456)

    def test_a_packet_too_large_for_the_window_is_delivered_cut(self):
        before = section("<") + interface("<", 1)
        data = before + packet("<", 0, TIME_US)
        size = len(data) - len(before)
        for here in range(size):
            reader = open_capture(data, 0, len(data))
            at = reader.next(data, 0, len(data))
            at += reader.next(data, at, len(data))
            taken = reader.next_cut(data, at, at + here)
            self.assertEqual(taken, here if here >= 28 else 0)
            if taken:
                self.assertEqual(data[reader.packet_at : reader.packet_end], FRAME[: here - 28])
                self.assertEqual(reader.to_skip, size - here)

    def test_other_large_blocks_are_cut_too(self):
        data = section("<") + block("<", 10, bytes(100))  # TLS secrets
        reader = open_capture(data, 0, len(data))
        at = reader.next(data, 0, len(data))
        self.assertEqual(reader.next_cut(data, at, at + 50), 50)
        self.assertEqual((reader.packet, reader.to_skip), (False, 62))

    def test_a_cut_interface_keeps_the_options_that_are_there(self):
        options = option("<", 9, b"\x09") + option("<", 3, bytes(200))
        data = section("<") + interface("<", 1, options)
        reader = open_capture(data, 0, len(data))
        at = reader.next(data, 0, len(data))
        taken = reader.next_cut(data, at, at + 60)
        self.assertEqual(taken + reader.to_skip, len(data) - at)
        one = packet("<", 0, TIME_US * 1000)
        self.assertEqual(reader.next(one, 0, len(one)), len(one))
        self.assertEqual((reader.seconds, reader.micros), (1290000000 - LATER_S, 123456))


if __name__ == "__main__":
    unittest.main()
