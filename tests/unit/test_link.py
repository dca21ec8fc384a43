"""A board's end of the link: requests answered, files kept, and whoever breaks the rules let go."""

import binascii
import hashlib
import json
import unittest

from fakes.line import FakeLine
from fakes.link import Pair, noise
from fakes.storage import FakeStorage

from spamgate.core.errors import SpamgateError
from spamgate.service.link import Link
from spamgate.wire.answers import MessageError
from spamgate.wire.link_channel import BINARY, TEXT

_CHUNK = 1024


class _Commands:
    """Answers a few requests."""

    def __init__(self):
        self.count = 3
        self.asked = []

    def hello(self, fields, send):
        send('{"type":"hello"}\n')

    def devices(self, fields, send):
        for number in range(self.count):
            send('{"type":"device","n":%d,' % number)
            send('"pad":"%s"}\n' % ("\u00fc\u20ac" * 60))

    def monitor(self, fields, send):
        self.devices(fields, send)

    def set(self, fields, send):
        self.asked.append(fields)
        send('{"type":"set","begun":')
        if fields["name"] == "bad":
            raise MessageError("bad: cannot be", "set good")
        if fields["name"] == "full":
            raise OSError(28, "full")
        if fields["name"] == "large":
            raise MemoryError
        send("1}\n")


class _Ends:
    """The board's end of a pair's lines, as a Link wants it."""

    def __init__(self, pair):
        self.read_into = pair.down.read_into
        self.write = pair.up.write


class Linked(unittest.TestCase):
    def setUp(self):
        self.start(FakeLine(20, 0, 260), FakeLine(20))
        self.storage = FakeStorage()
        self.link.accept_files(self.storage, lambda name: name != "secret")

    def start(self, down, up):
        self.pair = Pair(down, up)
        self.commands = _Commands()
        self.plug_in()
        self.assertTrue(self.pair.open())

    def plug_in(self):
        """Another board, or the same after a reset."""
        pair = self.pair

        def nonce():
            return b"\1\2\3" + bytes([pair.now_ms & 255])

        self.link = Link(_Ends(pair), self.commands, lambda: pair.now_ms, nonce)
        self.link.while_waiting = pair.others
        pair.board.turn = lambda came, goes, now_ms: self.link.poll(now_ms)
        pair.board.channel = self.link.channel

    def say(self, data):
        at = 0
        while at < len(data):
            self.assertTrue(self.pair.run(9000, self.pair.host.channel.has_room))
            at += self.pair.host.channel.send(TEXT, data, at, min(len(data), at + 200))

    def ask(self, wait_ms=20000, **fields):
        """Return the objects of the answer."""
        self.pair.host.text = bytearray()
        self.say(json.dumps(fields).encode() + b"\n")
        return self.answer(wait_ms)

    def answer(self, wait_ms=20000):
        def is_over():
            last = bytes(self.pair.host.text).split(b"\n")[-2:]
            return len(last) == 2 and not last[1] and (b'"done"' in last[0] or b'"error"' in last[0])

        self.assertTrue(self.pair.run(wait_ms, is_over), self.pair.host.text)
        lines = bytes(self.pair.host.text).decode().split("\n")[:-1]
        return [json.loads(line[line.rfind("\x18") + 1 :]) for line in lines]


class Requests(Linked):
    def test_an_answer_ends_with_done(self):
        self.assertEqual(self.ask(type="hello"), [{"type": "hello"}, {"type": "done"}])

    def test_long_answers_arrive_whole_while_others_have_their_turn(self):
        self.commands.count = 20
        told = self.ask(type="devices")
        self.assertEqual([row.get("n") for row in told[:-1]], list(range(20)))
        self.assertEqual({row.get("pad") for row in told[:-1]}, {"\u00fc\u20ac" * 60})

    def test_long_answers_arrive_whole_over_a_bad_line(self):
        self.start(FakeLine(92, 1, 260, 100, 5), FakeLine(92, 1, 4096, 100, 6))
        self.commands.count = 10
        self.assertEqual([row.get("n") for row in self.ask(60000, type="devices")[:-1]], list(range(10)))

    def test_what_is_wrong_is_said_and_the_line_begun_taken_back(self):
        for name, text in (
            ("bad", "bad: cannot be"),
            ("full", "the board cannot do this now (error 28)"),
            ("large", "there is no memory left for this"),
        ):
            told = self.ask(type="set", name=name, value="1")
            self.assertEqual((len(told), told[0]["type"], told[0]["text"]), (1, "error", text))
        self.assertEqual(self.ask(type="set", name="good", value="1")[0], {"type": "set", "begun": 1})

    def test_what_this_board_does_not_do_is_said(self):
        self.assertEqual(self.ask(type="metrics")[0]["text"], "metrics: not something this board does")
        self.assertIn("is not a request", self.ask(type="nonsense")[0]["text"])
        self.assertIn("protocol 9 is not spoken", self.ask(type="hello", protocol=9)[0]["text"])

    def test_requests_may_come_together(self):
        self.say(b'{"type":"hello"}\n{"type":"hello"}\n')
        self.pair.run(500, lambda: False)
        self.assertEqual(bytes(self.pair.host.text).count(b'"done"'), 2)

    def test_a_request_without_end_ends_the_session(self):
        self.pair.host.to_send = b""
        for _ in range(20):
            if not self.pair.host.channel.is_open:
                break
            if self.pair.run(500, self.pair.host.channel.has_room):
                self.pair.host.channel.send(TEXT, b"x" * 100, 0, 100)
        self.assertTrue(self.pair.run(500, lambda: not self.pair.host.channel.is_open))
        self.assertTrue(self.pair.open())
        self.assertEqual(self.ask(type="hello")[0], {"type": "hello"})

    def test_a_host_that_takes_no_answer_is_let_go(self):
        self.commands.count = 50
        self.pair.up.is_cut = True
        self.say(b'{"type":"devices"}\n')
        self.pair.run(200, lambda: False)
        self.assertFalse(self.link.channel.is_open)

    def test_events_come_to_whoever_asked_for_them(self):
        self.link.publish('{"type":"verdict","t":1}\n')
        self.ask(type="monitor")
        self.pair.host.text = bytearray()
        for t in range(2, 4):
            self.link.publish('{"type":"verdict","t":%d}\n' % t)
        self.pair.run(500, lambda: False)
        self.assertEqual(bytes(self.pair.host.text), b'{"type":"verdict","t":2}\n{"type":"verdict","t":3}\n')
        for t in range(100):
            self.link.publish('{"type":"verdict","t":%d}\n' % t)
        self.pair.host.text = bytearray()
        self.pair.run(500, lambda: False)
        self.assertEqual(bytes(self.pair.host.text).count(b"\n"), 4)
        self.assertEqual(self.ask(type="hello")[-1], {"type": "done"})
        self.assertTrue(self.pair.run(500, self.link.is_idle))


