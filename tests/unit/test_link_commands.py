"""What a gateway tells over its link beside what its control socket does: its settings without the key, its journal."""

import json
import os
import unittest

from fakes.home import Home

from spamgate import VERSION
from spamgate.app.link_commands import LinkCommands
from spamgate.hal.storage import Storage
from spamgate.store.settings import read_settings
from spamgate.wire.answers import PROTOCOL, MessageError
from spamgate.wire.link_messages import LINK_REQUESTS
from spamgate.wire.messages import parse_request

_KEY = "ab" * 32
_FOLDER = "build/link_commands.%d" % os.urandom(1)[0]


class FakeGateway:
    """What these commands need of a gateway."""

    name = "linux"
    degraded = ""
    packets = lost = malformed = 0
    tickets = refused = ()

    def __init__(self, **given):
        self.engine = Home().engine
        self.started_s = self.engine.now_s
        self.plane = self.log = self.watcher = self.loop = self
        self.settings = read_settings(json.dumps(dict(lan=["br-lan"], state_dir=os.getcwd() + "/" + _FOLDER, **given)))
        self.turns = 0

    def turn(self, timeout_ms):
        self.turns += 1


def _ask(gateway, type, **fields):
    fields["type"] = type
    name, checked = parse_request(json.dumps(fields).encode(), LINK_REQUESTS)
    pieces = []
    getattr(LinkCommands(gateway), name)(checked, pieces.append)
    return [json.loads(line) for line in "".join(pieces).split("\n")[:-1]]


class Telling(unittest.TestCase):
    def test_hello_says_who_this_is(self):
        (told,) = _ask(FakeGateway(), "hello")
        self.assertEqual((told["version"], told["protocol"], told["plane"]), (VERSION, PROTOCOL, "linux"))
        self.assertTrue(told["micropython"][0].isdigit())

    def test_settings_are_told_without_the_key(self):
        gateway = FakeGateway(link_port=8425, link_key=_KEY, guard_block=["a.example", "b.example"], page="http://x/")
        gateway.settings.aliases = {"02:00:00:00:00:01": "Tom's \"TV\""}
        told = {row["name"]: row["value"] for row in _ask(gateway, "settings")}
        self.assertEqual((told["link_key"], told["link_port"], told["lan"]), (True, 8425, ["br-lan"]))
        self.assertEqual((told["guard_block"], told["page"]), (["a.example", "b.example"], "http://x/"))
        self.assertEqual((told["aliases"], told["grants"], told["wan"]), (gateway.settings.aliases, {}, []))
        self.assertEqual((told["monitor_only"], told["budget_per_day"]), (False, 5))
        self.assertFalse(_KEY in json.dumps(told))

    def test_what_a_gateway_leaves_to_its_system_it_does_not_do(self):
        for name in ("set", "clock", "reset", "put"):
            self.assertFalse(hasattr(LinkCommands(FakeGateway()), name))

    def test_a_gateway_without_a_log_says_so(self):
        with self.assertRaises(MessageError):
            _ask(FakeGateway(event_log="-"), "journal")


class Journal(unittest.TestCase):
    def setUp(self):
        self.gateway = FakeGateway()
        self.storage = Storage(_FOLDER)

    def tearDown(self):
        for name in os.listdir(_FOLDER):
            os.unlink(_FOLDER + "/" + name)
        os.rmdir(_FOLDER)

    def _write(self, name, times, pad=0):
        lines = ['{"type":"action","t":%d.000001,"pad":"%s"}\n' % (time, "x" * pad) for time in times]
        self.storage.append(name, "".join(lines).encode())

    def _times(self, since=0):
        return [int(row["t"]) for row in _ask(self.gateway, "journal", since=since)]

    def test_old_and_new_are_told_in_order_from_a_time_on(self):
        self._write("events.jsonl.1", (100, 200))
        self._write("events.jsonl", (300, 400), pad=3000)
        self.assertEqual(self._times(), [100, 200, 300, 400])
        self.assertEqual(self._times(200), [200, 300, 400])
        self.assertEqual(self._times(401), [])

    def test_what_is_torn_is_left_out(self):
        self._write("events.jsonl", (100,))
        torn = b'"half a line"}\n\n{"type":"error","text":"no time"}\n' + b"x" * 9000 + b"\n"
        self.storage.append("events.jsonl", torn)
        self._write("events.jsonl", (200,))
        self.storage.append("events.jsonl", b'{"type":"act')
        self.assertEqual(self._times(1), [100, 200])

    def test_no_log_yet_is_an_empty_journal(self):
        self.assertEqual(self._times(), [])

    def test_others_have_their_turn_meanwhile(self):
        self._write("events.jsonl", range(1000), pad=40)
        self.assertEqual(self._times(998), [998, 999])
        self.assertTrue(self.gateway.turns > 3)


if __name__ == "__main__":
    unittest.main()
