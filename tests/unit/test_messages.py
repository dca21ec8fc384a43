"""Requests: all their fields checked, with defaults; anything else is refused with what to do."""

import json
import unittest

from spamgate.wire.answers import DONE, LINE_BYTES, PROTOCOL, MessageError, error_line
from spamgate.wire.link_messages import LINK_REQUESTS
from spamgate.wire.message_help import HELP, dump
from spamgate.wire.messages import REQUESTS, parse_request


def _parse(**fields):
    return parse_request(json.dumps(fields).encode())


class Taken(unittest.TestCase):
    def test_each_request_is_named_with_all_its_fields(self):
        for line, told in (
            (b'{"type":"hello"}', ("hello", {"protocol": PROTOCOL})),
            (b'{"type":"hello","protocol":1}\r\n', ("hello", {"protocol": 1})),
            (b'{"type":"status"}', ("status", {})),
            (b' { "type" : "devices" } ', ("devices", {})),
            (b'{"type":"monitor"}\n', ("monitor", {})),
            (b'{"device":"TV [den] {1}","type":"explain"}', ("explain", {"device": "TV [den] {1}"})),
            ('{"type":"release","device":"T\u00fcr"}'.encode(), ("release", {"device": "T\u00fcr"})),
            (b'{"type":"confirm","device":"10.0.0.9"}', ("confirm", {"device": "10.0.0.9"})),
            (
                b'{"type":"grant","device":"nas","grant":"mail-server"}',
                ("grant", {"device": "nas", "grant": "mail-server"}),
            ),
            (b'{"type":"grant","device":"nas","grant":"none"}', ("grant", {"device": "nas", "grant": "none"})),
            (b'{"type":"trace","time":9}', ("trace", {"time": 9, "port": 0, "ip": "", "skew": 60})),
            (
                b'{"type":"trace","time":4294967295,"port":65535,"ip":"2001:db8::1","skew":0}',
                ("trace", {"time": 4294967295, "port": 65535, "ip": "2001:db8::1", "skew": 0}),
            ),
            (b'{"type":"lists"}', ("lists", {})),
            (b'{"type":"list_apply","name":"list.sgd"}', ("list_apply", {"name": "list.sgd"})),
        ):
            self.assertEqual(parse_request(line), told)
            self.assertEqual(parse_request(bytearray(line)), told)

    def test_null_is_left_out(self):
        self.assertEqual(_parse(type="trace", time=1, ip=None)[1]["ip"], "")

    def test_a_request_of_the_greatest_length_is_read(self):
        line = b'{"type":"status"' + b" " * (LINE_BYTES - 17) + b"}"
        self.assertEqual((len(line), parse_request(line)), (LINE_BYTES, ("status", {})))


