"""The SMTP observer: secrets, TLS, bounds, gaps, and dialogues seen in part only."""

import unittest

from fakes.mail_wire import (
    BODY,
    CLIENT,
    DIALOGUE,
    ENVELOPE,
    FAREWELL,
    GREETING,
    MESSAGE,
    SERVER,
    TOLD,
    SmtpLog,
    feed,
    observe,
)

from spamgate.wire import smtp_verbs
from spamgate.wire.smtp import (
    AUTH,
    BANNER,
    BDAT,
    DATA,
    EHLO,
    HELO,
    MAIL,
    OTHER,
    QUIT,
    RCPT,
    RSET,
    STARTTLS,
    UNKNOWN,
    SmtpObserver,
)
from spamgate.wire.smtp_pending import NOTHING, Pending

C = CLIENT
S = SERVER


class Auth(unittest.TestCase):
    def commands(self, *script):
        log = observe(GREETING + list(script) + FAREWELL)
        return log.commands()[1:-1], log.replies()[2:-1]

    def test_login(self):
        commands, replies = self.commands(
            (C, b"AUTH LOGIN\r\n"),
            (S, b"334 VXNlcm5hbWU6\r\n"),
            (C, b"QUIT\r\n"),  # is base64 too, and asked for
            (S, b"334 UGFzc3dvcmQ6\r\n"),
            (C, b"cGFzcw==\r\n"),
            (S, b"235 welcome\r\n"),
        )
        self.assertEqual((commands, replies), ([AUTH], [(334, AUTH), (334, AUTH), (235, AUTH)]))

    def test_cancelled(self):
        commands, replies = self.commands(
            (C, b"AUTH PLAIN\r\n"), (S, b"334 \r\n"), (C, b"*\r\n"), (S, b"501 cancelled\r\n")
        )
        self.assertEqual((commands, replies), ([AUTH], [(334, AUTH), (501, AUTH)]))

    def test_refused(self):
        commands, replies = self.commands(
            (C, b"AUTH X\r\n"), (S, b"504 no\r\n"), (C, b"VRFY x\r\n"), (S, b"252 eh\r\n")
        )
        self.assertEqual((commands, replies), ([AUTH, smtp_verbs.VRFY], [(504, AUTH), (252, smtp_verbs.VRFY)]))

    def test_a_reply_to_an_earlier_command_ends_no_dialogue(self):
        commands, replies = self.commands(
            (C, b"RSET\r\nAUTH LOGIN\r\n"),
            (S, b"250 ok\r\n"),
            (S, b"334 VXNlcm5hbWU6\r\n"),
            (C, b"Z2F1\r\n"),
            (S, b"535 no\r\n"),
        )
        self.assertEqual((commands, replies), ([RSET, AUTH], [(250, RSET), (334, AUTH), (535, AUTH)]))

    def test_a_password_is_not_shown(self):
        for line in (b"AUTH PLAIN AGEAYg==", b"auth   plain  AGEAYg==  "):
            log = observe(GREETING + [(C, line + b"\r\n"), (S, b"235 ok\r\n")])
            self.assertEqual(log.events[-2][1].lower().split(), [b"auth", b"plain"])

    def test_client_only(self):
        log = observe([(C, b"EHLO x\r\nAUTH LOGIN\r\nZ2F1\r\ncGFz\r\nMAIL FROM:<a>\r\n")])
        self.assertEqual(log.commands(), [EHLO, AUTH, MAIL])


