"""The power fails at each write and at each erase of an update: the device then has the old list or the new, whole."""

import random
import unittest

from fakes.list_cuts import Cuts as ListCuts
from fakes.lists import NOW_S, List, check, device, key, push
from fakes.nor import PowerCut
from fakes.storage import FakeStorage

from spamgate.store.list_update import FullUpdate
from spamgate.wire.pss import encode_key

_SLOT = 0x7000
_SIZE = 18000


class Cuts(ListCuts, unittest.TestCase):
    """What is cut is a whole list on its way."""

    def setUp(self):
        self.set_up(_SLOT, _NEW, _NEXT)

    def test_the_first_list(self):
        self.assertEqual(self.cut_everywhere(None, self.update), _OPERATIONS)

    def test_the_second_list(self):
        push(self.start(None), _OLD, self.piece)
        self.assertEqual(self.cut_everywhere(_OLD, self.update), _OPERATIONS)

    def test_a_list_over_an_older_one(self):
        for one in (_OLDER, _OLD):
            push(self.start(None), one, self.piece)
        self.assertEqual(self.cut_everywhere(_OLD, self.update), _OPERATIONS)

    def test_an_update_that_goes_on(self):
        """What was cut before is cut again, on its way from the last mark of progress."""
        for one in (_OLDER, _OLD):
            push(self.start(None), one, self.piece)
        FullUpdate(self.start(None), _NEW.head, NOW_S).take(_NEW.body, 0, 17000)
        self.assertEqual(self.cut_everywhere(_OLD, self.update), 3)

    def test_a_list_that_names_the_next_key(self):
        """The key is followed after the switch, or at the next start."""
        push(self.start(FakeStorage()), _OLD, self.piece)
        self.new, self.next = _NAMES_KEY, _BY_NEXT_KEY
        self.assertEqual(self.cut_everywhere(_OLD, self.update), _OPERATIONS)

    def test_the_file_that_remembers_the_next_key(self):
        def fail(name, parts):
            raise PowerCut

        push(self.start(FakeStorage()), _OLD, self.piece)
        self.new, self.next = _NAMES_KEY, _BY_NEXT_KEY
        storage = FakeStorage()
        storage.write = fail
        with self.assertRaises(PowerCut):
            self.update(self.start(storage))
        self.survives(None, 0, FakeStorage())

    def test_the_mark_that_makes_a_damaged_list_void(self):
        push(self.start(None), _OLD, self.piece)
        push(self.start(None), _NEXT, self.piece)
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
            push(lists, _NEW, self.piece)
            self.assertTrue(_NEW.is_in(self.start(None)))


_OPERATIONS = 3 + 5 + 10 + 1 + 1  # sector 0, manifest, waiting mark; 5 sectors in 10 pieces; progress; the mark
_OLDER = List(_SIZE, seed=9, age=20)
_OLD = List(_SIZE, seed=1, age=10)
_NEW = List(_SIZE, seed=2, age=5)
_NEXT = List(_SIZE, seed=3, age=1)
_NAMES_KEY = List(_SIZE, seed=2, age=5, next_key=encode_key(key(1).modulus))
_BY_NEXT_KEY = List(_SIZE, seed=3, age=1, number=1)
