"""DNS messages: header, question, records, names."""

import unittest

from spamgate.core.hashing import HASH_SEED, hash_lower
from spamgate.wire import dns_names
from spamgate.wire.cursor import FormError
from spamgate.wire.dns import Message

ROOT = b"\0"
IN_MX = b"\0\x0f\0\1"
IN_A = b"\0\1\0\1"
TTL = b"\0\0\0\0"
SHARED = b"\xc0\x0c"  # a pointer to the question's name


def name(text):
    """Return the name as it goes over the wire."""
    return b"".join(bytes([len(label)]) + label for label in text.encode().split(b".")) + ROOT


def header(qd=0, an=0, ns=0, ar=0, flags=b"\x01\x00"):
    return b"\x12\x34" + flags + bytes([0, qd, 0, an, 0, ns, 0, ar])


def record(owner, kind_and_class, rdata):
    return owner + kind_and_class + TTL + bytes([0, len(rdata)]) + rdata


def opt(ttl=TTL, options=b"", owner=ROOT):
    return owner + b"\0\x29\x10\0" + ttl + bytes([0, len(options)]) + options


def read(data):
    """Read `data` out of the middle of a larger buffer: pointers count from the message's start."""
    message = Message()
    message.read(b"\xc0" * 5 + data + b"\xc0" * 5, 5, 5 + len(data))
    return message


def names_at_front(data):
    return dns_names.NameReader().begin(data, 0, len(data), 0)


def hash_of(text):
    return hash_lower(text.encode(), 0, len(text))


QUERY = header(qd=1) + name("Example.com") + IN_MX
# An answer with pointers, an authority record, and EDNS version 0 with extended rcode 1.
ANSWER = (
    header(qd=1, an=2, ns=1, ar=1, flags=b"\x81\x80")
    + name("example.com")
    + IN_MX
    + record(SHARED, IN_MX, b"\0\x0a\2mx" + SHARED)
    + record(SHARED, IN_MX, b"\0\x14\xc0\x2b")
    + record(SHARED, b"\0\2\0\1", b"\2ns" + SHARED)
    + opt(b"\1\0\0\0")
)


class Questions(unittest.TestCase):
    def test_header_and_question(self):
        message = read(QUERY)
        self.assertEqual((message.id, message.qr, message.opcode, message.rcode), (0x1234, 0, 0, 0))
        self.assertEqual((message.qtype, message.qclass, message.qd_count), (15, 1, 1))
        self.assertEqual(message.name_text(message.qname_at), "Example.com.")

    def test_every_flag_lands_where_it_belongs(self):
        message = read(header(flags=b"\xae\x83"))
        self.assertEqual((message.qr, message.opcode, message.truncated, message.rcode), (1, 5, 1, 3))

    def test_no_question(self):
        message = read(header())
        self.assertEqual((message.qname_at, message.qtype, message.qclass), (-1, 0, 0))
        self.assertFalse(message.next_record())

    def test_nothing_stays_from_the_message_before(self):
        message = read(ANSWER)
        while message.next_record():
            pass
        message.read(header(), 0, 12)
        self.assertEqual((message.qname_at, message.edns, message.rcode, message.qtype), (-1, -1, 0, 0))
        self.assertFalse(message.next_record())

    def test_every_cut_is_noticed(self):
        for size in range(len(QUERY)):
            with self.subTest(size=size):
                with self.assertRaises(FormError):
                    read(QUERY[:size])

    def test_malformed_names_are_refused(self):
        longest = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"b" * 61 + ROOT
        self.assertEqual(len(longest), 255)
        read(header(qd=1) + longest + IN_A)
        bad = {
            "256 bytes": (b"\x3f" + b"a" * 63) * 3 + b"\x3e" + b"b" * 62 + ROOT,
            "label type 01": b"\x41a" + ROOT,
            "label type 10": b"\x80a" + ROOT,
            "pointer to itself": SHARED,
            "pointer forward": b"\xc0\x20",
            "loop": b"\1a\xc0\x0c",
            "half a pointer": b"\xc0",
        }
        for what in bad:
            with self.subTest(what):
                with self.assertRaises(FormError):
                    read(header(qd=1) + bad[what] + IN_A)

    def test_a_question_may_point_into_the_header_as_dnspython_allows(self):
        message = read(header(qd=1) + b"\1a\xc0\x04" + IN_A)  # the counts: 00 is the root
        self.assertEqual(message.name_text(message.qname_at), "a.")

    def test_pointers_in_a_row_are_bounded(self):
        for hops in (16, 17):
            data = b"\0" + b"".join(bytes([0xC0, max(0, 2 * n - 1)]) for n in range(hops))
            reader = dns_names.NameReader().begin(data, 0, len(data), len(data) - 2)
            if hops == 16:
                self.assertEqual(reader.skip(), len(data))
            else:
                with self.assertRaises(FormError):
                    reader.skip()

    def test_what_a_pointer_leads_to_is_checked_as_well(self):
        long_front = (b"\x3f" + b"a" * 63) * 3 + ROOT
        bad = {
            "256 bytes in two pieces": (long_front + b"\x3e" + b"b" * 62 + b"\xc0\x00", len(long_front)),
            "label type 01": (b"\x41a" + ROOT + b"\xc0\x00", 3),
            "label type 10": (b"\x80a" + ROOT + b"\xc0\x00", 3),
            "runs into the name that points": (b"\3ab\xc0\x00" + ROOT, 3),
        }
        for what in bad:
            data, at = bad[what]
            with self.subTest(what):
                with self.assertRaises(FormError):
                    dns_names.NameReader().begin(data, 0, len(data), at).skip()
        fits = long_front + b"\x3d" + b"b" * 61 + b"\xc0\x00"
        self.assertEqual(dns_names.NameReader().begin(fits, 0, len(fits), len(long_front)).skip(), len(fits))