class Tls(unittest.TestCase):
    def test_from_the_agreement_on_nothing_is_read(self):
        script = [
            (C, b"STARTTLS\r\n"),
            (S, b"220 go\r\n250 x\r\n"),
            (C, b"\x16\3\1\n\n"),
            (C, b"QUIT\r\n"),
            (S, b"250 ok\r\n"),
        ]
        log = observe(GREETING + script)
        self.assertEqual(log.events[3:], [(STARTTLS, b"STARTTLS"), (220, STARTTLS, b"go"), "encrypted"])

    def test_refused_tls_changes_nothing(self):
        log = observe(GREETING + [(C, b"STARTTLS\r\n"), (S, b"454 no\r\n")] + ENVELOPE + MESSAGE + FAREWELL)
        self.assertEqual(log.events[5:], TOLD[3:])

    def test_a_record_as_first_bytes(self):
        log = observe(
            [(C, b"\x16\3\1\0\5\n\nQUIT\r\n"), (S, b"\x16\3\3\r\n220 x\r\n"), (C, b"\x17\3\3"), (C, b"QUIT\r\n")]
        )
        self.assertEqual(log.events, ["encrypted"])

    def test_client_only(self):
        log = observe([(C, b"EHLO x\r\nSTARTTLS\r\n\x16\3\1\n"), (C, b"QUIT\r\n")])
        self.assertEqual(log.events[2:], ["encrypted"])

    def test_server_only(self):
        log = observe([(S, b"220 mx\r\n250 ok\r\n220 go\r\n\x16\3\3\n250 x\r\n")])
        self.assertEqual(log.replies(), [(220, BANNER), (250, UNKNOWN), (220, UNKNOWN)])
        self.assertEqual(log.count("encrypted"), 1)

    def test_nobody_hides_behind_a_byte(self):
        hidden = [(C, b"\x16\r\n"), (S, b"500 what\r\n")]
        for script in (GREETING + hidden, [(C, b"\x16\r\n"), (S, b"220 hi\r\n500 what\r\n")]):
            log = observe(script + ENVELOPE + MESSAGE)
            self.assertEqual(log.commands()[-3:], [MAIL, RCPT, DATA])
            self.assertEqual(log.events[-1], "accepted")

    def test_implicit(self):
        log = observe([(C, b"\x16\3\1\n"), (S, b"220 x\r\n"), (C, b"QUIT\r\n")], implicit_tls=True)
        self.assertEqual(log.events, ["encrypted"])
        self.assertEqual(observe([], implicit_tls=True).events, [])

    def test_every_kind_of_record(self):
        for first in (b"\x14", b"\x15", b"\x16", b"\x17"):
            self.assertEqual(observe([(C, first + b"\3\n"), (C, b"QUIT\r\n")]).events, ["encrypted"])
            self.assertEqual(observe([(S, first + b"\3\n"), (S, b"220 x\r\n")]).events, ["encrypted"])
        for first in (b"\x13", b"\x18"):
            self.assertEqual(observe([(C, first + b"\3\n"), (C, b"QUIT\r\n")]).commands(), [OTHER, QUIT])
            self.assertEqual(observe([(S, first + b"\3\n"), (S, b"220 x\r\n")]).replies(), [(220, BANNER)])

    def test_a_gap_in_tls(self):
        self.assertEqual(observe([(C, b"\x16\3\1"), (C, 90), (C, b"QUIT\r\n")]).events, ["encrypted"])


class Bounds(unittest.TestCase):
    def test_a_line_counts_by_its_first_bytes_wherever_it_is_cut(self):
        line = b"MAIL FROM:<" + b"x" * 3000 + b">\r\n"
        for size in (0, 1, 7, 512, 513):
            log = observe([(C, line + b"QUIT\r\n"), (S, b"250 " + line)], size, line_bytes=64)
            self.assertEqual(log.events, [(MAIL, line[:64]), (QUIT, b"QUIT"), (250, MAIL, line[:60])])

    def test_the_cut_may_fall_on_the_line_end(self):
        for length in range(5, 12):
            line = b"QUIT" + b" " * (length - 4)
            for size in (0, 1, 2):
                log = observe([(C, line + b"\r\n" + b"RSET\r\n")], size, line_bytes=8)
                self.assertEqual(log.events, [(QUIT, line[:8]), (RSET, b"RSET")])

    def test_a_line_of_64_kilobytes_of_nothing(self):
        block = bytes(4096)
        log = observe([(C, block)] * 16 + [(C, b"\r\nQUIT\r\n")])
        self.assertEqual(log.events, [(OTHER, bytes(512)), (QUIT, b"QUIT")])

    def test_when_cells_run_out_a_line_is_lost_and_the_next_counts(self):
        log = SmtpLog()
        observer = SmtpObserver(log, 4, 2, 100)
        for slot in range(3):
            observer.begin(slot, False, False)
            feed(observer, C, b"HELO ", slot)
        for slot in range(3):
            feed(observer, C, b"x\r\nMAIL FROM:<a>\r\n", slot)
        self.assertEqual(log.commands(), [MAIL, HELO, MAIL, HELO, MAIL])

    def test_a_lost_line_is_forgotten_with_its_connection(self):
        log = SmtpLog()
        observer = SmtpObserver(log, 4, 1, 100)
        for slot in range(3):
            observer.begin(slot, False, False)
            feed(observer, C, b"HELO ", slot)
        observer.begin(0, False, False)
        observer.gap(1, C, 4)
        feed(observer, C, b"QUIT\r\n", 0)
        feed(observer, C, b"x\r\nRSET\r\n", 1)
        feed(observer, C, b"x\r\n", 2)
        self.assertEqual(log.commands(), [QUIT, RSET, HELO])

    def test_a_full_queue_stays_in_its_place(self):
        pending = Pending(2, 8)
        pending.push(1, MAIL)
        self.assertTrue(all([pending.push(0, MAIL + (run & 1)) for run in range(8)]))
        self.assertFalse(pending.push(0, QUIT))
        self.assertEqual([pending.pop(0) for _ in range(9)], [MAIL, RCPT] * 4 + [NOTHING])
        self.assertEqual((pending.pop(1), pending.pop(1)), (MAIL, NOTHING))

    def test_cells_are_given_back(self):
        log = SmtpLog()
        observer = SmtpObserver(log, 2, 2, 100)
        for _ in range(20):
            observer.begin(0, False, False)
            observer.begin(1, False, False)
            feed(observer, C, b"HE", 0)
            feed(observer, S, b"220", 0)
            observer.gap(0, S, 5)
            feed(observer, S, b"250", 1)
            feed(observer, C, b"LO x\r\n", 0)
            feed(observer, S, b" hi\r\n", 1)
        self.assertEqual(len(log.events), 40)


