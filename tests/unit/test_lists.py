"""A gateway's list: taken when it is signed and whole, asked by the way, told of, and dropped when it is damaged."""

import json
import os
import unittest

from fakes.home import Home
from fakes.list_keys import Key
from fakes.lists import List, head_of, manifest_of

from spamgate.app.lists import NEWS_FILE, Lists
from spamgate.wire.list_writer import ListWriter, NameHasher
from spamgate.wire.pss import encode_key

_FOLDER = "/tmp/spamgate-lists-%s" % "".join(["%02x" % byte for byte in os.urandom(6)])
_KEY = Key(0)


def wire(text):
    return b"".join([bytes((len(label),)) + label.encode() for label in text.split(".")]) + b"\0"


def body_of(names, v4=(), allow=()):
    counts = [name.count(".") + 1 for name in list(names) + list(allow)]
    writer = ListWriter(40, 0, 0, min(counts), max(counts))
    hasher = NameHasher()
    writer.v4 = list(v4)
    writer.allow = [hasher.full(wire(name)) for name in allow]
    return writer.body([hasher.full(wire(name)) for name in names])


class Question:
    """A message, as far as its question's name goes."""

    qname_at = 3

    def __init__(self, name):
        self.buf = b"..." + name


class FakeGateway:
    """What lists need of a gateway: the parts that hear of them."""

    list_key = encode_key(_KEY.modulus)  # of the settings, which is this object too
    state_dir = _FOLDER
    list_id = "default"
    list_mb = 1
    monitor_only = False

    def __init__(self, *allow):
        self.guard_allow = list(allow)
        self.settings = self.plane = self.watcher = self.dns = self.sets = self.guard = self
        self.engine = Home().engine
        self.overhears = None
        self.reader = None
        self.guarded = []
        self.trouble = ""
        self.told = []
        self.reports = []
        self.report = self.reports.append

    def use_list(self, reader):
        self.reader = reader

    def is_guarded(self, device):
        return device in self.guarded

    def list_pair(self):
        return ""

    def tell(self, kind, fields):
        self.told.append([value for _, value in fields])


class Serving(unittest.TestCase):
    def setUp(self):
        os.mkdir(_FOLDER)
        self.gateway = FakeGateway("fine.bad.example")

    def tearDown(self):
        for name in os.listdir(_FOLDER):
            os.unlink(_FOLDER + "/" + name)
        os.rmdir(_FOLDER)

    def put(self, body, letter="a", age=0, number=0, **other):
        for suffix, data in (("body", body), ("head", head_of(manifest_of(body, age, **other), number))):
            with open("%s/list_%s.%s" % (_FOLDER, letter, suffix), "wb") as file:
                file.write(data)

    def start(self):
        lists = Lists(self.gateway)
        lists.start(0)
        self.run_on(lists)
        return lists

    def run_on(self, lists, start_ms=0):
        for tick in range(30):
            lists.tick(start_ms + 100 * tick)

    def asked(self, lists, name):
        """Return how often device 1 is counted for a question."""
        before = self.gateway.engine.listed.names[1]
        lists.asked(1, Question(name))
        return self.gateway.engine.listed.names[1] - before

    def test_without_a_list_nobody_is_asked(self):
        lists = self.start()
        self.assertEqual((self.gateway.overhears, self.gateway.reader, self.gateway.told), (None, None, []))
        self.assertEqual(self.asked(lists, wire("bad.example")), 0)

    def test_what_is_wanted_is_counted_but_for_exceptions(self):
        self.put(body_of(["bad.example"], allow=["good.bad.example"]))
        lists = self.start()
        self.assertEqual(self.gateway.overhears, lists.asked)
        self.assertEqual(self.gateway.reader.names, 1)
        for name, count in (
            (wire("bad.example"), 1),
            (wire("www.Bad.EXAMPLE"), 1),
            (wire("example"), 0),
            (wire("good.bad.example"), 0),
            (wire("x.fine.bad.example"), 0),
            (b"\0", 0),
            (b"\3bad\xc0\x0c", 0),
        ):
            self.assertEqual(self.asked(lists, name), count, name)
        self.gateway.guarded = [1]
        self.assertEqual(self.asked(lists, wire("bad.example")), 0, "the guard tells that itself")

    def test_a_newer_list_takes_over_and_an_older_one_or_a_stranger_s_does_not(self):
        self.put(body_of(["one.example"]), "a", age=50)
        lists = self.start()
        self.put(body_of(["two.example"]), "b", age=60)
        self.run_on(lists, 10000)
        self.assertEqual(self.asked(lists, wire("one.example")), 1)
        self.put(body_of(["two.example"]), "b", age=40, number=1)
        self.run_on(lists, 20000)
        self.assertEqual(self.asked(lists, wire("two.example")), 0)
        self.put(body_of(["two.example"]), "b", age=40)
        self.run_on(lists, 30000)
        self.assertEqual((self.asked(lists, wire("one.example")), self.asked(lists, wire("two.example"))), (0, 1))
        self.assertEqual([row[0] for row in self.gateway.told], ['"in force"', '"in force"'])

    def test_a_damaged_list_is_dropped_for_the_other(self):
        good, bad = body_of(["one.example"]), body_of(["two.example"])
        self.put(good, "a", age=50)
        self.put(bad, "b", age=40)
        with open(_FOLDER + "/list_b.body", "r+b") as file:
            file.seek(len(bad) - 1)
            file.write(bytes((bad[-1] ^ 1,)))
        lists = self.start()
        self.assertEqual([row[0] for row in self.gateway.told], ['"in force"', '"dropped"', '"in force"'])
        self.assertEqual(self.asked(lists, wire("one.example")), 1)

    def test_what_is_no_list_though_signed_serves_nobody(self):
        body = List(5000).body
        self.put(body)
        lists = self.start()
        self.assertEqual((self.gateway.reader, self.asked(lists, wire("bad.example"))), (None, 0))
        self.assertEqual([text.split(":")[0] for text in self.gateway.reports], ["list"])

    def test_it_tells_what_is_in_the_slots_and_how_the_last_fetch_ended(self):
        self.put(body_of(["one.example"]))
        lists = self.start()
        for text, ok, said in (
            ('{"ok":true,"said":"done"}', True, "done"),
            ('{"ok":false,"said":"no \\"way\\""}', False, 'no "way"'),
            ("[]", None, ""),
            ("{", None, ""),
        ):
            with open(_FOLDER + "/" + NEWS_FILE, "w") as file:
                file.write(text)
            pieces = []
            lists.write(pieces.append)
            rows = [json.loads(line) for line in "".join(pieces).split("\n")[:-1]]
            self.assertEqual((rows[0]["type"], rows[0]["ok"], rows[0]["said"]), ("lists", ok, said))
            self.assertEqual([row["state"] for row in rows[1:]], ["in force", "empty"])
        self.gateway.told.clear()
        with open(_FOLDER + "/" + NEWS_FILE, "w") as file:
            file.write('{"ok":false,"said":"it is too old"}')
        lists.hear()
        self.assertEqual(self.gateway.told, [['"refused"', '"it is too old"']])


if __name__ == "__main__":
    unittest.main()
