"""The lines about devices: JSON with the keys of the format in their order, ASCII, the same from every runtime."""

import json
import unittest

from fakes.home import TYPE_A, Home, line_of

from spamgate.core import states
from spamgate.core.counters import AUTH, DATA, HELO, MAIL, PORT_25, RCPT, STARTTLS, SUBMISSION
from spamgate.core.devices import CROWD, RELAY
from spamgate.core.identity import Identity
from spamgate.wire.events import device_id, epoch, write_device, write_verdict
from spamgate.wire.json_text import quote
from spamgate.wire.notices import write_event

_LATER_S = 1 << 30
_SMTP = "connects destinations helo mail rcpt data auth starttls messages_accepted replies".split()


def _order(line, keys):
    """Return the keys that do not stand behind the ones before them."""
    at = 0
    lost = []
    for key in keys:
        found = line.find('"%s":' % key, at)
        if found < 0:
            lost.append(key)
        else:
            at = found + 1
    return lost


class Parts(unittest.TestCase):
    def test_time_is_printed_from_two_whole_numbers(self):
        self.assertEqual(epoch(216258265, 5), "1290000089.000005")
        self.assertEqual(epoch(-_LATER_S, 999999), "0.999999")
        self.assertEqual(epoch(_LATER_S, 0), "2147483648.000000")

    def test_text_is_ascii_with_escapes(self):
        self.assertEqual(quote("camera-porch"), '"camera-porch"')
        self.assertEqual(quote('a"b\\c'), '"a\\"b\\\\c"')
        self.assertEqual(quote("\n\x7f\0"), '"\\u000a\\u007f\\u0000"')
        self.assertEqual(quote("T\u00fcr"), '"T\\u00fcr"')
        self.assertEqual(quote("\U0001f4f7"), '"\\ud83d\\udcf7"')
        for text in ("", "plain", 'q"\\/', "\t\r\n", "\u20ac", "\x1f ~\x7f"):
            self.assertEqual(json.loads(quote(text)), text)


class Device(unittest.TestCase):
    def setUp(self):
        self.home = Home()
        self.engine = self.home.engine
        self.device = self.home.settled(0x010203)
        self.engine.devices.set_mac(self.device, b"\x02\0\0\1\2\3", 0)

    def line(self):
        line = line_of(write_device, self.engine, self.device)
        return line, json.loads(line)

    def test_a_device_that_did_nothing(self):
        line, told = self.line()
        smtp = '{%s,"replies":{}}' % ",".join('"%s":0' % name for name in _SMTP[:-1])
        self.assertEqual(
            line,
            '{"type":"device","device":"02:00:00:01:02:03","addresses":["10.1.2.3"],"state":"normal","smtp":%s,'
            '"dns":{"queries":0,"mx":0,"mx_names":0,"nxdomain":0},"first_smtp":null,"submission":%s,"name":null}\n'
            % (smtp, smtp),
        )
        self.assertEqual(len(told), 9)

    def test_every_count_stands_under_its_name(self):
        slot = self.home.spam_once(self.device, 1)
        for times, field in enumerate((HELO, MAIL, RCPT, DATA, AUTH, STARTTLS)):
            for _ in range(times + 1):
                self.engine.mail.count(slot, field)
        for code in (550, 220, 250, 250):
            self.engine.counters.add_reply(self.device, PORT_25, code)
        self.engine.counters.add_reply(self.device, SUBMISSION, 235)
        self.home.ask(self.device, "none.example", TYPE_A, rcode=3)
        self.home.submit(self.device, "203.0.113.9")
        line, told = self.line()
        values = (1, 1, 1, 2, 3, 4, 5, 6, 1, {"220": 1, "250": 2, "550": 1})
        self.assertEqual(told["smtp"], dict(zip(_SMTP, values)))
        self.assertEqual(told["dns"], {"queries": 3, "mx": 1, "mx_names": 1, "nxdomain": 1})
        self.assertEqual(told["submission"]["replies"], {"235": 1})
        self.assertEqual((told["submission"]["connects"], told["submission"]["messages_accepted"]), (1, 1))
        self.assertIn('"first_smtp":%s,' % epoch(self.home.now_s, 0), line)
        keys = ["type", "device", "addresses", "state", "smtp"] + _SMTP
        keys += ["dns", "queries", "mx", "mx_names", "nxdomain", "first_smtp"]
        self.assertEqual(_order(line, keys), [])
        self.assertIn('"replies":{"220":1,"250":2,"550":1}', line)

    def test_names_are_told_and_what_is_behind_a_relay(self):
        devices = self.engine.devices
        devices.names[self.device] = 'TV "big"'
        self.assertEqual(self.line()[1]["name"], 'TV "big"')
        devices.flags[self.device] |= RELAY
        self.assertEqual(self.line()[1]["name"], 'something behind TV "big"')
        who = Identity()
        who.from_mac(b"\x02\0\0\1\2\3", 0)
        who.behind_relay(bytes((10, 9, 9, 9)), 0, 4)
        behind = self.engine.device(who)
        devices.set_mac(behind, b"\x02\0\0\1\2\3", 0)
        devices.seen(behind, self.home.now_s, bytes((10, 9, 9, 9)), 0, 4)
        told = json.loads(line_of(write_device, self.engine, behind))
        self.assertEqual(told["device"], "02:00:00:01:02:03/10.9.9.9")
        self.assertEqual(told["name"], "something behind 02:00:00:01:02:03")

    def test_a_device_without_a_mac_is_its_address(self):
        who = Identity()
        address = bytes((0xFD,)) + bytes(14) + b"\1"
        who.from_address(address, 0, 16)
        device = self.engine.device(who)
        self.engine.devices.seen(device, self.home.now_s, address, 0, 16)
        self.assertEqual(device_id(self.engine, device), "fd00::1")
        self.assertEqual(device_id(self.engine, CROWD), "crowd")
        self.assertEqual(json.loads(line_of(write_device, self.engine, CROWD))["name"], None)


