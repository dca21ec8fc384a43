"""What an owner may ask and order, of a real engine: the right device, the right line, or a hint."""

import gc
import json
import unittest

from fakes.home import Home
from fakes.storage import FakeStorage

from spamgate import VERSION
from spamgate.app.commands import Commands
from spamgate.core import evidence, states
from spamgate.core.devices import CONFIRMED, GRANT_MAIL_SERVER, GRANT_NONE, GRANT_SUBMISSION
from spamgate.core.identity import Identity
from spamgate.core.listed import Listed
from spamgate.store.trace import TraceRing
from spamgate.wire.answers import PROTOCOL, MessageError
from spamgate.wire.messages import REQUESTS, parse_request

_TV, _NAS, _CAM = ("02:00:00:00:00:0%d" % number for number in (1, 2, 3))
_LATER_S = 1 << 30


class FakeGateway:
    """What commands need of a gateway: a real engine and trace, and lists of what else was told."""

    name = "linux"  # of the plane, which is this object too
    degraded = ""
    packets, lost = 1234, 5  # of the plane's log
    malformed = 7  # of the watcher
    monitor_only = False  # of the settings
    lists = None  # none are taken

    def __init__(self):
        self.home = Home(now_s=500000000)
        self.engine = self.home.engine
        self.plane = self.log = self.watcher = self.settings = self.persistence = self
        self.started_s = self.engine.now_s - 90
        self.trace = TraceRing(FakeStorage(), 64)
        self.tickets = [""] * self.engine.devices.capacity
        self.refused = [0] * self.engine.devices.capacity
        self.regarded_devices = []
        self.touched = 0
        self.published = []
        self.publish = self.published.append

    def regarded(self, device):
        self.regarded_devices.append(device)

    def touch(self, at_once):
        self.touched += at_once



class FakeLists:
    """What commands need of a gateway's lists."""

    def __init__(self):
        self.heard = 0
        self.devices = []

    def write(self, send):
        send('{"type":"lists"}\n')

    def hear(self):
        self.heard += 1

    def regarded(self, device):
        self.devices.append(device)


class Asking(unittest.TestCase):
    def setUp(self):
        self.gateway = FakeGateway()
        self.home = self.gateway.home
        self.engine = self.gateway.engine
        self.commands = Commands(self.gateway)
        self.tv, self.nas, self.cam = (self.device(number) for number in (1, 2, 3))
        self.engine.devices.names[self.tv] = "Living-TV"

    def device(self, number):
        device = self.home.settled(number)
        self.engine.devices.set_mac(device, bytes((2, 0, 0, 0, 0, number)), 0)
        return device

    def ask(self, type, **fields):
        """Ask as a client does; return the lines of the answer."""
        fields["type"] = type
        name, checked = parse_request(json.dumps(fields).encode())
        pieces = []
        getattr(self.commands, name)(checked, pieces.append)
        text = "".join(pieces)
        assert text.endswith("\n")
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def refusal(self, type, **fields):
        """Return text and hint of the error."""
        before = len(self.gateway.published)
        with self.assertRaises(MessageError) as caught:
            self.ask(type, **fields)
        self.assertEqual((len(self.gateway.published), self.gateway.touched), (before, 0))
        return str(caught.exception), caught.exception.hint

    def quarantine(self, device):
        for kind in (evidence.HOUSE_FAN_OUT, evidence.HELO_CHANGES, evidence.MX_QUERY):
            self.engine.observe(device, kind)
        self.assertEqual(self.home.state(device), "quarantined")


