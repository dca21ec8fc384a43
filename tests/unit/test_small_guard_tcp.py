"""The guard of boards over TCP, with sockets in memory: two clients, one query at a time, answers piece by piece."""

import unittest

from fakes.dns import DEVICE, OTHER, PORT, RESOLVER, SPARE, answer, opt, query
from fakes.small_dns import OWN_ADDRESS, SmallScene
from test_small_guard import MX, failure, with_glue

from spamgate.service.small_guard import BRIEF, OWN
from spamgate.wire.dns_answer import block, refuse


def framed(message):
    return bytes([len(message) >> 8, len(message) & 255]) + message


class Case(unittest.TestCase):
    def setUp(self):
        self.begin()

    def begin(self, **settings):
        self.scene = SmallScene(**settings)
        self.net, self.loop, self.policy = self.scene.net, self.scene.loop, self.scene.policy
        self.resolver = self.net.listen(RESOLVER, 53)

    def client(self, *asked, address=DEVICE, room=65536):
        """Return a client that has connected and asked."""
        client = self.net.connect(PORT, address)
        client.room = room
        if asked:
            client.send(b"".join([framed(wire) for wire in asked]))
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

    def reply(self, make=answer, pieces=1 << 16):
        """Let the resolver answer the one query it was asked over the next connection; return query and answer."""
        server = self.server()
        asked = server.received()[2:]
        reply = framed(make(asked))
        for at in range(0, len(reply), pieces):
            self.say(server, reply[at : at + pieces])
        return asked, reply[2:]


class PassedOn(Case):
    def test_a_query_goes_up_unchanged_but_for_the_id_and_its_answer_comes_down_so(self):
        wire = query("WwW.gOOd.Example", additional=opt(4096, 0x80))
        client = self.client(wire)
        asked, reply = self.reply()
        self.assertEqual(asked[2:], wire[2:])
        self.assertEqual(client.received(), framed(wire[:2] + reply[2:]))
        port = self.policy.questions[0][3]
        self.assertEqual(self.policy.questions, [(wire, len(wire) - 11, DEVICE, port)])
        self.assertEqual(self.policy.answers, [(wire[:2] + reply[2:], DEVICE, port)])

    def test_pipelined_queries_are_answered_one_after_the_other(self):
        wires = [query("n%d.example" % number, ident=number) for number in range(30)]
        client = self.client(*wires)
        for wire in wires:
            self.reply()
            self.assertEqual(client.received(), framed(answer(wire)))
        self.assertEqual(self.policy.questions[-1][0], wires[-1])

    def test_queries_and_answers_come_whole_out_of_single_bytes(self):
        wire = query("a.example")
        client = self.client()
        for byte in framed(wire):
            self.say(client, bytes((byte,)))
        _, reply = self.reply(pieces=1)
        self.assertEqual(client.received(), framed(wire[:2] + reply[2:]))

    def test_a_big_answer_is_handed_on_to_a_slow_client_and_never_held(self):
        wire = query("big.example")
        client = self.client(wire, room=700)
        server = self.server()
        server.peer.room = 2000
        rest = framed(answer(server.received()[2:], records=1000))
        whole = len(rest)
        heard = b""
        while len(heard) < whole:
            if rest:
                try:
                    rest = rest[server.send(rest) :]
                except OSError:
                    pass
            self.scene.wait(100)
            session = self.scene.guard._tcp.clients[0]
            self.assertTrue(len(session._client.unsent) < 1200)
            heard += client.received()
        self.assertEqual(heard, framed(answer(wire, records=1000)))

    def test_a_client_that_is_done_is_let_go_and_its_last_query_answered(self):
        client = self.client(query("a.example"))
        client.shutdown_write()
        self.reply()
        self.assertEqual(client.received(), framed(answer(query("a.example"))))
        self.assertTrue(client.is_over())
        self.assertEqual(self.scene.guard._tcp.clients, [])


