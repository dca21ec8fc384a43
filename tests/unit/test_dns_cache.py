"""What is kept of upstream answers: for whom, for how long, and never more than there is room for."""

import unittest

from fakes.dns import START_MS, answer, opt, query

from spamgate.service.dns_cache import Cache
from spamgate.service.dns_query import Query
from spamgate.wire.dns import Message

WRAP = (1 << 29) - 1
SOA = b"\xc0\x0c\0\6\0\1\0\0\0\x3c\0\x16\0\0" + bytes(20)


def mark_of(wire):
    return hash(wire[12:-4].lower()) & 0xFFFF


def negative(asked):
    """Return NXDOMAIN with a SOA record of 60 s."""
    return asked[:2] + b"\x81\x83\0\1\0\0\0\1\0\0" + asked[12:] + SOA


def ttls(reply):
    message = Message()
    message.read(reply, 0, len(reply))
    found = []
    while message.next_record():
        if message.rtype != 41:
            found.append(int.from_bytes(reply[message.rdata_at - 6 : message.rdata_at - 2], "big"))
    return found


class Case(unittest.TestCase):
    def setUp(self):
        self.cache = Cache()

    def keep(self, wire, reply, now_ms=START_MS):
        self.cache.keep(wire, reply, mark_of(wire), now_ms)

    def find(self, wire, now_ms=START_MS):
        """Return what the cache says to the query, None for nothing."""
        asked = Query(None)
        asked.datagram = (wire, b"")
        asked.mark = mark_of(wire)
        buf = bytearray(600)
        size = self.cache.find_into(buf, asked, now_ms)
        return bytes(buf[:size]) if size else None


class Kept(Case):
    def test_the_same_query_has_the_same_answer_with_its_own_id(self):
        self.keep(query("a.example"), answer(query("a.example")))
        self.assertEqual(self.find(query("a.example", ident=0xBEEF)), answer(query("a.example", ident=0xBEEF)))

    def test_other_case_type_class_flags_or_options_have_not(self):
        self.keep(query("a.example"), answer(query("a.example")))
        for other in (
            query("A.example"),
            query("a.example", 28),
            query("a.example", qclass=3),
            query("a.example", flags=b"\1\x10"),
            query("a.example", flags=b"\0\0"),
            query("a.example", additional=opt()),
            query("b.example"),
        ):
            self.assertEqual(self.find(other), None)

    def test_ttls_count_down_but_not_that_of_opt(self):
        asked = query("a.example", additional=opt(flags=0x80))
        self.keep(asked, answer(asked, ttl_s=70, records=2))
        for passed_s in (0, 1, 69):
            said = self.find(asked, START_MS + passed_s * 1000 + 999 & WRAP)
            self.assertEqual(ttls(said), [70 - passed_s] * 2)
            self.assertEqual(said[-11:], opt(flags=0x80))
        self.assertEqual(self.find(asked, START_MS + 70000 & WRAP), None)

    def test_long_ttls_are_kept_for_five_minutes_and_count_down_over_all_bytes(self):
        asked = query("a.example")
        reply = answer(asked)
        at = reply.find(b"\xc0\x0c") + 6
        self.keep(asked, reply[:at] + b"\x00\x01\x00\x05" + reply[at + 4 :])
        self.assertEqual(ttls(self.find(asked, START_MS + 10000 & WRAP)), [65536 + 5 - 10])
        self.assertEqual(self.find(asked, START_MS + 300000 & WRAP), None)

    def test_what_does_not_exist_is_kept_as_long_as_its_soa_says(self):
        asked = query("no.example")
        self.keep(asked, negative(asked))
        self.assertEqual(ttls(self.find(asked, START_MS + 59000 & WRAP)), [1])
        self.assertEqual(self.find(asked, START_MS + 60000 & WRAP), None)

    def test_the_least_ttl_counts(self):
        asked = query("a.example")
        reply = answer(asked, ttl_s=300)
        second = answer(asked, ttl_s=5)
        both = reply[:7] + b"\2" + reply[8:] + second[second.find(b"\xc0\x0c") :]
        self.keep(asked, both)
        self.assertEqual(ttls(self.find(asked, START_MS + 4000 & WRAP)), [296, 1])
        self.assertEqual(self.find(asked, START_MS + 5000 & WRAP), None)


class Refused(Case):
    def check(self, reply, wire=b""):
        wire = wire or query("a.example")
        self.keep(wire, reply)
        self.assertEqual(self.find(wire), None)

    def test_errors_cut_answers_and_those_without_a_lifetime_are_not_kept(self):
        asked = query("a.example")
        self.check(answer(asked, flags=b"\x81\x82"))
        self.check(answer(asked, flags=b"\x81\x85"))
        self.check(answer(asked, flags=b"\x83\x80"))
        self.check(answer(asked, ttl_s=0))
        self.check(answer(asked, records=0))
        self.check(asked[:2] + b"\x81\x83" + asked[4:])

    def test_negative_ttls_are_zero(self):
        reply = answer(query("a.example"))
        at = reply.find(b"\xc0\x0c") + 6
        self.check(reply[:at] + b"\x80\0\0\x3c" + reply[at + 4 :])

    def test_errors_beyond_the_header_are_seen(self):
        asked = query("a.example", additional=opt())
        self.check(answer(asked)[:-11] + b"\0\0\x29\x04\xd0\1\0\0\0\0\0", asked)

    def test_what_is_long_or_no_message_is_not_kept(self):
        asked = query("a.example")
        self.check(answer(asked, records=40))
        self.check(answer(asked)[:-1])
        self.check(answer(asked), asked + bytes(200))


class Room(Case):
    def wires(self, count):
        return [query("name-%d.%s.example" % (number, "x" * 40)) for number in range(count)]

    def test_bytes_stay_below_the_limit(self):
        for number, wire in enumerate(self.wires(400)):
            self.keep(wire, answer(wire, records=20))
            held = [kept for kept in self.cache.kept if kept is not None]
            self.assertTrue(sum([len(kept[0]) + len(kept[1]) for kept in held]) <= 8192, number)
        self.assertTrue(len(held) > 10)

    def test_the_count_of_bytes_comes_back_to_zero(self):
        for wire in self.wires(200):
            self.keep(wire, answer(wire))
            self.keep(wire, answer(wire))
        self.cache.clear()
        for wire in self.wires(200):
            self.assertEqual(self.find(wire), None)
        self.keep(wire, answer(wire, records=20))
        self.assertEqual(self.find(wire), answer(wire, records=20))
        self.assertEqual(self.cache._bytes, len(wire) - 2 + len(answer(wire, records=20)) - 2)

    def test_old_answers_are_swept_before_the_clock_has_gone_round(self):
        asked = query("a.example")
        self.keep(asked, answer(asked))
        self.cache.sweep(START_MS + 299000 & WRAP)
        self.assertNotEqual(self.find(asked), None)
        self.cache.sweep(START_MS + 300000 & WRAP)
        self.assertEqual(self.find(asked), None)


if __name__ == "__main__":
    unittest.main()