class Telling(Asking):
    def test_every_request_of_the_table_has_its_method(self):
        for row in REQUESTS:
            self.assertTrue(callable(getattr(self.commands, row[0])), row[0])

    def test_what_devices_wanted_of_the_list_is_told_of_each(self):
        listed = Listed(self.engine)
        listed.asked(self.tv, 2)
        listed.called(self.tv)
        told = {row["device"]: row["listed"] for row in self.ask("devices") if row["type"] == "device"}
        self.assertEqual(told[_TV], {"names": 2, "addresses": 1})
        self.assertEqual(told[_NAS], {"names": 0, "addresses": 0})
        self.assertEqual(self.ask("explain", device=_TV)[1]["listed"], {"names": 2, "addresses": 1})

    def test_lists_where_some_are_taken(self):
        text, hint = self.refusal("lists")
        self.assertEqual((text, hint), ("no lists are taken here", "set list_key to your public key, then restart"))
        self.gateway.lists = lists = FakeLists()
        self.assertEqual(self.ask("lists"), [{"type": "lists"}])
        self.assertEqual(self.ask("list_apply", name="pull"), [{"type": "list_apply", "name": "pull"}])
        self.assertEqual(self.refusal("list_apply", name="list.sgb")[0], "a router fetches its lists")
        self.assertEqual(lists.heard, 1)
        self.ask("grant", device=_NAS, grant="none")
        self.assertEqual(lists.devices, [self.nas])

    def test_hello(self):
        self.assertEqual(self.ask("hello"), [{"type": "hello", "version": VERSION, "protocol": PROTOCOL}])

    @unittest.skipUnless(hasattr(gc, "mem_alloc"), "only MicroPython counts its heap")
    def test_status_says_how_it_is(self):
        (told,) = self.ask("status")
        self.assertTrue(told.pop("heap_used") > 1000 and told.pop("heap_free") > 1000)
        expected = {"type": "status", "version": VERSION, "protocol": PROTOCOL, "plane": "linux"}
        expected.update({"observation": "full", "reason": None, "monitor_only": False, "uptime_s": 90})
        expected.update({"devices": 3, "packets": 1234, "lost": 5, "malformed": 7, "line": "open"})
        self.assertEqual(told, expected)
        self.gateway.degraded = 'interface "br-lan" is not there'
        self.gateway.monitor_only = True
        for provider in range(3):
            self.engine.line.refused(provider)
        (told,) = self.ask("status")
        self.assertEqual((told["observation"], told["reason"]), ("degraded", self.gateway.degraded))
        self.assertEqual((told["monitor_only"], told["line"]), (True, "listed"))
        for _ in range(9):
            self.engine.line.asked()
        self.assertEqual(self.ask("status")[0]["line"], "blocks-25")

    def test_devices_and_monitor_list_everybody_once(self):
        for request in ("devices", "monitor"):
            lines = self.ask(request)
            self.assertEqual([line["device"] for line in lines], [_TV, _NAS, _CAM])
            self.assertEqual([line["type"] for line in lines], ["device"] * 3)
        self.engine.is_crowded = True
        self.assertEqual(self.ask("devices")[-1]["device"], "crowd")

    def test_explain_tells_verdict_device_and_details(self):
        self.quarantine(self.tv)
        since_s = self.home.now_s
        self.home.wait(300)
        self.engine.skew_s = 50
        self.gateway.tickets[self.tv] = "4F2A11"
        self.gateway.refused[self.tv] = 9
        verdict, device, details = self.ask("explain", device=_TV)
        self.assertEqual((verdict["from"], verdict["to"]), ("throttled", "quarantined"))
        self.assertEqual({row["kind"] for row in verdict["evidence"]}, {"house_fan_out", "helo_changes", "mx_query"})
        self.assertEqual((device["type"], device["state"]), ("device", "quarantined"))
        expected = {"type": "explain", "device": _TV, "state": "quarantined", "since": since_s + _LATER_S + 50}
        expected.update({"grant": "none", "ticket": "4F2A11", "confirmed": False, "refused": 9})
        self.assertEqual(details, expected)

    def test_trace_names_one_device_or_none(self):
        public, server = bytes((203, 0, 113, 77)), bytes((198, 51, 100, 25))
        for time_s, port, device in ((1000, 40001, _TV), (1000, 40002, _TV), (1010, 40002, _NAS)):
            self.gateway.trace.add(time_s, (public, port), (server, 25), device)
        one = {"type": "trace", "device": _TV, "candidates": [_TV]}
        nobody = {"type": "trace", "device": None, "candidates": []}
        self.assertEqual(self.ask("trace", time=1005, port=40001), [one])
        self.assertEqual(self.ask("trace", time=1005, port=40001, ip="203.0.113.77"), [one])
        for wrong in ({"port": 40000}, {"port": 40001, "ip": "203.0.113.78"}, {"port": 40001, "time": 2000}):
            fields = {"time": 1005}
            fields.update(wrong)
            self.assertEqual(self.ask("trace", **fields), [nobody])
        both = self.ask("trace", time=1005, port=40002)
        self.assertEqual(both, [{"type": "trace", "device": None, "candidates": [_NAS, _TV]}])
        self.assertEqual(self.ask("trace", time=1005, port=40002, skew=5), both)
        self.assertEqual(self.ask("trace", time=1000, port=40002, skew=5)[0]["device"], _TV)
        self.assertEqual(self.ask("trace", time=1000)[0]["device"], None, "without a port nobody is proved")


