"""The guard from end to end over UDP, with sockets in memory: what goes to the resolver and what comes back."""

import unittest

from fakes.dns import (
    DEVICE,
    GATEWAY,
    OTHER,
    PORT,
    SPARE,
    Scene,
    answer,
    opt,
    query,
)
from fakes.net import pack_address

from spamgate.wire.dns_answer import block, fail, refuse, with_opt

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


class PassedOn(Case):
    def test_a_query_goes_up_unchanged_but_for_the_id_and_its_answer_comes_down_so(self):
        for additional in (b"", opt(flags=0x80), opt(options=b"\0\x0a\0\x08abcdefgh")):
            asked = query("WwW.gOOd.Example", flags=b"\1\x30", additional=additional)
            self.assertEqual(self.scene.ask(self.device, asked), None)
            passed, sender = self.scene.resolver.queue[0]
            self.assertEqual(passed[2:], asked[2:])
            reply = self.scene.resolve()
            self.assertEqual(self.device.queue.pop(0)[0], asked[:2] + reply[2:])

    def test_ids_and_ports_are_fresh(self):
        ids, ports = set(), set()
        for number in range(40):
            self.scene.send(self.device, query("n%d.example" % number))
            passed, sender = self.scene.resolver.queue[0]
            ids.add(passed[:2])
            ports.add(sender)
            self.scene.resolve()
        self.assertEqual(len(ids), 40)
        self.assertEqual(len(ports), 4)
        self.scene.wait(4000)
        self.scene.send(self.device, query("later.example"))
        self.assertFalse(self.scene.passed()[1] in ports)

    def test_the_answer_comes_from_where_it_was_asked(self):
        self.scene.guard.serve([GATEWAY, b"\xc0\xa8\x02\1"])
        self.device.sendto(query("a.example"), pack_address(b"\xc0\xa8\x02\1", PORT))
        self.scene.loop.spin()
        self.scene.resolve()
        self.assertEqual(self.device.queue[0][1], pack_address(b"\xc0\xa8\x02\1", PORT))

    def test_cut_answers_and_errors_come_down_as_they_are(self):
        for flags in (b"\x83\x80", b"\x81\x82", b"\x81\x85", b"\x85\x83"):
            asked = query("a%d.example" % flags[1], flags=b"\1\0")
            self.scene.send(self.device, asked)
            reply = self.scene.resolve(make=lambda wire: answer(wire, flags=flags))  # noqa: B023
            self.assertEqual(self.device.queue.pop(0)[0], asked[:2] + reply[2:])

    def test_a_refusal_without_a_question_comes_down(self):
        asked = query("a.example")
        self.scene.send(self.device, asked)
        self.scene.resolve(make=lambda wire: refuse(wire, 1))
        self.assertEqual(self.device.queue.pop(0)[0], refuse(asked, 1))

    def test_big_answers_come_down_to_who_asks_for_them_and_others_are_sent_to_tcp(self):
        for size, records in ((4096, 250), (1232, 70)):
            asked = query("big%d.example" % size, additional=opt(size))
            self.scene.send(self.device, asked)
            reply = self.scene.resolve(make=lambda wire: answer(wire, records=records))  # noqa: B023
            self.assertTrue(size - 200 < len(reply) <= size)
            self.assertEqual(self.device.queue.pop(0)[0], asked[:2] + reply[2:])
        asked = query("toobig.example")
        self.scene.wait(100)
        self.scene.send(self.device, asked)
        self.scene.resolve(make=lambda wire: answer(wire, records=90))
        self.assertEqual(self.device.queue.pop(0)[0], asked[:2] + b"\x83\x80\0\1\0\0\0\0\0\0" + asked[12:])

    def test_both_families_of_addresses_are_served(self):
        asked = query("a.example")
        self.scene.guard.serve([b"\xfd" + bytes(14) + b"\1"])
        device = self.scene.device(b"\xfd" + bytes(14) + b"\7", 5353)
        device.sendto(asked, pack_address(b"\xfd" + bytes(14) + b"\1", PORT))
        self.scene.loop.spin()
        self.scene.resolve()
        self.assertEqual(device.queue[0][0], answer(asked))
        self.assertEqual(self.scene.observer.answers[0][1:], (b"\xfd" + bytes(14) + b"\7", 5353))


