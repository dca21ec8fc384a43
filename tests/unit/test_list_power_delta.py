"""The power fails at each write and at each erase while a device merges a delta: it has the old list or the new."""

import random
import sys
import unittest

from fakes.list_cuts import Cuts
from fakes.lists import NOW_S, Delta, check, device, merge, names_list, push
from fakes.nor import Nor

from spamgate.store.list_update import DeltaUpdate, FullUpdate
from spamgate.wire.list_rules import InForceError, RefusedError

_SLOT = 0x4000


def _entries():
    random.seed(3)
    return sorted([random.getrandbits(30) << 30 | random.getrandbits(30) for _ in range(1200)])


_ENTRIES = _entries()
_OLD = names_list(_ENTRIES[:1100], 10)
_NEW = names_list(_ENTRIES[50:], 5)
_NEXT = names_list(_ENTRIES[100:], 1)
_DELTA = Delta(_OLD, _NEW)


class DeltaCuts(Cuts, unittest.TestCase):
    tears = 1
    every = 1 if sys.implementation.name == "cpython" else 5  # MicroPython is slow, and runs the same code

    def setUp(self):
        self.set_up(_SLOT, _NEW, _NEXT)
        push(self.start(None), _OLD)

    def update(self, lists):
        merge(lists, _DELTA)

    def test_each_operation(self):
        lists = self.start(None)
        snapshot = self.nor.snapshot()
        self.nor.power_on()
        self.update(lists)
        operations = self.nor.operations
        self.nor.restore(snapshot)
        self.assertGreater(operations, 20)
        last = self.cut_everywhere(_OLD, self.update)
        self.assertTrue(last <= operations < last + self.every)

    def test_a_whole_list_after_a_delta_that_was_cut(self):
        """What a half-done merge left in the slot is not gone on with: it lies elsewhere than a list's beginning."""
        self.assertFalse(self.cut(30, None, None, self.update))
        lists = self.start(None)
        self.assertEqual(FullUpdate(lists, _NEW.head, NOW_S).offset, 0)
        push(lists, _NEW)
        self.assertTrue(_NEW.is_in(self.start(None)))


class Deltas(unittest.TestCase):
    def setUp(self):
        self.nor = Nor(_SLOT)
        self.lists = device(self.nor.slots)
        push(self.lists, _OLD)

    def test_the_old_list_serves_until_the_last_write(self):
        update = DeltaUpdate(self.lists, _DELTA.head, NOW_S, _DELTA.read_into)
        steps = 0
        while not update.step():
            steps += 1
            if steps % 50 == 0:
                self.assertTrue(_OLD.is_in(self.lists))
                self.assertTrue(_OLD.is_in(device(self.nor.slots)))
        self.assertTrue(_NEW.is_in(self.lists))
        again = device(self.nor.slots)
        self.assertFalse(check(again))
        self.assertTrue(_NEW.is_in(again))

    def test_a_delta_for_another_list_is_refused_before_anything_is_erased(self):
        push(self.lists, _NEXT)
        older = Delta(_OLD, names_list(_ENTRIES[150:], 0))
        self.refused(older, "for another list", False)

    def test_a_delta_that_is_in_force_already(self):
        merge(self.lists, _DELTA)
        with self.assertRaises(InForceError):
            merge(self.lists, _DELTA)

    def test_a_head_of_one_delta_before_the_body_of_another(self):
        mixed = Delta(_OLD, _NEW)
        mixed.body = Delta(_OLD, names_list(_ENTRIES[51:], 5)).body
        self.refused(mixed, "")
        mixed.body = Delta(_OLD, names_list(_ENTRIES[20:1070] + _ENTRIES[1100:1180], 5)).body
        self.refused(mixed, "")

    def test_a_delta_that_is_cut_short(self):
        for length in (0, 31, 32, 79, 100, 127, 128, len(_DELTA.body) // 2):
            cut = Delta(_OLD, _NEW)
            cut.body = cut.body[:length]
            self.refused(cut, "")

    def test_a_delta_that_was_changed_is_refused_or_makes_no_difference(self):
        snapshot = self.nor.snapshot()
        taken = 0
        for at in list(range(32, 128, 5)) + list(range(128, len(_DELTA.body), 61)):
            changed = Delta(_OLD, _NEW)
            changed.body = bytearray(changed.body)
            changed.body[at] ^= 1 << at % 8
            self.nor.restore(snapshot)
            self.lists = device(self.nor.slots)
            check(self.lists)
            try:
                merge(self.lists, changed)
                taken += 1
                self.assertTrue(_NEW.is_in(self.lists), at)
            except RefusedError:
                self.assertTrue(_OLD.is_in(self.lists), at)
        self.assertLess(taken, 5)

    def refused(self, delta, words, may_write=True):
        before = self.nor.snapshot()
        served = self.lists.manifest
        with self.assertRaises(RefusedError) as caught:
            merge(self.lists, delta)
        self.assertIn(words, str(caught.exception))
        self.assertTrue(len(caught.exception.hint) > 5)
        self.assertTrue(may_write or self.nor.snapshot() == before)
        again = device(self.nor.slots)
        self.assertFalse(check(again))
        self.assertTrue(self.lists.manifest == served == again.manifest)
