"""Queries that wait: found by id, port and question, once each, and nobody can have all places."""

import unittest

from fakes.dns import DEVICE, OTHER, answer, query
from fakes.net import pack_address

from spamgate.service.dns_pending import FOLLOWS, FREE, NEW, PLACES, RESENT, Pending
from spamgate.service.dns_query import Query

PEER = pack_address(DEVICE, 40000)
OTHER_PEER = pack_address(OTHER, 40000)
PORT = "a port"
LATER_PORT = "another port"


def at_hand(wire, peer=PEER, mark=7):
    found = Query("a way")
    found.datagram = (wire, peer)
    found.end = wire.find(b"\0", 12) + 5
    found.mark = mark
    return found


def numbered(count, peer=PEER, size=40):
    """Return a query that differs from those with other numbers."""
    return at_hand(query("n%d.%s.example" % (count, "x" * (size - 30))), peer, count)


class Case(unittest.TestCase):
    def setUp(self):
        self.pending = Pending()

    def fill(self, counts, peer=PEER):
        return [self.pending.open(numbered(count, peer), PORT, count * 257 & 0xFFFF, 0) for count in counts]


class Places(Case):
    def test_the_id_is_the_one_drawn_or_the_next_that_is_free(self):
        places = [self.pending.open(numbered(count), PORT, 0x12FE, 0) for count in range(4)]
        self.assertEqual(places, [0xFE, 0xFF, 0x00, 0x01])
        self.assertEqual([self.pending.high[place] for place in places], [0x12] * 4)

    def test_all_can_be_taken_and_given_back_in_any_order(self):
        places = self.fill(range(PLACES))
        self.assertEqual(sorted(places), list(range(PLACES)))
        self.assertEqual(self.pending.count, PLACES)
        for place in sorted(places, key=lambda place: place * 89 % 256):
            self.assertEqual(self.pending.taken(place), place)
            self.pending.close(place)
        self.assertEqual(self.pending.count, 0)
        self.assertTrue(all(datagram is FREE for datagram in self.pending.datagrams))
        for count in range(PLACES):
            self.assertEqual(self.pending.find(numbered(count).datagram[0], count), -1)

    def test_one_device_loses_all_and_the_other_nothing(self):
        self.fill(range(40))
        kept = self.fill(range(40, 45), OTHER_PEER)
        self.pending.forsake(kept[-1] + 1)
        self.assertEqual(self.pending.count, 5)
        self.assertTrue(all(self.pending.datagrams[place] is not FREE for place in kept))

    def test_the_next_that_is_taken_is_found_round_the_end(self):
        place = self.pending.open(numbered(1), PORT, 5, 0)
        self.assertEqual(self.pending.taken(200), place)


class Answers(Case):
    def setUp(self):
        self.pending = Pending()
        self.query = at_hand(query("a.example"))
        self.place = self.pending.open(self.query, PORT, 0x1234, 0)
        self.reply = b"\x12\x34" + answer(self.query.datagram[0])[2:]

    def test_port_id_and_question_must_be_right(self):
        whose = self.pending.whose
        self.assertEqual(whose(PORT, self.reply), self.place)
        self.assertTrue(whose(LATER_PORT, self.reply) < 0)
        self.assertTrue(whose(PORT, b"\x13" + self.reply[1:]) < 0)
        self.assertTrue(whose(PORT, b"\x12\x35" + self.reply[2:]) < 0)
        self.assertTrue(whose(PORT, b"\x12\x34" + answer(query("b.example"))[2:]) < 0)
        for size in range(12):
            self.assertTrue(whose(PORT, self.reply[:size]) < 0)

    def test_a_place_that_is_free_again_answers_nothing(self):
        self.pending.close(self.place)
        self.assertTrue(self.pending.whose(PORT, self.reply) < 0)

    def test_sent_again_both_ports_may_answer_and_no_third(self):
        self.pending.try_again(self.place, LATER_PORT, 100)
        self.assertEqual(self.pending.whose(PORT, self.reply), self.place)
        self.assertEqual(self.pending.whose(LATER_PORT, self.reply), self.place)
        self.assertEqual((self.pending.tries(self.place), self.pending.since_ms[self.place]), (2, 100))
        self.pending.try_again(self.place, "a third", 200)
        self.assertTrue(self.pending.whose(PORT, self.reply) < 0)

    def test_who_comes_next_into_the_place_begins_anew(self):
        self.pending.try_again(self.place, LATER_PORT, 100)
        self.pending.close(self.place)
        self.pending.open(self.query, LATER_PORT, 0x1234, 0)
        self.assertEqual(self.pending.tries(self.place), 1)
        self.assertTrue(self.pending.whose(PORT, self.reply) < 0)


