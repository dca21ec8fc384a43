"""The time of day from a server on the network: only from the one asked, only when it knows, and without waiting."""

import unittest

from fakes.dns import answer
from fakes.net import FakeNet

from spamgate.hal.time_client import FAILED, TimeClient

SERVER = b"\xc0\0\2\x7b"
RESOLVER = b"\xc0\xa8\1\1"
NOW_S = 1795348800  # 2026-11-22 12:00
SINCE_1900_S = 2208988800
HOUR_MS = 3600000


def time_packet(asked, seconds=NOW_S + SINCE_1900_S, first=0x24, stratum=2, echo=None):
    """Return a server's answer to `asked`."""
    stamp = (seconds & 0xFFFFFFFF).to_bytes(4, "big") + bytes(4)
    return bytes((first, stratum, 6, 0xEC)) + bytes(20) + (echo or asked[40:48]) + stamp + stamp


class Scene(unittest.TestCase):
    """A client, a resolver and a server of the time."""

    def setUp(self):
        self.net = FakeNet()
        self.resolver, self.server = self.net.udp(RESOLVER, 53), self.net.udp(SERVER, 123)
        self.client = TimeClient(self.net, "time.example")
        self.outcome = 0
        self.now_ms = (1 << 29) - 1000  # about to wrap

    def wait(self, ms=100, resolvers=("192.168.1.1",)):
        for _ in range(max(1, ms // 100)):
            self.now_ms = (self.now_ms + 100) & ((1 << 29) - 1)
            if not self.outcome:
                self.outcome = self.client.tick(self.now_ms, resolvers)

    def resolve(self, make=answer, address=SERVER):
        """Let the resolver answer the oldest query."""
        asked, sender = self.resolver.queue.pop(0)
        self.resolver.sendto(make(asked, address=address), sender)
        self.wait()

    def tell(self, **how):
        """Let the server answer the oldest packet."""
        asked, sender = self.server.queue.pop(0)
        self.server.sendto(time_packet(asked, **how), sender)
        self.wait()


class AskingForTheTime(Scene):
    def test_by_name(self):
        self.wait()
        asked = self.resolver.queue[0][0]
        self.assertEqual(asked[2:], b"\1\0\0\1\0\0\0\0\0\0\4time\7example\0\0\1\0\1")
        self.resolve()
        self.assertEqual(len(self.server.queue[0][0]), 48)
        self.assertEqual(self.server.queue[0][0][0], 0x23)
        self.tell()
        self.assertEqual((self.outcome, self.net.open_count()), (NOW_S, 2))

    def test_by_address_no_resolver_is_needed(self):
        self.client = TimeClient(self.net, "192.0.2.123")
        self.wait(resolvers=())
        self.tell()
        self.assertEqual(self.outcome, NOW_S)

    def test_an_answer_that_takes_its_time(self):
        self.wait(2500)
        self.resolve()
        self.wait(2500)
        self.tell()
        self.assertEqual(self.outcome, NOW_S)

    def test_our_clock_is_not_told_and_no_two_questions_are_alike(self):
        for _ in range(2):
            TimeClient(self.net, "192.0.2.123").tick(0, ())
        packets = [packet for packet, _ in self.server.queue]
        self.assertEqual(packets[0][1:40], bytes(39))
        self.assertTrue(packets[0][40:] != packets[1][40:])

    def test_after_2036(self):
        self.wait()
        self.resolve()
        self.tell(seconds=(1 << 32) + 5)
        self.assertEqual(self.outcome, (1 << 32) + 5 - SINCE_1900_S)


class NotBelieving(Scene):
    def refuse(self, **how):
        """The answer is not taken, nor waited for much longer."""
        self.client = TimeClient(self.net, "192.0.2.123")
        self.wait()
        self.tell(**how)
        self.assertEqual(self.outcome, 0)
        self.wait(5000)
        self.assertEqual((self.outcome, self.server.queue, self.net.open_count()), (FAILED, [], 2))

    def test_an_answer_to_something_else(self):
        self.refuse(echo=b"12345678")

    def test_a_server_that_does_not_know(self):
        self.refuse(first=0xE4)  # alarm: not synchronised

    def test_a_kiss_of_death(self):
        self.refuse(stratum=0)

    def test_a_client(self):
        self.refuse(first=0x23)

    def test_too_far_from_any_clock(self):
        self.refuse(stratum=16)

    def test_a_short_packet(self):
        self.client = TimeClient(self.net, "192.0.2.123")
        self.wait()
        asked, sender = self.server.queue.pop(0)
        self.server.sendto(time_packet(asked)[:47], sender)
        self.wait(5000)
        self.assertEqual(self.outcome, FAILED)

    def test_a_lie_does_not_stop_the_truth(self):
        self.client = TimeClient(self.net, "192.0.2.123")
        self.wait()
        asked, sender = self.server.queue[0]
        self.server.sendto(time_packet(asked, echo=b"12345678", seconds=5), sender)
        self.wait()
        self.tell()
        self.assertEqual(self.outcome, NOW_S)


class NamesThatDoNotResolve(Scene):
    def fail(self, make):
        self.wait()
        self.resolve(make)
        self.wait(5000)
        self.assertEqual((self.outcome, self.server.queue, self.net.open_count()), (FAILED, [], 2))

    def test_no_such_name(self):
        self.fail(lambda asked, address: answer(asked, address=address, flags=b"\x81\x83", records=0))

    def test_another_question(self):
        self.fail(lambda asked, address: answer(asked, address=address).replace(b"time", b"mime"))

    def test_another_number(self):
        self.fail(lambda asked, address: bytes((asked[0] ^ 1,)) + answer(asked, address=address)[1:])

    def test_no_answer_but_a_question(self):
        self.fail(lambda asked, address: answer(asked, address=address, flags=b"\1\0"))

    def test_no_address_in_it(self):
        self.fail(lambda asked, address: answer(asked, address=address, records=0))

    def test_cut_short_or_nonsense(self):
        self.fail(lambda asked, address: answer(asked, address=address)[:-6])

    def test_an_error_in_an_answer_is_no_crash(self):
        for seed in range(64):
            self.setUp()
            self.wait()
            noise = bytes(seed * count * 37 & 255 for count in range(seed))
            self.resolve(lambda asked, address, noise=noise: asked[:2] + b"\x81\x80" + asked[4:12] + noise)
            self.assertEqual(self.server.queue, [])


class NobodyThere(Scene):
    def test_silence(self):
        self.wait(2900)
        self.assertEqual(self.outcome, 0)
        self.wait(300)
        self.assertEqual((self.outcome, self.net.open_count(), len(self.resolver.queue)), (FAILED, 2, 1))

    def test_no_resolver(self):
        self.wait(resolvers=())
        self.assertEqual(self.outcome, FAILED)

    def test_no_socket(self):
        def none_left(address, port):
            raise OSError(23)

        self.net.udp_to = none_left
        self.wait()
        self.assertEqual(self.outcome, FAILED)
