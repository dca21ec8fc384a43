"""Tables of fixed size: exact within what they promise, and what they state when full."""

import unittest

from spamgate.core.tables import CountTable, DistinctSet, Recall


class Distinct(unittest.TestCase):
    def test_the_first_three_quarters_of_its_slots_are_known_exactly(self):
        """Keys that all fall into one place are the worst case for finding, not for being right."""
        for stride in (1, 64, 4099):
            with self.subTest(stride=stride):
                known = DistinctSet(64)
                for number in range(48):
                    self.assertTrue(known.add(number * stride), number)
                    for earlier in range(number + 1):
                        self.assertFalse(known.add(earlier * stride), (number, earlier))

    def test_one_more_starts_it_anew(self):
        known = DistinctSet(64)
        for key in range(49):
            self.assertTrue(known.add(key))
        self.assertFalse(known.add(48), "the one that did not fit is remembered")
        self.assertTrue(known.add(0))
        for key in range(100, 146):
            self.assertTrue(known.add(key))
        self.assertFalse(known.add(0))

    def test_zero_is_a_key_like_others(self):
        known = DistinctSet(16)
        self.assertTrue(known.add(0))
        self.assertFalse(known.add(0))

    def test_to_ask_for_a_key_is_not_to_add_it(self):
        known = DistinctSet(16)
        for key in (3, 19, 35):  # one place for all
            self.assertFalse(known.has(key))
            self.assertTrue(known.add(key))
            self.assertTrue(known.has(key))
        self.assertFalse(known.has(51))

    def test_repetitions_fill_nothing(self):
        known = DistinctSet(16)
        for key in range(12):
            known.add(key)
        for _ in range(1000):
            known.add(5)
        self.assertFalse(known.add(0))


class Counting(unittest.TestCase):
    def test_keys_are_counted_apart(self):
        counts = CountTable(64)
        for key in range(40):
            for _ in range(key + 1):
                counts.add(key * 64, 9999)
        for key in range(40):
            self.assertEqual(counts.get(key * 64), key + 1)
        self.assertEqual(counts.get(7), 0)
        self.assertEqual(counts.get(9999), 0)

    def test_a_key_beyond_three_quarters_is_counted_as_overflow(self):
        counts = CountTable(16)
        for key in range(100, 115):
            counts.add(key, 1)
        self.assertEqual([counts.get(key) for key in range(100, 115)], [1] * 12 + [0] * 3)
        self.assertEqual(counts.get(1), 3)
        counts.add(100, 1)
        self.assertEqual((counts.get(100), counts.get(1)), (2, 3))

    def test_a_table_without_room_for_an_overflow_still_answers(self):
        """More overflow keys than a quarter of the slots: they are not counted, and nothing searches for ever."""
        counts = CountTable(16)
        for key in range(100):
            counts.add(1000 + key, key)
        self.assertEqual(sum(counts.get(1000 + key) for key in range(100)), 12)
        self.assertEqual(sum(counts.get(key) for key in range(100)), 3)

    def test_keys_of_a_range_are_listed_in_order(self):
        counts = CountTable(64)
        for key in (2048, 5, 2047, 4096, 0, 3000):
            counts.add(key, 1)
        self.assertEqual(counts.select(2048, 4095), [2048, 3000])
        self.assertEqual(counts.select(0, 0), [0])
        self.assertEqual(counts.select(0, 5), [0, 5])

    def test_a_range_is_dropped_and_its_room_is_free_again(self):
        counts = CountTable(16)
        for key in (10, 11, 20, 21, 22):
            counts.add(key, 1)
            counts.add(key, 1)
        counts.drop(20, 21)
        self.assertEqual([counts.get(key) for key in (10, 11, 20, 21, 22)], [2, 2, 0, 0, 2])
        for key in range(50, 59):
            counts.add(key, 1)
        self.assertEqual((counts.get(58), counts.get(1)), (1, 0))
        counts.add(59, 1)
        self.assertEqual((counts.get(59), counts.get(1)), (0, 1))


class Remembering(unittest.TestCase):
    def test_a_value_is_remembered_for_its_lifetime(self):
        recall = Recall(16, 60)
        recall.set(5, 77, 1000)
        self.assertEqual([recall.get(5, now_s) for now_s in (1000, 1060, 1061)], [77, 77, -1])
        self.assertEqual(recall.get(6, 1000), -1)

    def test_setting_again_renews(self):
        recall = Recall(16, 60)
        recall.set(5, 77, 1000)
        recall.set(5, 78, 1050)
        self.assertEqual(recall.get(5, 1110), 78)
        self.assertEqual(recall.find(5, 1111), -1)
        recall.set(5, 79, 2000)
        self.assertEqual(recall.get(5, 2000), 79)

    def test_the_oldest_of_a_full_bucket_is_replaced(self):
        """Four ways: keys that differ by the number of buckets share one."""
        recall = Recall(16, 1000)
        for age, key in enumerate((4, 8, 12, 16)):
            recall.set(key, key + 1, 100 + age)
        recall.set(4, 55, 110)
        recall.set(20, 21, 111)
        self.assertEqual([recall.get(key, 111) for key in (4, 8, 12, 16, 20)], [55, -1, 13, 17, 21])
        recall.set(5, 6, 112)
        self.assertEqual(recall.get(20, 112), 21)

    def test_zero_is_a_key_and_a_value(self):
        recall = Recall(4, 60)
        self.assertEqual(recall.get(0, 1), -1)
        recall.set(0, 0, 1)
        self.assertEqual(recall.get(0, 1), 0)

    def test_a_clock_set_back_forgets_nothing(self):
        recall = Recall(16, 60)
        recall.set(5, 77, 1000)
        self.assertEqual(recall.get(5, -500), 77)


if __name__ == "__main__":
    unittest.main()
