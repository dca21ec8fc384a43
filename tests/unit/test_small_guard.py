"""The guard of boards over UDP, with sockets in memory: what goes up, what comes down, and what the policy says."""

import unittest

from fakes.dns import AAAA, DEVICE, GATEWAY, PORT, SPARE, A, answer, opt, query
from fakes.net import pack_address
from fakes.small_dns import OWN_ADDRESS, SmallScene

from spamgate.service.dns_rules import NameList
from spamgate.service.small_guard import BRIEF, OWN
from spamgate.wire.dns_answer import block, fail, refuse, with_opt

MX = 15
SERVFAIL = 2
MX_RECORD = b"\xc0\x0c\0\x0f\0\1\0\0\1\x2c\0\7\0\x0a\2mx\xc0\x0c"
GLUE = b"\2mx\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"


def failure(asked):
    return fail(asked, len(asked), SERVFAIL)


def with_glue(asked, glue=2, opt_first=False):
    """Return an answer with an MX record, addresses beside it, and the OPT record of the query."""
    end = asked.find(b"\0", 12) + 5
    record = asked[end:]
    more = record + GLUE * glue if opt_first else GLUE * glue + record
    counts = b"\0\1\0\1\0\0\0" + bytes([glue + (1 if record else 0)])
    return asked[:2] + b"\x81\x80" + counts + asked[12:end] + MX_RECORD + more


class Case(unittest.TestCase):
    def setUp(self):
        self.begin()

    def begin(self, **settings):
        self.scene = SmallScene(**settings)
        self.policy = self.scene.policy
        self.device = self.scene.device()

    def two_servers(self):
        """Let there be a second resolver."""
        self.begin(guard_upstreams=["198.51.100.53", "198.51.100.54"])
        self.spare = self.scene.net.udp(SPARE, 53)

    def passed_back(self, asked, make=answer):
        """Ask, let the resolver answer, and return (what the device hears, what the resolver said)."""
        self.scene.send(self.device, asked)
        reply = self.scene.resolve(make=make)
        return (self.device.queue.pop(0)[0] if self.device.queue else None), reply


