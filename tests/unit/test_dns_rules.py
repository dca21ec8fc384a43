"""Which queries the guard answers itself, and how."""

import unittest

from fakes.dns import AAAA, DEVICE, HTTPS, TXT, A, Settings, name, opt, query

from spamgate.service.dns_query import Query
from spamgate.service.dns_rules import NameList, Rules, wire_name
from spamgate.wire.cursor import FormError
from spamgate.wire.dns import Message
from spamgate.wire.dns_answer import block, block_with_zero, blocked_error, fail, refuse, with_opt

CANARY = "use-application-dns.net"
ERROR = blocked_error(b"settings")


class Judge:
    """Rules, asked for one query after the other."""

    def __init__(self, **settings):
        self.rules = Rules(Settings(**settings))
        self.query = Query(None)

    def says(self, wire):
        self.query.datagram = (wire, DEVICE)
        answer = self.rules.judge(self.query)
        return answer if answer is None else bytes(answer)


class Discovery(unittest.TestCase):
    """RFC 9462: who asks for our designated resolvers hears that there are none, and never our upstream's."""

    def test_it_is_answered_without_records_and_never_passed_on(self):
        judge = Judge()
        for text in ("_dns.resolver.arpa", "_DNS.Resolver.ARPA", "resolver.arpa"):
            for additional in (b"", opt()):
                wire = query(text, 64, additional=additional)
                end = len(wire) - len(additional)
                expected = with_opt(fail(wire, end, 0), 0, b"") if additional else fail(wire, end, 0)
                self.assertEqual(judge.says(wire), expected, text)
        self.assertEqual(judge.rules.hits, {})

    def test_other_names_are_none_of_it(self):
        self.assertEqual(Judge().says(query("notresolver.arpa", 64)), None)


class List(unittest.TestCase):
    def listed(self, names, text):
        return NameList(names).listed(name(text))

    def test_a_name_and_those_below_it_are_listed(self):
        for text in ("bad.example", "www.bad.example", "a.b.c.bad.example"):
            self.assertTrue(self.listed(["bad.example"], text), text)

    def test_those_above_beside_and_alike_are_not(self):
        for text in ("example", "good.example", "notbad.example", "bad.example.com", "xbad.example"):
            self.assertFalse(self.listed(["bad.example"], text), text)

    def test_a_label_with_a_dot_in_it_is_no_other_name(self):
        self.assertFalse(NameList(["bad.example"]).listed(b"\x0bbad.example\0"))
        self.assertFalse(NameList(["bad.example"]).listed(b"\x05a\3bad\7example\0"))

    def test_a_whole_top_level_domain_may_be_listed(self):
        self.assertTrue(self.listed(["zip"], "evil.zip"))

    def test_the_names_of_settings_may_have_capitals_and_a_dot_behind(self):
        self.assertTrue(self.listed(["Bad.EXAMPLE."], "bad.example"))

    def test_no_names_list_nothing(self):
        self.assertFalse(self.listed([], "bad.example"))
        self.assertFalse(NameList([]).listed(b"\0"))

    def test_many_are_all_found_and_no_others(self):
        names = ["host%d.example.net" % number for number in range(400)]
        held = NameList(names)
        for number in range(400):
            self.assertTrue(held.listed(name("www.host%d.example.net" % number)))
            self.assertFalse(held.listed(name("host%d.example.org" % number)))
        self.assertFalse(held.listed(name("host400.example.net")))

    def test_bytes_that_are_no_name_end(self):
        held = NameList(["a"])
        for wrong in (b"", b"\x3f", b"\x3fab", b"\0\0\0\0", b"\1a\1b\1c\1d", bytes(range(1, 60)), b"\xff" * 200):
            held.listed(wrong)

    def test_what_is_no_name_is_refused_by_its_text(self):
        for wrong in ("", ".", "a..b", "x" * 64 + ".example"):
            with self.assertRaises(FormError):
                wire_name(wrong)


class FakeList:
    """A list as it comes from outside, with exceptions of its own; `error` is raised by whoever looks."""

    def __init__(self, listed, allowed=()):
        self._listed, self._allowed = NameList(listed), NameList(list(allowed))
        self.error = None

    def listed(self, wire):
        if self.error:
            raise self.error
        return self._listed.listed(wire)

    def allowed(self, wire):
        return self._allowed.listed(wire)


