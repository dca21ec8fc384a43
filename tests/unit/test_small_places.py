"""Places for queries that wait: what was put there is there, whatever else comes and goes."""

import unittest

from spamgate.service.small_places import PLACES, Places

V4 = b"\xc0\xa8\x01\x07"
V6 = b"\xfd" + bytes(14) + b"\7"


def wire(number, size):
    """Return a query of this size that no other number gives."""
    return bytes((number >> 8, number & 255)) + bytes((number * 7 & 255,)) * (size - 2)


class Case(unittest.TestCase):
    def setUp(self):
        self.places = Places()

    def take(self, number, size=40, client=(V4, 5353), drawn=0):
        place = self.places.take(wire(number, size), client, drawn)
        if place >= 0:
            self.places.ids[place] = number
        return place

    def fill(self, size=40):
        while self.places.count < PLACES:
            self.take(self.places.count, size)


class Kept(Case):
    def test_a_query_of_every_size_and_its_asker_come_back(self):
        for size in range(17, 513, 5):
            for client in ((V4, 1), (V6, 65535)):
                place = self.take(size, size, client)
                self.assertEqual((self.places.wire(place), self.places.client(place)), (wire(size, size), client))
                self.places.free(place)
        self.assertEqual((self.places.count, self.places.ids.count(-1)), (0, PLACES))

    def test_long_and_short_ones_come_and_go_and_none_is_lost(self):
        drawn = 12345
        kept = {}
        for number in range(3000):
            drawn = (drawn * 25173 + 13849) & 0xFFFF
            size = 17 + drawn % (495 if drawn & 0x700 == 0 else 31)
            if kept and drawn & 0x8000:
                place = sorted(kept)[drawn % len(kept)]
                del kept[place]
                self.places.free(place)
            elif self.places.count < PLACES - 12:
                place = self.take(number, size, drawn=drawn)
                if place >= 0:
                    kept = {old: said for old, said in kept.items() if self.places.ids[old] == said[0]}
                    kept[place] = (number, wire(number, size))
            for place, said in kept.items():
                self.assertEqual((self.places.ids[place], self.places.wire(place)), said)
        taken = sum([(len(said[1]) + 47) // 48 for said in kept.values()])
        self.assertEqual((self.places.count, PLACES - self.places.ids.count(-1)), (taken, taken))

    def test_devices_are_told_apart_and_long_queries_count_for_more(self):
        self.take(1, 40)
        self.take(2, 200)
        self.take(3, 40, (V4[:3] + b"\x08", 5353))
        self.assertEqual([self.places.held(V4[:3] + bytes((last,))) for last in (7, 8, 9)], [6, 1, 0])

    def test_a_query_is_held_for_its_asker_only(self):
        place = self.take(1)
        self.assertTrue(self.places.holds(wire(1, 40), (V4, 5353)))
        for said, client in ((wire(2, 40), (V4, 5353)), (wire(1, 41), (V4, 5353)), (wire(1, 40), (V4, 5354))):
            self.assertFalse(self.places.holds(said, client))
        self.places.free(place)
        self.assertFalse(self.places.holds(wire(1, 40), (V4, 5353)))


class Full(Case):
    def test_the_one_drawn_gives_way(self):
        self.fill()
        self.assertEqual(self.take(1000, drawn=65535), 65535 % PLACES)
        self.assertEqual((self.places.count, self.places.ids.count(1000)), (PLACES, 1))

    def test_where_the_one_drawn_leaves_too_little_room_the_newcomer_is_lost(self):
        self.fill()
        self.assertEqual(self.take(1000, 96), -1)
        self.assertEqual((self.places.count, self.places.ids.count(1000)), (PLACES - 1, 0))

    def test_nobody_gives_way_to_a_long_query(self):
        self.fill()
        self.assertEqual((self.take(1000, 97), self.take(1001, 512), self.places.count), (-1, -1, PLACES))

    def test_a_place_in_the_middle_of_a_long_query_draws_the_next_one(self):
        self.fill(96)
        self.assertEqual(self.take(1000, 96, drawn=1), 2)
        self.assertEqual(self.places.wire(0), wire(0, 96))


if __name__ == "__main__":
    unittest.main()
