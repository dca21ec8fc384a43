"""Reassembly: any order, seen twice, overlapping, too many, too large, too late."""

import struct
import unittest

from spamgate.wire.cursor import FormError
from spamgate.wire.fragments import Fragments
from spamgate.wire.ip import Datagram

BODY = bytes((place * 7) & 255 for place in range(53))
OTHER = bytes(reversed(BODY))


def v4(body, offset=0, more=False, ident=1, src=1, protocol=17):
    flags = offset >> 3 | (0x2000 if more else 0)
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), ident, flags, 64, protocol, 0)
    return head + bytes([10, 0, 0, src]) + b"\x0a\x00\x00\xfe" + body


def v6(body, offset=0, more=False, ident=1, src=1, protocol=17):
    body = struct.pack(">BBHI", protocol, 0, offset | more, ident) + body
    head = struct.pack(">BBHHBB", 0x60, 0, 0, len(body), 44, 64)
    return head + bytes(15) + bytes([src]) + bytes(15) + b"\xfe" + body


def cut(make, body, size, **named):
    """Return the datagram as fragments of `size` bytes."""
    return [
        make(body[at : at + size], at, at + size < len(body), **named) for at in range(0, len(body), size)
    ]


def feed(datagram, fragments):
    """Return what came out whole: (protocol, bytes) for each."""
    whole = []
    for fragment in fragments:
        protocol = datagram.read_ip(101, fragment, 0, len(fragment))
        if protocol:
            cursor = datagram._cursor
            whole.append((protocol, bytes(datagram.data[cursor.at : cursor.end])))
    return whole


def orders(count):
    """Return every order of `count` things."""
    if count == 0:
        return [[]]
    return [head[:at] + [count - 1] + head[at:] for head in orders(count - 1) for at in range(count)]


