"""What a server means by no: replies as the common servers write them."""

import unittest

from spamgate.core.meanings import OTHER, POLICY, TEMPORARY, UNKNOWN_RECIPIENT
from spamgate.wire import smtp
from spamgate.wire.rejections import Rejections

meaning = Rejections().meaning

_BANNER = 0

# Last line of the reply behind the code, to RCPT.  Postfix, Exim, Sendmail, qmail, Exchange, Gmail, Yahoo.
_UNKNOWN = (
    b"5.1.1 <x@example.org>: Recipient address rejected: User unknown in local recipient table",
    b"5.1.1 The email account that you tried to reach does not exist. Please try double-checking",
    b"5.1.1 RESOLVER.ADR.RecipNotFound; not found",
    b"5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    b"5.1.2 bad destination system",
    b"<x@example.org>: User unknown",
    b"<blackburn@spambox.example.org>: User unknown",
    b"No such user here",
    b"Requested action not taken: mailbox unavailable, user does not exist",
    b"sorry, no mailbox here by that name",
    b"INVALID RECIPIENT",
)
_POLICY = (
    b"5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example.org",
    b"5.7.26 This mail is unauthenticated",
    b"  5.7.1 Relaying denied",
    b"relay not permitted",
    b"Your host is in a dynamic range; user unknown",
    b"JunkMail rejected - see the BLACKLIST",
    b"Access denied: no reverse DNS, unknown host",
)
_OTHERS = (
    b"5.2.2 mailbox full",
    b"5.1.3 bad address syntax, user unknown",
    b"5.1.7 bad sender's mailbox address syntax",
    b"Requested action not taken: mailbox unavailable",
    b"",
)


def _meaning(code, verb, text):
    """Judge the text inside a buffer that says more than the line."""
    return meaning(code, verb, b"550 " + text + b" user unknown 5.7.1 blocked", 4, 4 + len(text))


class Rejections(unittest.TestCase):
    def test_replies_to_a_recipient(self):
        for expected, texts in ((UNKNOWN_RECIPIENT, _UNKNOWN), (POLICY, _POLICY), (OTHER, _OTHERS)):
            for text in texts:
                with self.subTest(text=text):
                    self.assertEqual(_meaning(550, smtp.RCPT, text), expected)

    def test_a_temporary_no_is_a_delay_whatever_it_says(self):
        for code in (421, 450, 451, 452):
            for verb in (_BANNER, smtp.RCPT, smtp.DATA, -1):
                self.assertEqual(_meaning(code, verb, b"5.1.1 user unknown, blocked"), TEMPORARY)

    def test_a_no_at_the_banner_is_policy(self):
        self.assertEqual(_meaning(554, _BANNER, b"no SMTP service here"), POLICY)
        self.assertEqual(_meaning(521, _BANNER, b""), POLICY)

    def test_only_an_answer_to_a_recipient_speaks_of_one(self):
        for verb in (smtp.EHLO, smtp.MAIL, smtp.DATA, smtp.OTHER, -1):
            self.assertEqual(_meaning(550, verb, b"5.1.1 user unknown"), OTHER)
            self.assertEqual(_meaning(554, verb, b"5.7.1 rejected"), POLICY)

    def test_words_count_behind_the_codes_that_mean_a_mailbox_only(self):
        for code in (511, 550, 551, 553):
            self.assertEqual(_meaning(code, smtp.RCPT, b"user unknown"), UNKNOWN_RECIPIENT)
        for code in (500, 501, 503, 552, 554):
            self.assertEqual(_meaning(code, smtp.RCPT, b"user unknown"), OTHER)

    def test_what_looks_like_an_enhanced_code_and_is_none(self):
        for code in (b"5.0.0", b"5.", b"5.1", b"5.x.1", b"4.7.1", b"5.99999999.1", b"5.1000.1", b"55.7.1"):
            with self.subTest(code=code):
                self.assertEqual(_meaning(550, smtp.RCPT, code + b" user unknown"), UNKNOWN_RECIPIENT)
        self.assertEqual(_meaning(550, smtp.RCPT, b"5.7.1"), POLICY)
        self.assertEqual(meaning(550, smtp.RCPT, b"5.1.15", 0, 5), UNKNOWN_RECIPIENT)
        self.assertEqual(_meaning(550, smtp.RCPT, b"5.1.1"), UNKNOWN_RECIPIENT)


if __name__ == "__main__":
    unittest.main()