class Gaps(unittest.TestCase):
    def test_the_reply_ends_a_message_whose_end_was_lost(self):
        for size in (0, 100):
            script = [(C, b"text\r\nmo"), (C, size), (S, b"250 taken\r\n")]
            log = observe(GREETING + ENVELOPE + MESSAGE[:2] + script + ENVELOPE + MESSAGE)
            self.assertEqual(log.count("accepted"), 2)
            self.assertEqual(log.commands(), [EHLO, MAIL, RCPT, DATA, MAIL, RCPT, DATA])

    def test_a_lost_middle_of_a_message(self):
        script = [(C, b"text\r\n"), (C, 100), (C, b"QUIT\r\n.\r\n"), (S, b"250 taken\r\n")]
        self.assertEqual(observe(GREETING + ENVELOPE + MESSAGE[:2] + script + FAREWELL).events, TOLD)

    def test_a_lost_command(self):
        log = observe(GREETING + [(C, 17), (S, b"250 ok\r\n")] + ENVELOPE + MESSAGE)
        self.assertEqual(log.replies()[2:4], [(250, UNKNOWN), (250, MAIL)])
        self.assertEqual(log.count("accepted"), 1)

    def test_a_lost_command_among_others(self):
        script = [(C, b"RSET\r\n"), (C, 6), (C, b"RSET\r\nVRFY\r\n"), (S, b"250 a\r\n250 b\r\n250 c\r\n252 d\r\n")]
        log = observe(GREETING + script + FAREWELL)
        self.assertEqual([verb for _, verb in log.replies()[2:]], [UNKNOWN] * 4 + [QUIT])

    def test_a_lost_beginning_of_a_message(self):
        """No 354 was seen before the gap: the message was sent without waiting."""
        for begun in (b"", b"text\r\n"):
            script = [(C, b"DATA\r\n" + begun), (C, 50), (C, b"QUIT\r\n.\r\n"), (S, b"354 go\r\n250 taken\r\n")]
            self.assertEqual(observe(GREETING + ENVELOPE + script + FAREWELL).events, TOLD)

    def test_a_dot_behind_a_gap_ends_a_message(self):
        given_up = MESSAGE[:2] + [(C, b"text\r\n"), (S, b"421 slow\r\n")] + ENVELOPE
        log = observe(GREETING + ENVELOPE + given_up + [(C, 300), (C, b"text\r\n.\r\n"), (S, b"250 taken\r\n")])
        self.assertEqual(log.events[-2:], [(250, DATA, b"taken"), "accepted"])

    def test_the_rest_of_a_cut_line_is_no_command(self):
        log = observe(
            GREETING + [(C, b"RCPT TO:<quit"), (C, 9), (C, b"\r\nQUIT me\r\n@x>\r\nRSET\r\n"), (S, b"250 ok\r\n")]
        )
        self.assertEqual(log.commands(), [EHLO, RSET])

    def test_a_lost_reply(self):
        script = GREETING + [ENVELOPE[0], (S, 8)] + ENVELOPE[2:]
        log = observe(script + MESSAGE + FAREWELL)
        self.assertEqual(log.replies()[2:], [(250, RCPT), (354, DATA), (250, DATA), (221, QUIT)])
        self.assertEqual(log.count("accepted"), 1)

    def test_a_lost_go_ahead(self):
        script = [(C, b"DATA\r\n"), (S, 8), (C, b"text\r\nMAIL FROM:<x>\r\n.\r\n"), (S, b"250 taken\r\n")]
        log = observe(GREETING + ENVELOPE + script + FAREWELL)
        self.assertEqual(log.events, [event for event in TOLD if event != TOLD[8]])

    def test_a_lost_reply_to_a_message_is_not_made_up(self):
        log = observe(GREETING + ENVELOPE + MESSAGE[:3] + [(S, 12)] + ENVELOPE)
        self.assertEqual(log.count("accepted"), 0)
        self.assertEqual(log.replies()[-2:], [(250, MAIL), (250, RCPT)])

    def test_a_gap_within_a_chunk(self):
        script = [(C, b"BDAT 30 LAST\r\nQUIT\r\n"), (C, 20), (C, b"abcdQUIT\r\n"), (S, b"250 taken\r\n221 bye\r\n")]
        log = observe(GREETING + ENVELOPE + script)
        self.assertEqual(log.commands(), [EHLO, MAIL, RCPT, BDAT, QUIT])
        self.assertEqual(log.replies()[-2:], [(250, BDAT), (221, QUIT)])

    def test_a_gap_that_ends_with_the_chunk_or_beyond(self):
        for lost in (24, 25, 0):
            script = [(C, b"BDAT 30 LAST\r\nQUIT\r\n"), (C, lost), (C, b"QUIT\r\n")]
            self.assertEqual(observe(GREETING + ENVELOPE + script).commands()[-2:], [BDAT, QUIT])