class MadeWhole(unittest.TestCase):
    def test_fragments_in_every_order_give_the_datagram(self):
        for make in (v4, v6):
            fragments = cut(make, BODY, 16)
            for order in orders(4):
                with self.subTest(order=order):
                    whole = feed(Datagram(), [fragments[at] for at in order])
                    self.assertEqual(whole, [(17, BODY)])

    def test_frames_captured_twice_give_it_once(self):
        for make in (v4, v6):
            for order in orders(4):
                fragments = cut(make, BODY, 16)
                twice = [fragments[at // 2] for at in range(8)]
                self.assertEqual(feed(Datagram(), twice), [(17, BODY)])
                self.assertEqual(feed(Datagram(), [fragments[at] for at in order] * 2), [(17, BODY)])
            for size in range(33, 49):
                datagram = Datagram()
                fragments = cut(make, BODY[:size], 16)
                self.assertEqual(feed(datagram, fragments[2:] * 2 + fragments[:2] * 2), [(17, BODY[:size])])

    def test_large_offsets_are_read(self):
        body = bytes(3) + BODY * 80
        for make in (v4, v6):
            self.assertEqual(feed(Datagram(), cut(make, body, 1000)), [(17, body)])

    def test_addresses_stay_those_of_the_last_frame(self):
        for make, size in ((v4, 4), (v6, 16)):
            datagram = Datagram()
            feed(datagram, cut(make, BODY, 16, src=9))
            self.assertTrue(datagram.data is datagram._fragments.data)
            src = datagram.buf[datagram.src_at : datagram.src_at + size]
            self.assertEqual((datagram.address_bytes, src[-1]), (size, 9))

    def test_datagrams_are_kept_apart(self):
        for make in (v4, v6):
            others = [{"ident": 2}, {"src": 2}, {"ident": 0x0101}]
            if make is v6:
                others += [{"ident": 0x01000001}, {"ident": 0x00010001}]
            for other in others:
                mixed = []
                for one, two in zip(cut(make, BODY, 24), cut(make, OTHER, 24, **other)):
                    mixed += [one, two]
                self.assertEqual(feed(Datagram(), mixed), [(17, BODY), (17, OTHER)])
        mixed = [cut(v4, BODY, 48)[0], cut(v4, BODY, 48, protocol=6)[1]]
        self.assertEqual(feed(Datagram(), mixed), [])

    def test_both_versions_may_be_mixed(self):
        mixed = []
        for one, two in zip(cut(v4, BODY, 16), cut(v6, OTHER, 16, ident=0x01020304)):
            mixed += [one, two]
        self.assertEqual(feed(Datagram(), mixed), [(17, BODY), (17, OTHER)])

    def test_v6_options_behind_the_fragment_header_are_stepped_over(self):
        body = b"\x06\x00" + bytes(6) + BODY
        self.assertEqual(feed(Datagram(), cut(v6, body, 16, protocol=60)), [(6, BODY)])

    def test_v6_fragments_within_fragments_are_nothing(self):
        body = b"\x11\x00\x00\x00\x00\x00\x00\x09" + BODY
        self.assertEqual(feed(Datagram(), cut(v6, body, 16, protocol=44)), [])

    def test_the_first_fragment_names_the_protocol_in_v6(self):
        first = v6(BODY[:8], 0, True, protocol=6)
        last = v6(BODY[8:], 8, False, protocol=17)
        self.assertEqual(feed(Datagram(), [first, last]), [(6, BODY)])
        self.assertEqual(feed(Datagram(), [last, first]), [(6, BODY)])

    def test_an_id_may_be_used_again(self):
        for make in (v4, v6):
            again = cut(make, BODY, 16) + cut(make, OTHER, 24)
            self.assertEqual(feed(Datagram(), again), [(17, BODY), (17, OTHER)])


class Dropped(unittest.TestCase):
    def test_an_overlap_spoils_the_datagram_and_what_follows_of_it(self):
        for make in (v4, v6):
            first, second, third, last = cut(make, BODY, 16)
            for bad in (
                make(bytes(24), 8, True),  # half known, half new
                make(bytes(16), 0, True),  # known, but other bytes
                make(BODY[8:16], 8, False),  # known, but said to be the end
            ):
                self.assertEqual(feed(Datagram(), [first, second, bad, third, last]), [])
            twice = [first, make(bytes(24), 8, True), first, second, third, last, first, second, third]
            self.assertEqual(feed(Datagram(), twice), [])

    def test_ends_that_contradict_spoil_it(self):
        for make in (v4, v6):
            first, _, third, last = cut(make, BODY, 16)
            beyond = make(bytes(8), 56, True)
            not_last = make(BODY[:48], 0, True)
            second_end = make(bytes(5), 56, False)
            early_end = make(BODY[16:32], 16, False)
            second = make(BODY[16:32], 16, True)
            short_last = make(BODY[40:48], 40, False)
            self.assertEqual(feed(Datagram(), [short_last, not_last, make(BODY[:40], 0, True)]), [])
            for order in ([last, beyond], [beyond, last], [last, second_end], [third, early_end]):
                self.assertEqual(feed(Datagram(), order + [first, second, third, last]), [])

    def test_one_larger_than_a_slot_is_dropped(self):
        body = bytes(4608 + 8)
        self.assertEqual(feed(Datagram(), cut(v4, body, 1480)), [])
        self.assertEqual(len(feed(Datagram(), cut(v4, body[:4608], 1480))), 1)
        again = Datagram()
        self.assertEqual(feed(again, cut(v4, BODY, 16)), [(17, BODY)])
        self.assertEqual(feed(again, cut(v4, body, 1480)), [])

    def test_a_fragment_cut_by_the_capture_never_completes(self):
        first, last = cut(v4, BODY, 48)
        self.assertEqual(feed(Datagram(), [first[:-1], last]), [])

    def test_other_protocols_and_cut_fragments_take_no_slot(self):
        datagram = Datagram()
        feed(datagram, cut(v4, BODY, 16, protocol=1))
        feed(datagram, [cut(v4, BODY, 16)[0][:-1], cut(v6, BODY, 16)[0][:-1]])
        self.assertEqual(bytes(datagram._fragments._state), bytes(4))


class FalseForm(unittest.TestCase):
    def test_it_is_refused(self):
        for make in (v4, v6):
            for bad in (
                make(b"", 8, True),
                make(b"", 8, False),
                make(BODY[:15], 0, True),
                make(BODY[:16], 65528, False),
            ):
                with self.assertRaises(FormError):
                    feed(Datagram(), [bad])

    def test_cut_at_every_byte_nothing_comes_out(self):
        for make in (v4, v6):
            first, last = cut(make, BODY, 48)
            for end in range(len(last)):
                datagram = Datagram()
                feed(datagram, [first])
                try:
                    self.assertEqual(datagram.read_ip(101, last, 0, end), 0)
                except FormError:
                    pass


class WhenFull(unittest.TestCase):
    def test_the_slots_are_given_away_in_turn(self):
        datagram = Datagram()
        pairs = [cut(v4, BODY, 48, ident=ident) for ident in range(5)]
        self.assertEqual(feed(datagram, [pair[0] for pair in pairs]), [])
        # the fifth took the slot of the first, whose second half then takes that of the second
        self.assertEqual(feed(datagram, [pairs[0][1]]), [])
        whole = feed(datagram, [pairs[at][1] for at in (2, 3, 4)])
        self.assertEqual(whole, [(17, BODY)] * 3)
        self.assertEqual(feed(datagram, [pairs[1][1]]), [])

    def test_finished_ones_give_way_first(self):
        datagram = Datagram()
        waiting = [cut(v4, BODY, 48, ident=ident) for ident in range(3)]
        feed(datagram, [pair[0] for pair in waiting])
        for ident in range(10, 30):
            self.assertEqual(len(feed(datagram, cut(v4, BODY, 48, ident=ident))), 1)
        self.assertEqual(len(feed(datagram, [pair[1] for pair in waiting])), 3)

    def test_sizes_are_the_owners_choice(self):
        fragments = Fragments(2, 64)
        self.assertEqual(len(fragments.data), 128)
        first = v4(bytes(48), 0, True)
        slot = fragments.find_v4(first, 0, 0)
        self.assertEqual(fragments.add(slot, first, 20, 68, 1), 0)
        self.assertEqual(fragments.add(slot, BODY, 0, 16, 48), 64)
        slot = fragments.find_v4(v4(b"", ident=2), 0, 0)
        self.assertEqual(fragments.add(slot, BODY, 0, 17, 48), 0)


class WithTime(unittest.TestCase):
    def test_after_a_minute_a_datagram_is_begun_anew(self):
        for gap_s, whole in ((60, 1), (61, 0), (-61, 0)):
            datagram = Datagram()
            first, last = cut(v4, BODY, 48)
            datagram.now_s = 100
            feed(datagram, [first])
            datagram.now_s += gap_s
            self.assertEqual(len(feed(datagram, [last])), whole)
            if not whole:
                self.assertEqual(feed(datagram, [first]), [(17, BODY)])

    def test_any_time_will_do(self):
        for now_s in (-(1 << 30), -1, (1 << 30) - 1, 0xBFFFFFFF):
            datagram = Datagram()
            datagram.now_s = now_s
            self.assertEqual(feed(datagram, cut(v4, BODY, 16)), [(17, BODY)])


if __name__ == "__main__":
    unittest.main()
