"""The lists of a board: put over the link, taken a little at a time, refused, and there again after a cut."""

import json
import unittest

from fakes.lists import NOW_S, Delta, List, key, names_list
from fakes.nor import Nor
from fakes.storage import FakeStorage

from spamgate.app import board_lists
from spamgate.app.board_list_commands import ListCommands
from spamgate.app.board_lists import BoardLists
from spamgate.core.errors import SpamgateError
from spamgate.wire.pss import encode_key

_SLOT_BYTES = 12 * 4096
_SPREAD = 0x9E3779B97F4A7C15  # an odd number: its multiples lie far from one another


def _list(first, end, age, **other):
    """Return a list of so many names, given by their hashes."""
    return names_list([number * _SPREAD % (1 << 60) for number in range(first, end)], age, **other)


_OLD = _list(1, 900, 20)
_NEW = _list(50, 910, 10)
_LONG = List(40000, 3, 5)  # no names, for what only its size and digest matter
_FRAME = 200


class Link:
    """Somebody talks; `link` is None where nobody does."""

    link = "it"


class Program:
    """What BoardLists wants of a board's program; every object of this class is a start of the board."""

    engine = "one"

    def __init__(self, nor, storage, list_key=None):
        self.settings = self.hardware = self.plane = self
        self.link = Link()
        self.list_id = "default"
        self.list_key = encode_key(key().modulus) if list_key is None else list_key
        self.storage = storage
        self.slots = nor.slots
        self.lists = None
        self.is_list_checked = False
        self.list_facts = (-1, "", "")
        self.blocklist = None
        self.told = []
        self.open_lists().start()

    def open_lists(self):
        if self.lists is None and self.slots:
            self.lists = BoardLists(self)
            self.lists.now_s = lambda: NOW_S
        return self.lists

    def use_list(self, blocklist):
        self.blocklist = blocklist

    def tell(self, kind, fields):
        self.told.append(json.loads("{%s}" % fields))

    def report(self, text):
        self.told.append(text)

    def spin(self):
        """Let it work until there is nothing to do."""
        while self.lists and self.lists.is_busy():
            self.lists.step()

    def put(self, data, most=None):
        """Put a file as the link does, up to `most` bytes of it; return where it began."""
        fields = {"name": "list.sgb", "size": len(data), "sha256": "%064d" % (sum(data) % 9973)}
        taker = self.open_lists().taker(fields)
        said = []
        taker.step(said.append)
        begun = at = json.loads(said[0])["offset"]
        while at < (most or len(data)):
            count = min(_FRAME, len(data) - at)
            taker.take(bytearray(data[at : at + count]), 0, count)
            at += count
            if taker.step(said.append):
                break
        return begun

    def apply(self, name):
        """Ask for it to be taken; return how it ended."""
        ListCommands(self).list_apply({"name": name}, lambda text: None)
        self.spin()
        return self.lists.ok, self.lists.said

    def rows(self):
        """Return what it tells of its lists."""
        pieces = []
        ListCommands(self).lists({}, pieces.append)
        return [json.loads(line) for line in "".join(pieces).split("\n")[:-1]]

    def version(self):
        """Return the version in force, 0 for none."""
        return ([row["version"] for row in self.rows() if row.get("state") == "in force"] or [0])[0]


class Scene(unittest.TestCase):
    def setUp(self):
        self.nor = Nor(_SLOT_BYTES)
        self.storage = FakeStorage()
        self.board = self.start()

    def start(self, **options):
        board = Program(self.nor, self.storage, **options)
        board.spin()
        return board

    def brings(self, new):
        self.board.put(bytes(new.head) + new.body)
        self.assertEqual(self.board.apply("list.sgb"), (True, ""))
        self.assertEqual(self.board.version(), new.manifest["version"])