class Records(unittest.TestCase):
    def test_records_come_with_their_section(self):
        message = read(ANSWER)
        seen = []
        while message.next_record():
            seen.append((message.section, message.rtype, message.rclass))
        self.assertEqual(seen, [(1, 15, 1), (1, 15, 1), (2, 2, 1), (3, 41, 0x1000)])
        self.assertFalse(message.next_record())

    def test_rdata_lies_where_it_is_said_to(self):
        message = read(ANSWER)
        message.next_record()
        self.assertEqual(message.buf[message.rdata_at : message.rdata_end], b"\0\x0a\2mx" + SHARED)
        self.assertEqual(message.name_text(message.rdata_at + 2), "mx.example.com.")
        message.next_record()
        self.assertEqual(message.name_text(message.rdata_at + 2), "mx.example.com.")

    def test_edns_and_its_part_of_the_rcode(self):
        message = read(ANSWER)
        self.assertEqual((message.edns, message.rcode), (-1, 0))
        while message.next_record():
            pass
        self.assertEqual((message.edns, message.rcode), (0, 16))

    def test_further_questions_are_stepped_over(self):
        message = read(header(qd=2, an=1) + name("a.b") + IN_A + name("c.d") + IN_MX + record(SHARED, IN_A, b"abcd"))
        self.assertEqual(message.qtype, 1)
        self.assertTrue(message.next_record())
        self.assertEqual(message.buf[message.rdata_at : message.rdata_end], b"abcd")

    def test_records_cut_short_are_refused(self):
        for size in range(len(QUERY), len(ANSWER)):
            message = read(ANSWER[:size])
            with self.assertRaises(FormError):
                while message.next_record():
                    pass

    def test_odd_rdata_does_not_stop_the_walk(self):
        message = read(header(an=2) + record(ROOT, IN_MX, b"x") + record(ROOT, IN_A, b""))
        self.assertTrue(message.next_record())
        self.assertTrue(message.next_record())
        self.assertEqual(message.rdata_at, message.rdata_end)