class Acting(Asking):
    def acted(self, line, device):
        """Is it told, kept and put in force?"""
        self.assertEqual([json.loads(told) for told in self.gateway.published], [line])
        self.assertEqual((self.gateway.regarded_devices, self.gateway.touched), ([device], 1))

    def test_release_halves_and_lets_go(self):
        self.quarantine(self.tv)
        score = self.engine.board.score(self.tv)
        (line,) = self.ask("release", device="living-tv")
        when = self.home.now_s + _LATER_S
        expected = {"type": "action", "t": when, "action": "release", "device": _TV, "state": "released"}
        self.assertEqual(line, expected)
        self.acted(line, self.tv)
        self.assertTrue(0 < self.engine.board.score(self.tv) <= score // 2)

    def test_each_grant_is_given_and_taken_back(self):
        self.engine.devices.state[self.nas] = states.THROTTLED
        for word, grant, state in (
            ("mail-server", GRANT_MAIL_SERVER, "released"),
            ("submission", GRANT_SUBMISSION, "released"),
            ("none", GRANT_NONE, "released"),
        ):
            self.gateway.published.clear()
            self.gateway.regarded_devices.clear()
            self.gateway.touched = 0
            (line,) = self.ask("grant", device=_NAS, grant=word)
            self.assertEqual((line["action"], line["grant"], line["state"]), ("grant", word, state))
            self.acted(line, self.nas)
            self.assertEqual(self.engine.devices.grant[self.nas], grant)
            self.assertEqual(self.ask("explain", device=_NAS)[2]["grant"], word)

    def test_only_a_quarantine_can_be_confirmed(self):
        text, hint = self.refusal("confirm", device=_TV)
        self.assertEqual((text, hint), ("%s is not quarantined" % _TV, "only a quarantine can be confirmed"))
        self.quarantine(self.tv)
        (line,) = self.ask("confirm", device=_TV)
        self.assertEqual((line["action"], line["state"]), ("confirm", "quarantined"))
        self.acted(line, self.tv)
        self.assertTrue(self.engine.devices.flags[self.tv] & CONFIRMED)
        self.assertTrue(self.ask("explain", device=_TV)[2]["confirmed"])


class Naming(Asking):
    def named(self, text):
        return self.ask("explain", device=text)[2]["device"]

    def test_a_device_is_named_by_mac_name_or_address(self):
        self.engine.devices.seen(self.tv, 0, b"\xfd" + bytes(14) + b"\1", 0, 16)
        for text in (_TV, "02:00:00:00:00:01", "Living-TV", "LIVING-tv", "10.0.0.1", "fd00::1", "FD00::1"):
            self.assertEqual(self.named(text), _TV)
        self.assertEqual(self.named("10.0.0.2"), _NAS)

    def test_a_part_of_a_name_is_no_name(self):
        for text in ("Living", "02:00:00", "10.0.0", "tv", "crowd"):
            self.refusal("explain", device=text)

    def test_nobody_is_said_with_who_is_known(self):
        text, hint = self.refusal("release", device="fridge")
        self.assertEqual((text, hint), ("fridge: no such device", "known are %s, %s, %s" % (_TV, _NAS, _CAM)))
        for number in range(10, 30):
            self.device(number)
        self.assertEqual(self.refusal("grant", device="fridge", grant="none")[1].count(", "), 7)

    def test_a_home_without_devices_has_none_yet(self):
        self.gateway = FakeGateway()
        self.commands = Commands(self.gateway)
        self.assertEqual(self.refusal("confirm", device="x")[1], "known are none yet")

    def test_a_name_that_several_bear_must_be_told_otherwise(self):
        self.engine.devices.names[self.cam] = "living-tv"
        for request in ("explain", "release", "confirm"):
            text, hint = self.refusal(request, device="Living-TV")
            self.assertEqual(text, "Living-TV names 2 devices")
            self.assertEqual(hint, "use one of %s, %s" % (_TV, _CAM))
        self.assertEqual(self.named(_CAM), _CAM)

    def test_nobody_takes_another_s_mac_or_address_for_a_name(self):
        """What a device calls itself is its own choice: it must neither answer for another nor hide it."""
        for name in ("10.0.0.1", _TV, "10.0.0.3"):
            self.engine.devices.names[self.cam] = name
            self.assertEqual([self.named(text) for text in (_TV, "10.0.0.1", "10.0.0.3")], [_TV, _TV, _CAM])

    def test_an_address_that_passed_on_is_ambiguous(self):
        self.engine.devices.seen(self.cam, 0, bytes((10, 0, 0, 1)), 0, 4)
        self.assertEqual(self.refusal("release", device="10.0.0.1")[1], "use one of %s, %s" % (_TV, _CAM))

    def test_behind_a_relay_mac_and_address_name_one(self):
        who = Identity()
        who.from_mac(bytes((2, 0, 0, 0, 0, 1)), 0)
        address = bytes((10, 9, 9, 9))
        who.behind_relay(address, 0, 4)
        behind = self.engine.device(who)
        self.engine.devices.set_mac(behind, bytes((2, 0, 0, 0, 0, 1)), 0)
        self.engine.devices.seen(behind, 0, address, 0, 4)
        both = _TV + "/10.9.9.9"
        self.assertEqual([self.named(text) for text in (both, "10.9.9.9", _TV)], [both, both, _TV])


if __name__ == "__main__":
    unittest.main()
