"""TCP segments: each byte once and in order, and when a hole is given up."""

import unittest

from fakes.mail_wire import ACK, CLIENT, FIN, SERVER, StreamLog, Wire

from spamgate.wire.holes import HoldPool
from spamgate.wire.streams import StreamTable


def play(packets, slots=4, **named):
    """Feed packets and return what was told."""
    log = StreamLog()
    table = StreamTable(log, slots, **named)
    for packet in packets:
        table.feed(packet)
    return log


class Order(unittest.TestCase):
    def test_each_byte_once(self):
        wire = Wire()
        parts = [
            (0, b"HELO "),
            (0, b"HELO "),
            (0, b"HELO mail"),
            (5, b"mail"),
            (2, b"LO"),
            (9, b"\r\n"),
            (7, b"il\r\nQ"),
        ]
        log = play(wire.open() + [wire.send(CLIENT, at, text) for at, text in parts])
        self.assertEqual(log.heard(CLIENT), b"HELO mail\r\nQ")

    def test_every_order_of_four_segments(self):
        wire = Wire()
        parts = [wire.send(CLIENT, 3 * place, text) for place, text in enumerate((b"abc", b"def", b"ghi", b"jk"))]
        for order in permutations(parts):
            log = play(wire.open() + order)
            self.assertEqual(log.heard(CLIENT), b"abcdefghijk")

    def test_every_order_with_overlaps_and_the_end(self):
        wire = Wire()
        parts = [
            wire.send(CLIENT, 0, b"abcde"),
            wire.send(CLIENT, 3, b"defgh"),
            wire.send(CLIENT, 2, b"cdefghij"),
            wire.send(CLIENT, 10, b"k", FIN | ACK),
        ]
        for order in permutations(parts):
            log = play(wire.open() + [wire.send(SERVER, 0, b"", FIN | ACK)] + order)
            self.assertEqual(log.heard(CLIENT), b"abcdefghijk")
            self.assertEqual(log.events[-1], ("closed", 0))

    def test_sequence_numbers_wrap(self):
        for isn in (0xFFFFFFF, 0xFFFFFFD, 0xFFFFFF0):
            wire = Wire(isn=(isn, isn))
            text = bytes(range(65, 90))
            parts = [wire.send(CLIENT, at, text[at : at + 5]) for at in (5, 0, 10, 20, 15)]
            self.assertEqual(play(wire.open() + parts).heard(CLIENT), text)

    def test_a_held_segment_seen_twice_is_held_once(self):
        wire = Wire()
        log = StreamLog()
        table = StreamTable(log, 2, pool=HoldPool(2, 100))
        for packet in wire.open() + [wire.send(CLIENT, 3, b"def")] * 5 + [wire.send(CLIENT, 6, b"ghi")]:
            table.feed(packet)
        self.assertEqual(log.heard(CLIENT), b"")
        table.feed(wire.send(CLIENT, 0, b"abc"))
        self.assertEqual(log.heard(CLIENT), b"abcdefghi")

    def test_a_frame_of_125_kilobytes(self):
        class Sizes(StreamLog):
            def data(self, slot, side, buf, start, end):
                self.events.append(end - start)

        wire = Wire()
        large = wire.send(CLIENT, 0, b"")
        large.data = bytearray(125000)
        large.payload_at = 0
        large.payload_end = 125000
        log = Sizes()
        table = StreamTable(log, 2)
        for packet in wire.open() + [large, large, wire.send(CLIENT, 125000, b".")]:
            table.feed(packet)
        self.assertEqual(log.events[2:], [125000, 1])

    def test_bytes_that_the_capture_cut_off_are_a_gap(self):
        wire = Wire()
        log = play(wire.open() + [wire.send(CLIENT, 0, b"abc", missing=7), wire.send(CLIENT, 10, b"k")])
        self.assertEqual(log.events[2:], [("data", 0, 0, b"abc"), ("gap", 0, 0, 7), ("data", 0, 0, b"k")])

    def test_cut_bytes_sent_again_count_once(self):
        wire = Wire()
        twice = [wire.send(CLIENT, 0, b"abc", missing=7)] * 2 + [wire.send(CLIENT, 2, b"c", missing=8)]
        log = play(wire.open() + twice + [wire.send(CLIENT, 11, b"l")])
        self.assertEqual(
            log.events[2:], [("data", 0, 0, b"abc"), ("gap", 0, 0, 7), ("gap", 0, 0, 1), ("data", 0, 0, b"l")]
        )

    def test_a_cut_segment_is_held_with_what_it_lacks(self):
        wire = Wire()
        log = play(wire.open() + [wire.send(CLIENT, 3, b"de", missing=4), wire.send(CLIENT, 0, b"abc")])
        self.assertEqual(log.events[2:], [("data", 0, 0, b"abcde"), ("gap", 0, 0, 4)])

    def test_a_cut_segment_is_held_and_partly_filled(self):
        wire = Wire()
        for length in range(3, 12):
            log = play(
                wire.open() + [wire.send(CLIENT, 3, b"de", missing=4), wire.send(CLIENT, 0, b"abcdefghijkl"[:length])]
            )
            gap = sum([event[3] for event in log.events if event[0] == "gap"])
            said = log.heard(CLIENT).replace(b"?", b"")
            self.assertEqual((said, len(said) + gap), (b"abcdefghijkl"[: max(length, 5)], max(length, 9)))


