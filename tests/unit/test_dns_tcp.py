"""The guard over TCP, with sockets in memory: pipelined queries, big answers, slow and greedy clients."""

import unittest

from fakes.dns import DEVICE, GATEWAY, OTHER, PORT, RESOLVER, SPARE, Scene, answer, opt, query

from spamgate.wire.dns_answer import block, fail, refuse


def framed(message):
    return bytes([len(message) >> 8, len(message) & 255]) + message


def messages(data):
    """Return the messages in a stream's bytes."""
    found = []
    while data:
        end = 2 + (data[0] << 8 | data[1])
        found.append(data[2:end])
        data = data[end:]
    return found


class Case(unittest.TestCase):
    def setUp(self):
        self.begin()

    def begin(self, **settings):
        self.scene = Scene(**settings)
        self.net, self.loop = self.scene.net, self.scene.loop
        self.resolver = self.net.listen(RESOLVER, 53)

    def client(self, say=b"", address=DEVICE, room=65536):
        """Return a client that has connected and spoken."""
        client = self.net.connect(PORT, address)
        client.room = room
        if say:
            client.send(say)
        self.loop.spin()
        return client

    def server(self, resolver=None):
        """Return the resolver's side of the connection that the guard made."""
        sock = self.net.accept(resolver or self.resolver)[0]
        self.loop.spin()
        return sock

    def say(self, sock, data):
        sock.send(data)
        self.loop.spin()

    def answer(self, server, make=answer):
        """Let the server answer all that it was asked, and return the queries."""
        asked = messages(server.received())
        for wire in asked:
            self.say(server, framed(make(wire)))
        return asked


class PassedOn(Case):
    def test_a_query_goes_up_unchanged_but_for_the_id_and_its_answer_comes_down_so(self):
        asked = query("WwW.a.Example", flags=b"\1\x30", additional=opt(flags=0x80))
        client = self.client(framed(asked))
        self.assertEqual([wire[2:] for wire in self.answer(self.server())], [asked[2:]])
        self.assertEqual(messages(client.received()), [answer(asked)])
        self.assertEqual(self.scene.observer.answers[0][:2], (answer(asked), DEVICE))

    def test_queries_one_behind_the_other_are_answered_in_any_order(self):
        wires = [query("n%d.example" % number, ident=number) for number in range(6)]
        client = self.client(b"".join([framed(wire) for wire in wires]))
        server = self.server()
        asked = messages(server.received())
        self.assertEqual([wire[2:] for wire in asked], [wire[2:] for wire in wires])
        self.assertEqual(len(set([wire[:2] for wire in asked])), 6)
        for wire in (asked[3], asked[0], asked[5], asked[1], asked[2], asked[4]):
            self.say(server, framed(answer(wire)))
        self.assertEqual(messages(client.received()), [answer(wires[number]) for number in (3, 0, 5, 1, 2, 4)])

    def test_more_than_eight_wait_for_their_turn(self):
        wires = [query("n%d.example" % number, ident=number) for number in range(50)]
        client = self.client(b"".join([framed(wire) for wire in wires]))
        server = self.server()
        count = 0
        while count < 50:
            asked = self.answer(server)
            self.assertTrue(0 < len(asked) <= 8)
            count += len(asked)
        self.assertEqual(messages(client.received()), [answer(wire) for wire in wires])

    def test_bytes_may_come_one_by_one_both_ways(self):
        asked = query("a.example")
        client = self.client()
        for byte in framed(asked) + framed(asked):
            self.say(client, bytes([byte]))
        server = self.server()
        for byte in b"".join([framed(answer(wire)) for wire in messages(server.received())]):
            self.say(server, bytes([byte]))
        self.assertEqual(messages(client.received()), [answer(asked)] * 2)

    def test_an_answer_of_64_kb_passes_through_a_narrow_client(self):
        asked = query("big.example")
        client = self.client(framed(asked), room=700)
        server = self.server()
        wire = messages(server.received())[0]
        rest = framed(answer(wire, records=4000))
        expected = framed(answer(asked, records=4000))
        self.assertTrue(len(rest) > 64000)
        got = b""
        while len(got) < len(expected):
            try:
                rest = rest[server.send(rest) :]
            except OSError:
                pass
            self.loop.spin()
            got += client.received()
            session = self.scene.guard._tcp._sessions[0]
            self.assertTrue(len(session._client.unsent) <= 2048)
        self.assertTrue(got == expected)
        self.assertEqual(self.scene.observer.answers[0][0][:12], expected[2:14])

    def test_a_client_that_stops_talking_has_its_answers_first(self):
        asked = query("a.example")
        client = self.client(framed(asked))
        client.shutdown_write()
        self.loop.spin()
        self.answer(self.server())
        self.assertEqual(messages(client.received()), [answer(asked)])
        self.assertTrue(client.is_over())


