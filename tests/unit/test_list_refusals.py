"""Lists that are not taken: each refusal is said in a line of its own, and nothing in the flash changes."""

import unittest

from fakes.lists import DAY_S, NOW_S, List, device, head_of, push, remember_verdicts
from fakes.nor import Nor
from fakes.storage import FakeStorage

from spamgate.store.list_slots import ListSlots
from spamgate.store.list_trust import Trust
from spamgate.store.list_update import DeltaUpdate, FullUpdate
from spamgate.wire.list_manifest import DELTA, LIST
from spamgate.wire.list_rules import InForceError, RefusedError
from spamgate.wire.list_signing import make_head

_SLOT = 0x8000
_SIZE = 17000

remember_verdicts()


class Refusals(unittest.TestCase):
    """Each is said in a line of its own, and changes nothing."""

    def setUp(self):
        self.nor = Nor(_SLOT)
        self.lists = device(self.nor.slots)
        push(self.lists, _OLD)
        self.before = self.nor.snapshot()

    def tearDown(self):
        self.assertTrue(self.nor.snapshot() == self.before)

    def refuses(self, words, head, now_s=NOW_S, lists=None, kind=RefusedError):
        with self.assertRaises(kind) as caught:
            FullUpdate(lists or self.lists, head, now_s)
        self.assertIn(words, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))
        if kind is RefusedError:
            self.assertTrue(len(caught.exception.hint) > 5, words)
        with self.assertRaises(RefusedError):
            DeltaUpdate(lists or self.lists, head, now_s, None)

    def other(self, number=0, **fields):
        manifest = dict(_NEW.manifest)
        manifest.update(fields)
        return head_of(manifest, number)

    def test_another_signature(self):
        self.refuses("not signed with the key", _BY_STRANGER.head)
        self.refuses("is not signed", make_head(LIST, _split(_NEW.head)[0]))
        self.refuses("not signed with the key", make_head(LIST, _split(_NEW.head)[0], bytes(384)))

    def test_a_manifest_under_another_ones_signature(self):
        text = _split(_NEW.head)[0].replace(b'"names":3', b'"names":4')
        self.refuses("not signed with the key", make_head(LIST, text, _split(_NEW.head)[1]))

    def test_no_key(self):
        slots = Nor(_SLOT).slots
        bare = _Bare(slots)
        self.refuses("no key is trusted", _NEW.head, lists=bare.lists)
        bare = _Bare(slots, "not a key")
        self.assertIn("list_key", bare.lists.trust.problem)
        self.refuses("no key is trusted", _NEW.head, lists=bare.lists)

    def test_an_older_version_and_this_one(self):
        self.refuses("is not newer than", List(_SIZE, seed=9, age=11).head)
        self.refuses("is not newer than", List(_SIZE, seed=9, age=10).head)
        self.refuses("in force already", _OLD.head, kind=InForceError)

    def test_time(self):
        self.refuses("expired 24 hours ago", self.other(), now_s=_NEW.manifest["expires"] + DAY_S)
        self.refuses("expired 0 hours ago", self.other(), now_s=_NEW.manifest["expires"])
        self.refuses("time of day is not known", self.other(), now_s=0)
        self.refuses("in the future", self.other(), now_s=_NEW.manifest["created"] - DAY_S - 1)
        self.refuses("ahead of the time", self.other(version=_NEW.manifest["created"] // 60 + 1))

    def test_somebody_elses_list(self):
        self.refuses("for boards of class 4MiB, not 8MiB", self.other(board_class="4MiB"))
        self.refuses("the list is 'work', and this is for 'default'", self.other(id="work"))

    def test_size(self):
        self.refuses("has %d bytes" % (_SLOT - 4095), self.other(size=_SLOT - 4095))
        self.refuses("has 1099511627775 bytes", self.other(size=(1 << 40) - 1))

    def test_form(self):
        self.refuses("format 2", self.other(format=2))
        self.refuses("no good names", self.other(names="x"))
        self.refuses("not a list", b"<html>" + bytes(5000))
        self.refuses("not a list", b"")
        self.refuses("damaged", _NEW.head[:20] + b"!" + _NEW.head[21:])
        self.refuses("next key", self.other(next_key="A" * 512))

    def test_a_delta_is_no_list(self):
        with self.assertRaises(RefusedError) as caught:
            FullUpdate(self.lists, head_of(_NEW.manifest, 0, DELTA), NOW_S)
        self.assertIn("delta", str(caught.exception))

    def test_a_delta_for_another_base(self):
        with self.assertRaises(RefusedError) as caught:
            DeltaUpdate(self.lists, head_of(_NEW.manifest, 0, DELTA), NOW_S, lambda offset, buf: len(buf))
        self.assertIn("for another list", str(caught.exception))


class _Bare:
    """A device whose owner has set no key, or nonsense."""

    def __init__(self, slots, anchor=""):
        self.lists = ListSlots(slots, Trust(FakeStorage(), anchor), "default", "8MiB")
        self.lists.look()


def _split(head):
    length = head[4] | head[5] << 8
    return head[16 : 16 + length], head[16 + length : 16 + length + 384]


_OLD = List(_SIZE, seed=1, age=10)
_NEW = List(_SIZE, seed=2, age=5)
_BY_STRANGER = List(_SIZE, seed=2, age=5, number=2)