class Files(Linked):
    def put(self, data, name="list.bin", digest=None):
        """Begin to put; return the first object of the answer."""
        self.pair.host.text = bytearray()
        digest = digest or binascii.hexlify(hashlib.sha256(data).digest()).decode()
        line = {"type": "put", "name": name, "size": len(data), "sha256": digest}
        self.say(json.dumps(line).encode() + b"\n")
        self.assertTrue(self.pair.run(3000, lambda: b"\n" in self.pair.host.text))
        return json.loads(bytes(self.pair.host.text).split(b"\n")[0].decode().replace("\x18", ""))

    def send(self, data):
        self.pair.host.to_send = bytes(data)

    def drain(self):
        """Let all that was sent arrive."""
        host = self.pair.host
        self.assertTrue(self.pair.run(5000, lambda: not host.to_send and host.channel.is_idle()))

    def test_a_file_arrives_whole_and_takes_its_place_at_the_end(self):
        for size in (0, 1, _CHUNK, 3000):
            data = noise(size, size + 1)
            self.assertEqual(self.put(data), {"type": "put", "offset": 0})
            self.send(data)
            self.assertEqual(self.answer()[-1], {"type": "done"})
            self.assertEqual(bytes(self.storage.files["list.bin"]), bytes(data))
            self.assertNotIn("list.bin.part", self.storage.files)

    def test_after_a_reset_it_goes_on_behind_the_last_chunk(self):
        data = noise(5000, 4)
        self.put(data)
        self.send(data[:2500])
        self.drain()
        self.plug_in()
        self.link.accept_files(self.storage, lambda name: True)
        self.assertTrue(self.pair.open())
        self.assertEqual(self.put(data), {"type": "put", "offset": 2 * _CHUNK})
        self.send(data[2 * _CHUNK :])
        self.assertEqual(self.answer()[-1], {"type": "done"})
        self.assertEqual(bytes(self.storage.files["list.bin"]), bytes(data))

    def test_another_file_of_the_same_name_begins_anew(self):
        data = noise(3000, 4)
        self.put(data)
        self.send(data[:2500])
        self.drain()
        self.assertEqual(self.put(noise(3000, 5)), {"type": "put", "offset": 0})

    def test_a_part_that_has_rotted_is_dropped_at_the_end(self):
        data = noise(3000, 4)
        self.put(data)
        self.send(data[:2500])
        self.drain()
        self.storage.flip("list.bin.part", 100)
        self.assertEqual(self.put(data)["offset"], 2048)
        self.send(data[2048:])
        self.assertIn("another digest", self.answer()[-1]["text"])
        self.assertNotIn("list.bin", self.storage.files)
        self.assertEqual(self.put(data)["offset"], 0)
        self.send(data)
        self.assertEqual(self.answer()[-1], {"type": "done"})

    def test_a_full_disk_is_said(self):
        data = noise(3000, 4)
        self.storage.room_bytes = 2000
        self.put(data)
        self.send(data)
        self.assertIn("error 28", self.answer()[-1]["text"])
        self.drain()
        self.assertEqual(self.ask(type="hello")[-1], {"type": "done"})

    def test_names_that_may_not_be_put_are_refused(self):
        for name in ("../boot.py", "a/b", ".hidden", "x.part", "x.sum", "secret", "n" * 33, "a b", "\u00fc"):
            self.assertIn("not a file that may be put here", self.put(b"x", name)["text"])
        self.assertEqual(sorted(self.storage.files), [])

    def test_bytes_that_nobody_asked_for_are_ignored(self):
        self.pair.host.channel.send(BINARY, b"stray", 0, 5)
        self.assertEqual(self.ask(type="hello")[-1], {"type": "done"})
        self.put(b"abc")
        self.send(b"abcdef")
        self.assertEqual(self.answer()[-1], {"type": "done"})
        self.assertEqual(bytes(self.storage.files["list.bin"]), b"abc")

    def test_where_no_files_are_taken_it_is_said(self):
        self.plug_in()
        self.assertTrue(self.pair.open())
        self.assertEqual(self.put(b"x")["text"], "put: not something this board does")
        self.assertTrue(issubclass(MessageError, SpamgateError))


if __name__ == "__main__":
    unittest.main()