class Taking(Scene):
    def test_a_list_is_in_force_once_it_has_come_and_was_taken_and_after_each_start(self):
        self.assertEqual([row.get("state") for row in self.board.rows()], [None, "empty", "empty"])
        self.brings(_OLD)
        self.assertEqual(self.board.blocklist.names, 899)
        self.assertEqual(self.board.told[-1]["event"], "in force")
        self.brings(_NEW)
        self.assertEqual([row.get("state") for row in self.board.rows()], [None, "former", "in force"])
        again = self.start()
        self.assertEqual((again.version(), again.rows()[0]["checked"]), (_NEW.manifest["version"], True))

    def test_what_was_cut_goes_on_behind_the_last_mark(self):
        self.brings(_OLD)
        data = bytes(_LONG.head) + _LONG.body
        self.assertEqual(self.board.put(data, 4096 + 20000), 0)
        self.board = self.start()
        self.assertEqual(self.board.version(), _OLD.manifest["version"])
        self.assertIn("unfinished", [row.get("state") for row in self.board.rows()])
        self.assertEqual(self.board.put(data), 4096 + 16384)
        self.assertEqual(self.board.apply("list.sgb"), (True, ""))
        self.assertEqual(self.board.version(), _LONG.manifest["version"])

    def test_a_delta_leads_to_the_next(self):
        self.brings(_OLD)
        delta = Delta(_OLD, _NEW)
        self.storage.write("list.sgd", [bytes(delta.head), delta.body])
        self.assertEqual(self.board.apply("list.sgd"), (True, ""))
        self.assertEqual((self.board.version(), self.storage.size("list.sgd")), (_NEW.manifest["version"], 0))

    def test_nothing_stays_in_memory_when_nobody_talks(self):
        self.brings(_OLD)
        self.board.link.link = None
        self.board.lists.rest()
        self.assertEqual(self.board.lists, None)
        self.assertEqual(self.board.blocklist.names, 899)


class Refusing(Scene):
    def refusal(self, data):
        try:
            self.board.put(data)
        except SpamgateError as error:
            return str(error)
        return ""

    def test_what_is_wrong_is_said_before_anything_is_erased(self):
        self.brings(_OLD)
        done = self.nor.operations
        stranger = _list(1, 9, 0, number=1)
        other = _list(1, 9, 0, id="work")
        for data, says in (
            (bytes(stranger.head) + stranger.body, "not signed with the key"),
            (bytes(other.head) + other.body, "the list is 'work'"),
            (bytes(_NEW.head) + _NEW.body + b"x", "its manifest says"),
            (b"x" * 9000, "not a list"),
            (b"x" * 100, "too short"),
        ):
            self.assertIn(says, self.refusal(data))
        self.assertEqual((self.nor.operations, self.board.version()), (done, _OLD.manifest["version"]))

    def test_a_delta_for_another_list_is_refused_and_the_list_stays(self):
        self.brings(_NEW)
        last = _list(60, 920, 0)
        delta = Delta(_OLD, last)
        self.storage.write("list.sgd", [bytes(delta.head), delta.body])
        with self.assertRaises(SpamgateError):
            self.board.apply("list.sgd")
        self.assertEqual(self.board.version(), _NEW.manifest["version"])

    def test_bytes_that_were_signed_by_nobody_are_refused_at_the_end(self):
        self.brings(_OLD)
        body = bytearray(_NEW.body)
        body[777] ^= 1
        self.board.put(bytes(_NEW.head) + bytes(body))
        ok, said = self.board.apply("list.sgb")
        self.assertTrue(ok is False and "digest" in said)
        self.assertEqual(self.board.version(), _OLD.manifest["version"])

    def test_what_is_not_there_cannot_be_taken(self):
        for name in ("list.sgb", "list.sgd", "settings.json"):
            with self.assertRaises(SpamgateError):
                self.board.apply(name)

    def test_a_list_that_is_damaged_makes_way_for_the_former_one(self):
        self.brings(_OLD)
        self.brings(_NEW)
        self.nor.flip(_SLOT_BYTES + 4096 + 777)
        again = self.start()
        self.assertEqual(again.version(), _OLD.manifest["version"])
        self.assertEqual([told["event"] for told in again.told if "event" in told], ["in force", "dropped", "in force"])


board_lists.forget_modules = lambda names: None  # other tests use these modules
board_lists.forget_module = lambda name: None


if __name__ == "__main__":
    unittest.main()