class OwnAnswers(Case):
    def test_blocked_names_and_what_is_no_query(self):
        asked = query("www.bad.example")
        client = self.client(framed(asked) + framed(asked[:20]) + framed(b"") + framed(answer(asked)))
        self.assertEqual(messages(client.received()), [block(asked, len(asked)), refuse(asked, 1)])
        self.scene.wait(100)
        self.assertEqual(self.scene.observer.blocks, [(DEVICE, 1)])
        self.assertEqual(self.net.accept(self.resolver), None)

    def test_they_never_come_amid_another(self):
        asked, blocked = query("a.example"), query("bad.example")
        client = self.client(framed(asked))
        server = self.server()
        reply = framed(answer(messages(server.received())[0], records=10))
        self.say(server, reply[:100])
        self.say(client, framed(blocked))
        self.say(server, reply[100:])
        self.assertEqual(messages(client.received()), [answer(asked, records=10), block(blocked, len(blocked))])

    def test_without_a_resolver_the_answer_is_servfail(self):
        self.scene.guard.use_upstreams([])
        asked = query("a.example")
        self.assertEqual(messages(self.client(framed(asked)).received()), [fail(asked, len(asked), 2)])


class Servers(Case):
    def test_answers_that_nobody_asked_for_are_dropped(self):
        asked = query("a.example")
        client = self.client(framed(asked))
        server = self.server()
        wire = messages(server.received())[0]
        self.say(server, framed(answer(wire[:1] + bytes([wire[1] ^ 1]) + wire[2:])))
        self.say(server, framed(wire[:2] + answer(query("b.example"))[2:]) + framed(wire) + framed(b"\0") + framed(b""))
        self.assertEqual(client.received(), b"")
        self.say(server, framed(answer(wire)) + framed(answer(wire)))
        self.assertEqual(messages(client.received()), [answer(asked)])

    def test_an_idle_connection_that_the_server_closes_is_made_anew(self):
        client = self.client(framed(query("a.example")))
        server = self.server()
        self.answer(server)
        server.close()
        self.loop.spin()
        self.say(client, framed(query("b.example")))
        self.answer(self.server())
        self.assertEqual(len(messages(client.received())), 2)

    def test_queries_that_a_server_did_not_answer_are_asked_of_the_next(self):
        self.begin(guard_upstreams=["198.51.100.53", "198.51.100.54"])
        spare = self.net.listen(SPARE, 53)
        wires = [query("a.example"), query("b.example")]
        client = self.client(b"".join([framed(wire) for wire in wires]))
        server = self.server()
        asked = messages(server.received())
        self.say(server, framed(answer(asked[0])))
        server.close()
        self.loop.spin()
        self.assertEqual([wire[2:] for wire in self.answer(self.server(spare))], [wires[1][2:]])
        self.assertEqual(messages(client.received()), [answer(wire) for wire in wires])

    def test_half_an_answer_ends_the_connection(self):
        client = self.client(framed(query("a.example")))
        server = self.server()
        self.say(server, framed(answer(messages(server.received())[0], records=9))[:90])
        server.close()
        self.loop.spin()
        self.assertTrue(len(client.received()) == 90 and client.is_over())

    def test_a_server_that_refuses_or_is_silent_three_times_is_given_up(self):
        for silent in (False, True):
            self.begin()
            self.resolver.close()
            if silent:
                self.net.silent.add((RESOLVER, 53))
            asked = query("a.example")
            client = self.client(framed(asked))
            self.scene.wait(6000)
            self.assertEqual(messages(client.received()), [fail(asked, len(asked), 2)])
            self.say(client, framed(query("bad.example")))
            self.assertEqual(len(messages(client.received())), 1)

    def test_an_answer_that_stops_in_the_middle_is_not_waited_for(self):
        client = self.client(framed(query("a.example")))
        server = self.server()
        self.say(server, framed(answer(messages(server.received())[0], records=9))[:90])
        self.scene.wait(1600)
        self.assertTrue(len(client.received()) == 90 and client.is_over())