class ByList(unittest.TestCase):
    def judge(self, **settings):
        judge = Judge(**settings)
        judge.rules.blocklist = FakeList(["evil.example", "bad.example"], ["good.evil.example", "bad.example"])
        return judge

    def test_its_names_and_those_below_are_blocked_and_counted_apart(self):
        judge = self.judge()
        for text in ("evil.example", "WWW.Evil.example"):
            asked = query(text)
            self.assertEqual(judge.says(asked), block(asked, len(asked)))
        self.assertEqual((judge.rules.hits, judge.rules.list_hits), ({DEVICE: 2}, {DEVICE: 2}))
        self.assertEqual(judge.says(query("example")), None)

    def test_whoever_asks_with_opt_hears_that_it_was_the_list(self):
        asked = query("evil.example", additional=opt())
        plain = block(asked, len(asked) - 11)
        self.assertEqual(self.judge().says(asked), with_opt(plain, 0, blocked_error(b"list")))

    def test_its_own_exceptions_win_over_it(self):
        judge = self.judge()
        for text in ("good.evil.example", "very.good.evil.example"):
            self.assertEqual(judge.says(query(text)), None)
        self.assertEqual(judge.rules.hits, {})

    def test_the_owner_wins_over_both(self):
        asked = query("bad.example")
        self.assertEqual(self.judge().says(asked), block(asked, len(asked)))  # the settings block what the list allows
        self.assertEqual(self.judge(guard_allow=["evil.example"]).says(query("www.evil.example")), None)
        self.assertEqual(self.judge(guard_allow=["bad.example"]).says(asked), None)

    def test_address_zero_and_monitoring(self):
        asked = query("evil.example")
        self.assertEqual(self.judge(guard_answer="zero").says(asked), block_with_zero(asked, len(asked)))
        judge = self.judge(monitor_only=True)
        self.assertEqual((judge.says(asked), judge.rules.list_hits), (None, {DEVICE: 1}))

    def test_a_list_that_cannot_be_read_blocks_nothing_and_says_so(self):
        for error in (OSError(5), FormError("a block ends early")):
            judge = self.judge()
            judge.rules.blocklist.error = error
            self.assertEqual(judge.says(query("evil.example")), None)
            self.assertIn("cannot be read", judge.rules.trouble)
            self.assertEqual(judge.rules.hits, {})

    def test_odd_questions_are_looked_up_in_it_too(self):
        judge = self.judge()
        asked = query("evil.example", flags=b"\0\0")
        self.assertEqual(judge.says(asked), block(asked, len(asked)))
        zero = asked[:12] + b"\2a\0\4evil\7example\0" + asked[-4:]  # a label with a zero byte in it
        self.assertEqual(judge.says(zero), block(zero, len(zero)))


