"""Which connections of a throttled device end, and when; which ends the gateway writes down."""

import unittest

from fakes.router import Connection, FakeRouter

from spamgate.core import states
from spamgate.core.contacts import DOUBTED
from spamgate.core.providers import network_provider
from spamgate.wire.address import parse_address

_MAC = b"\2\0\0\0\0\7"
_CLIENT = "192.168.77.7"
_DAY_S = 86400
_ENOUGH = 10  # answers of a server within TLS that one message needs


class Flowing(unittest.TestCase):
    def setUp(self):
        self.router = FakeRouter()
        self._port = 50000

    def connect(self, server="203.0.113.9", client=_CLIENT, to_port=25):
        self._port += 1
        return Connection(self.router, _MAC, client, self._port, server, to_port).open()

    def throttle(self):
        device = self.router.device(_MAC)
        self.router.engine.devices.state[device] = states.THROTTLED
        self.router.flows.limit(device)

    def free(self):
        self.router.engine.devices.state[self.router.device(_MAC)] = states.RELEASED

    def a_past_with(self, server):
        """The server takes mail on two days."""
        for _ in range(2):
            self.connect(server).greet().mail().client(b"QUIT\r\n").server(b"221 bye\r\n", 17).client(b"", 17)
            self.router.engine.at(self.router.engine.now_s + _DAY_S, 0)
            self.router.watcher.tick()


class Limited(Flowing):
    def test_what_has_no_message_under_way_ends_at_once(self):
        self.connect()
        self.connect().greet()
        self.connect().greet().mail()
        Connection(self.router, _MAC, _CLIENT, 50004, "203.0.113.9").ask()
        self.throttle()
        self.assertEqual(self.router.ended(), [50001, 50002, 50003, 50004])

    def test_a_message_under_way_is_taken_and_the_next_is_not(self):
        begun, waiting, chunked, addressed = [self.connect().greet() for _ in range(4)]
        for connection in (begun, waiting, chunked, addressed):
            connection.client(b"MAIL FROM:<a@b.example>\r\n").server(b"250 ok\r\n")
            connection.client(b"RCPT TO:<b@mx.example>\r\n").server(b"250 ok\r\n")
        begun.client(b"DATA\r\n").server(b"354 go\r\n").client(b"x\r\n")
        waiting.client(b"DATA\r\n").server(b"354 go\r\n").client(b"x\r\n.\r\n")
        chunked.client(b"BDAT 9 LAST\r\nabc")
        self.throttle()
        self.assertEqual(self.router.ended(), [50004], "only recipients are named")
        waiting.server(b"250 taken\r\n")
        self.assertEqual(self.router.ended(), [50002, 50004])
        begun.client(b".\r\n")
        chunked.client(b"defghi")
        self.assertEqual(self.router.ended(), [50002, 50004])
        begun.server(b"250 taken\r\n")
        chunked.server(b"250 taken\r\n")
        self.assertEqual(self.router.ended(), [50001, 50002, 50003, 50004])

    def test_a_connection_that_the_budget_let_pass_has_one_message(self):
        self.connect()
        self.throttle()
        late = self.connect().greet()
        self.assertEqual(self.router.ended(), [50001])
        late.mail()
        self.assertEqual(self.router.ended(), [50001, 50002])

    def test_only_throttled_devices_are_limited(self):
        self.connect().greet().mail()
        for state in (states.NORMAL, states.WATCHED, states.QUARANTINED, states.RELEASED):
            self.router.engine.devices.state[self.router.device(_MAC)] = state
            self.router.flows.limit(self.router.device(_MAC))
            self.connect().greet().mail()
        self.assertEqual(self.router.ended(), [])

    def test_other_devices_ports_and_the_home_are_left_alone(self):
        other = Connection(self.router, b"\2\0\0\0\0\x08", "192.168.77.8", 40000, "203.0.113.9").open().greet()
        submission = self.connect(to_port=587).greet()
        local = self.connect("192.168.77.9").greet()
        self.throttle()
        for connection in (other, submission, local):
            connection.mail()
        self.assertEqual(self.router.ended(), [])

    def test_ipv6_flows_end_too(self):
        self.connect("2001:db8::19", "fd77::7").greet()
        self.throttle()
        key = parse_address("fd77::7") + b"\xc3\x51\0\0" + parse_address("2001:db8::19")
        self.assertEqual(list(self.router.kernel.sets["ended6"]), [key])


class Sealed(Flowing):
    def answers(self, connection, count):
        for _ in range(count):
            connection.client(b"\x17\3\3\0\5xxxxx").server(b"\x17\3\3\0\5yyyyy")
        return connection

    def test_one_message_may_end_within_tls(self):
        sealed = self.connect().greet().seal()
        self.throttle()
        self.assertEqual(self.router.ended(), [])
        self.answers(sealed, _ENOUGH - 1)
        self.assertEqual(self.router.ended(), [])
        self.answers(sealed, 1)
        self.assertEqual(self.router.ended(), [50001])

    def test_what_was_said_before_the_verdict_neither_ends_nor_prolongs_it(self):
        for before in (0, 5, _ENOUGH, 40, 254, 300):
            self.setUp()
            sealed = self.answers(self.connect().greet().seal(), before)
            self.throttle()
            self.assertEqual(self.router.ended(), [], before)
            self.answers(sealed, _ENOUGH - 1)
            self.assertEqual(self.router.ended(), [], before)
            self.answers(sealed, 1)
            self.assertEqual(self.router.ended(), [50001], before)

    def test_a_connection_is_counted_from_its_own_beginning(self):
        """It takes the place of an older one in the table of connections."""
        self.connect()
        self.throttle()
        for _ in range(200):
            early = self.answers(self.connect().greet().seal(), _ENOUGH - 3)
            early.client(b"", 17).server(b"", 17).client(b"")
        self.assertEqual(self.router.ended(), [50001])

    def test_it_goes_on_where_the_device_is_not_throttled(self):
        self.answers(self.connect().greet().seal(), 600)
        self.assertEqual(self.router.ended(), [])