class Names(unittest.TestCase):
    def test_text_is_escaped_as_dnspython_does(self):
        wire = b'\x10a.b@ \\";()$\x00\x7f\xffZ\x30' + ROOT
        text = 'a\\.b\\@\\032\\\\\\"\\;\\(\\)\\$\\000\\127\\255Z0.'
        self.assertEqual(names_at_front(wire).text(), text)
        self.assertEqual(names_at_front(ROOT).text(), ".")

    def test_hash_is_that_of_the_text_in_small_letters(self):
        self.assertEqual(names_at_front(name("MX1.Example.COM")).hash(), hash_of("mx1.example.com"))
        self.assertEqual(names_at_front(ROOT).hash(), HASH_SEED)
        message = read(ANSWER)
        message.next_record()
        self.assertEqual(message.hash_name(message.rdata_at + 2), hash_of("mx.example.com"))

    def test_registrable_domains(self):
        expected = {
            "example.com": "example.com",
            "a.b.mx1.example.com": "example.com",
            "mail.t-online.de": "t-online.de",
            "mx-ha02.web.de": "web.de",
            "mx.bbc.co.uk": "bbc.co.uk",
            "mx.example.COM.au": "example.com.au",
            "co.uk": "co.uk",
            "mx.com.example": "com.example",
            "mx.example.co.com": "co.com",  # not a country
            "localhost": "localhost",
        }
        for host in expected:
            with self.subTest(host):
                self.assertEqual(names_at_front(name(host)).domain_hash(), hash_of(expected[host]))
        self.assertEqual(names_at_front(ROOT).domain_hash(), HASH_SEED)

    def test_registrable_domain_behind_a_pointer(self):
        message = read(ANSWER)
        message.next_record()
        message.next_record()
        self.assertEqual(message.domain_hash(message.rdata_at + 2), hash_of("example.com"))

    def test_mail_like_names(self):
        for host in (
            "mx.a.b",
            "MX01.a.b",
            "mail.a.b",
            "mailin-01.mx.aol.com",
            "smtp.a.b",
            "relay2.a.b",
            "ns1.a.b",
            "gate.a.b",
            "mta5.a.b",
        ):
            self.assertTrue(names_at_front(name(host)).is_mail_name(), host)
        for host in (
            "mail.com",
            "mx",
            "www.a.b",
            "gateway.icloud.com",
            "nsurl.a.b",
            "m.x.y",
            "amx.a.b",
            "example.mx.com",
        ):
            self.assertFalse(names_at_front(name(host)).is_mail_name(), host)
        self.assertFalse(names_at_front(ROOT).is_mail_name())

    def test_reverse_addresses(self):
        six = ".".join("b.a.0.0.8.b.d.0.1.0.0.2".split(".") + ["0"] * 20)
        for host in ("2.0.0.127.zen.spamhaus.org", "255.255.255.255.bl.example", six + ".dnsbl.example.org"):
            self.assertTrue(names_at_front(name(host)).is_reverse_address(), host)
        for host in (
            "1.1.168.192.in-addr.arpa",
            six + ".ip6.arpa",
            six[2:] + ".dnsbl.example.org",
            "0.0.127.zen.spamhaus.org",
            "2.0.0.256.zen.spamhaus.org",
            "192.168.1.1",
            "192.168.1.1.lan",  # a browser's address with the search domain behind it
            "a.2.0.0.127.example.org",
            "1.2.3.4.a.b",
        ):
            self.assertFalse(names_at_front(name(host)).is_reverse_address(), host)

    def test_a_question_is_read_in_short_ways_with_the_same_result(self):
        labels = "M Mx MX1 m1 ma mail Mta mt smtp SM s relay re r ns N Gate g 1 a F 9 255 256 10 _x".split()
        hosts = [label + "." + rest for label in labels for rest in ("b", "b.c", "2.0.127.Zen.example", "mx.example")]
        for host in hosts + labels + ["2.0.0.127.bl.example"]:
            message = read(header(qd=1) + name(host) + IN_A)
            at = message.qname_at
            self.assertEqual(message.hash_name(at), hash_of(host.lower()), host)
            self.assertEqual(message.is_mail_name(at), names_at_front(name(host)).is_mail_name(), host)
            self.assertEqual(message.is_reverse_address(at), names_at_front(name(host)).is_reverse_address(), host)
        message = read(header(qd=1) + ROOT + IN_A)
        self.assertEqual(message.hash_name(message.qname_at), HASH_SEED)
        self.assertFalse(message.is_mail_name(message.qname_at) or message.is_reverse_address(message.qname_at))


if __name__ == "__main__":
    unittest.main()
