"""The control socket: answers for whoever asks, events for whoever subscribed, and nobody can make it grow or stop."""

import json
import unittest

from fakes.net import FakeLoop, FakeNet

from spamgate.core.errors import SpamgateError
from spamgate.service.control import Control
from spamgate.wire.answers import MessageError
from spamgate.wire.messages import REQUESTS

_PATH = "/run/spamgate/control"
_MINUTE_TICKS = 601


class _Commands:
    """Answers as the gateway does, and notes what it was asked."""

    def __init__(self):
        self.asked = []
        self.devices_there = 2

    def hello(self, fields, send):
        send('{"type":"hello","protocol":%d}\n' % fields["protocol"])

    def status(self, fields, send):
        send('{"type":"status"}\n')

    def devices(self, fields, send):
        for number in range(self.devices_there):
            send('{"type":"device","device":"%d",' % number)
            send('"pad":"%s"}\n' % ("x" * 400))

    def monitor(self, fields, send):
        self.devices(fields, send)

    def explain(self, fields, send):
        self.asked.append(("explain", fields))
        if fields["device"] in ("half", "sent"):
            send('{"type":"device"}\n{"type":"verdict","pad":"')
            send("x" * (4000 if fields["device"] == "sent" else 10))
            raise MemoryError
        if fields["device"] == "nobody":
            raise MessageError("there is no device nobody", "see devices")
        send('{"type":"explain","state":"normal"}\n')

    def release(self, fields, send):
        raise SpamgateError("not now")

    def confirm(self, fields, send):
        raise OSError(28, "full")

    def grant(self, fields, send):
        raise MemoryError

    def lists(self, fields, send):
        send('{"type":"lists"}\n')

    def list_apply(self, fields, send):
        raise MessageError("a router fetches its lists")

    def trace(self, fields, send):
        self.asked.append(("trace", fields))
        send('{"type":"trace","device":null,"candidates":[]}\n')


def _line(**fields):
    return json.dumps(fields).encode() + b"\n"


class Served(unittest.TestCase):
    def setUp(self):
        self.net = FakeNet()
        self.loop = FakeLoop()
        self.commands = _Commands()
        self.logged = []
        self.control = Control(self.net, self.loop, _PATH, self.commands, self.logged.append)
        self.loop.each_tick(self.control.tick)

    def client(self):
        client = self.net.connect_unix(_PATH)
        self.loop.spin()
        return client

    def ask(self, client, data):
        client.send(data)
        self.loop.spin()
        return [json.loads(line) for line in client.received().decode().split("\n")[:-1]]

    def types(self, client, data):
        return [told["type"] for told in self.ask(client, data)]


class Requests(Served):
    def test_an_answer_ends_with_done(self):
        client = self.client()
        self.assertEqual(self.ask(client, _line(type="status")), [{"type": "status"}, {"type": "done"}])
        self.assertEqual(self.types(client, _line(type="devices")), ["device", "device", "done"])

    def test_another_protocol_is_refused(self):
        client = self.client()
        for request in (_line(type="hello", protocol=1), _line(type="hello")):
            self.assertEqual(self.ask(client, request), [{"type": "hello", "protocol": 1}, {"type": "done"}])
        told = self.ask(client, _line(type="hello", protocol=2))
        self.assertEqual((len(told), told[0]["type"]), (1, "error"))
        self.assertIn("protocol 2 is not spoken here", told[0]["text"])

    def test_fields_come_checked_and_with_defaults(self):
        client = self.client()
        self.ask(client, _line(type="trace", time=5) + _line(type="explain", device="tv"))
        wanted = {"time": 5, "port": 0, "ip": "", "skew": 60}
        self.assertEqual(self.commands.asked, [("trace", wanted), ("explain", {"device": "tv"})])

    def test_every_request_of_the_table_is_answered(self):
        values = {"device": "tv", "grant": "none", "time": 1, "name": "pull"}
        client = self.client()
        for name, fields in REQUESTS:
            request = {row[0]: values[row[0]] for row in fields if row[0] in values}
            request["type"] = name
            told = self.ask(client, json.dumps(request).encode() + b"\n")
            self.assertIn(told[-1]["type"], ("done", "error"), name)
            self.assertNotIn("is not a request", str(told))

    def test_what_is_wrong_is_said_with_what_to_do(self):
        client = self.client()
        for request, text, hint in (
            (_line(type="explain", device="nobody"), "there is no device nobody", "see devices"),
            (_line(type="release", device="tv"), "not now", ""),
            (_line(type="explian"), 'type: "explian" is not a request', "did you mean explain?"),
            (b"nonsense\n", "a request that is no JSON object", 'write {"type":"status"}'),
        ):
            self.assertEqual(self.ask(client, request), [{"type": "error", "text": text, "hint": hint}])

    def test_what_the_machine_refuses_is_said_and_logged(self):
        client = self.client()
        for request in (_line(type="confirm", device="tv"), _line(type="grant", device="tv", grant="none")):
            told = self.ask(client, request)
            self.assertEqual([row["type"] for row in told], ["error"])
            self.assertIn("the gateway ", told[0]["text"])
        self.assertEqual(len(self.logged), 2)
        self.assertEqual(self.types(client, _line(type="status")), ["status", "done"])

    def test_a_line_that_was_begun_is_taken_back(self):
        client = self.client()
        self.assertEqual(self.types(client, _line(type="explain", device="half")), ["device", "error"])
        self.assertEqual(self.types(client, _line(type="status")), ["status", "done"])

    def test_a_client_that_has_half_a_line_already_is_let_go(self):
        client = self.client()
        client.send(_line(type="explain", device="sent"))
        self.loop.spin()
        self.assertEqual(client.received()[:18], b'{"type":"device"}\n')
        self.assertTrue(client.is_over())
        self.assertEqual(self.types(self.client(), _line(type="status")), ["status", "done"])

    def test_long_lines_and_many_pieces_arrive_whole(self):
        client = self.client()
        self.commands.devices_there = 30
        told = self.ask(client, _line(type="devices"))
        self.assertEqual([row.get("device") for row in told[:-1]], [str(number) for number in range(30)])
        self.assertEqual({row.get("pad") for row in told[:-1]}, {"x" * 400})
        self.ask(client, _line(type="monitor"))
        event = '{"type":"verdict","name":"%s"}\n' % ("\u00fc\U0001f4f7" * 900)
        self.control.publish(event)
        self.assertEqual(client.received().decode(), event)

    def test_requests_may_come_in_any_pieces(self):
        client = self.client()
        data = _line(type="status") + b"\n \r\n" + _line(type="explain", device="nobody") + _line(type="status")
        for size in (1, 7, 64, 1000):
            told = []
            for at in range(0, len(data), size):
                told += self.types(client, data[at : at + size])
            self.assertEqual(told, ["status", "done", "error", "status", "done"], size)

    def test_a_line_too_long_is_skipped_and_the_next_is_read(self):
        client = self.client()
        for size in (1024, 5000, 60000):
            told = self.ask(client, b"x" * size)
            self.assertEqual(told, [])
            told = self.ask(client, b"\n" + _line(type="status"))
            self.assertEqual([row["type"] for row in told], ["error", "status", "done"])
            self.assertEqual(told[0]["text"], "a request of more than 1024 bytes")
        line = b'{"type":"status"' + b" " * 1006 + b"}\n"
        self.assertEqual((len(line), self.types(client, line)), (1024, ["status", "done"]))


