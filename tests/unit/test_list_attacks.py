"""The attacks of TUF's security model against the code that devices update with.

What an attacker has here: the network or the mirror, everything that was ever signed, and in the end an old key.
"""

import unittest

from fakes.lists import DAY_S, NOW_S, List, check, device, head_of, key, push, remember_verdicts
from fakes.nor import Nor
from fakes.storage import FakeStorage

from spamgate.store.list_trust import TRUST_FILE
from spamgate.store.list_update import FullUpdate
from spamgate.wire.list_manifest import DELTA
from spamgate.wire.list_rules import InForceError, RefusedError
from spamgate.wire.pss import encode_key

_SLOT = 0x7000
_SIZE = 18000

remember_verdicts()


class Attacks(unittest.TestCase):
    def setUp(self):
        self.nor = Nor(_SLOT)
        self.storage = FakeStorage()
        self.lists = self.start()
        self.good = [_NEW, _NEWEST]
        push(self.lists, _OLD)
        push(self.lists, _NEW)

    def start(self, number=0):
        lists = device(self.nor.slots, self.storage, number)
        self.assertFalse(check(lists))
        return lists

    def tearDown(self):
        """Whatever was tried, a whole list that the owner made is in force, after a restart too."""
        served = self.start()
        self.assertTrue(any(one.is_in(served) for one in self.good))

    def refused(self, new, words, now_s=NOW_S):
        for lists in (self.lists, self.start()):
            with self.assertRaises(RefusedError) as caught:
                push(lists, new, now_s=now_s)
            self.assertIn(words, str(caught.exception))

    def test_rollback(self):
        """A list that was good once, from before a name was added, is not taken again."""
        self.refused(_OLD, "is not newer than")
        self.refused(List(_SIZE, seed=7, age=5), "is not newer than")

    def test_rollback_after_the_newer_list_went_bad(self):
        """Then the older one serves, as it must; but what is older still is not taken."""
        push(self.lists, _NEWEST)
        self.nor.flip(4096 + 77)
        self.lists = device(self.nor.slots, self.storage)
        self.assertTrue(check(self.lists))
        self.assertTrue(_NEW.is_in(self.lists))
        self.refused(_OLD, "is not newer than")
        push(self.lists, _NEWEST)

    def test_freeze(self):
        """Whoever can only keep new lists away from us can do so until the one they show expires."""
        stale = List(_SIZE, seed=7, age=3, expires=NOW_S - 1)
        self.refused(stale, "expired")
        self.refused(_NEWEST, "expired", NOW_S + 31 * DAY_S)

    def test_freeze_by_a_clock_that_was_never_set(self):
        self.refused(_NEWEST, "time of day is not known", 0)

    def test_an_expired_list_in_force_stays_until_a_better_one_comes(self):
        """An attacker who keeps us from the net gains nothing by waiting: old names stay blocked."""
        self.refused(_NEWEST, "expired", NOW_S + 40 * DAY_S)
        self.assertTrue(_NEW.is_in(self.start()))

    def test_the_same_list_with_a_longer_life_is_taken(self):
        """Signing again is how an owner says that nothing has changed."""
        again = List(_SIZE, seed=2, age=0)
        self.assertTrue(again.body == _NEW.body)
        push(self.lists, again)
        self.assertEqual(self.start().manifest["expires"], again.manifest["expires"])
        with self.assertRaises(InForceError):
            push(self.lists, again)
        self.good.append(again)

    def test_mix_and_match(self):
        """The head of one list before the body of another; and parts of two bodies."""
        for body in (_OLD.body, _NEW.body, _NEWEST.body[:16384] + _NEW.body[16384:], bytes(_SIZE)):
            for piece in (1000, _SIZE):
                mixed = List(_SIZE, seed=3, age=1)
                mixed.body = body
                with self.assertRaises(RefusedError) as caught:
                    push(self.lists, mixed, piece)
                self.assertIn("another digest", str(caught.exception))
                self.assertTrue(_NEW.is_in(self.lists))

    def test_mix_across_a_restart(self):
        """What is in the slot from a first try counts as much as what comes in the second."""
        FullUpdate(self.lists, _NEWEST.head, NOW_S).take(_NEW.body, 0, 17000)
        self.lists = self.start()
        update = FullUpdate(self.lists, _NEWEST.head, NOW_S)
        self.assertEqual(update.offset, 16384)
        update.take(_NEWEST.body, 16384, _SIZE)
        with self.assertRaises(RefusedError):
            update.finish()
        push(self.lists, _NEWEST)

    def test_a_list_for_another_place(self):
        self.refused(List(_SIZE, seed=3, age=1, id="kindergarten"), "'kindergarten', and this is for 'default'")
        self.refused(List(_SIZE, seed=3, age=1, board_class="router"), "for boards of class router")

    def test_fast_forward(self):
        """No version is taken that would leave none for the next list."""
        for version in (NOW_S // 60 + 1, (1 << 40) - 1):
            self.refused(List(_SIZE, seed=3, age=0, version=version), "ahead of the time")
        far = NOW_S + 400 * DAY_S
        self.refused(List(_SIZE, seed=3, created=far, version=far // 60, expires=far + DAY_S), "in the future")
        push(self.lists, _NEWEST)

    def test_fast_forward_gains_a_day_at_most(self):
        """Clocks differ: a day is let pass, and a day later the owner's next list is taken."""
        push(self.lists, _FUTURE)
        self.assertTrue(_FUTURE.is_in(self.start()))
        late = List(_SIZE, seed=4, age=-24 * 60)
        push(self.lists, late, now_s=NOW_S + DAY_S)
        self.good.append(late)

    def test_endless_data(self):
        """No byte beyond what the manifest says is taken, nor written anywhere."""
        update = FullUpdate(self.lists, _NEWEST.head, NOW_S)
        update.take(_NEWEST.body, 0, _SIZE)
        before = self.nor.snapshot()
        for _ in range(3):
            with self.assertRaises(RefusedError) as caught:
                update.take(bytes(100), 0, 100)
            self.assertIn("more bytes come", str(caught.exception))
        self.assertTrue(before == self.nor.snapshot())
        update = FullUpdate(self.start(), _NEWEST.head, NOW_S)
        with self.assertRaises(RefusedError):
            update.take(bytes(_SIZE + 1), 0, _SIZE + 1)

    def test_a_size_that_nothing_here_could_hold(self):
        before = self.nor.snapshot()
        huge = List(_SIZE, seed=3, age=1)
        huge.manifest["size"] = _SLOT
        huge.head = head_of(huge.manifest)
        self.refused(huge, "a slot here takes")
        self.assertTrue(before == self.nor.snapshot())

    def test_a_delta_sent_as_a_list(self):
        delta = List(_SIZE, seed=3, age=1)
        delta.head = head_of(delta.manifest, 0, DELTA)
        self.refused(delta, "delta")


class StolenKeys(unittest.TestCase):
    """A key that was replaced signs nothing newer than the list that replaced it."""

    def setUp(self):
        self.nor = Nor(_SLOT)
        self.storage = FakeStorage()
        self.lists = self.start()

    def start(self, number=0):
        lists = device(self.nor.slots, self.storage, number)
        self.assertFalse(check(lists))
        return lists

    def refused(self, new, words="replaced"):
        for lists in (self.lists, self.start()):
            with self.assertRaises(RefusedError) as caught:
                push(lists, new)
            self.assertIn(words, str(caught.exception))

    def test_a_stolen_old_key(self):
        push(self.lists, _NAMES_KEY)
        self.refused(List(_SIZE, seed=7, age=0))
        push(self.lists, _BY_NEXT_KEY)
        self.refused(List(_SIZE, seed=7, age=0))
        self.assertTrue(_BY_NEXT_KEY.is_in(self.start()))

    def test_a_stolen_old_key_names_a_next_key_of_the_thief(self):
        push(self.lists, _NAMES_KEY)
        self.refused(List(_SIZE, seed=7, age=0, next_key=encode_key(key(2).modulus)))
        push(self.lists, _BY_NEXT_KEY)

    def test_a_stolen_old_key_when_the_list_that_replaced_it_went_bad(self):
        """There is room below its version then, above that of the list which serves; the thief gets none of it."""
        push(self.lists, _OLD)
        push(self.lists, _NAMES_KEY)
        with self.assertRaises(InForceError):
            push(self.lists, _NAMES_KEY)
        self.nor.flip(_SLOT + 4096 + 9)
        self.lists = device(self.nor.slots, self.storage)
        self.assertTrue(check(self.lists))
        self.assertTrue(_OLD.is_in(self.lists))
        self.refused(List(_SIZE, seed=7, age=6))
        push(self.lists, _BY_NEXT_KEY)

    def test_the_old_list_still_starts(self):
        """It is what serves when the first list of the new key goes bad."""
        push(self.lists, _NAMES_KEY)
        push(self.lists, _BY_NEXT_KEY)
        self.nor.flip(_SLOT + 4096 + 9)
        lists = device(self.nor.slots, self.storage)
        self.assertTrue(check(lists))
        self.assertTrue(_NAMES_KEY.is_in(lists))
        push(lists, _BY_NEXT_KEY)

    def test_a_next_key_of_a_list_that_was_refused_is_not_followed(self):
        mixed = List(_SIZE, seed=2, age=5, next_key=encode_key(key(1).modulus))
        mixed.body = _OLD.body
        with self.assertRaises(RefusedError):
            push(self.lists, mixed)
        self.refused(_BY_NEXT_KEY, "not signed with the key")

    def test_keys_follow_one_another_and_the_first_may_come_back(self):
        ages = ((0, 1, 50), (1, 2, 40), (2, 0, 30), (0, 1, 20))
        for seed, (number, following, age) in enumerate(ages):
            new = List(_SIZE, seed, age, number, next_key=encode_key(key(following).modulus))
            push(self.lists, new)
            self.assertTrue(new.is_in(self.start()))
            self.refused(List(_SIZE, 99, 0, number), "replaced")
        self.assertLess(self.storage.size(TRUST_FILE), 2200)
        push(self.start(), List(_SIZE, 5, 1, 1))

    def test_an_anchor_that_the_owner_changes_begins_anew(self):
        """What a thief put in force with the old key is gone at once, whatever its version."""
        thief = List(_SIZE, seed=7, age=0)
        push(self.lists, thief)
        lists = self.start(1)
        self.assertEqual((lists.active, lists.problem[:6]), (-1, "slot a"))
        push(lists, _BY_NEXT_KEY)
        self.assertTrue(_BY_NEXT_KEY.is_in(self.start(1)))

    def test_without_its_file_the_chain_is_found_again_in_the_slots(self):
        push(self.lists, _NAMES_KEY)
        push(self.lists, _BY_NEXT_KEY)
        for damage in (b"", b"{", b"[]", b"x" * 5000, b"[" * 300, b"\xff\xfe"):
            self.storage.files[TRUST_FILE] = bytearray(damage)
            lists = self.start()
            self.assertTrue(_BY_NEXT_KEY.is_in(lists), damage[:9])
            self.assertIn("damaged", lists.trust.problem)
            self.refused(List(_SIZE, seed=7, age=0))

    def test_keys_that_a_damaged_file_brings_are_not_trusted(self):
        push(self.lists, _NAMES_KEY)
        good = bytes(self.storage.files[TRUST_FILE])
        for old, new in ((b'"last"', b'"past"'), (b"null", b"7"), (b'"n"', b'"m"'), (b"keys", b"kezs")):
            self.storage.files[TRUST_FILE] = bytearray(good.replace(old, new))
            self.assertIn("damaged", self.start().trust.problem, old)


_OLD = List(_SIZE, seed=1, age=10)
_NEW = List(_SIZE, seed=2, age=5)
_NEWEST = List(_SIZE, seed=3, age=1)
_FUTURE = List(_SIZE, seed=7, age=-(23 * 60))
_NAMES_KEY = List(_SIZE, seed=2, age=5, next_key=encode_key(key(1).modulus))
_BY_NEXT_KEY = List(_SIZE, seed=3, age=1, number=1)
