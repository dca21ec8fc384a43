"""Reading envelopes, rejections and DNS over TCP takes nothing from the heap: run with the heap locked."""

import unittest

import micropython
from fakes.home import domain_hash, name_hash

from spamgate.core.meanings import OTHER, POLICY, UNKNOWN_RECIPIENT
from spamgate.wire import smtp
from spamgate.wire.dns_stream import DnsStreams
from spamgate.wire.envelope import Envelope
from spamgate.wire.rejections import Rejections

meaning = Rejections().meaning


def run_locked(facts):
    """Call `facts(round)` many times with the heap locked."""
    facts(0)
    micropython.heap_lock()
    try:
        for round in range(1, 20):
            facts(round)
    finally:
        micropython.heap_unlock()


class Readers(unittest.TestCase):
    def test_envelopes_do_not_allocate(self):
        envelope = Envelope()
        helos = (b"EHLO mail.example.co.uk", b"HELO [192.0.2.1]", b"HELO", b"HELO my pc")
        addresses = (b"MAIL FROM:<user@mail.example.org> SIZE=5", b"RCPT TO:<>", b"MAIL FROM: a@b.c", b"RCPT")

        def facts(round):
            for at in range(4):
                envelope.read_helo(helos[at], 0, len(helos[at]))
                envelope.read_address(addresses[at], 0, len(addresses[at]))

        run_locked(facts)
        envelope.read_helo(helos[0], 0, len(helos[0]))
        self.assertEqual(envelope.name_hash, name_hash("mail.example.co.uk"))
        self.assertEqual(envelope.domain_hash, domain_hash("a.example.co.uk"))

    def test_rejections_do_not_allocate(self):
        texts = (b"5.1.1 User unknown", b"no such user", b"blocked by policy", b"nothing we know", b"", b"5.7.26 x")
        expected = (UNKNOWN_RECIPIENT, UNKNOWN_RECIPIENT, POLICY, OTHER, OTHER, POLICY)

        def facts(round):
            for at in range(6):
                if meaning(550, smtp.RCPT, texts[at], 0, len(texts[at])) != expected[at]:
                    self.fail("misread")
                meaning(450, smtp.RCPT, texts[at], 0, len(texts[at]))
                meaning(554, 0, texts[at], 0, len(texts[at]))

        run_locked(facts)

    def test_dns_over_tcp_does_not_allocate(self):
        streams = DnsStreams()
        data = b"\0\5hello\0\0\2\x58" + bytes(600) + b"\0\1x"

        def facts(round):
            for step in (1, 7, 1000):
                found = 0
                at = 0
                while at < len(data):
                    streams.feed(round, 0, data, at, min(at + step, len(data)))
                    at += step
                    while streams.next_message():
                        found += 1
                if found != 4:
                    self.fail("lost one")
            streams.feed(round, 1, data, 0, 5)
            streams.next_message()
            streams.forget(round)

        run_locked(facts)


if __name__ == "__main__":
    unittest.main()