class Holes(unittest.TestCase):
    def test_acknowledged_holes_are_gaps_before_the_server_is_heard(self):
        wire = Wire()
        log = play(wire.open() + [wire.send(CLIENT, 5, b"late"), wire.send(SERVER, 0, b"250", acked=9)])
        self.assertEqual(log.events[2:], [("gap", 0, 0, 5), ("data", 0, 0, b"late"), ("data", 0, 1, b"250")])

    def test_an_acknowledgement_within_the_hole_settles_nothing(self):
        wire = Wire()
        log = play(wire.open() + [wire.send(CLIENT, 5, b"fgh"), wire.send(SERVER, 0, b"", acked=3)])
        self.assertEqual(log.events[2:], [])

    def test_what_was_acknowledged_before_is_not_awaited(self):
        wire = Wire()
        log = play(wire.open() + [wire.send(SERVER, 0, b"", acked=5), wire.send(CLIENT, 5, b"fgh")])
        self.assertEqual(log.events[2:], [("gap", 0, 0, 5), ("data", 0, 0, b"fgh")])

    def test_only_the_first_hole_is_given_up_when_only_it_is_acknowledged(self):
        wire = Wire()
        packets = [wire.send(CLIENT, 2, b"c"), wire.send(CLIENT, 5, b"f"), wire.send(SERVER, 0, b"", acked=3)]
        log = play(wire.open() + packets + [wire.send(CLIENT, 3, b"de")])
        self.assertEqual(log.heard(CLIENT), b"?cdef")

    def test_too_many_packets_pass(self):
        wire = Wire()
        other = Wire(port=50001)
        packets = other.open() + [wire.send(CLIENT, 3, b"def")]
        log = play(wire.open() + packets + [other.send(CLIENT, 0, b"")] * 300)
        self.assertEqual(log.heard(CLIENT), b"?def")

    def test_too_much_time_passes(self):
        wire = Wire()
        log = StreamLog()
        table = StreamTable(log, 2)
        table.tick(100)
        for packet in wire.open() + [wire.send(CLIENT, 3, b"def")]:
            table.feed(packet)
        table.tick(105)
        self.assertEqual(log.heard(CLIENT), b"")
        table.tick(120)
        self.assertEqual(log.heard(CLIENT), b"?def")

    def test_the_oldest_hole_gives_way_when_the_pool_is_full(self):
        wire = Wire()
        other = Wire(port=50001)
        packets = [wire.send(CLIENT, 2, b"c"), other.send(CLIENT, 2, b"c"), other.send(CLIENT, 5, b"f")]
        log = play(wire.open() + other.open() + packets, pool=HoldPool(2, 10))
        self.assertEqual((log.heard(CLIENT, 0), log.heard(CLIENT, 1)), (b"?c", b""))

    def test_the_only_connection_gives_up_its_own_hole_when_the_pool_is_full(self):
        wire = Wire()
        parts = [wire.send(CLIENT, at, b"x") for at in (2, 4, 6, 8)]
        log = play(wire.open() + parts, pool=HoldPool(3, 10))
        self.assertEqual(log.heard(CLIENT), b"?x")

    def test_a_segment_that_fits_no_cell_is_not_held(self):
        wire = Wire()
        log = play(wire.open() + [wire.send(CLIENT, 2, b"0123456789ab")], pool=HoldPool(3, 10))
        self.assertEqual(log.events[2:], [("gap", 0, 0, 2), ("data", 0, 0, b"0123456789ab")])

    def test_a_segment_that_just_fits_is_held(self):
        wire = Wire()
        log = play(wire.open() + [wire.send(CLIENT, 2, b"0123456789")], pool=HoldPool(3, 10))
        self.assertEqual(log.events[2:], [])

    def test_what_is_held_before_a_segment_that_fits_no_cell(self):
        wire = Wire()
        packets = [wire.send(CLIENT, 2, b"c"), wire.send(CLIENT, 5, b"f"), wire.send(CLIENT, 8, bytes(12))]
        log = play(wire.open() + packets, pool=HoldPool(3, 10))
        self.assertEqual(log.heard(CLIENT), b"?c?f?" + bytes(12))

    def test_a_pool_of_one(self):
        wire = Wire()
        packets = [wire.send(CLIENT, 3, b"d", FIN | ACK, missing=2), wire.send(CLIENT, 0, b"abc")]
        log = play(wire.open() + packets + [wire.send(SERVER, 0, b"", FIN | ACK)], pool=HoldPool(1, 10))
        self.assertEqual(log.events[2:], [("data", 0, 0, b"abcd"), ("gap", 0, 0, 2), ("closed", 0)])

    def test_gaps_are_told_of_their_connection(self):
        wire = Wire(port=50001)
        packets = [
            wire.send(CLIENT, 0, b"a", missing=2),
            wire.send(CLIENT, 9, b"j"),
            wire.send(SERVER, 0, b"", acked=9),
        ]
        log = play(Wire().open() + wire.open() + packets)
        self.assertEqual(
            log.events[4:], [("data", 1, 0, b"a"), ("gap", 1, 0, 2), ("gap", 1, 0, 6), ("data", 1, 0, b"j")]
        )

    def test_far_ahead_is_not_believed_unless_acknowledged(self):
        wire = Wire()
        far = wire.send(CLIENT, 0x500000, b"far")
        log = play(wire.open() + [far, wire.send(CLIENT, 0, b"abc")])
        self.assertEqual(log.heard(CLIENT), b"abc")
        log = play(wire.open() + [wire.send(SERVER, 0, b"", acked=0x500000), far])
        self.assertEqual(log.events[2:], [("gap", 0, 0, 0x500000), ("data", 0, 0, b"far")])

    def test_what_is_held_counts_at_the_end(self):
        wire = Wire()
        log = StreamLog()
        table = StreamTable(log, 2)
        for packet in wire.open() + [wire.send(CLIENT, 3, b"def"), wire.send(SERVER, 1, b"50")]:
            table.feed(packet)
        table.feed(wire.send(CLIENT, 8, b"ij"))
        table.close_all()
        self.assertEqual((log.heard(CLIENT), log.heard(SERVER)), (b"?def?ij", b"?50"))
        self.assertEqual(log.events[-1], ("closed", 0))

    def test_a_hole_that_closes_the_connection(self):
        wire = Wire()
        packets = [
            wire.send(SERVER, 3, b"", FIN | ACK),
            wire.send(CLIENT, 3, b"def", FIN | ACK),
            wire.send(CLIENT, 0, b"abc"),
            wire.send(SERVER, 0, b"250"),
            wire.send(SERVER, 0, b"250"),
        ]
        log = play(wire.open() + packets)
        self.assertEqual((log.heard(CLIENT), log.heard(SERVER)), (b"abcdef", b"250"))
        self.assertEqual(log.names()[2:], [("closed", 0)])


def permutations(items):
    """Yield every order of a list."""
    if not items:
        yield []
    for place in range(len(items)):
        for rest in permutations(items[:place] + items[place + 1 :]):
            yield [items[place]] + rest


if __name__ == "__main__":
    unittest.main()
