"""Whole updates of a list of many names, looked at before each write and each erase, and in the midst of it.

What a device would find if the power failed there is in the flash at that moment: so one run shows every place where it
can fail.  Now and then the update is really begun again from there.  SPAMGATE_LONG=1: a million names.
"""

import logging
import os
import random

import pytest
from fakes.lists import Delta, List, check, device, merge, push, remember_verdicts
from fakes.nor import Nor

from spamgate.wire.list_writer import ListWriter

_NAMES = 1_000_000 if os.environ.get("SPAMGATE_LONG") else 30_000
_CHANGED = _NAMES // 200
_AGAIN_EVERY = 1000 if os.environ.get("SPAMGATE_LONG") else 60

_LOG = logging.getLogger(__name__)

remember_verdicts()


class WatchedFlash(Nor):
    """Flash at which somebody looks before each operation, and in its midst."""

    def __init__(self, slot_bytes, look):
        super().__init__(slot_bytes)
        self.look = look
        self.chance = random.Random(1)
        self.is_watched = False

    def _change(self, sector, at, wanted):
        if self.is_watched:
            self.is_watched = False
            self.look(self)
            kept = bytes(sector)
            count = self.chance.randrange(len(wanted))
            sector[at : at + count] = wanted[:count]
            sector[at + count] &= wanted[count] | self.chance.getrandbits(8)
            self.look(self)
            sector[:] = kept
            self.is_watched = True
        super()._change(sector, at, wanted)


@pytest.fixture(scope="module")
def lists():
    """Return three lists, each with some names less and some more than the one before."""
    chance = random.Random(2)
    entries = list({chance.getrandbits(60) for _ in range(_NAMES + 2 * _CHANGED)})
    chance.shuffle(entries)
    made = []
    for number, age in enumerate((10, 5, 1)):
        some = sorted(entries[number * _CHANGED : number * _CHANGED + _NAMES])
        made.append(List(ListWriter(40).body(some), 0, age))
    return made


def _slot_bytes(lists) -> int:
    return 4096 * (2 + max(len(one.body) for one in lists) // 4096)


class Looker:
    """Starts a device from what is in the flash."""

    def __init__(self, lists, update):
        self.old, self.new, self.next = lists
        self.update = update
        self.looks = 0
        self.again = 0
        self.saw_new = 0

    def __call__(self, nor) -> None:
        found = device(nor.slots)
        assert not check(found), "the body of a list in force is not whole"
        assert found.manifest in (self.old.manifest, self.new.manifest)
        self.saw_new += found.manifest == self.new.manifest
        self.looks += 1
        if self.looks % _AGAIN_EVERY == 0:
            self.begin_again(nor)

    def begin_again(self, nor) -> None:
        snapshot, operations = nor.snapshot(), nor.operations
        found = device(nor.slots)
        check(found)
        if found.manifest == self.old.manifest:
            self.update(found)
        assert self.new.is_in(found)
        push(found, self.next, 4096)
        assert self.next.is_in(device(nor.slots))
        nor.restore(snapshot)
        nor.operations = operations
        self.again += 1


def _run(lists, update) -> None:
    looker = Looker(lists, update)
    nor = WatchedFlash(_slot_bytes(lists), looker)
    first = device(nor.slots)
    push(first, lists[0], 4096)
    nor.operations = 0
    nor.is_watched = True
    update(first)
    nor.is_watched = False
    looker(nor)
    assert lists[1].is_in(device(nor.slots))
    assert looker.looks == 2 * nor.operations + 1 and looker.again
    assert looker.saw_new == 1, "the switch is the last operation"
    _LOG.info("%d names: %d operations, begun again %d times", _NAMES, nor.operations, looker.again)


def test_a_whole_list(lists):
    _run(lists, lambda device_lists: push(device_lists, lists[1], 4096))


def test_a_delta(lists):
    delta = Delta(lists[0], lists[1])
    _LOG.info("the delta has %d bytes", len(delta.head) + len(delta.body))
    _run(lists, lambda device_lists: merge(device_lists, delta))
