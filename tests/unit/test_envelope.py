"""What HELO, MAIL and RCPT lines say, as hashes: forms of names, addresses, registrable domains."""

import unittest

from spamgate.core.dialogue import BAD_NAME, HOST_NAME, LITERAL
from spamgate.core.hashing import hash_lower
from spamgate.wire.dns import Message
from spamgate.wire.envelope import Envelope, text_domain_hash


def _hash(text):
    packed = text.encode()
    return hash_lower(packed, 0, len(packed))


def _line(text):
    """Return the line inside a larger buffer that would mislead who reads beyond it."""
    return b"@>" + text + b"x.y@z", 2, 2 + len(text)


class Helo(unittest.TestCase):
    def read(self, text):
        envelope = Envelope()
        envelope.domain_hash = 99
        envelope.read_helo(*_line(text))
        return envelope

    def test_forms_are_told_apart(self):
        names = (b"mail.example.org", b"a.b", b"MX-1.example.org.", b"host_1.example.com", b"1.example")
        literals = (b"[192.0.2.1]", b"[IPv6:2001:db8::1]")
        bad = (b"", b"localhost", b"192.0.2.1", b"...", b"my pc.example", b"<a.example>", b"a.b\xff", b"a@b.example")
        for form, texts in ((HOST_NAME, names), (LITERAL, literals), (BAD_NAME, bad)):
            for text in texts:
                with self.subTest(text=text):
                    self.assertEqual(self.read(b"EHLO " + text).form, form)

    def test_only_a_host_name_has_a_domain(self):
        self.assertEqual(self.read(b"HELO mx.Example.ORG").domain_hash, _hash("example.org"))
        self.assertEqual(self.read(b"HELO [192.0.2.1]").domain_hash, 0)
        self.assertEqual(self.read(b"HELO localhost").domain_hash, 0)

    def test_blanks_around_and_case_do_not_matter(self):
        expected = self.read(b"HELO mail.example.org").name_hash
        self.assertEqual(expected, _hash("mail.example.org"))
        for line in (b"EHLO  mail.example.org", b"ehlo mail.example.org \t", b"helo\tMAIL.example.ORG"):
            self.assertEqual(self.read(line).name_hash, expected)

    def test_a_line_without_a_name_is_a_bad_one(self):
        for line in (b"HELO", b"HELO ", b""):
            self.assertEqual((self.read(line).form, self.read(line).domain_hash), (BAD_NAME, 0))


class Addresses(unittest.TestCase):
    def read(self, text):
        envelope = Envelope()
        envelope.domain_hash = 99
        envelope.read_address(*_line(text))
        return envelope.name_hash, envelope.domain_hash

    def test_an_address_and_its_domain(self):
        expected = (_hash("user@mail.example.org"), _hash("example.org"))
        for line in (
            b"RCPT TO:<user@mail.example.org>",
            b"rcpt to: <User@Mail.Example.org> NOTIFY=NEVER",
            b"MAIL FROM:<user@mail.example.org> SIZE=1000 BODY=8BITMIME",
            b"MAIL FROM:user@mail.example.org",
            b"MAIL FROM: user@mail.example.org SIZE=1000",
        ):
            with self.subTest(line=line):
                self.assertEqual(self.read(line), expected)

    def test_the_null_sender_has_no_domain(self):
        self.assertEqual(self.read(b"MAIL FROM:<>"), (_hash(""), 0))
        self.assertEqual(self.read(b"MAIL FROM:<> SIZE=5"), (_hash(""), 0))

    def test_what_is_no_address_has_no_domain(self):
        for line in (b"RCPT TO:<postmaster>", b"RCPT TO:<user@>", b"RCPT TO:<@>", b"RCPT", b"RCPT TO:", b"MAIL", b""):
            with self.subTest(line=line):
                self.assertEqual(self.read(line)[1], 0)

    def test_the_last_at_sign_counts(self):
        self.assertEqual(self.read(b'RCPT TO:<"a@b"@example.org>')[1], _hash("example.org"))


class Domains(unittest.TestCase):
    def test_the_registrable_domain_of_a_name(self):
        cases = (
            ("example.org", "example.org"),
            ("a.b.c.example.org", "example.org"),
            ("mail.example.co.uk", "example.co.uk"),
            ("co.uk", "co.uk"),
            ("a.b.de", "b.de"),
            ("mail.example.org.", "example.org"),
            ("localhost", "localhost"),
            ("", ""),
        )
        for name, domain in cases:
            with self.subTest(name=name):
                packed = b".x" + name.encode() + b".y"
                self.assertEqual(text_domain_hash(packed, 2, 2 + len(name)), _hash(domain))

    def test_it_is_that_of_the_same_name_in_dns(self):
        for name in ("example.org", "Mail.Example.CO.uk", "a.b.c.d.com.br", "x.y.net.au", "b.de", "one", "a.web.de"):
            wire = bytes(12) + b"".join([bytes((len(part),)) + part.encode() for part in name.split(".")]) + bytes(5)
            message = Message()
            message.read(wire[:5] + b"\1" + wire[6:], 0, len(wire))
            packed = name.encode()
            with self.subTest(name=name):
                self.assertEqual(text_domain_hash(packed, 0, len(packed)), message.domain_hash(message.qname_at))


if __name__ == "__main__":
    unittest.main()