class Clients(Served):
    def test_the_ninth_is_told_so_until_one_leaves(self):
        clients = [self.client() for _ in range(8)]
        ninth = self.client()
        told = json.loads(ninth.received())
        self.assertEqual((told["type"], told["text"]), ("error", "8 clients are connected already"))
        self.assertTrue(ninth.is_over())
        clients[3].close()
        self.loop.spin()
        self.assertEqual(self.types(self.client(), _line(type="status")), ["status", "done"])

    def test_who_says_nothing_for_a_minute_is_let_go_but_not_a_subscriber(self):
        silent = self.client()
        talking = self.client()
        subscribed = self.client()
        self.ask(subscribed, _line(type="monitor"))
        for tick in range(_MINUTE_TICKS):
            self.loop.tick(tick * 100)
            if tick == 300:
                self.ask(talking, _line(type="status"))
        self.assertEqual((silent.is_over(), talking.is_over(), subscribed.is_over()), (True, False, False))

    def test_clients_that_leave_in_any_way_leave_nothing_behind(self):
        for data in (b"", b"{", b"x" * 3000, _line(type="devices"), _line(type="monitor")):
            client = self.client()
            client.send(data)
            client.close()
            self.loop.spin()
            client = self.client()
            client.send(data)
            self.loop.spin()
            client.close()
            self.loop.spin()
            client = self.client()
            client.reset()
            client.peer.reset()
            self.loop.spin()
            client.close()
            self.loop.spin()
        self.control.publish('{"type":"action"}\n')
        self.assertEqual((self.net.open_count(), len(self.loop.handlers)), (1, 1))

    def test_whoever_does_not_read_is_let_go_and_the_others_are_not(self):
        slow, quick = self.client(), self.client()
        self.commands.devices_there = 100
        slow.room = 3000
        slow.send(_line(type="devices"))
        self.loop.spin()
        self.assertEqual(self.types(quick, _line(type="devices")), ["device"] * 100 + ["done"])
        while slow.inbox:
            slow.recv(1000)
        self.assertTrue(slow.is_over())

    def test_close_ends_all(self):
        clients = [self.client() for _ in range(3)]
        self.control.close()
        self.assertEqual([client.is_over() for client in clients], [True] * 3)
        self.assertEqual(len(self.loop.handlers), 0)

    def test_a_socket_that_cannot_be_made_is_said(self):
        with self.assertRaises(SpamgateError) as fault:
            Control(self.net, self.loop, _PATH, self.commands, self.logged.append)
        self.assertIn("control: no socket at /run/spamgate/control (error ", str(fault.exception))


class Events(Served):
    def test_a_subscriber_gets_the_devices_and_then_every_event(self):
        subscribed, other = self.client(), self.client()
        self.assertEqual(self.types(subscribed, _line(type="monitor")), ["device", "device", "done"])
        for number in range(3):
            self.control.publish('{"type":"verdict","t":%d}\n' % number)
        lines = subscribed.received().decode().split("\n")
        self.assertEqual([json.loads(line)["t"] for line in lines[:-1]], [0, 1, 2])
        self.assertEqual(other.received(), b"")

    def test_a_subscriber_may_ask_as_well(self):
        subscribed = self.client()
        self.ask(subscribed, _line(type="monitor"))
        self.assertEqual(self.types(subscribed, _line(type="status")), ["status", "done"])

    def test_a_subscriber_that_does_not_read_is_let_go_and_the_others_are_not(self):
        slow, quick = self.client(), self.client()
        for client in (slow, quick):
            self.ask(client, _line(type="monitor"))
        slow.room = 5000
        for _ in range(200):
            self.control.publish('{"type":"verdict","pad":"%s"}\n' % ("x" * 300))
            self.assertIn("verdict", quick.received().decode())
        self.loop.spin()
        self.assertLessEqual(len(slow.inbox), 5000)
        while slow.inbox:
            slow.recv(1000)
        self.assertTrue(slow.is_over())
        self.assertFalse(quick.is_over())


if __name__ == "__main__":
    unittest.main()
