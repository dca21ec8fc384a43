"""Lists in two slots: the newest whole one that is signed for this device is in force, and nothing else ever is."""

import unittest

from fakes.lists import NOW_S, List, check, device, push
from fakes.nor import Nor

from spamgate.store.list_update import FullUpdate, unfinished_head
from spamgate.wire.list_manifest import HEAD_BYTES
from spamgate.wire.list_rules import RefusedError

_SLOT = 0x8000
_SIZE = 17000


class Lists(unittest.TestCase):
    def setUp(self):
        self.nor = Nor(_SLOT)
        self.old = _OLD
        self.new = _NEW

    def start(self, **other):
        lists = device(self.nor.slots, **other)
        check(lists)
        return lists

    def test_there_is_nothing_at_first(self):
        lists = self.start()
        self.assertEqual((lists.active, lists.manifest, lists.problem, lists.look()), (-1, None, "", False))

    def test_lists_take_turns_in_the_slots(self):
        lists = self.start()
        for number, one in enumerate((self.old, self.new, _NEWEST)):
            push(lists, one)
            self.assertEqual(lists.active, number % 2)
            self.assertTrue(one.is_in(lists))
            self.assertTrue(one.is_in(self.start()))

    def test_the_old_list_serves_until_the_last_write(self):
        lists = self.start()
        push(lists, self.old)
        body = lists.body()
        update = FullUpdate(lists, self.new.head, NOW_S)
        while update.offset < update.size:
            update.take(self.new.body, update.offset, min(update.offset + 999, update.size))
            self.assertTrue(self.old.is_in(lists))
            self.assertTrue(self.old.is_in(self.start()))
        while not update.step():
            self.assertTrue(self.old.is_in(lists))
        self.assertTrue(self.new.is_in(lists))
        buf = bytearray(_SIZE)
        self.assertTrue(body.read_into(0, buf) == _SIZE and bytes(buf) == self.old.body)

    def test_pieces_may_have_any_length(self):
        for piece in (1, 4095, 4096, 4097, 16384, _SIZE):
            nor = Nor(_SLOT)
            lists = device(nor.slots)
            push(lists, self.new, piece)
            self.assertTrue(self.new.is_in(lists), piece)

    def test_a_list_that_just_fits_is_taken(self):
        lists = self.start()
        self.assertEqual(lists.room(), _SLOT - HEAD_BYTES)
        full = List(_SLOT - HEAD_BYTES)
        push(lists, full)
        self.assertTrue(full.is_in(self.start()))

    def test_an_unchanged_look_costs_nothing(self):
        lists = self.start()
        push(lists, self.old)
        lists._choose = None
        self.assertFalse(lists.look())

    def test_another_program_may_have_written_a_newer_list(self):
        reader = self.start()
        writer = self.start()
        for one in (self.old, self.new):
            push(writer, one)
            self.assertTrue(reader.look())
            self.assertFalse(reader.is_checked())
            self.assertFalse(check(reader))
            self.assertTrue(one.is_in(reader))
        self.assertFalse(reader.look())

    # --- going on ----------------------------------------------------------------------------------

    def test_it_goes_on_behind_what_is_marked_as_written(self):
        lists = self.start()
        push(lists, self.old)
        self.assertEqual(bytes(unfinished_head(lists)), b"")
        update = FullUpdate(lists, self.new.head, NOW_S)
        update.take(self.new.body, 0, 16900)
        lists = self.start()
        self.assertEqual(bytes(unfinished_head(lists)), self.new.head[:2048])
        update = FullUpdate(lists, unfinished_head(lists), NOW_S)
        self.assertEqual(update.offset, 16384)
        update.take(self.new.body, 16384, _SIZE)
        update.finish()
        self.assertTrue(self.new.is_in(self.start()))
        self.assertEqual(bytes(unfinished_head(lists)), b"")

    def test_who_begins_anew_leaves_no_marks_of_progress_behind(self):
        lists = self.start()
        FullUpdate(lists, self.new.head, NOW_S).take(self.new.body, 0, 16900)
        update = FullUpdate(lists, self.new.head, NOW_S)
        update.offset = 0
        update.take(self.new.body, 0, 100)
        lists = self.start()
        self.assertEqual(FullUpdate(lists, self.new.head, NOW_S).offset, 0)
        push(lists, self.new)
        self.assertTrue(self.new.is_in(lists))

    def test_another_list_begins_at_its_beginning(self):
        lists = self.start()
        FullUpdate(lists, self.new.head, NOW_S).take(self.new.body, 0, 16900)
        self.assertEqual(FullUpdate(lists, _NEWEST.head, NOW_S).offset, 0)
        push(lists, _NEWEST)
        self.assertTrue(_NEWEST.is_in(lists))

    def test_a_body_that_is_wrong_is_not_gone_on_with(self):
        lists = self.start()
        wrong = bytearray(self.new.body)
        wrong[5] ^= 1
        update = FullUpdate(lists, self.new.head, NOW_S)
        update.take(wrong, 0, _SIZE)
        with self.assertRaises(RefusedError):
            update.finish()
        self.assertEqual(FullUpdate(lists, self.new.head, NOW_S).offset, 0)
        push(lists, self.new)
        self.assertTrue(self.new.is_in(lists))

    def test_too_few_bytes_are_said_and_can_follow(self):
        lists = self.start()
        update = FullUpdate(lists, self.new.head, NOW_S)
        self.assertFalse(update.step())
        update.take(self.new.body, 0, 5000)
        self.assertFalse(update.step())
        with self.assertRaises(RefusedError) as caught:
            update.finish()
        self.assertIn("5000 bytes came, and the manifest says 17000", str(caught.exception))
        update.take(self.new.body, 5000, _SIZE)
        update.finish()
        self.assertTrue(self.new.is_in(lists))

    # --- damage ------------------------------------------------------------------------------------

    def damage(self, number, at):
        self.nor.flip(number * _SLOT + at)

    def test_a_damaged_body_is_found_while_it_serves_and_the_other_list_serves(self):
        lists = self.start()
        push(lists, self.old)
        push(lists, self.new)
        self.damage(1, HEAD_BYTES + 9999)
        lists = device(self.nor.slots)
        self.assertEqual((lists.active, lists.is_checked()), (1, False))
        with self.assertRaises(RefusedError):
            FullUpdate(lists, _NEWEST.head, NOW_S)
        self.assertTrue(check(lists))
        self.assertIn("slot b", lists.problem)
        self.assertTrue(self.old.is_in(lists))
        self.assertTrue(self.old.is_in(self.start()))
        push(lists, self.new)
        self.assertTrue(self.new.is_in(self.start()))

    def test_when_both_are_damaged_there_is_none(self):
        lists = self.start()
        push(lists, self.old)
        push(lists, self.new)
        for number in (0, 1):
            self.damage(number, HEAD_BYTES + _SIZE - 1)
        lists = device(self.nor.slots)
        self.assertTrue(check(lists))
        self.assertEqual((lists.active, lists.manifest), (-1, None))
        push(lists, self.new)
        self.assertTrue(self.new.is_in(self.start()))

    def test_a_damaged_head_is_no_head(self):
        for at in (0, 3, 5, 9, 13, 16, 100, 400, 590):
            self.nor = Nor(_SLOT)
            lists = self.start()
            push(lists, self.old)
            push(lists, self.new)
            self.damage(1, at)
            lists = self.start()
            self.assertTrue(self.old.is_in(lists), at)
            push(lists, self.new)
            self.assertTrue(self.new.is_in(self.start()))

    def test_a_slot_that_cannot_be_read_is_passed_over(self):
        lists = self.start()
        push(lists, self.old)
        push(lists, self.new)

        def refuse(offset, buf):
            raise OSError(5)

        broken = Nor(_SLOT).slots[0]
        broken.read_into = refuse
        lists = device((self.nor.slots[0], broken))
        self.assertTrue(self.old.is_in(lists))

    def test_flash_that_was_something_else_is_no_list(self):
        for sector in self.nor.sectors:
            sector[:] = b"LFS\0" * 1024
        lists = self.start()
        self.assertEqual(lists.active, -1)
        push(lists, self.new)
        self.assertTrue(self.new.is_in(self.start()))


_OLD = List(_SIZE, seed=1, age=10)
_NEW = List(_SIZE, seed=2, age=5)
_NEWEST = List(_SIZE - 1000, seed=3, age=1)
