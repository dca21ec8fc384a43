"""The link over TCP: who proves the key has a line, who does not has nothing, and nobody keeps others out."""

import unittest

from fakes.aes import make_aes
from fakes.link_caller import KEY, OTHER_KEY, LinkCaller
from fakes.net import FakeLoop, FakeNet

from spamgate.service.link_session import Session
from spamgate.service.link_tcp import LinkTcp, Means
from spamgate.wire.link_auth import HELLO_BYTES
from spamgate.wire.link_seal import AuthError

_PORT = 8425
_MEET_MS = 5000
_MINUTE = 60000
_OTHER = b"\xc0\xa8\x01\x08"


class _Echo:
    """Says what it hears, in capitals; in the place of a Link."""

    def __init__(self, line):
        self.line = line
        self.polls = 0
        self.is_closed = False
        self._buf = bytearray(256)
        self._unsent = b""
        self._events = []

    def poll(self, now_ms):
        self.polls += 1
        self._unsent += bytes(self._buf[: self.line.read_into(self._buf)]).upper() + "".join(self._events).encode()
        self._events = []
        count = self.line.write(self._unsent)
        while count:
            self._unsent = self._unsent[count:]
            count = self.line.write(self._unsent)

    def close(self):
        self.is_closed = True

    def publish(self, line):
        self._events = (self._events + [line])[-4:]  # as a Link, which keeps no more


class _Draws:
    """Random bytes: other ones each time."""

    def __init__(self):
        self.count = 0

    def __call__(self, size):
        self.count += 1
        return bytes([self.count & 255]) * size


