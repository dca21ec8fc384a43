"""The guard when resolvers are silent, devices ask too much, and addresses come and go; over UDP, sockets in memory."""

import unittest

from fakes.dns import (
    DEVICE,
    GATEWAY,
    OTHER,
    PORT,
    RESOLVER,
    SPARE,
    Scene,
    answer,
    opt,
    query,
)

from spamgate.wire.dns_answer import fail

SERVFAIL = 2


def failure(asked):
    return fail(asked, len(asked), SERVFAIL)


class Case(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.device = self.scene.device()

    def two_servers(self):
        """Let there be a second resolver."""
        self.scene = Scene(guard_upstreams=["198.51.100.53", "198.51.100.54"])
        self.device = self.scene.device()
        self.spare = self.scene.net.udp(SPARE, 53)


class Silence(Case):
    def test_three_tries_with_one_id_then_servfail(self):
        asked = query("a.example")
        self.scene.send(self.device, asked)
        for _ in range(4):
            self.scene.wait(1500)
        tries = [wire for wire, _ in self.scene.resolver.queue]
        self.assertEqual(len(tries), 3)
        self.assertEqual(len(set(tries)), 1)
        self.assertEqual([data for data, _ in self.device.queue], [failure(asked)])
        self.assertEqual(self.scene.guard._forwarder._pending.count, 0)

    def test_servfail_comes_before_a_stub_resolver_gives_up(self):
        self.scene.send(self.device, query("a.example"))
        self.scene.wait(4900)
        self.assertEqual(len(self.device.queue), 1)

    def test_a_late_answer_to_the_first_try_counts(self):
        self.scene.send(self.device, query("a.example"))
        asked, sender = self.scene.passed()
        self.scene.wait(2000)
        self.scene.resolver.sendto(answer(asked), sender)
        self.scene.loop.spin()
        self.assertEqual(self.device.queue[0][0], answer(query("a.example")))

    def test_who_follows_a_query_that_fails_asks_for_itself(self):
        self.scene.send(self.device, query("a.example"))
        self.scene.wait(1400)
        other = self.scene.device(OTHER)
        self.scene.send(other, query("a.example"))
        self.scene.wait(6000)
        self.assertEqual((len(self.device.queue), len(other.queue)), (1, 1))

    def test_the_other_server_is_asked_second(self):
        self.two_servers()
        self.scene.send(self.device, query("a.example"))
        self.scene.wait(1600)
        self.assertEqual((len(self.scene.resolver.queue), len(self.spare.queue)), (1, 1))
        self.scene.resolve(self.spare)
        self.assertEqual(self.device.queue[0][0], answer(query("a.example")))

    def test_a_server_that_is_silent_twice_is_asked_last(self):
        self.two_servers()
        for number in range(2):
            self.scene.send(self.device, query("n%d.example" % number))
        self.scene.wait(1600)
        self.assertEqual(len(self.scene.logged), 1)
        self.assertTrue("198.51.100.53" in self.scene.logged[0])
        self.spare.queue.clear()
        self.scene.resolver.queue.clear()
        self.scene.send(self.device, query("a.example"))
        self.assertEqual((len(self.scene.resolver.queue), len(self.spare.queue)), (0, 1))

    def test_one_slow_name_does_not_blame_a_server_that_answers(self):
        self.two_servers()
        self.scene.send(self.device, query("slow.example"))
        slow = self.scene.passed()
        for number in range(5):
            self.scene.wait(300)
            self.scene.send(self.device, query("n%d.example" % number))
            self.scene.resolve()
        self.scene.wait(300)
        self.assertEqual((self.scene.logged, len(self.spare.queue)), ([], 1))
        self.scene.resolver.sendto(answer(slow[0]), slow[1])
        self.scene.loop.spin()
        self.assertEqual(self.device.queue[-1][0], answer(query("slow.example")))

    def test_a_server_that_is_gone_and_back_is_waited_for_when_there_is_no_other(self):
        self.scene.resolver.close()
        asked = query("a.example")
        self.scene.send(self.device, asked)
        self.scene.wait(1000)
        self.assertEqual(self.device.queue, [])
        self.scene.resolver = self.scene.net.udp(RESOLVER, 53)
        self.scene.wait(1000)
        self.scene.resolve()
        self.assertEqual(self.device.queue[0][0], answer(asked))

    def test_a_server_that_refuses_makes_room_at_once_for_one_that_does_not(self):
        self.two_servers()
        self.scene.resolver.close()
        for number in range(6):
            asked = query("n%d.example" % number)
            self.scene.send(self.device, asked)
            self.scene.resolve(self.spare)
            self.assertEqual(self.device.queue.pop(0)[0], answer(asked))
        self.assertEqual(len(self.scene.logged), 1)

    def test_two_servers_that_refuse_do_not_go_round_for_ever(self):
        self.two_servers()
        self.scene.resolver.close()
        self.spare.close()
        asked = query("a.example")
        self.scene.send(self.device, asked)
        self.scene.wait(5000)
        self.assertEqual([data for data, _ in self.device.queue], [failure(asked)])

    def test_two_dead_servers_do_not_fill_the_log(self):
        self.two_servers()
        for number in range(100):
            self.scene.send(self.device, query("n%d.example" % number))
            self.scene.wait(600)
            self.device.queue.clear()
            self.scene.resolver.queue.clear()
            self.spare.queue.clear()
        self.assertTrue(2 < len(self.scene.logged) <= 16)


class Flood(Case):
    def test_one_device_cannot_keep_others_from_asking(self):
        for number in range(1000):
            self.scene.send(self.device, query("n%d.example" % number, ident=number))
        self.assertEqual(len(self.scene.resolver.queue), 128)
        self.assertEqual(len(self.device.queue), 256)  # SERVFAIL for the rest, as many as the socket holds
        asked = query("a.example")
        self.scene.resolver.queue.clear()
        other = self.scene.device(OTHER)
        self.scene.send(other, asked)
        self.scene.resolve()
        self.assertEqual(other.queue[0][0], answer(asked))

    def test_when_all_places_are_taken_one_gives_way_with_servfail(self):
        for number in range(128):
            for device in (self.device, self.scene.device(OTHER, 7000)):
                self.scene.send(device, query("n%d-%d.example" % (number, device.port), ident=number))
                if device is not self.device:
                    device.close()
        self.scene.resolver.queue.clear()
        self.device.queue.clear()
        third = self.scene.device(b"\xc0\xa8\x01\x09")
        asked = query("a.example")
        self.scene.send(third, asked)
        self.scene.resolve()
        self.assertEqual(third.queue[0][0], answer(asked))

    def test_after_a_flood_with_no_resolver_all_is_as_before(self):
        self.scene.resolver.close()
        before = self.scene.net.open_count()
        for number in range(3000):
            self.scene.send(self.device, query("n%d.example" % number, ident=number))
            self.device.queue.clear()
            if number % 100 == 0:
                self.scene.wait(100)
        self.scene.wait(10000)
        self.assertEqual(self.scene.guard._forwarder._pending.count, 0)
        self.assertTrue(self.scene.net.open_count() <= before + 4)
        self.scene.resolver = self.scene.net.udp(RESOLVER, 53)
        self.device.queue.clear()
        asked = query("a.example")
        self.scene.send(self.device, asked)
        self.scene.resolve()
        self.assertEqual(self.device.queue[0][0], answer(asked))


class Life(Case):
    def test_sockets_are_given_up_and_closed(self):
        before = self.scene.net.open_count()
        for number in range(300):
            self.scene.send(self.device, query("n%d.example" % number))
            self.scene.resolve()
            self.scene.wait(100)
            self.device.queue.clear()
        self.assertTrue(self.scene.net.open_count() - before <= 4 + 6)
        self.scene.wait(11000)
        self.assertEqual(self.scene.net.open_count(), before)

    def test_close_leaves_nothing_open(self):
        self.scene.send(self.device, query("a.example"))
        self.scene.guard.close()
        self.assertEqual(self.scene.net.open_count(), 2)  # the device's and the resolver's
        self.assertEqual(self.scene.loop.handlers, {})

    def test_an_address_that_is_gone_is_served_no_longer_and_its_answers_are_lost(self):
        self.scene.send(self.device, query("a.example"))
        self.scene.guard.serve([])
        self.scene.resolve()
        self.assertEqual(self.scene.ask(self.device, query("b.example")), None)

    def test_an_address_that_is_not_ours_is_told(self):
        self.scene.net.udp(OTHER, PORT)
        self.scene.guard.serve([GATEWAY, OTHER])
        self.assertEqual(len(self.scene.logged), 1)
        self.assertEqual(self.scene.ask(self.device, query("bad.example"))[3] & 15, 3)

    def test_a_query_that_waits_while_the_upstreams_change_is_asked_of_the_new_one(self):
        self.scene.send(self.device, query("a.example"))
        spare = self.scene.net.udp(SPARE, 53)
        self.scene.guard.use_upstreams(["198.51.100.54"])
        self.scene.wait(1600)
        self.scene.resolve(spare)
        self.assertEqual(self.device.queue[0][0], answer(query("a.example")))

    def test_monitoring_tells_and_passes_on(self):
        self.scene = Scene(monitor_only=True)
        device = self.scene.device()
        self.scene.send(device, query("bad.example"))
        self.scene.resolve()
        self.scene.wait(100)
        self.assertEqual(device.queue[0][0], answer(query("bad.example")))
        self.assertEqual(self.scene.observer.blocks, [(DEVICE, 1)])


class Starved(Case):
    """The heap has no hole for what comes."""

    def starve(self, sock, most):
        """Let there be no memory for more than `most` bytes from this socket."""
        receive = sock.recvfrom

        def recvfrom(size):
            if size > most:
                raise MemoryError
            return receive(size)

        sock.recvfrom = recvfrom  # which `recv` calls

    def test_a_query_that_there_is_no_memory_for_is_dropped_and_the_next_is_heard(self):
        listener = self.scene.guard._listeners[GATEWAY]._sock
        self.starve(listener, 100)
        with self.assertRaises(MemoryError):
            self.scene.send(self.device, query("a.example"))
        self.scene.loop.spin()
        self.assertEqual((listener.queue, self.scene.resolver.queue), ([], []))
        del listener.recvfrom
        self.scene.send(self.device, query("b.example"))
        self.assertEqual(len(self.scene.resolver.queue), 1)

    def test_long_answers_are_cut_while_there_is_memory_for_short_ones_only(self):
        asked = query("a.example", additional=opt(4096))
        self.scene.send(self.device, asked)
        self.starve(self.scene.guard.upstreams.port.sock, 600)
        self.scene.resolve(make=lambda wire: answer(wire, records=100))
        self.assertEqual(self.device.queue.pop(0)[0][:12], asked[:2] + b"\x83\x80\0\1\0\0\0\0\0\0")

    def test_who_floods_loses_what_waits_when_there_is_no_memory(self):
        for number in range(40):
            self.scene.send(self.device, query("n%d.example" % number))
        for port in self.scene.guard.upstreams.servers[0].ports:
            if port is not None:
                self.starve(port.sock, 100)
        with self.assertRaises(MemoryError):
            self.scene.resolve()
        self.assertEqual(self.scene.guard._forwarder._pending.count, 0)

    def test_so_it_does_when_a_query_finds_no_memory_while_the_resolver_is_silent(self):
        for number in range(40):
            self.scene.send(self.device, query("n%d.example" % number))
        self.scene.resolver.queue.clear()
        listener = self.scene.guard._listeners[GATEWAY]._sock
        self.starve(listener, 100)
        with self.assertRaises(MemoryError):
            self.scene.send(self.device, query("a.example"))
        self.assertEqual((self.scene.guard._forwarder._pending.count, len(listener.queue)), (0, 1))
        del listener.recvfrom
        self.scene.loop.spin()
        self.assertEqual(len(self.scene.resolver.queue), 1)

    def test_where_there_was_no_memory_for_so_many_half_as_many_wait_until_none_does(self):
        pending = self.scene.guard._forwarder._pending
        for number in range(100):
            self.scene.send(self.device, query("n%d.example" % number))
        listener = self.scene.guard._listeners[GATEWAY]._sock
        self.starve(listener, 100)
        with self.assertRaises(MemoryError):
            self.scene.send(self.device, query("a.example"))
        del listener.recvfrom
        for number in range(100):
            self.scene.send(self.device, query("m%d.example" % number))
        self.assertEqual(pending.count, 50)
        other = self.scene.device(OTHER)
        self.scene.send(other, query("b.example"))
        self.assertEqual(pending.count, 51)
        for _ in range(4):
            self.scene.wait(1500)
        for number in range(100):
            self.scene.send(self.device, query("o%d.example" % number))
        self.assertEqual(pending.count, 100)

    def test_an_answer_that_there_is_no_memory_for_is_asked_for_again(self):
        asked = query("a.example")
        self.scene.send(self.device, asked)
        sock = self.scene.guard.upstreams.port.sock
        self.starve(sock, 100)
        with self.assertRaises(MemoryError):
            self.scene.resolve()
        self.scene.loop.spin()
        del sock.recvfrom
        self.scene.wait(1600)
        self.scene.resolve()
        self.assertEqual(self.device.queue.pop(0)[0], answer(asked))


if __name__ == "__main__":
    unittest.main()
