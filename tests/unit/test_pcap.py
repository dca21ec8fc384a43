"""Classic pcap files, and the choice of a reader by the first bytes of a file."""

import array
import struct
import unittest

from spamgate.core.compat import LATER_S
from spamgate.wire.capture import open_capture
from spamgate.wire.cursor import FormError
from spamgate.wire.pcap import LATEST_S, PcapReader
from spamgate.wire.pcapng import PcapngReader

MICROS = 0xA1B2C3D4
NANOS = 0xA1B23C4D
FRAME = bytes(range(60))


def file_header(order="<", magic=MICROS, link_type=1, major=2):
    return struct.pack(order + "IHHiIII", magic, major, 4, 0, 0, 262144, link_type)


def record(order, seconds, fraction, frame, wire_bytes=None, captured=None):
    head = struct.pack(
        order + "IIII",
        seconds,
        fraction,
        len(frame) if captured is None else captured,
        len(frame) if wire_bytes is None else wire_bytes,
    )
    return head + frame


def opened(data):
    """Return a reader that has taken the file header, and the offset behind it."""
    reader = open_capture(data, 0, len(data))
    return reader, reader.next(data, 0, len(data))


class ReadingRecords(unittest.TestCase):
    def test_both_byte_orders_and_both_resolutions_are_read(self):
        for order in "<>":
            for magic, fraction in ((MICROS, 123456), (NANOS, 123456789)):
                with self.subTest(order=order, magic=magic):
                    data = file_header(order, magic, 113) + record(order, 1290000000, fraction, FRAME, 1514)
                    reader, at = opened(data)
                    self.assertEqual((at, reader.packet, reader.link_type), (24, False, 113))
                    self.assertEqual(reader.next(data, at, len(data)), 76)
                    self.assertTrue(reader.packet)
                    self.assertEqual(data[reader.packet_at : reader.packet_end], FRAME)
                    self.assertEqual((reader.seconds, reader.micros), (1290000000 - LATER_S, 123456))
                    self.assertEqual((reader.wire_bytes, reader.to_skip), (1514, 0))

    def test_every_second_that_fits_is_read(self):
        for seconds in (0, 1, LATER_S - 1, LATER_S, 0x7FFFFFFF, 0x80000000, 0xBFFFFFFE, 0xBFFFFFFF):
            with self.subTest(seconds=seconds):
                self.assertEqual(self.read_seconds(seconds), seconds - LATER_S)

    def test_a_later_time_is_read_as_the_latest_that_others_can_keep(self):
        for seconds, micros in ((0xC0000000, 0), (0xFFFFFFFF, 0), (0xBFFFFFFF, 4000000000)):
            self.assertEqual(self.read_seconds(seconds, micros), LATEST_S)
        array.array("i", [LATEST_S])

    def read_seconds(self, seconds, micros=0):
        data = file_header(">") + record(">", seconds, micros, FRAME)
        reader, at = opened(data)
        reader.next(data, at, len(data))
        return reader.seconds

    def test_micros_of_a_second_or_more_are_carried(self):
        for magic, fraction in ((MICROS, 2500000), (NANOS, 2500000000)):
            data = file_header("<", magic) + record("<", 1290000000, fraction, FRAME)
            reader, at = opened(data)
            reader.next(data, at, len(data))
            self.assertEqual((reader.seconds, reader.micros), (1290000002 - LATER_S, 500000))

    def test_check_sum_bits_beside_the_link_type_are_left_out(self):
        reader, _ = opened(file_header("<", MICROS, 0x24000001))
        self.assertEqual(reader.link_type, 1)
        reader, _ = opened(file_header(">", MICROS, 276))
        self.assertEqual(reader.link_type, 276)

    def test_link_type_0_is_one(self):
        data = file_header("<", MICROS, 0) + record("<", 0, 0, FRAME) * 2
        reader, at = opened(data)
        self.assertEqual((at, reader.link_type), (24, 0))
        at += reader.next(data, at, len(data))
        self.assertEqual(at + reader.next(data, at, len(data)), len(data))

    def test_large_lengths_are_read(self):
        for order in "<>":
            data = file_header(order) + record(order, 0, 0, b"", 0x012345, captured=70000)
            reader, at = opened(data)
            self.assertEqual((reader.next(data, at, len(data)), reader.wanted), (0, 70016))
            self.assertEqual(reader.next_cut(data, at, len(data)), 16)
            self.assertEqual((reader.wire_bytes, reader.to_skip), (0x012345, 70000))

    def test_an_absurd_original_length_is_capped(self):
        data = file_header() + record("<", 0, 0, FRAME, 0xFFFFFFFF)
        reader, at = opened(data)
        self.assertEqual(reader.next(data, at, len(data)), 76)
        self.assertEqual(reader.wire_bytes, 0xFFFFFF)

    def test_an_absurd_captured_length_is_refused(self):
        for captured in (0x1000000, 0x80000000, 0xFFFFFFFF):
            data = file_header() + record("<", 0, 0, FRAME, captured=captured)
            reader, at = opened(data)
            with self.assertRaises(FormError):
                reader.next(data, at, len(data))

    def test_an_empty_packet_is_a_packet(self):
        data = file_header() + record("<", 0, 0, b"")
        reader, at = opened(data)
        self.assertEqual(reader.next(data, at, len(data)), 16)
        self.assertTrue(reader.packet)
        self.assertEqual(reader.packet_at, reader.packet_end)

    def test_other_versions_are_refused(self):
        for major in (1, 3, 0x0102):
            for order in "<>":
                with self.assertRaises(FormError):
                    opened(file_header(order, major=major))