class Listening(unittest.TestCase):
    def setUp(self):
        self.net, self.loop = FakeNet(), FakeLoop()
        self.now_ms = 0
        self.links = []
        self.told = []
        self.most_links = 2  # that the heap has room for
        means = Means(KEY, make_aes, _Draws(), lambda: self.now_ms)
        self.host = LinkTcp(self.net, self.loop, means, self._make_session, self.told.append)
        self.host.serve(_PORT, [""])
        self.loop.each_tick(self.host.tick)

    def _make_session(self, host, sock, seals, now_ms):
        if len(host.sessions) >= self.most_links:
            raise MemoryError
        return Session(host, sock, seals, self._make_link, now_ms)

    def _make_link(self, line):
        self.links.append(_Echo(line))
        return self.links[-1]

    def _call(self, address=b"\xc0\xa8\x01\x07"):
        caller = LinkCaller(self.net, self.loop, _PORT, address)
        self.loop.spin()
        return caller

    def _tick(self, passed_ms):
        self.now_ms += passed_ms
        self.loop.tick(self.now_ms)

    def _fail(self, times, address=b"\xc0\xa8\x01\x07"):
        for _ in range(times):
            caller = self._call(address)
            caller.send(b"x" * HELLO_BYTES)
            self.assertTrue(caller.is_gone())

    # --- those who have the key ---

    def test_who_proves_the_key_has_a_line(self):
        caller = self._call()
        self.assertTrue(caller.meet())
        caller.say(b"devices")
        self.assertEqual(caller.heard(), b"DEVICES")
        caller.say(b"again " * 1000)
        self.assertEqual(caller.heard(), b"AGAIN " * 1000)

    def test_a_meeting_byte_by_byte_is_one_too(self):
        caller = self._call()
        send = caller.send
        caller.send = lambda data: [send(bytes([byte])) for byte in data]
        self.assertTrue(caller.meet())
        caller.say(b"status")
        self.assertEqual(caller.heard(), b"STATUS")

    def test_two_have_a_line_and_a_third_takes_that_of_whoever_is_silent_longest(self):
        callers = []
        for at in range(2):
            self.now_ms += 1000
            callers.append(self._call())
            callers[at].meet()
        self.now_ms += 1000
        callers[0].say(b"here")
        self.assertTrue(self._call(_OTHER).meet())
        self.assertEqual([caller.is_gone() for caller in callers], [False, True])
        self.assertEqual([link.is_closed for link in self.links], [False, True, False])

    def test_a_session_has_no_end_by_itself_and_is_told_the_time(self):
        caller = self._call()
        caller.meet()
        polls = self.links[0].polls
        for _ in range(100):
            self._tick(_MINUTE)
        self.assertEqual((caller.is_gone(), self.links[0].polls), (False, polls + 100))

    def test_one_that_reads_nothing_is_waited_for_and_gets_all(self):
        caller = self._call()
        caller.meet()
        caller.sock.room = 700
        caller.say(b"x" * 5000)
        heard = b""
        for _ in range(12):
            heard += caller.heard()
            self.loop.spin()
        self.assertEqual(heard, b"X" * 5000)

    def test_whoever_leaves_is_forgotten(self):
        caller = self._call()
        caller.meet()
        caller.sock.close()
        self.loop.spin()
        self.assertEqual((self.links[0].is_closed, self.net.open_count(), len(self.loop.handlers)), (True, 1, 1))

    def test_events_go_to_every_session(self):
        callers = [self._call(), self._call(_OTHER)]
        for caller in callers:
            caller.meet()
        for number in range(30):
            self.host.publish("%02d," % number)
        self._tick(100)
        told = "".join(["%02d," % number for number in range(6, 30)]).encode()  # those before are lost
        self.assertEqual([caller.heard() for caller in callers], [told] * 2)

    def test_close_ends_all(self):
        callers = [self._call(), self._call(_OTHER)]
        callers[0].meet()
        self.host.close()
        self.assertEqual([caller.is_gone() for caller in callers], [True, True])
        for caller in callers:
            caller.sock.close()
        self.assertEqual((self.net.open_count(), len(self.loop.handlers)), (0, 0))

    # --- those who have not ---

    def test_with_another_key_the_caller_hears_that_it_is_another(self):
        with self.assertRaises(AuthError):
            self._call().meet(OTHER_KEY)
        self.assertEqual(self.links, [])

    def test_a_wrong_proof_ends_it(self):
        caller = self._call()
        caller.send(b"SGL1" + b"n" * 32)
        caller.sock.received()
        caller.send(b"p" * 32)
        self.assertTrue(caller.is_gone())
        self.assertEqual(self.links, [])

    def test_a_recorded_session_said_again_is_refused(self):
        caller = self._call()
        caller.meet()
        caller.say(b"release tv")
        thief = self._call(_OTHER)
        thief.send(caller.said[:HELLO_BYTES])
        thief.sock.received()
        thief.send(caller.said[HELLO_BYTES:])
        self.assertTrue(thief.is_gone())
        self.assertEqual(len(self.links), 1)

    def test_a_record_said_again_ends_the_session(self):
        caller = self._call()
        caller.meet()
        before = len(caller.said)
        caller.say(b"release tv")
        caller.heard()
        caller.send(caller.said[before:])
        self.assertTrue(caller.is_gone())

    def test_five_failures_and_the_address_is_refused_but_no_other(self):
        self._fail(5)
        self.assertEqual(self.told, ["link: 192.168.1.7 failed to prove the key; it is refused for 60 s"])
        refused = self._call()
        self.assertTrue(refused.is_gone())
        self.assertTrue(self._call(_OTHER).meet())
        self._tick(_MINUTE)
        self.assertTrue(self._call().meet())

    def test_a_session_of_the_address_goes_on(self):
        caller = self._call()
        caller.meet()
        self._fail(5)
        caller.say(b"status")
        self.assertEqual(caller.heard(), b"STATUS")

    def test_who_says_nothing_is_let_go_and_has_failed(self):
        for _ in range(5):
            caller = self._call()
            self._tick(_MEET_MS)
            self.assertTrue(caller.is_gone())
        self.assertEqual(len(self.told), 1)

    def test_who_says_a_byte_now_and_then_is_let_go_all_the_same(self):
        caller = self._call()
        for _ in range(10):
            caller.send(b"S")
            self._tick(_MEET_MS // 10)
        self.assertTrue(caller.is_gone())

    def test_a_flood_of_strangers_is_bounded_and_keeps_nobody_out(self):
        strangers = []
        for number in range(100):
            strangers.append(self._call(bytes([192, 168, 2, number])))
            self.now_ms += 1
        self.assertEqual(sum([not stranger.is_gone() for stranger in strangers]), 4)
        self.assertEqual(self.told, [])
        self.assertTrue(self._call().meet())

    def test_a_flood_from_one_address_gets_it_refused(self):
        own = self._call()
        own.send(b"SGL1")
        for _ in range(20):
            self._call(_OTHER)
        self.assertEqual(len(self.told), 1)
        self.assertFalse(own.is_gone())

    def test_where_memory_is_for_one_session_the_newest_has_it(self):
        caller = self._call()
        caller.meet()
        self.most_links = 1
        self.assertTrue(self._call(_OTHER).meet())
        self.assertEqual((caller.is_gone(), self.told), (True, []))

    def test_a_full_heap_costs_no_more_than_the_session(self):
        self.most_links = 0
        self.assertFalse(self._call().meet())
        self.assertEqual(self.told, ["link: no memory left for a session"])
        self.most_links = 2
        self.assertTrue(self._call().meet())
        self.assertEqual(len(self.host.sessions), 1)

    # --- where it listens ---

    def test_it_listens_on_interfaces_that_are_there_and_anew_on_those_that_come(self):
        self.net.missing = {"br-guest"}
        self.host.serve(_PORT, ["br-lan", "br-guest"])
        self.assertEqual((len(self.loop.handlers), self.told), (1, []))
        self.net.missing = set()
        self.host.serve(_PORT, ["br-lan", "br-guest"])
        self.assertEqual(len(self.loop.handlers), 2)
        self.net.connect(_PORT, interface="br-guest")
        with self.assertRaises(OSError):
            self.net.connect(_PORT, interface="wan0")

    def test_a_port_that_is_taken_is_reported(self):
        self.net.tcp_listener(_PORT, 5, "br-lan")
        self.host.serve(_PORT, ["br-lan"])
        self.assertEqual(self.told, ["link: port 8425 cannot be served on br-lan (error 98)"])

    def test_no_file_left_is_no_end(self):
        self.net.out_of_files = True
        caller = self._call()
        self._tick(100)
        self.net.out_of_files = False
        self._tick(100)
        self.assertTrue(caller.meet())


if __name__ == "__main__":
    unittest.main()