class Verdict(unittest.TestCase):
    def test_a_verdict_carries_its_reasons_as_they_stood(self):
        home = Home()
        device = home.settled(1)
        home.engine.devices.set_mac(device, b"\x02\0\0\0\0\1", 0)
        home.spam_once(device, 1)
        home.engine.at(home.now_s, 123456)
        home.spam_once(device, 2)
        line = line_of(write_verdict, home.engine, device, states.WATCHED, states.THROTTLED)
        told = json.loads(line)
        self.assertEqual((told["from"], told["to"], told["name"]), ("watched", "throttled", None))
        self.assertEqual((told["smtp_connects"], told["messages_accepted"]), (2, 2))
        self.assertEqual(told["score"], home.engine.board.score(device))
        self.assertTrue(line.startswith('{"type":"verdict","t":%s,' % epoch(home.now_s, 123456)))
        keys = "type t device name from to score evidence kind count last peer smtp_connects messages_accepted"
        self.assertEqual(_order(line, keys.split()), [])
        counts = {row["kind"]: row["count"] for row in told["evidence"]}
        self.assertEqual(counts, {"mx_query": 2, "mx_connect": 2, "second_provider": 1})
        peers = {row["kind"]: row["peer"] for row in told["evidence"]}
        self.assertEqual(peers, {"mx_query": None, "mx_connect": "198.51.0.2", "second_provider": "198.51.0.2"})

    def test_without_evidence_the_list_is_empty(self):
        home = Home()
        line = line_of(write_verdict, home.engine, home.settled(1), states.WATCHED, states.NORMAL)
        self.assertEqual(json.loads(line)["evidence"], [])

    def test_counters_are_told_before_they_go_on(self):
        """The plane is called at the moment of the change: two connections, not yet a message on the second."""
        home = Home()
        lines = []

        def changed(device, old, new):
            lines.append(line_of(write_verdict, home.engine, device, old, new))

        home.engine._on_change = changed
        home.spam_once(home.settled(1), 1)
        home.spam_once(home.settled(1), 2)
        told = [json.loads(line) for line in lines]
        self.assertEqual([(row["to"], row["smtp_connects"]) for row in told], [("watched", 0), ("throttled", 2)])
        self.assertEqual(told[1]["messages_accepted"], 1)


class Notice(unittest.TestCase):
    def line(self, home, kind, *fields):
        return line_of(write_event, home.engine, kind, list(fields))

    def test_it_has_its_kind_time_and_fields_in_order(self):
        home = Home(now_s=700000000)
        home.engine.at(home.now_s, 42)
        self.assertEqual(self.line(home, "stop"), '{"type":"stop","t":1773741824.000042}\n')
        line = self.line(home, "error", ("text", quote('full: "disk"')), ("count", "3"))
        self.assertEqual(line, '{"type":"error","t":1773741824.000042,"text":"full: \\"disk\\"","count":3}\n')
        self.assertEqual(json.loads(line)["text"], 'full: "disk"')


class Skewed(unittest.TestCase):
    """The engine's clock goes on evenly; what is written is the time of day."""

    def test_every_time_in_a_line_is_moved(self):
        home = Home()
        device = home.settled(1)
        home.spam_once(device, 1)
        lines = []
        for skew_s in (0, 3600, -3600):
            home.engine.skew_s = skew_s
            lines.append(
                line_of(write_event, home.engine, "start", [])
                + line_of(write_device, home.engine, device)
                + line_of(write_verdict, home.engine, device, states.NORMAL, states.WATCHED)
            )
        now = home.now_s
        times = lines[0].count(epoch(now, 0))
        self.assertTrue(times >= 4, "of event, device, verdict and evidence")
        self.assertEqual(lines[1], lines[0].replace(epoch(now, 0), epoch(now + 3600, 0)))
        self.assertEqual(lines[2], lines[0].replace(epoch(now, 0), epoch(now - 3600, 0)))

    def test_what_never_happened_has_no_time(self):
        home = Home()
        home.engine.skew_s = 3600
        self.assertIn('"first_smtp":null', line_of(write_device, home.engine, home.settled(1)))


if __name__ == "__main__":
    unittest.main()