class Past(Flowing):
    def test_a_destination_with_a_past_goes_on(self):
        self.a_past_with("203.0.113.9")
        relay = self.connect().greet()
        stranger = self.connect("198.51.100.9").greet()
        self.throttle()
        relay.mail()
        self.assertEqual(self.router.ended(), [50004])
        stranger.mail()
        self.assertEqual(self.router.ended(), [50004])

    def test_the_kernel_hears_of_it_once_a_day(self):
        self.a_past_with("203.0.113.9")
        key = _MAC + b"\0\0" + parse_address("203.0.113.9")
        for _ in range(3):
            told = len(self.router.kernel.orders)
            self.connect().greet().mail()
            self.assertEqual(list(self.router.kernel.sets["past4"]), [key])
            self.assertEqual(len(self.router.kernel.orders), told + 1)
            told = len(self.router.kernel.orders)
            self.connect().greet().mail()
            self.assertEqual(len(self.router.kernel.orders), told)
            self.router.engine.at(self.router.engine.now_s + _DAY_S, 0)

    def test_it_hears_again_when_it_has_forgotten(self):
        self.a_past_with("203.0.113.9")
        self.connect().greet()
        self.router.kernel.sets = {}
        self.router.flows.tell_again()
        self.connect().greet()
        self.assertEqual(len(self.router.kernel.sets["past4"]), 1)

    def test_each_device_has_its_own(self):
        self.a_past_with("203.0.113.9")
        self.connect().greet()
        Connection(self.router, b"\2\0\0\0\0\x08", "192.168.77.8", 40000, "203.0.113.9").open().greet().mail()
        self.assertEqual(len(self.router.kernel.sets["past4"]), 1)


    def test_a_friend_that_is_doubted_is_none_to_the_kernel_either(self):
        for server in ("203.0.113.9", "198.51.100.9"):
            self.a_past_with(server)
            self.connect(server).greet()
        self.assertEqual(len(self.router.kernel.sets["past4"]), 2)
        device = self.router.device(_MAC)
        doubted = parse_address("203.0.113.9")
        engine = self.router.engine
        engine.contacts.mark(device, network_provider(doubted, 0, 4), DOUBTED, engine.now_s)
        self.throttle()
        self.assertEqual(list(self.router.kernel.sets["past4"]), [_MAC + b"\0\0" + parse_address("198.51.100.9")])


class Charged(Flowing):
    """What the budget of a throttled device has yet to pay for."""

    def throttle(self):
        super().throttle()
        engine = self.router.engine
        device = self.router.device(_MAC)
        engine.devices.since_s[device] = engine.board.evidence_s[device] = engine.now_s
        engine.at(engine.now_s + 100, 0)

    def test_a_message_under_way_at_the_verdict(self):
        begun = self.connect().greet().client(b"MAIL FROM:<a@b.example>\r\n").server(b"250 ok\r\n")
        begun.client(b"RCPT TO:<b@mx.example>\r\n").server(b"250 ok\r\n").client(b"DATA\r\n").server(b"354 go\r\n")
        self.throttle()
        self.assertEqual(self.router.late, [])
        begun.client(b"text\r\n.\r\n").server(b"250 taken\r\n")
        self.assertEqual(self.router.late, [self.router.device(_MAC)])

    def test_each_of_who_has_no_past(self):
        self.connect()
        self.throttle()
        self.connect().greet().mail()
        self.assertEqual(self.router.late, [self.router.device(_MAC)])

    def test_none_that_the_kernel_has_counted_itself(self):
        self.a_past_with("203.0.113.9")
        self.connect().greet()
        self.throttle()
        self.connect("198.51.100.9").greet().mail()
        self.assertEqual(self.router.late, [])

    def test_one_within_tls_counts_too(self):
        self.connect()
        self.throttle()
        sealed = self.connect().greet().seal()
        for _ in range(_ENOUGH):
            sealed.server(b"\x17\3\3sealed")
        self.assertEqual(self.router.late, [self.router.device(_MAC)])


class Established(Flowing):
    def test_each_is_told_once_with_its_ends(self):
        self.connect().greet().mail()
        self.connect("2001:db8::19", "fd77::7", 465)
        ends = (parse_address(_CLIENT), 50001, parse_address("203.0.113.9"), 25)
        ends6 = (parse_address("fd77::7"), 50002, parse_address("2001:db8::19"), 465)
        device = self.router.device(_MAC)
        self.assertEqual(self.router.established, [(device,) + ends, (device,) + ends6])

    def test_what_nobody_answers_is_not(self):
        Connection(self.router, _MAC, _CLIENT, 50001, "203.0.113.9").ask()
        self.assertEqual(self.router.established, [])


if __name__ == "__main__":
    unittest.main()