class ShortOfBytes(unittest.TestCase):
    def test_at_every_cut_the_reader_says_what_it_wants(self):
        head = file_header()
        data = head + record("<", 1290000000, 7, FRAME)
        for cut in range(len(head), len(data)):
            reader, at = opened(data[:cut])
            self.assertEqual(reader.next(data, at, cut), 0)
            self.assertFalse(reader.packet)
            self.assertEqual(reader.wanted, 16 if cut < 40 else 76)
            self.assertEqual(reader.next(data, at, len(data)), 76)
            self.assertEqual(reader.micros, 7)

    def test_records_are_found_anywhere_in_the_callers_buffer(self):
        lent = bytearray(200)
        one = record("<", 1290000000, 1, FRAME)
        reader, _ = opened(file_header())
        lent[77 : 77 + len(one)] = one
        self.assertEqual(reader.next(lent, 77, 200), 76)
        self.assertEqual((reader.packet_at, reader.packet_end), (93, 153))

    def test_a_record_too_large_for_the_window_is_delivered_cut(self):
        data = file_header() + record("<", 1290000000, 7, FRAME)
        reader, at = opened(data)
        self.assertEqual(reader.next_cut(data, at, at + 15), 0)
        self.assertEqual(reader.next_cut(data, at, at + 30), 30)
        self.assertTrue(reader.packet)
        self.assertEqual(data[reader.packet_at : reader.packet_end], FRAME[:14])
        self.assertEqual((reader.wire_bytes, reader.to_skip), (60, 46))
        self.assertEqual(reader.next_cut(data, at, len(data)), 76)
        self.assertEqual((reader.packet_end, reader.to_skip), (len(data), 0))

    def test_a_window_outside_the_buffer_is_refused(self):
        reader = PcapReader()
        for start, end in ((0, 25), (-1, 24), (3, 2)):
            with self.assertRaises(FormError):
                reader.next(bytes(24), start, end)


class ChoosingAReader(unittest.TestCase):
    def test_the_magic_decides(self):
        for order in "<>":
            for magic in (MICROS, NANOS):
                data = file_header(order, magic)
                self.assertIsInstance(open_capture(data, 0, 24), PcapReader)
        section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
        self.assertIsInstance(open_capture(section, 0, 28), PcapngReader)

    def test_what_is_no_capture_is_named(self):
        foreign = (
            (b"", "is empty"),
            (b"\x1f\x8b\x08" + bytes(30), "gzip"),
            (b"\x28\xb5\x2f\xfd" + bytes(30), "zstd"),
            (b"snoop\x00\x00\x00" + bytes(30), "snoop"),
            (b"\x34\xcd\xb2\xa1" + bytes(30), "modified pcap"),
            (b"#!/bin/sh\n" + bytes(30), "neither pcap nor pcapng"),
            (b"\x0a\x0d", "neither pcap nor pcapng"),
        )
        for data, words in foreign:
            with self.subTest(words=words):
                with self.assertRaises(FormError) as caught:
                    open_capture(data, 0, len(data))
                self.assertIn(words, str(caught.exception))

    def test_a_file_that_ends_in_its_header_is_named(self):
        head = file_header()
        for cut in range(4, 24):
            with self.assertRaises(FormError) as caught:
                open_capture(head, 0, cut)
            self.assertIn("ends within the file header", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