class Bounds(Case):
    def test_idle_clients_are_sent_away(self):
        clients = [self.client(), self.client(b"\0"), self.client(framed(query("bad.example")))]
        self.scene.wait(9900)
        self.assertEqual([client.is_over() for client in clients[:2]], [False, False])
        self.scene.wait(200)
        clients[2].received()
        self.assertEqual([client.is_over() for client in clients], [True] * 3)

    def test_a_drip_of_bytes_is_no_sign_of_life(self):
        client = self.client()
        for byte in framed(query("a.example"))[:20]:
            client.send(bytes([byte]))
            self.scene.wait(1000)
            if client.is_over():
                break
        self.assertTrue(client.is_over())

    def test_nobody_stays_for_ever(self):
        client = self.client()
        for _ in range(140):
            if client.is_over():
                break
            self.say(client, framed(query("bad.example")))
            self.assertEqual(len(messages(client.received())), 1)
            self.scene.wait(1000)
        self.assertTrue(client.is_over())

    def test_a_client_that_does_not_read_is_sent_away(self):
        client = self.client(framed(query("bad.example")) * 40, room=10)
        self.scene.wait(11000)
        self.assertEqual(self.scene.guard._tcp._sessions, [])
        self.assertTrue(client.was_reset or client.is_over() or len(client.inbox) == 10)

    def test_a_query_that_is_too_long_ends_the_connection(self):
        client = self.client(b"\2\1" + bytes(513))
        self.assertTrue(client.is_over())

    def test_a_device_has_four_connections_and_all_have_twelve(self):
        mine = [self.client() for _ in range(5)]
        self.assertEqual([client.is_over() for client in mine], [False] * 4 + [True])
        others = [self.client(address=bytes([192, 168, 1, 20 + number // 4])) for number in range(8)]
        self.assertEqual([client.is_over() for client in others], [False] * 8)

    def test_the_longest_idle_makes_room_when_there_are_twelve(self):
        clients = []
        for number in range(12):
            clients.append(self.client(address=bytes([192, 168, 1, 20 + number // 4])))
            self.scene.wait(100)
        self.say(clients[0], framed(query("bad.example")))
        clients[0].received()
        newcomer = self.client(address=OTHER)
        self.assertFalse(newcomer.is_over())
        self.assertEqual([client.is_over() for client in clients], [False, True] + [False] * 10)

    def test_twelve_that_wait_for_answers_are_not_sent_away(self):
        self.resolver.close()
        self.net.silent.add((RESOLVER, 53))
        asked = framed(query("a.example"))
        clients = [self.client(asked, bytes([192, 168, 1, 20 + number // 4])) for number in range(12)]
        self.assertTrue(self.client(asked, OTHER).is_over())
        self.assertEqual([client.is_over() for client in clients], [False] * 12)

    def test_we_do_not_serve_ourselves(self):
        self.assertTrue(self.client(address=GATEWAY).is_over())

    def test_resets_leave_nothing_open(self):
        before = self.net.open_count()
        for _ in range(20):
            client = self.client(framed(query("a.example")))
            server = self.server()
            client.reset()
            client.peer.reset()
            self.loop.spin()
            client.close()
            self.loop.spin()
            server.close()
        self.assertEqual((self.scene.guard._tcp._sessions, self.net.open_count()), ([], before))

    def test_close_leaves_nothing_open(self):
        clients = [self.client(framed(query("a.example"))) for _ in range(3)]
        self.scene.guard.close()
        self.assertEqual([client.is_over() for client in clients], [True] * 3)
        self.assertEqual(self.loop.handlers, {})


if __name__ == "__main__":
    unittest.main()