class PassedOn(Case):
    def test_a_query_goes_up_unchanged_but_for_the_id_and_its_answer_comes_down_so(self):
        for additional in (b"", opt(flags=0x80), opt(options=b"\0\x0a\0\x08abcdefgh")):
            asked = query("WwW.gOOd.Example", flags=b"\1\x30", additional=additional)
            self.assertEqual(self.scene.ask(self.device, asked), None)
            self.assertEqual(self.scene.resolver.queue[0][0][2:], asked[2:])
            reply = self.scene.resolve()
            self.assertEqual(self.device.queue.pop(0)[0], asked[:2] + reply[2:])

    def test_cut_answers_and_errors_come_down_as_they_are(self):
        for flags in (b"\x83\x80", b"\x81\x82", b"\x81\x85", b"\x85\x83"):
            asked = query("a.example", flags=b"\1\0")
            heard, reply = self.passed_back(asked, lambda wire: answer(wire, flags=flags))  # noqa: B023
            self.assertEqual(heard, asked[:2] + reply[2:])
        self.assertEqual(self.passed_back(query("a.example"), lambda wire: refuse(wire, 1))[0][2:4], b"\x81\x81")

    def test_ids_are_fresh_and_so_is_the_port_each_second(self):
        ids, ports = set(), set()
        for _ in range(8):
            for _ in range(4):
                self.scene.send(self.device, query("a.example"))
                passed, sender = self.scene.resolver.queue[0]
                ids.add(passed[:2])
                ports.add(sender)
                self.scene.resolve()
            self.scene.wait(1000)
        self.assertEqual((len(ids), len(ports)), (32, 8))
        self.assertTrue(len(self.scene.guard._ports) <= 3)
        self.scene.wait(3000)
        self.assertEqual(self.scene.guard._ports, [])

    def test_long_answers_come_down_to_who_announces_room_and_others_are_sent_to_tcp(self):
        for size, records, fits in ((4096, 70, True), (1232, 70, True), (1000, 70, False), (4096, 77, False)):
            asked = query("big.example", additional=opt(size))
            heard, reply = self.passed_back(asked, lambda wire: answer(wire, records=records))  # noqa: B023
            whole = asked[:2] + reply[2:]
            cut = asked[:2] + b"\x83\x80\0\1\0\0\0\0\0\0" + asked[12:-11]
            self.assertEqual(heard, whole if fits else cut)
        for records, fits in ((30, True), (31, False)):
            asked = query("big.example")
            heard, reply = self.passed_back(asked, lambda wire: answer(wire, records=records))  # noqa: B023
            self.assertEqual(len(heard), len(reply) if fits else len(asked))

    def test_the_answer_comes_from_where_it_was_asked_in_both_families(self):
        second, gateway6, device6 = b"\xc0\xa8\x02\1", b"\xfd" + bytes(14) + b"\1", b"\xfd" + bytes(14) + b"\7"
        self.scene.guard.serve([GATEWAY, second, gateway6], PORT)
        for own, address in ((second, DEVICE), (gateway6, device6)):
            device = self.scene.device(address, 5353)
            device.sendto(query("a.example"), pack_address(own, PORT))
            self.scene.loop.spin()
            self.scene.resolve()
            self.assertEqual(device.queue.pop(0), (answer(query("a.example")), pack_address(own, PORT)))
            self.assertEqual(self.policy.answers[-1][1:], (address, 5353))

    def test_addresses_that_are_gone_are_served_no_longer(self):
        before = self.scene.net.open_count()
        self.scene.guard.serve([b"\xc0\xa8\x02\1"], PORT)
        self.assertEqual(self.scene.ask(self.device, query("bad.example")), None)
        self.assertEqual(self.scene.net.open_count(), before)

    def test_every_socket_is_closed_at_the_end(self):
        self.scene.send(self.device, query("a.example"))
        self.scene.guard.close()
        self.assertEqual(self.scene.net.open_count(), 2)  # the device's and the resolver's
        self.assertEqual(self.scene.loop.handlers, {})

    def test_a_port_that_is_taken_is_told(self):
        self.scene.net.udp(b"\xc0\xa8\x02\1", PORT)
        self.scene.guard.serve([GATEWAY, b"\xc0\xa8\x02\1"], PORT)
        self.assertEqual(len(self.scene.logged), 1)


