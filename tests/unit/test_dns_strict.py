"""The rules that only the strict reader of DNS messages checks."""

import unittest

from test_dns import ANSWER, IN_A, ROOT, SHARED, header, name, opt, read, record

from spamgate.wire.cursor import FormError
from spamgate.wire.dns import Message
from spamgate.wire.dns_strict import read_all, read_questions


def read_strictly(data):
    message = Message()
    read_all(message, b"\xc0" * 5 + data + b"\xc0" * 5, 5, 5 + len(data))
    return message


class StrictRules(unittest.TestCase):
    def assert_refused(self, data):
        with self.assertRaises(FormError):
            read_strictly(data)

    def test_a_good_message_passes(self):
        message = read_strictly(ANSWER)
        self.assertEqual((message.edns, message.rcode, message.an_count), (0, 16, 2))

    def test_opt_stands_once_at_the_root_in_the_additional_section(self):
        read_strictly(header(ar=1) + opt())
        self.assert_refused(header(ar=2) + opt() + opt())
        self.assert_refused(header(an=1) + opt())
        self.assert_refused(header(ar=1) + opt(owner=name("a")))
        self.assert_refused(header(ar=1) + opt(options=b"\0\x0a\0\x09aaaaaaaa"))

    def test_rdata_has_the_form_of_its_type(self):
        good = (
            (b"\0\1\0\1", b"abcd"),
            (b"\0\1\0\3", ROOT + b"ab"),
            (b"\0\1\0\4", b"whatever"),
            (b"\0\x0f\0\1", b"\0\1" + ROOT),
            (b"\0\x10\0\1", b"\0"),
            (b"\0\x10\0\1", b"\1a\2bc"),
            (b"\0\x1c\0\1", b"a" * 16),
            (b"\0\x06\0\1", ROOT + ROOT + b"a" * 20),
            (b"\0\x21\0\1", b"aaaaaa" + ROOT),
            (b"\0\x2f\0\1", ROOT + b"\0\1\x40\1\1\2"),
            (b"\1\0\0\1", b"aaaab"),
            (b"\xff\x01\0\1", b"no such type"),
        )
        bad = (
            (b"\0\1\0\1", b"abc"),
            (b"\0\1\0\1", b"abcde"),
            (b"\0\1\0\3", b"abcd"),
            (b"\0\x0f\0\1", b"\0\1"),
            (b"\0\x0f\0\1", b"\0\1" + ROOT + b"x"),
            (b"\0\x0f\0\1", b"\0\1\1a"),  # the name goes on behind the rdata
            (b"\0\x10\0\1", b""),
            (b"\0\x10\0\1", b"\3ab"),
            (b"\0\x06\0\1", ROOT + ROOT + b"a" * 19),
            (b"\0\x2f\0\1", b"\xc0\x04\0\1\x40"),  # a pointer where none may be
            (b"\0\x2f\0\1", ROOT + b"\1\1\x40\1\1\2"),
            (b"\0\x2f\0\1", ROOT + b"\0\2\x40\0"),
            (b"\1\0\0\1", b"aaaa"),
        )
        for kind, rdata in good:
            read_strictly(header(an=1) + record(ROOT, kind, rdata))
        for kind, rdata in bad:
            with self.subTest(kind=kind, rdata=rdata):
                self.assert_refused(header(an=1) + record(ROOT, kind, rdata))

    def test_owners_are_followed(self):
        data = header(an=1) + record(b"\xc0\x0c", IN_A, b"abcd")
        self.assertTrue(read(data).next_record())
        self.assert_refused(data)
        self.assert_refused(header(an=1) + record(b"\1a\xc0\x20", IN_A, b"abcd"))

    def test_a_signed_message_is_refused_for_want_of_a_key(self):
        self.assert_refused(header(ar=1) + record(ROOT, b"\0\xfa\0\xff", ROOT))

    def test_updates(self):
        update = b"\x28\x00"
        zone = name("a.b") + b"\0\6\0\1"
        delete = record(SHARED, b"\0\1\0\xff", b"")
        read_strictly(header(1, 1, 1, flags=update) + zone + delete + delete)
        read_strictly(header(1, 0, 1, flags=update) + zone + record(SHARED, b"\0\1\0\xfe", b"abcd"))
        self.assert_refused(header(1, 0, 1, flags=update) + zone + record(SHARED, b"\0\1\0\xfe", b"abc"))
        self.assert_refused(header(1, 1, flags=update) + zone + record(SHARED, b"\0\1\0\xfe", b"abcd"))
        self.assert_refused(header(1, 0, 1, flags=update) + zone + record(SHARED, b"\0\1\0\xff", b"abcd"))
        self.assert_refused(header(0, 0, 1, flags=update) + record(ROOT, IN_A, b"abcd"))

    def test_an_update_names_one_zone(self):
        update = b"\x28\x00"
        for data in (
            header(1, flags=update) + name("a.b") + IN_A,
            header(1, flags=update) + name("a.b") + b"\0\6\0\xff",
            header(2, flags=update) + (name("a.b") + b"\0\6\0\1") * 2,
        ):
            with self.assertRaises(FormError):
                read_questions(Message(), data, 0, len(data))


if __name__ == "__main__":
    unittest.main()
