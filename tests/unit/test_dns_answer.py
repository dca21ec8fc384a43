"""The answers that we make ourselves, byte by byte, and what is looked for in a query."""

import unittest

from fakes.dns import AAAA, HTTPS, A, answer, name, opt, query

from spamgate.wire.cursor import FormError
from spamgate.wire.dns import Message
from spamgate.wire.dns_answer import (
    FORMERR,
    NOTIMP,
    SERVFAIL,
    block,
    block_with_zero,
    blocked_error,
    cut,
    fail,
    is_answer,
    opt_class_at,
    question_end,
    refuse,
    with_opt,
)

QUERY = query("Bad.eXample")
END = len(QUERY)
LONGEST = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])  # 255 bytes as it lies in a question


def flags_of(message):
    return message[2] << 8 | message[3]


class Question(unittest.TestCase):
    def test_a_whole_question_ends_where_it_ends(self):
        self.assertEqual(question_end(QUERY), END)
        self.assertEqual(question_end(QUERY + opt()), END)
        self.assertEqual(question_end(query(LONGEST)), 12 + 255 + 4)
        self.assertEqual(question_end(QUERY[:12] + b"\0\0\1\0\1"), 17)  # the root

    def test_a_label_may_hold_a_zero_byte(self):
        self.assertEqual(question_end(QUERY[:12] + b"\3a\0b\0\0\1\0\1"), 21)

    def test_what_is_no_message_or_an_answer_deserves_silence(self):
        for size in range(12):
            self.assertEqual(question_end(QUERY[:size]), 0)
        self.assertEqual(question_end(QUERY[:2] + b"\x81" + QUERY[3:]), 0)
        self.assertEqual(question_end(QUERY[:2] + b"\xff" + QUERY[3:12]), 0)

    def test_a_question_cut_anywhere_is_an_error_of_form(self):
        for size in range(12, END):
            self.assertEqual(question_end(QUERY[:size]), -FORMERR, size)

    def test_names_that_are_none_are_errors_of_form(self):
        for wrong in (b"\xc0\x0c", b"\x40" + b"a" * 64 + b"\0", name(LONGEST)[:-2] + b"d\1e\0", b"\1a" * 140 + b"\0"):
            self.assertEqual(question_end(QUERY[:12] + wrong + b"\0\1\0\1"), -FORMERR, wrong)

    def test_other_than_one_question_is_an_error_of_form(self):
        for counts in (b"\0\0", b"\0\2", b"\1\1"):
            self.assertEqual(question_end(QUERY[:4] + counts + QUERY[6:]), -FORMERR)

    def test_other_opcodes_are_not_implemented(self):
        for opcode in range(1, 16):
            self.assertEqual(question_end(QUERY[:2] + bytes([opcode << 3]) + QUERY[3:]), -NOTIMP)