class Judged(Case):
    def test_our_own_answers_need_no_resolver(self):
        wires = [query("www.bad.example", ident=1), query("bad.example", ident=2)]
        client = self.client(*wires)
        self.assertEqual(client.received(), b"".join([framed(block(wire, len(wire))) for wire in wires]))
        self.assertEqual(self.policy.blocks, [(DEVICE, 1)] * 2)
        self.policy.verdict = OWN
        self.say(client, framed(query("mx.example")))
        self.assertEqual(client.received()[-4:], OWN_ADDRESS)
        broken = query("a.example")[:-1]
        self.say(client, framed(b"") + framed(broken))
        self.assertEqual(client.received(), framed(refuse(broken, 1)))

    def test_brief_answers_have_no_address_beside_them_even_in_pieces(self):
        self.policy.verdict = BRIEF
        wire = query("a.example", MX, additional=opt())
        for pieces in (1 << 16, 7):
            client = self.client(wire)
            _, reply = self.reply(with_glue, pieces)
            self.assertEqual(client.received(), framed(with_glue(wire, 0)))
            self.assertEqual(self.policy.answers[-1][0], wire[:2] + reply[2:])

    def test_brief_answers_that_cannot_be_read_or_are_too_long_fail(self):
        self.policy.verdict = BRIEF
        wire = query("a.example", MX)
        for make in (lambda asked: with_glue(asked)[:-3], lambda asked: with_glue(asked, 120)):
            client = self.client(wire)
            self.reply(make)
            self.assertEqual(client.received(), framed(failure(wire)))


class Bounded(Case):
    def test_who_has_nothing_under_way_makes_room_else_the_newcomer_goes(self):
        idle, busy = self.client(), self.client(query("a.example"))
        third = self.client(query("b.example"), address=OTHER)
        self.assertTrue(idle.is_over() and not busy.is_over() and not third.is_over())
        fourth = self.client(query("c.example"))
        self.assertTrue(fourth.is_over())
        self.reply()
        self.reply()
        self.assertEqual(busy.received(), framed(answer(query("a.example"))))
        self.assertEqual(third.received(), framed(answer(query("b.example"))))

    def test_we_never_ask_ourselves(self):
        self.assertTrue(self.client(query("a.example"), address=OWN_ADDRESS).is_over())

    def test_a_query_that_is_too_long_ends_the_connection(self):
        client = self.client()
        self.say(client, b"\2\1" + bytes(20))
        self.assertTrue(client.is_over())

    def test_who_asks_nothing_goes_after_five_seconds_and_anybody_after_thirty(self):
        client = self.client()
        self.scene.wait(5100)
        self.assertTrue(client.is_over())
        client = self.client()
        seconds = 0
        while not client.is_over():
            self.say(client, framed(query("bad.example")))
            client.received()
            self.scene.wait(1000)
            seconds += 1
        self.assertTrue(29 <= seconds <= 31)

    def test_one_that_takes_nothing_is_let_go(self):
        client = self.client(query("a.example"), room=100)
        self.reply(lambda wire: answer(wire, records=60))
        self.scene.wait(5200)
        self.assertEqual((len(self.scene.guard._tcp.clients), len(client.inbox)), (0, 100))

    def test_everything_is_closed_at_the_end(self):
        self.client(query("a.example"))
        self.scene.guard.close()
        self.assertEqual(self.loop.handlers, {})


class Trouble(Case):
    def test_a_silent_resolver_is_asked_twice_then_servfail(self):
        client = self.client(query("a.example"))
        self.scene.wait(4200)
        self.assertEqual(len(self.resolver.queue), 2)
        self.assertEqual(client.received(), framed(failure(query("a.example"))))

    def test_the_next_resolver_is_asked_when_one_refuses_or_ends(self):
        self.begin(guard_upstreams=["198.51.100.53", "198.51.100.54"])
        spare = self.net.listen(SPARE, 53)
        for ends in (False, True):
            client = self.client(query("a.example"))
            if ends:
                self.server().close()
                self.loop.spin()
            else:
                self.resolver.close()
                self.scene.wait(100)
            server = self.server(spare)
            self.say(server, framed(answer(server.received()[2:])))
            self.assertEqual(client.received(), framed(answer(query("a.example"))))
            self.resolver = self.net.listen(RESOLVER, 53) if self.resolver.closed else self.resolver

    def test_without_a_resolver_the_answer_is_servfail(self):
        self.scene.guard.use_upstreams([])
        self.assertEqual(self.client(query("a.example")).received(), framed(failure(query("a.example"))))

    def test_half_an_answer_and_then_nothing_ends_the_connection(self):
        client = self.client(query("a.example"))
        server = self.server()
        self.say(server, framed(answer(server.received()[2:]))[:-4])
        server.close()
        self.loop.spin()
        self.assertEqual(self.scene.guard._tcp.clients, [])
        self.assertTrue(len(client.received()) > 12 and client.is_over())

    def test_a_wrong_answer_is_asked_for_anew(self):
        client = self.client(query("a.example"))
        self.reply(lambda asked: b"\0\0" + answer(asked)[2:])
        self.reply(lambda asked: asked[:2] + answer(query("b.example"))[2:])
        self.assertEqual(client.received(), framed(failure(query("a.example"))))


if __name__ == "__main__":
    unittest.main()