class Judged(Case):
    def test_the_policy_hears_questions_and_answers_under_the_askers_id(self):
        asked = query("a.example", additional=opt())
        _, reply = self.passed_back(asked)
        port = self.device.port
        self.assertEqual(self.policy.questions, [(asked, len(asked) - 11, DEVICE, port)])
        self.assertEqual(self.policy.answers, [(asked[:2] + reply[2:], DEVICE, port)])

    def test_own_answers_an_address_query_with_ours_and_others_with_nothing(self):
        self.policy.verdict = OWN
        record = b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4" + OWN_ADDRESS
        asked = query("mx.example")
        expected = asked[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + asked[12:] + record
        self.assertEqual(self.scene.ask(self.device, asked), expected)
        asked = query("mx.example", additional=opt())
        expected = asked[:2] + b"\x81\x80\0\1\0\1\0\0\0\1" + asked[12:-11] + record
        self.assertEqual(self.scene.ask(self.device, asked), expected + opt())
        for other in (query("mx.example", AAAA), query("mx.example", 65), query("mx.example", A, qclass=3)):
            self.assertEqual(self.scene.ask(self.device, other), fail(other, len(other), 0))
        self.scene.guard.own_address = b""
        asked = query("mx.example")
        self.assertEqual(self.scene.ask(self.device, asked), fail(asked, len(asked), 0))
        self.assertEqual(self.scene.resolver.queue, [])

    def test_brief_answers_have_no_address_beside_them_and_keep_opt(self):
        self.policy.verdict = BRIEF
        asked = query("a.example", MX)
        bare = b"\x81\x80\0\1\0\1\0\0\0\0" + asked[12:] + MX_RECORD
        heard, reply = self.passed_back(asked, with_glue)
        self.assertEqual(heard, asked[:2] + bare)
        self.assertEqual(self.policy.answers[-1][0], asked[:2] + reply[2:])
        asked = query("a.example", MX, additional=opt(4096, 0x80, b"\0\x0a\0\x08abcdefgh"))
        rich = asked[:2] + bare[:9] + b"\1" + bare[10:] + asked[-23:]
        self.assertEqual(self.passed_back(asked, with_glue)[0], rich)
        self.assertEqual(self.passed_back(asked, lambda wire: with_glue(wire, opt_first=True))[0], rich)
        self.assertEqual(self.passed_back(asked, lambda wire: with_glue(wire, 0))[0], rich)

    def test_brief_answers_that_cannot_be_read_or_are_too_long_bring_nothing_along(self):
        self.policy.verdict = BRIEF
        asked = query("a.example", MX)
        self.assertEqual(self.passed_back(asked, lambda wire: with_glue(wire)[:-3])[0], failure(asked))
        cut = asked[:2] + b"\x83\x80\0\1\0\0\0\0\0\0" + asked[12:]
        self.assertEqual(self.passed_back(asked, lambda wire: with_glue(wire, 80))[0], cut)

    def test_names_of_the_list_are_told_besides(self):
        scene = SmallScene()
        scene.guard.rules.blocklist = NameList(["evil.example"])
        scene.guard.rules.blocklist.allowed = lambda name: False
        device = scene.device(DEVICE)
        for text, told in (("www.evil.example", [DEVICE]), ("bad.example", [DEVICE])):
            asked = query(text)
            self.assertEqual(scene.ask(device, asked), block(asked, len(asked)))
            self.assertEqual(scene.policy.listings, told)
        self.assertEqual(scene.policy.blocks, [(DEVICE, 1), (DEVICE, 1)])
        self.assertEqual(scene.guard.rules.list_hits, {})

    def test_blocked_names_are_told_and_not_asked_about(self):
        asked = query("www.bad.example")
        self.assertEqual(self.scene.ask(self.device, asked), block(asked, len(asked)))
        self.assertEqual((self.policy.blocks, self.policy.questions), ([(DEVICE, 1)], []))

    def test_what_is_only_watched_is_told_and_passed_on(self):
        self.begin(monitor_only=True)
        self.assertEqual(self.passed_back(query("bad.example"))[0], answer(query("bad.example")))
        self.assertEqual((self.policy.blocks, len(self.policy.questions)), ([(DEVICE, 1)], 1))

    def test_what_is_malformed_is_refused_or_met_with_silence(self):
        asked = query("a.example")
        self.assertEqual(self.scene.ask(self.device, asked[:-1]), refuse(asked, 1))
        self.assertEqual(self.scene.ask(self.device, asked[:12] + b"\xc0\x0c\0\1\0\1"), refuse(asked, 1))
        self.assertEqual(self.scene.ask(self.device, asked + bytes(600)), refuse(asked, 1))
        for silent in (b"", b"x", asked[:11], answer(asked), refuse(asked, 1)):
            self.assertEqual(self.scene.ask(self.device, silent), None)
        self.assertEqual((self.scene.resolver.queue, self.policy.questions), ([], []))


class Bounded(Case):
    def crowd(self, last, count):
        """Let a device ask so many questions."""
        device = self.scene.device(b"\xc0\xa8\x01" + bytes((last,)))
        for number in range(count):
            self.scene.send(device, query("n%d.example" % number))
        return device

    def test_a_device_has_two_thirds_of_the_places_and_one_when_others_ask(self):
        self.crowd(100, 40)
        self.assertEqual(len(self.scene.resolver.queue), 32)
        self.crowd(101, 40)
        self.assertEqual(len(self.scene.resolver.queue), 48)
        for _ in range(48):
            self.scene.resolve()
        self.assertEqual(self.scene.guard.places.count, 0)
        self.assertEqual(self.passed_back(query("a.example"))[0], answer(query("a.example")))

    def test_long_queries_count_for_more(self):
        for number in range(40):
            self.scene.send(self.device, query("n%d.example" % number, additional=opt(options=bytes(200))))
        self.assertTrue(4 <= len(self.scene.resolver.queue) <= 8)

    def test_when_all_places_are_taken_one_gives_way(self):
        for last in (100, 101, 102):
            self.crowd(last, 16)
        self.assertEqual(self.scene.guard.places.count, 48)
        self.scene.resolver.queue.clear()
        self.assertEqual(self.passed_back(query("a.example"))[0], answer(query("a.example")))
        self.assertEqual(self.scene.guard.places.count, 47)
        self.scene.wait(4000)
        self.assertEqual(self.scene.guard.places.count, 0)

    def test_a_resent_query_is_passed_on_once(self):
        for _ in range(5):
            self.scene.send(self.device, query("a.example"))
        self.assertEqual(len(self.scene.resolver.queue), 1)

    def test_a_question_of_ours_that_comes_round_is_not_asked_again(self):
        ours = self.scene.device(OWN_ADDRESS)
        self.assertEqual(self.scene.ask(ours, query("a.example")), None)
        self.assertEqual(self.scene.resolver.queue, [])

    def test_we_are_no_resolver_of_ours(self):
        self.scene.guard.use_upstreams(["192.168.1.9", "198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4"])
        self.assertEqual(self.scene.guard.servers, [b"\xc6\x33\x64" + bytes((last,)) for last in (1, 2, 3)])


class Silence(Case):
    def test_two_tries_then_servfail(self):
        asked = query("a.example", additional=opt())
        self.scene.send(self.device, asked)
        self.scene.wait(5000)
        tries = self.scene.resolver.queue
        self.assertEqual((len(tries), len(set([wire for wire, _ in tries]))), (2, 1))
        self.assertEqual(self.device.queue[0][0], with_opt(fail(asked, len(asked) - 11, SERVFAIL), 0, b""))
        self.assertEqual((len(self.device.queue), self.scene.guard.places.count), (1, 0))

    def test_without_a_resolver_the_answer_is_servfail(self):
        self.scene.send(self.device, query("a.example"))
        late, sender = self.scene.passed()
        self.scene.guard.use_upstreams([])
        self.scene.resolver.sendto(answer(late), sender)
        asked = query("b.example")
        self.scene.send(self.device, asked)
        heard = [wire for wire, _ in self.device.queue]
        self.assertTrue(len(heard) == 2 and failure(asked) in heard and answer(query("a.example")) in heard)

    def test_what_waits_while_resolvers_change_fails_or_is_asked_again(self):
        self.scene.send(self.device, query("a.example"))
        self.scene.guard.use_upstreams([])
        self.scene.wait(4000)
        self.assertEqual(self.device.queue.pop(0)[0], failure(query("a.example")))
        self.scene.guard.use_upstreams(["198.51.100.54"])
        spare = self.scene.net.udp(SPARE, 53)
        self.scene.send(self.device, query("a.example"))
        self.scene.guard.use_upstreams(["198.51.100.53"])
        self.scene.resolver.queue.clear()
        self.scene.wait(1600)
        self.assertEqual((len(spare.queue), len(self.scene.resolver.queue)), (1, 1))

    def test_without_memory_to_try_again_or_to_say_so_a_query_frees_its_place(self):
        """Else those that wait hold all the memory, each second anew, and nobody is served again."""

        def none(*_):
            raise MemoryError

        guard = self.scene.guard
        for number in range(40):
            self.scene.send(self.scene.device(), query("a%d.example" % number))
        self.assertTrue(guard.places.count > 30)
        kept = guard.port_of, guard.rules.failure
        guard.port_of = guard.rules.failure = none
        self.scene.wait(2000)
        self.assertEqual(guard.places.count, 0)
        guard.port_of, guard.rules.failure = kept
        self.scene.resolver.queue.clear()
        self.assertEqual(self.passed_back(query("b.example"))[0], answer(query("b.example")))

    def test_a_late_answer_to_the_first_try_counts(self):
        self.scene.send(self.device, query("a.example"))
        asked, sender = self.scene.passed()
        self.scene.wait(2500)
        self.scene.resolver.sendto(answer(asked), sender)
        self.scene.loop.spin()
        self.assertEqual(self.device.queue[0][0], answer(query("a.example")))

    def test_the_other_server_is_asked_second_and_first_after_two_silences(self):
        self.two_servers()
        for number in range(2):
            self.scene.send(self.device, query("n%d.example" % number))
            self.scene.wait(1600)
            self.assertEqual((len(self.scene.resolver.queue), len(self.spare.queue)), (number + 1, 1))
            self.scene.resolve(self.spare)
        self.scene.send(self.device, query("c.example"))
        self.assertEqual(len(self.spare.queue), 1)
        self.assertEqual(len(self.device.queue), 2)

    def test_a_server_that_refuses_makes_room_at_once(self):
        self.two_servers()
        self.scene.resolver.close()
        self.scene.send(self.device, query("a.example"))
        self.scene.send(self.device, query("b.example"))
        self.scene.resolve(self.spare)
        self.scene.wait(1600)
        self.scene.resolve(self.spare)
        self.assertEqual(len(self.device.queue), 2)

    def test_an_answer_between_two_silences_keeps_the_server(self):
        self.two_servers()
        for number in range(4):
            self.scene.send(self.device, query("n%d.example" % number))
            if number & 1:
                self.scene.resolve()
            else:
                self.scene.wait(1600)
                self.scene.resolver.queue.clear()
                self.scene.resolve(self.spare)
        self.assertEqual(self.scene.guard.first, 0)


class Forged(Case):
    def forge(self, change):
        """Return whether the device hears of an answer that was changed, from the resolver or its address."""
        self.scene.send(self.device, query("n.example"))
        passed, sender = self.scene.passed()
        change(passed, sender)
        self.scene.loop.spin()
        heard = len(self.device.queue) > 0
        self.device.queue.clear()
        self.begin()
        return heard

    def test_the_right_answer_is_heard_once(self):
        self.assertTrue(self.forge(lambda asked, sender: self.scene.resolver.sendto(answer(asked), sender)))
        self.scene.send(self.device, query("a.example"))
        asked, sender = self.scene.passed()
        for _ in range(2):
            self.scene.resolver.sendto(answer(asked), sender)
        self.scene.loop.spin()
        self.assertEqual(len(self.device.queue), 1)

    def test_another_question_id_port_or_address_is_not(self):
        def say(change):
            return self.forge(lambda asked, to: self.scene.resolver.sendto(change(asked), to))

        self.assertFalse(say(lambda asked: asked[:2] + answer(query("b.example"))[2:]))
        self.assertFalse(say(lambda asked: b"\0\0" + answer(asked)[2:]))
        self.assertFalse(say(lambda asked: asked))
        self.assertFalse(say(lambda asked: asked[:11]))
        self.assertFalse(say(lambda asked: b""))
        self.assertFalse(self.forge(lambda asked, to: self.scene.net.udp(SPARE, 53).sendto(answer(asked), to)))

    def test_another_port_of_ours_is_not(self):
        self.scene.send(self.device, query("before.example"))
        _, before = self.scene.passed()
        self.scene.wait(1000)
        self.assertFalse(self.forge(lambda asked, to: self.scene.resolver.sendto(answer(asked), before)))


if __name__ == "__main__":
    unittest.main()