class NotPassedOn(Case):
    def test_blocked_names_are_answered_and_told_by_device(self):
        other = self.scene.device(OTHER)
        for device, times in ((self.device, 3), (other, 2)):
            for _ in range(times):
                asked = query("www.bad.example")
                self.assertEqual(self.scene.ask(device, asked), block(asked, len(asked)))
        self.scene.wait(100)
        self.assertEqual(sorted(self.scene.observer.blocks), [(DEVICE, 3), (OTHER, 2)])
        self.assertEqual(self.scene.resolver.queue, [])
        self.assertEqual(self.scene.observer.answers, [])

    def test_a_flood_of_blocked_names_from_many_ports_is_told_before_it_grows(self):
        for port in range(200):
            device = self.scene.device(DEVICE, 10000 + port)
            self.scene.send(device, query("bad.example"))
            device.close()
            self.assertTrue(len(self.scene.guard._rules.hits) < 64)
        self.scene.wait(100)
        self.assertEqual(sum([count for _, count in self.scene.observer.blocks]), 200)

    def test_what_is_malformed_is_refused_or_met_with_silence(self):
        asked = query("a.example")
        self.assertEqual(self.scene.ask(self.device, asked[:-1]), refuse(asked, 1))
        self.assertEqual(self.scene.ask(self.device, asked[:12] + b"\xc0\x0c\0\1\0\1"), refuse(asked, 1))
        self.assertEqual(self.scene.ask(self.device, asked + bytes(600)), refuse(asked, 1))
        for silent in (b"", b"x", asked[:11], answer(asked), refuse(asked, 1)):
            self.assertEqual(self.scene.ask(self.device, silent), None)
        self.assertEqual(self.scene.resolver.queue, [])

    def test_a_question_of_ours_that_comes_round_is_not_asked_again(self):
        self.scene.guard.use_upstreams(["192.168.1.1"])
        router = self.scene.net.udp(b"", 53)  # sends all port 53 to the guard, our own too
        self.scene.send(self.device, query("a.example"))
        for _ in range(60):
            while router.queue:
                wire, sender = router.queue.pop(0)
                self.scene.net.udp(GATEWAY, 0).sendto(wire, pack_address(GATEWAY, PORT))
                self.scene.loop.spin()
            self.scene.wait(100)
        self.assertEqual(self.scene.guard._forwarder._pending.count, 0)
        self.assertEqual([data for data, _ in self.device.queue], [failure(query("a.example"))])

    def test_a_resent_query_is_passed_on_once(self):
        asked = query("a.example")
        for _ in range(5):
            self.scene.send(self.device, asked)
        self.assertEqual(len(self.scene.resolver.queue), 1)
        self.scene.resolve()
        self.assertEqual(len(self.device.queue), 1)

    def test_a_question_of_several_is_passed_on_once_and_answered_to_all(self):
        others = [self.scene.device(OTHER), self.scene.device(), self.scene.device()]
        self.scene.send(self.device, query("a.example", ident=1))
        for number, device in enumerate(others):
            self.scene.send(device, query("a.example", ident=100 + number))
        self.assertEqual(len(self.scene.resolver.queue), 1)
        self.scene.resolve()
        self.assertEqual(self.device.queue[0][0], answer(query("a.example", ident=1)))
        for number, device in enumerate(others):
            self.assertEqual(device.queue[0][0], answer(query("a.example", ident=100 + number)))
        self.assertEqual(len(self.scene.observer.answers), 4)

    def test_without_a_resolver_the_answer_is_servfail(self):
        self.scene.guard.use_upstreams([])
        asked = query("a.example", additional=opt())
        self.assertEqual(self.scene.ask(self.device, asked), with_opt(fail(asked, len(asked) - 11, SERVFAIL), 0, b""))


class Forged(Case):
    forged = 0

    def forge(self, change):
        """Return whether the device hears of an answer that was changed, from the resolver or its address."""
        self.forged = self.forged + 1
        self.scene.send(self.device, query("n%d.example" % self.forged))
        passed, sender = self.scene.passed()
        change(passed, sender)
        self.scene.loop.spin()
        heard = len(self.device.queue) > 0
        self.device.queue.clear()
        return heard

    def test_the_right_answer_is_heard(self):
        self.assertTrue(self.forge(lambda asked, sender: self.scene.resolver.sendto(answer(asked), sender)))

    def test_another_question_id_port_or_address_is_not(self):
        resolver = self.scene.resolver
        self.assertFalse(self.forge(lambda asked, to: resolver.sendto(asked[:2] + answer(query("b.example"))[2:], to)))
        self.assertFalse(self.forge(lambda asked, to: resolver.sendto(b"\0\0" + answer(asked)[2:], to)))
        self.assertFalse(self.forge(resolver.sendto))
        self.assertFalse(self.forge(lambda asked, to: resolver.sendto(b"", to)))
        stranger = self.scene.net.udp(SPARE, 53)
        self.assertFalse(self.forge(lambda asked, to: stranger.sendto(answer(asked), to)))

    def test_another_port_of_ours_is_not(self):
        self.scene.send(self.device, query("before.example"))
        _, before = self.scene.passed()
        self.assertFalse(self.forge(lambda asked, to: self.scene.resolver.sendto(answer(asked), before)))

    def test_the_second_answer_is_not(self):
        self.scene.send(self.device, query("a.example"))
        asked, sender = self.scene.passed()
        for _ in range(2):
            self.scene.resolver.sendto(answer(asked), sender)
        self.scene.loop.spin()
        self.assertEqual(len(self.device.queue), 1)


class Remembered(Case):
    def ask_thrice(self, asked, make=answer):
        """Ask until the answer could be kept, and return whether the third query went up."""
        for _ in range(2):
            self.scene.send(self.device, asked)
            self.scene.resolve(make=make)
        self.device.queue.clear()
        self.scene.send(self.device, asked)
        return bool(self.scene.resolver.queue)

    def test_what_is_asked_again_and_again_is_answered_from_memory(self):
        asked = query("a.example")
        self.assertFalse(self.ask_thrice(asked))
        self.assertEqual(self.device.queue.pop(0)[0], answer(asked))
        self.assertEqual(len(self.scene.observer.answers), 3)
        self.scene.wait(10000)
        self.assertEqual(self.scene.ask(self.device, asked), answer(asked, ttl_s=290))
        self.scene.wait(290000)
        self.scene.send(self.device, asked)
        self.assertEqual(len(self.scene.resolver.queue), 1)

    def test_failures_and_cut_answers_are_asked_for_anew(self):
        self.assertTrue(self.ask_thrice(query("a.example"), lambda asked: answer(asked, flags=b"\x81\x82")))
        self.scene.resolve()
        self.assertTrue(self.ask_thrice(query("b.example"), lambda asked: answer(asked, flags=b"\x83\x80")))

    def test_other_upstreams_begin_with_an_empty_memory(self):
        self.assertFalse(self.ask_thrice(query("a.example")))
        self.scene.guard.use_upstreams(["198.51.100.53"])
        self.scene.send(self.device, query("a.example"))
        self.assertEqual(len(self.scene.resolver.queue), 1)


if __name__ == "__main__":
    unittest.main()