class Judged(unittest.TestCase):
    def test_blocked_names_are_counted_and_do_not_exist(self):
        judge = Judge()
        for text in ("bad.example", "WWW.Bad.Example"):
            for qtype in (A, AAAA, TXT, HTTPS, 255):
                asked = query(text, qtype)
                self.assertEqual(judge.says(asked), block(asked, len(asked)))
        self.assertEqual(judge.rules.hits, {DEVICE: 10})

    def test_other_names_are_looked_up(self):
        judge = Judge()
        for asked in (query("good.example"), query("good.example", additional=opt()), query("example", flags=b"\0\0")):
            self.assertEqual(judge.says(asked), None)
        self.assertEqual((judge.query.name, judge.query.end), (name("example"), len(asked)))
        self.assertEqual(judge.rules.hits, {})

    def test_the_error_is_told_to_those_who_ask_with_opt_only(self):
        judge = Judge()
        for flags in (0, 0x80):
            asked = query("bad.example", additional=opt(flags=flags))
            plain = block(asked, len(asked) - 11)
            self.assertEqual(judge.says(asked), with_opt(plain, flags, ERROR))
        self.assertEqual(judge.says(asked[:11] + b"\0" + asked[12:-11]), plain)

    def test_flags_are_kept_whatever_the_way_to_the_answer(self):
        judge = Judge()
        for flags in (b"\1\0", b"\0\0", b"\1\x10", b"\1\x20"):
            asked = query("bad.example", flags=flags)
            self.assertEqual(judge.says(asked), block(asked, len(asked)), flags)

    def test_allowed_wins_over_blocked_above_and_below(self):
        judge = Judge(guard_block=["bad.example", "x.ok.example"], guard_allow=["www.bad.example", "ok.example"])
        for text in ("www.bad.example", "a.www.bad.example", "ok.example", "x.ok.example"):
            self.assertEqual(judge.says(query(text)), None, text)
        self.assertNotEqual(judge.says(query("bad.example")), None)
        self.assertNotEqual(judge.says(query("wwww.bad.example")), None)

    def test_the_answer_may_be_zero(self):
        judge = Judge(guard_answer="zero")
        for qtype in (A, AAAA, TXT):
            asked = query("bad.example", qtype)
            self.assertEqual(judge.says(asked), block_with_zero(asked, len(asked)))
            asked = query("bad.example", qtype, additional=opt())
            self.assertEqual(judge.says(asked), with_opt(block_with_zero(asked, len(asked) - 11), 0, ERROR))

    def test_the_canary_does_not_exist_whatever_the_answer_to_blocked_names(self):
        for how in ("nxdomain", "zero"):
            judge = Judge(guard_canary=True, guard_answer=how, guard_allow=["net"])
            for qtype in (A, AAAA, HTTPS):
                asked = query("Use-Application-DNS.net", qtype)
                self.assertEqual(judge.says(asked), fail(asked, len(asked), 3))
            asked = query(CANARY, additional=opt())
            self.assertEqual(judge.says(asked), with_opt(fail(asked, len(asked) - 11, 3), 0, b""))

    def test_without_the_setting_the_canary_lives(self):
        self.assertEqual(Judge().says(query(CANARY)), None)

    def test_monitoring_counts_and_lets_pass(self):
        judge = Judge(monitor_only=True, guard_canary=True)
        for asked in (query("bad.example"), query("bad.example", additional=opt()), query(CANARY)):
            self.assertEqual(judge.says(asked), None)
        self.assertEqual(judge.rules.hits, {DEVICE: 3})

    def test_what_is_no_query_is_refused_or_met_with_silence(self):
        judge = Judge()
        asked = query("good.example")
        self.assertEqual(judge.says(asked[:20]), refuse(asked, 1))
        self.assertEqual(judge.says(asked[:12] + b"\xc0\x0c\0\1\0\1"), refuse(asked, 1))
        self.assertEqual(judge.says(asked[:2] + b"\x29" + asked[3:]), refuse(asked[:2] + b"\x29" + asked[3:], 4))
        self.assertEqual(judge.says(asked[:2] + b"\x81" + asked[3:]), b"")
        self.assertEqual(judge.says(b""), b"")
        self.assertEqual(judge.says(asked + b"x" * 500), refuse(asked, 1))

    def test_what_the_question_hides_is_for_the_upstream_to_judge(self):
        judge = Judge()
        self.assertEqual(judge.says(query("good.example") + b"\0"), None)
        self.assertEqual(judge.query.end, len(query("good.example")))
        self.assertEqual(judge.says(query("x.example")[:12] + b"\x3fbad\0\0\1\0\1"), None)

    def test_a_listed_name_behind_the_question_is_not_looked_at(self):
        asked = query("good.example")[:12] + b"\0" + query("bad.example")[12:]
        self.assertEqual(Judge().says(asked), None)

    def test_records_that_are_none_are_refused(self):
        asked = query("bad.example", additional=opt())
        self.assertEqual(Judge().says(asked[:-1]), refuse(asked, 1))

    def test_failure_has_an_opt_record_where_the_query_had(self):
        rules = Judge().rules
        asked = query("good.example", additional=opt(flags=0x80))
        end = len(asked) - 11
        self.assertEqual(rules.failure(asked, end), with_opt(fail(asked, end, 2), 0x80, b""))
        self.assertEqual(rules.failure(asked[:11] + b"\0" + asked[12:end], end), fail(asked, end, 2))

    def test_an_answer_is_lent_and_the_next_does_not_grow_out_of_it(self):
        judge = Judge()
        first = judge.says(query("a-long-one-indeed.bad.example"))
        asked = query("bad.example")
        self.assertEqual(judge.says(asked), block(asked, len(asked)))
        message = Message()
        message.read(first, 0, len(first))
        self.assertEqual((message.rcode, message.name_text(message.qname_at)), (3, "a-long-one-indeed.bad.example."))


if __name__ == "__main__":
    unittest.main()