class Refused(unittest.TestCase):
    def refusal(self, line):
        try:
            return "taken: %r" % (parse_request(line),)
        except MessageError as error:
            return "%s; %s" % (error, error.hint)

    def refusal_of(self, **fields):
        return self.refusal(json.dumps(fields).encode())

    def test_an_unknown_request_names_the_nearest(self):
        for name, meant in (("explian", "explain"), ("device", "devices"), ("mon", "monitor"), ("Trace", "trace")):
            says = 'type: "%s" is not a request; did you mean %s?' % (name, meant)
            self.assertEqual(self.refusal_of(type=name), says)
        known = ", ".join([row[0] for row in REQUESTS])
        for name in ("reboot", "", "x" * 900):
            says = 'type: "%s" is not a request; known are %s' % (name[:60], known)
            self.assertEqual(self.refusal_of(type=name), says)
        for name in (None, 3, ["status"], {"type": "status"}, True):
            self.assertIn("is not a request; known are hello, ", self.refusal_of(type=name))
        self.assertIn("None is not a request", self.refusal(b"{}"))

    def test_a_wrong_field_is_named_with_what_is_allowed(self):
        for fields, says in (
            ({"type": "explain"}, "explain: device is missing; give text of 1 to 64 characters"),
            ({"type": "explain", "device": ""}, 'explain: device: "" is not text of 1 to 64 characters; '),
            ({"type": "explain", "device": 3}, "explain: device: 3 is not text of 1 to 64 characters; "),
            ({"type": "explain", "device": "x" * 65}, "is not text of 1 to 64 characters; "),
            ({"type": "explain", "device": "a\x1b[2J"}, 'explain: device: "a\\u001b[2J" is not text'),
            ({"type": "explain", "devise": "x"}, "explain: device is missing"),
            ({"type": "explain", "device": "x", "why": 1}, 'explain: "why" is not a field of it; its fields: device'),
            ({"type": "status", "x": 1}, 'status: "x" is not a field of it; its fields: none'),
            ({"type": "grant", "device": "x", "grant": "all"}, '"all" is not "none" or "submission" or "mail-server"'),
            ({"type": "trace", "port": 1}, "trace: time is missing; give a whole number from 0 to 4294967295"),
            ({"type": "trace", "time": 1.5}, "trace: time: 1.5 is not a whole number"),
            ({"type": "trace", "time": True}, "trace: time: True is not a whole number"),
            ({"type": "trace", "time": 1, "port": 65536}, "trace: port: 65536 is not a whole number from 0 to 65535"),
            ({"type": "trace", "time": 1, "ip": "home"}, 'trace: ip: "home" is not an IPv4 or IPv6 address'),
            ({"type": "trace", "time": 1, "skew": 3601}, "trace: skew: 3601 is not a whole number from 0 to 3600"),
            ({"type": "hello", "protocol": 7}, "protocol 7 is not spoken here, protocol 1 is; this is Spamgate "),
            ({"type": "hello", "protocol": -1}, "hello: protocol: -1 is not a whole number"),
        ):
            self.assertIn(says, self.refusal_of(**fields))

    def test_what_is_no_object_is_refused(self):
        no_object = 'a request that is no JSON object; write {"type":"status"}'
        for line in (b"", b"status", b"[]", b'"status"', b'{"type":"status"', b"\xff\xfe", b'{"type":"x"}}', b"\0"):
            self.assertEqual(self.refusal(line), no_object)
        for line in (b"[" * 1000, b"{[" * 500, b'{"type":[' + b"[" * 20):
            self.assertEqual(self.refusal(line), no_object)

    def test_a_request_too_long_is_refused(self):
        line = b'{"type":"status"' + b" " * (LINE_BYTES - 16) + b"}"
        self.assertEqual(self.refusal(line), "a request of more than 1024 bytes; ")


class OverLinks(unittest.TestCase):
    def test_a_link_takes_more_and_a_socket_does_not(self):
        for line, told in (
            (b'{"type":"settings"}', ("settings", {})),
            (b'{"type":"set","name":"page","value":"\\"http://x/\\""}', ("set", {"name": "page", "value": '"http://x/"'})),
            (b'{"type":"journal"}', ("journal", {"since": 0})),
            (b'{"type":"clock","time":4294967295}', ("clock", {"time": 4294967295})),
            (b'{"type":"metrics"}', ("metrics", {})),
            (b'{"type":"put","name":"a","size":3,"sha256":"ff"}', ("put", {"name": "a", "size": 3, "sha256": "ff"})),
            (b'{"type":"explain","device":"tv"}', ("explain", {"device": "tv"})),
        ):
            self.assertEqual(parse_request(line, LINK_REQUESTS), told)
            if told[0] != "explain":
                with self.assertRaises(MessageError):
                    parse_request(line)

    def test_a_value_has_an_end(self):
        for value in ("", "x" * 901, "a\nb"):
            with self.assertRaises(MessageError):
                parse_request(json.dumps({"type": "set", "name": "page", "value": value}).encode(), LINK_REQUESTS)


class Lines(unittest.TestCase):
    def test_answers_end_with_a_line_of_json(self):
        self.assertEqual(json.loads(DONE), {"type": "done"})
        line = error_line('no "TV"', "see devices\n")
        self.assertEqual(json.loads(line), {"type": "error", "text": 'no "TV"', "hint": "see devices\n"})
        self.assertEqual(line.count("\n"), 1)

    def test_the_dump_names_all(self):
        text = dump()
        self.assertTrue(text.startswith("protocol 1, one JSON object a line of up to 1024 bytes\n"))
        self.assertEqual(sorted(HELP), sorted([row[0] for row in LINK_REQUESTS]))
        for name, fields in LINK_REQUESTS:
            self.assertIn("\n%s: " % name, text)
            for word in HELP[name][0] + tuple([row[0] for row in fields]):
                self.assertIn(word, text)


if __name__ == "__main__":
    unittest.main()