class Opt(unittest.TestCase):
    def at(self, message):
        return opt_class_at(Message(), message, question_end(message))

    def test_without_one_it_is_nowhere(self):
        self.assertEqual(self.at(QUERY), 0)

    def test_it_is_found_alone_with_options_and_behind_others(self):
        self.assertEqual(self.at(QUERY[:11] + b"\1" + QUERY[12:] + opt()), END + 3)
        self.assertEqual(self.at(QUERY[:11] + b"\1" + QUERY[12:] + opt(options=b"\0\x0a\0\4abcd")), END + 3)
        other = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4abcd"
        self.assertEqual(self.at(QUERY[:11] + b"\2" + QUERY[12:] + other + opt()), END + len(other) + 3)

    def test_another_record_is_none(self):
        self.assertEqual(self.at(QUERY[:11] + b"\1" + QUERY[12:] + b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4abcd"), 0)

    def test_records_that_are_none_are_errors(self):
        whole = QUERY[:11] + b"\1" + QUERY[12:] + opt(options=b"\0\x0a\0\4abcd")
        for size in range(END, len(whole)):
            with self.assertRaises(FormError):
                self.at(whole[:size])


class Written(unittest.TestCase):
    def test_refusal_is_a_header_with_the_id_and_the_kind_of_query(self):
        self.assertEqual(refuse(QUERY[:12], FORMERR), b"\x12\x34\x81\x81" + bytes(8))
        self.assertEqual(refuse(b"\x12\x34\x29\x10" + QUERY[4:], NOTIMP), b"\x12\x34\xa9\x94" + bytes(8))

    def test_failure_repeats_the_question_as_it_was_sent(self):
        question = name("Bad.eXample") + b"\0\1\0\1"
        self.assertEqual(fail(QUERY, END, SERVFAIL), b"\x12\x34\x81\x82\0\1\0\0\0\0\0\0" + question)

    def test_rd_and_cd_are_kept_and_nothing_else(self):
        for sent, said in ((0x0000, 0x8083), (0x0100, 0x8183), (0x0010, 0x8093), (0x0110, 0x8193), (0x0320, 0x8183)):
            asked = query("bad.example", flags=bytes([sent >> 8, sent & 255]))
            self.assertEqual(flags_of(block(asked, len(asked))), said)
            self.assertEqual(flags_of(fail(asked, len(asked), SERVFAIL)), said - 1)

    def test_blocked_does_not_exist(self):
        self.assertEqual(block(QUERY, END), b"\x12\x34\x81\x83\0\1\0\0\0\0\0\0" + QUERY[12:])
        self.assertEqual(block(QUERY + opt(), END), block(QUERY, END))

    def test_zero_has_an_address_of_the_kind_asked_for(self):
        said = block_with_zero(QUERY, END)
        self.assertEqual(said[:12], b"\x12\x34\x81\x80\0\1\0\1\0\0\0\0")
        self.assertEqual(said[12:], QUERY[12:] + b"\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4\0\0\0\0")
        asked = query("bad.example", AAAA)
        self.assertEqual(block_with_zero(asked, len(asked))[END:], b"\xc0\x0c\0\x1c\0\1\0\0\0\x0a\0\x10" + bytes(16))

    def test_zero_has_nothing_of_other_types_and_classes(self):
        for asked in (query("bad.example", HTTPS), query("bad.example", A, qclass=3), query("bad.example", 255)):
            self.assertEqual(block_with_zero(asked, len(asked)), fail(asked, len(asked), 0))
        asked = QUERY[: END - 4] + b"\1\1\0\1"  # type 257, CAA
        self.assertEqual(block_with_zero(asked, END), fail(asked, END, 0))

    def test_the_error_is_in_an_opt_record_with_the_askers_do(self):
        error = blocked_error(b"list 1")
        self.assertEqual(error, b"\0\x0f\0\x08\0\x0flist 1")
        for do in (0, 0x80):
            said = with_opt(block(QUERY, END), do | 0x7F, error)
            self.assertEqual(said[6:12], b"\0\0\0\0\0\1")
            self.assertEqual(said[END:], b"\0\0\x29\x04\xd0\0\0" + bytes([do, 0, 0, 12]) + error)

    def test_the_longest_fits_plain_udp(self):
        asked = query(LONGEST, AAAA)
        said = with_opt(block_with_zero(asked, len(asked)), 0, blocked_error(b"x" * 300))
        self.assertEqual(len(said), 380)

    def test_a_cut_reply_says_so_and_keeps_its_question_only(self):
        reply = answer(query("a.example", additional=opt()), records=3)
        end = question_end(query("a.example"))
        self.assertEqual(cut(reply, end), b"\x12\x34\x83\x80\0\1\0\0\0\0\0\0" + query("a.example")[12:])

    def test_all_are_messages(self):
        for said in (
            refuse(QUERY, FORMERR),
            fail(QUERY, END, SERVFAIL),
            with_opt(block(QUERY, END), 0, blocked_error(b"x")),
            with_opt(block_with_zero(QUERY, END), 0, b""),
            cut(answer(QUERY), END),
        ):
            message = Message()
            message.read(said, 0, len(said))
            while message.next_record():
                pass
            self.assertTrue(message.rdata_end in (0, len(said)))


class Matching(unittest.TestCase):
    def test_an_answer_repeats_the_question(self):
        self.assertTrue(is_answer(answer(QUERY), QUERY, END))
        self.assertTrue(is_answer(fail(QUERY, END, SERVFAIL), QUERY, END))

    def test_another_question_is_no_answer_nor_is_another_case(self):
        for other in ("bad.eXample", "Bad.eXamplf", "Bad.eXampl"):
            self.assertFalse(is_answer(answer(query(other)), QUERY, END))
        self.assertFalse(is_answer(answer(query("Bad.eXample", AAAA)), QUERY, END))

    def test_an_error_may_leave_the_question_out(self):
        self.assertTrue(is_answer(refuse(QUERY, FORMERR), QUERY, END))
        self.assertFalse(is_answer(refuse(QUERY, 0), QUERY, END))
        self.assertFalse(is_answer(refuse(QUERY, FORMERR)[:6] + b"\0\1\0\0\0\0", QUERY, END))

    def test_a_query_or_less_is_no_answer(self):
        self.assertFalse(is_answer(QUERY, QUERY, END))
        self.assertFalse(is_answer(QUERY[:3] + b"\1" + bytes(8), QUERY, END))
        for size in range(12, len(QUERY)):
            self.assertFalse(is_answer(answer(QUERY)[:size], QUERY, END))


if __name__ == "__main__":
    unittest.main()