class Same(Case):
    def test_the_very_same_query_is_known_again(self):
        asked = at_hand(query("a.example"))
        self.assertEqual(self.pending.standing(asked), NEW)
        self.pending.open(asked, PORT, 0, 0)
        self.assertEqual(self.pending.standing(at_hand(query("a.example"))), RESENT)

    def test_another_asker_another_port_or_another_id_follows(self):
        self.pending.open(at_hand(query("a.example")), PORT, 0, 0)
        for asked in (
            at_hand(query("a.example"), OTHER_PEER),
            at_hand(query("a.example"), pack_address(DEVICE, 40001)),
            at_hand(query("a.example", ident=0x4321)),
        ):
            self.assertEqual(self.pending.standing(asked), FOLLOWS)

    def test_who_follows_is_known_again_too(self):
        self.pending.open(at_hand(query("a.example")), PORT, 0, 0)
        self.pending.open(at_hand(query("a.example"), OTHER_PEER), None, 0, 0)
        for peer in (PEER, OTHER_PEER):
            self.assertEqual(self.pending.standing(at_hand(query("a.example"), peer)), RESENT)

    def test_other_bytes_are_another_question(self):
        self.pending.open(at_hand(query("a.example")), PORT, 0, 0)
        others = (query("A.example"), query("a.example", 28), query("a.example", flags=b"\1\x10"), query("b.example"))
        for asked in others:
            self.assertEqual(self.pending.standing(at_hand(asked)), NEW)

    def test_hashes_of_a_chain_do_not_lose_each_other(self):
        wires = [query("a%d.example" % count) for count in range(20)]
        places = [self.pending.open(at_hand(wire, mark=7), PORT, 0, 0) for wire in wires]
        for count in (3, 19, 0, 10):
            self.pending.close(places[count])
        for count, wire in enumerate(wires):
            expected = -1 if count in (3, 19, 0, 10) else places[count]
            self.assertEqual(self.pending.find(wire, 7), expected)


class Crowd(Case):
    def test_a_device_may_have_half_of_the_places_and_another_the_rest(self):
        self.fill(range(PLACES // 2))
        self.assertFalse(self.pending.has_room(numbered(500)))
        self.assertTrue(self.pending.has_room(numbered(500, OTHER_PEER)))
        self.pending.close(5)
        self.assertTrue(self.pending.has_room(numbered(500)))

    def test_ports_and_both_families_of_addresses_are_counted_by_device(self):
        temporary = b"\xfd" + bytes(14) + b"\x33"
        for count in range(PLACES // 2):
            self.pending.open(numbered(count, pack_address(temporary, 1024 + count)), PORT, count, 0)
        self.assertFalse(self.pending.has_room(numbered(500, pack_address(temporary, 9))))
        self.assertTrue(self.pending.has_room(numbered(500, PEER)))

    def test_long_queries_have_no_place_in_a_crowd(self):
        long = at_hand(query("a.example", additional=b"\0\0\x29" + bytes(150)))
        self.assertTrue(self.pending.has_room(long))
        self.fill(range(32))
        self.assertFalse(self.pending.has_room(long))
        self.assertTrue(self.pending.has_room(numbered(500)))


if __name__ == "__main__":
    unittest.main()
