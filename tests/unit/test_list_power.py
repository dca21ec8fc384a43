"""The power fails at each write and at each erase of an update: the device then has the old list or the new, whole."""

import random
import unittest

from fakes.lists import NOW_S, List, check, device, key, push, remember_verdicts
from fakes.nor import Nor, PowerCut
from fakes.storage import FakeStorage

from spamgate.store.list_update import FullUpdate
from spamgate.wire.pss import encode_key

_SLOT = 0x7000
_SIZE = 18000
_PIECE = 3000
_TEARS = 2  # a torn operation is tried so often, another part of it each time


remember_verdicts()


class Cuts(unittest.TestCase):
    """An update to `self.new`, cut at each of its operations."""

    def setUp(self):
        random.seed(1)
        self.nor = Nor(_SLOT)
        self.new = _NEW
        self.next = _NEXT

    def cut_everywhere(self, before, work):
        """Cut `work(lists)` at each operation; before it the device has `before`; return how many operations it is."""
        snapshot = self.nor.snapshot()
        cut_at = 0
        is_done = False
        while not is_done:
            cut_at += 1
            for tear in (None,) + (random,) * _TEARS:
                self.nor.restore(snapshot)
                storage = FakeStorage()
                is_done = self.cut(cut_at, tear, storage, work)
                if not is_done:
                    self.survives(before, cut_at, storage)
        return cut_at - 1

    def cut(self, cut_at, tear, storage, work):
        """Do the work, with the power failing at an operation; return whether there are fewer."""
        self.nor.power_on()
        lists = self.start(storage)
        self.nor.cut_at = cut_at
        self.nor.tear = tear
        try:
            work(lists)
        except PowerCut:
            return False
        finally:
            self.nor.power_on()
        return True

    def start(self, storage):
        lists = device(self.nor.slots, storage)
        self.was_bad = check(lists)
        return lists

    def survives(self, before, cut_at, storage):
        """It starts with one list or the other, and the update that was cut succeeds, and so does the next."""
        lists = self.start(storage)
        self.assertFalse(self.was_bad, cut_at)
        if lists.manifest is None:
            self.assertIsNone(before, cut_at)
        else:
            self.assertTrue(self.new.is_in(lists) or (before and before.is_in(lists)), cut_at)
        if not self.new.is_in(lists):
            self.update(lists)
        self.assertTrue(self.new.is_in(lists), cut_at)
        lists = self.start(storage)
        self.assertTrue(self.new.is_in(lists), cut_at)
        push(lists, self.next, _PIECE)
        self.assertTrue(self.next.is_in(self.start(storage)), cut_at)

    def update(self, lists):
        push(lists, self.new, _PIECE)

    def test_the_first_list(self):
        self.assertEqual(self.cut_everywhere(None, self.update), _OPERATIONS)

    def test_the_second_list(self):
        push(self.start(None), _OLD, _PIECE)
        self.assertEqual(self.cut_everywhere(_OLD, self.update), _OPERATIONS)

    def test_a_list_over_an_older_one(self):
        for one in (_OLDER, _OLD):
            push(self.start(None), one, _PIECE)
        self.assertEqual(self.cut_everywhere(_OLD, self.update), _OPERATIONS)

    def test_an_update_that_goes_on(self):
        """What was cut before is cut again, on its way from the last mark of progress."""
        for one in (_OLDER, _OLD):
            push(self.start(None), one, _PIECE)
        FullUpdate(self.start(None), _NEW.head, NOW_S).take(_NEW.body, 0, 17000)
        self.assertEqual(self.cut_everywhere(_OLD, self.update), 3)

    def test_a_list_that_names_the_next_key(self):
        """The key is followed after the switch, or at the next start."""
        push(self.start(FakeStorage()), _OLD, _PIECE)
        self.new, self.next = _NAMES_KEY, _BY_NEXT_KEY
        self.assertEqual(self.cut_everywhere(_OLD, self.update), _OPERATIONS)

    def test_the_file_that_remembers_the_next_key(self):
        def fail(name, parts):
            raise PowerCut

        push(self.start(FakeStorage()), _OLD, _PIECE)
        self.new, self.next = _NAMES_KEY, _BY_NEXT_KEY
        storage = FakeStorage()
        storage.write = fail
        with self.assertRaises(PowerCut):
            self.update(self.start(storage))
        self.survives(None, 0, FakeStorage())

    def test_the_mark_that_makes_a_damaged_list_void(self):
        push(self.start(None), _OLD, _PIECE)
        push(self.start(None), _NEXT, _PIECE)
        self.nor.flip(_SLOT + 4096 + 5000)
        snapshot = self.nor.snapshot()
        for tear in (None, random, random, random, random):
            self.nor.restore(snapshot)
            lists = device(self.nor.slots)
            self.nor.cut_at, self.nor.tear = 1, tear
            with self.assertRaises(PowerCut):
                check(lists)
            self.nor.power_on()
            lists = self.start(None)
            self.assertTrue(_OLD.is_in(lists))
            push(lists, _NEW, _PIECE)
            self.assertTrue(_NEW.is_in(self.start(None)))


_OPERATIONS = 3 + 5 + 10 + 1 + 1  # sector 0, manifest, waiting mark; 5 sectors in 10 pieces; progress; the mark
_OLDER = List(_SIZE, seed=9, age=20)
_OLD = List(_SIZE, seed=1, age=10)
_NEW = List(_SIZE, seed=2, age=5)
_NEXT = List(_SIZE, seed=3, age=1)
_NAMES_KEY = List(_SIZE, seed=2, age=5, next_key=encode_key(key(1).modulus))
_BY_NEXT_KEY = List(_SIZE, seed=3, age=1, number=1)
