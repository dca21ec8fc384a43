"""Updates of lists with the power failing at each of their operations."""

import random

from fakes.lists import check, device, push, remember_verdicts
from fakes.nor import Nor, PowerCut
from fakes.storage import FakeStorage

remember_verdicts()


class Cuts:
    """An update, `self.update(lists)`, to the list `self.new`, before which is `self.next`."""

    piece = 3000
    tears = 2  # a torn operation is tried so often, another part of it each time
    every = 1

    def set_up(self, slot_bytes, new, following):
        random.seed(1)
        self.nor = Nor(slot_bytes)
        self.new = new
        self.next = following

    def update(self, lists):
        push(lists, self.new, self.piece)

    def cut_everywhere(self, before, work):
        """Cut `work(lists)` at each operation, or every so many; before it the device has `before`; return the last."""
        snapshot = self.nor.snapshot()
        cut_at = 1 - self.every
        is_done = False
        while not is_done:
            cut_at += self.every
            for tear in (None,) + (random,) * self.tears:
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
        push(lists, self.next, self.piece)
        self.assertTrue(self.next.is_in(self.start(storage)), cut_at)