class PartlySeen(unittest.TestCase):
    def test_client_only(self):
        log = observe([pair for pair in GREETING + (ENVELOPE + MESSAGE) * 2 + FAREWELL if pair[0] == C])
        self.assertEqual(log.commands(), [EHLO] + [MAIL, RCPT, DATA] * 2 + [QUIT])

    def test_client_only_with_refused_data(self):
        log = observe([(C, b"HELO x\r\n"), (C, b"MAIL FROM:<a>\r\n"), (C, b"DATA\r\n"), (C, b"QUIT\r\n")])
        self.assertEqual(log.commands(), [HELO, MAIL, DATA, QUIT])

    def test_client_only_with_a_gap_in_a_message(self):
        log = observe([(C, b"DATA\r\ntext\r\n"), (C, 99), (C, b"text\r\n"), (C, b"MAIL FROM:<a>\r\n")])
        self.assertEqual(log.commands(), [DATA, MAIL])

    def test_server_only(self):
        log = observe([pair for pair in DIALOGUE if pair[0] == S])
        self.assertEqual([code for code, _ in log.replies()], [220, 250, 250, 250, 354, 250, 221])
        self.assertEqual(log.replies()[4:6], [(354, DATA), (250, DATA)])
        self.assertEqual(log.count("accepted"), 1)

    def test_midstream_at_every_place(self):
        """From the first command on, all is told as it would have been; before that, codes only."""
        text = [(C, b"text\r\n\r\n.\r\n")]
        script = GREETING + ENVELOPE + MESSAGE[:2] + text + MESSAGE[3:] + FAREWELL
        for place in range(1, len(script)):
            log = observe(script[place:], midstream=True)
            whole = [event for event in TOLD if isinstance(event, tuple)]
            told = [event for event in log.events if isinstance(event, tuple)]
            self.assertEqual(
                [event for event in told if len(event) == 2], [e for e in whole[-len(told) :] if len(e) == 2]
            )
            for event, full in zip(told, whole[-len(told) :]):
                self.assertIn(event, (full, (full[0], UNKNOWN, full[-1])))

    def test_midstream_in_a_message(self):
        log = observe([(C, BODY[3:] + b".\r\n"), (S, b"250 taken\r\n")] + FAREWELL, midstream=True)
        self.assertEqual(log.count("accepted"), 0)  # MAIL within the text passed for a command
        log = observe([(C, b"xt\r\nmore\r\n.\r\n"), (S, b"250 taken\r\n")] + FAREWELL, midstream=True)
        self.assertEqual(log.events, TOLD[9:])

    def test_midstream_in_tls(self):
        log = observe([(C, b"\x17\3\3\0\n"), (S, b"\x17\3\3\0\n250 x\r\n"), (C, b"QUIT\r\n")], midstream=True)
        self.assertEqual(log.events, ["encrypted"])


if __name__ == "__main__":
    unittest.main()
