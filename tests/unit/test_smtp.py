"""The SMTP observer: what it tells of dialogues that go well, badly, or are seen in part only."""

import sys
import unittest

from fakes.mail_wire import CLIENT, SERVER, SmtpLog, feed, observe

from spamgate.wire import smtp, smtp_dialogue, smtp_pending, smtp_verbs
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

C = CLIENT
S = SERVER

BODY = b"From: a\r\n\r\n..\r\n.\rtext\r\n.x\r\n\r.\n\n.\nMAIL FROM:<x>\r\n"
GREETING = [(S, b"220 mx\r\n"), (C, b"EHLO me\r\n"), (S, b"250-mx\r\n250 OK\r\n")]
ENVELOPE = [(C, b"MAIL FROM:<a@b>\r\n"), (S, b"250 ok\r\n"), (C, b"RCPT TO:<c@d>\r\n"), (S, b"250 ok\r\n")]
MESSAGE = [(C, b"DATA\r\n"), (S, b"354 go\r\n"), (C, BODY + b".\r\n"), (S, b"250 taken\r\n")]
FAREWELL = [(C, b"QUIT\r\n"), (S, b"221 bye\r\n")]
DIALOGUE = GREETING + ENVELOPE + MESSAGE + FAREWELL

TOLD = [
    (220, BANNER, b"mx"),
    (EHLO, b"EHLO me"),
    (250, EHLO, b"OK"),
    (MAIL, b"MAIL FROM:<a@b>"),
    (250, MAIL, b"ok"),
    (RCPT, b"RCPT TO:<c@d>"),
    (250, RCPT, b"ok"),
    (DATA, b"DATA"),
    (354, DATA, b"go"),
    (250, DATA, b"taken"),
    "accepted",
    (QUIT, b"QUIT"),
    (221, QUIT, b"bye"),
]


class WholeDialogue(unittest.TestCase):
    def test_what_is_told(self):
        self.assertEqual(observe(DIALOGUE).events, TOLD)

    def test_pieces_of_any_size_tell_the_same(self):
        for size in range(1, 40):
            self.assertEqual(observe(DIALOGUE, size).events, TOLD)

    def test_every_split_of_the_message_tells_the_same(self):
        said = BODY + b".\r\n"
        for at in range(1, len(said)):
            script = [(C, b"DATA\r\n"), (S, b"354 go\r\n"), (C, said[:at]), (C, said[at:]), (S, b"250 taken\r\n")]
            self.assertEqual(observe(GREETING + ENVELOPE + script + FAREWELL).events, TOLD)

    def test_two_splits_around_the_final_dot(self):
        said = b"x\r\n.\r\nQUIT\r\n"
        for one in range(1, len(said)):
            for other in range(one, len(said)):
                script = [
                    (C, b"DATA\r\n"),
                    (S, b"354 go\r\n"),
                    (C, said[:one]),
                    (C, said[one:other]),
                    (C, said[other:]),
                ]
                log = observe(GREETING + ENVELOPE + script)
                self.assertEqual(log.events[-1], (QUIT, b"QUIT"))

    def test_several_messages(self):
        log = observe(GREETING + (ENVELOPE + MESSAGE) * 3 + FAREWELL)
        self.assertEqual(log.count("accepted"), 3)
        self.assertEqual(log.commands().count(MAIL), 3)

    def test_lines_may_end_in_lf_alone(self):
        script = [(side, said.replace(b"\r\n", b"\n")) for side, said in GREETING + ENVELOPE + FAREWELL]
        self.assertEqual(observe(script).events, [event for event in TOLD if event not in TOLD[7:11]])

    def test_commands_in_any_case(self):
        log = observe(
            [(C, b"ehLO x\r\nstartTls\r\nRset \r\nquit\t\r\nDATAx\r\nSTART\r\nMAIL\r\nmailfrom:x\r\n\r\n\xff\0\r\n")]
        )
        self.assertEqual(log.commands(), [EHLO, STARTTLS, RSET, QUIT, OTHER, OTHER, MAIL, OTHER, OTHER, OTHER])

    def test_dialogues_do_not_mix(self):
        class BySlot(SmtpLog):
            def accepted(self, slot):
                self.events.append((slot, "accepted"))

            def command(self, slot, verb, buf, start, end):
                self.events.append((slot, (verb, bytes(buf[start:end]))))

            def reply(self, slot, code, verb, buf, start, end):
                self.events.append((slot, (code, verb, bytes(buf[start:end]))))

        log = BySlot()
        observer = SmtpObserver(log, 3)
        for slot in (1, 2):
            observer.begin(slot, False, False)
        for side, said in DIALOGUE:
            for at in range(len(said)):
                for slot in (1, 2):
                    feed(observer, side, said[at : at + 1], slot)
        for slot in (1, 2):
            self.assertEqual([event for of, event in log.events if of == slot], TOLD)


class Replies(unittest.TestCase):
    def replies(self, *said):
        return observe([(S, text) for text in said]).replies()

    def test_a_reply_of_many_lines_counts_once_by_its_last(self):
        self.assertEqual(observe([(S, b"220-one\r\n220-two\n220 three\r\n")]).events, [(220, BANNER, b"three")])

    def test_the_code_may_stand_alone(self):
        self.assertEqual(observe([(S, b"220\r\n")]).events, [(220, BANNER, b"")])

    def test_what_is_no_reply_is_passed_over(self):
        noise = (
            b"HTTP/1.1 200\r\n",
            b"22\r\n",
            b"2200 x\r\n",
            b"199 x\r\n",
            b"600 x\r\n",
            b"a20 x\r\n",
            b"\r\n",
            b"\0\0\0\n",
        )
        self.assertEqual(self.replies(*(noise + (b"554 no\r\n",))), [(554, BANNER)])

    def test_pipelined_replies_find_their_commands(self):
        sent = b"MAIL FROM:<a>\r\n" + b"RCPT TO:<b>\r\n" * 300 + b"DATA\r\n"
        answers = b"250 ok\r\n" + b"550 no\r\n" * 300 + b"503 no recipients\r\n"
        log = observe(GREETING + [(C, sent), (S, answers), (C, b"RSET\r\n"), (S, b"250 ok\r\n")])
        expected = [(250, MAIL)] + [(550, RCPT)] * 300 + [(503, DATA), (250, RSET)]
        self.assertEqual(log.replies()[2:], expected)
        self.assertEqual(log.commands()[-1], RSET)

    def test_a_client_may_speak_before_the_banner(self):
        log = observe([(C, b"HELO x\r\nMAIL FROM:<a>\r\n"), (S, b"220 hi\r\n250 ok\r\n501 no\r\n")])
        self.assertEqual(log.replies(), [(220, BANNER), (250, HELO), (501, MAIL)])

    def test_a_banner_that_the_capture_lacks(self):
        log = observe([(C, b"HELO x\r\n"), (S, b"250 ok\r\n"), (C, b"MAIL FROM:<a>\r\n"), (S, b"250 ok\r\n")])
        self.assertEqual(log.replies(), [(250, HELO), (250, MAIL)])

    def test_a_reply_to_nothing(self):
        log = observe(DIALOGUE + [(S, b"421 idle\r\n")])
        self.assertEqual(log.replies()[-1], (421, UNKNOWN))

    def test_more_runs_than_the_queue_has(self):
        sent = b"RSET\r\nNOOP\r\n" * 20
        script = [(C, sent), (S, b"250 ok\r\n" * 40)]
        log = observe(GREETING + script + ENVELOPE + MESSAGE)
        self.assertEqual(len(log.replies()), 2 + 40 + 4)
        self.assertEqual(log.replies()[2], (250, UNKNOWN))
        self.assertEqual(log.replies()[-4:], [(250, MAIL), (250, RCPT), (354, DATA), (250, DATA)])
        self.assertEqual(log.events[-1], "accepted")

    def test_a_refused_message_is_not_accepted(self):
        for code in (b"450", b"554"):
            log = observe(GREETING + ENVELOPE + MESSAGE[:3] + [(S, code + b" no\r\n")] + FAREWELL)
            self.assertEqual(log.count("accepted"), 0)
            self.assertEqual(log.replies()[-2:], [(int(code), DATA), (221, QUIT)])


class Data(unittest.TestCase):
    def test_refused_data_and_pipelined_commands(self):
        script = [
            (C, b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nRSET\r\nMAIL FROM:<c>\r\n"),
            (S, b"250 ok\r\n550 no\r\n503 no\r\n250 ok\r\n250 ok\r\n"),
        ]
        log = observe(GREETING + script)
        self.assertEqual(log.commands(), [EHLO, MAIL, RCPT, DATA, RSET, MAIL])
        self.assertEqual(log.replies()[2:], [(250, MAIL), (550, RCPT), (503, DATA), (250, RSET), (250, MAIL)])

    def test_a_message_sent_without_waiting(self):
        script = [(C, b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nSubject: x\r\n\r\ntext\r\n.\r\nQUIT\r\n")]
        script.append((S, b"250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n221 bye\r\n"))
        log = observe(GREETING + script)
        self.assertEqual(log.commands(), [EHLO, MAIL, RCPT, DATA, QUIT])
        self.assertEqual(log.replies()[-3:], [(354, DATA), (250, DATA), (221, QUIT)])
        self.assertEqual(log.count("accepted"), 1)

    def test_a_message_that_began_too_early(self):
        for at in range(len(BODY)):
            script = [
                (C, b"DATA\r\n" + BODY[:at]),
                (S, b"354 go\r\n"),
                (C, BODY[at:] + b".\r\n"),
                (S, b"250 taken\r\n"),
            ]
            self.assertEqual(observe(GREETING + ENVELOPE + script + FAREWELL).events, TOLD)

    def test_an_early_message_that_nobody_wanted(self):
        """The server takes its lines for commands; what it then says of real ones counts."""
        script = [
            (C, b"DATA\r\nSubject: x\r\n\r\n"),
            (S, b"503 no\r\n"),
            (C, b"text\r\n.\r\n"),
            (S, b"500 what\r\n" * 4),
            (C, b"RSET\r\n"),
            (S, b"250 ok\r\n"),
        ]
        log = observe(GREETING + ENVELOPE + script + ENVELOPE + MESSAGE)
        self.assertEqual(log.replies()[4:9], [(503, DATA)] + [(500, UNKNOWN)] * 4)
        self.assertEqual(log.replies()[9:], [(250, RSET), (250, MAIL), (250, RCPT), (354, DATA), (250, DATA)])
        self.assertEqual(log.count("accepted"), 1)

    def test_a_whole_early_message_that_nobody_wanted(self):
        script = [(C, b"DATA\r\nSubject: x\r\n.\r\n"), (S, b"503 no\r\n500 what\r\n250 hm\r\n")]
        log = observe(GREETING + ENVELOPE + script + ENVELOPE + MESSAGE)
        self.assertEqual(log.count("accepted"), 1)
        self.assertEqual(log.replies()[-4:], [(250, MAIL), (250, RCPT), (354, DATA), (250, DATA)])

    def test_a_message_begun_with_what_is_a_command_too(self):
        """Only 354 can say that it was none."""
        script = [(C, b"DATA\r\nQUIT\r\n"), (S, b"354 go\r\n"), (C, b"RSET\r\n.\r\n"), (S, b"250 taken\r\n")]
        log = observe(GREETING + ENVELOPE + script + FAREWELL)
        self.assertEqual(log.commands(), [EHLO, MAIL, RCPT, DATA, QUIT, QUIT])
        self.assertEqual(log.replies()[-3:], [(354, DATA), (250, DATA), (221, QUIT)])

    def test_a_dot_between_bare_lfs_is_text(self):
        script = [(C, b"x\n.\nMAIL FROM:<evil>\n\r\n.\nRSET\r\n.\r\n"), (S, b"250 taken\r\n")]
        log = observe(GREETING + ENVELOPE + MESSAGE[:2] + script + FAREWELL)
        self.assertEqual(log.events, TOLD)

    def test_unless_the_server_takes_it_for_the_end(self):
        script = [(C, b"x\n.\n"), (S, b"250 taken\r\n")]
        log = observe(GREETING + ENVELOPE + MESSAGE[:2] + script + ENVELOPE + MESSAGE)
        self.assertEqual(log.count("accepted"), 2)
        self.assertEqual(log.commands(), [EHLO, MAIL, RCPT, DATA, MAIL, RCPT, DATA])

    def test_a_server_that_gives_up_on_a_message(self):
        script = [(C, b"text\r\nMA"), (S, b"421 too slow\r\n"), (C, b"IL\r\nRSET.\r\nmore\r\n.\r\n"), (C, b"QUIT\r\n")]
        log = observe(GREETING + ENVELOPE + MESSAGE[:2] + script)
        self.assertEqual(log.events[-2:], [(421, DATA, b"too slow"), (QUIT, b"QUIT")])

    def test_an_empty_message(self):
        log = observe(GREETING + ENVELOPE + MESSAGE[:2] + [(C, b".\r\n"), (S, b"250 taken\r\n")] + FAREWELL)
        self.assertEqual(log.events, TOLD)

    def test_354_to_what_is_not_data(self):
        """XEXCH50 of old Exchange servers: what follows 354 is no message."""
        script = [(C, b"XEXCH50 4 2\r\n"), (S, b"354 send\r\n"), (C, b"\1\2\3\4"), (S, b"250 ok\r\n")]
        log = observe(GREETING + script + ENVELOPE + MESSAGE)
        self.assertEqual(log.replies()[2:4], [(354, OTHER), (250, OTHER)])
        self.assertEqual((log.count("accepted"), log.commands()[-3:]), (1, [MAIL, RCPT, DATA]))


class Bdat(unittest.TestCase):
    def test_chunks(self):
        chunk = b"QUIT\r\n.\r\nMAIL FROM:<x>\r\n"
        size = b"%d" % len(chunk)
        script = [
            (C, b"BDAT " + size + b"\r\n" + chunk),
            (S, b"250 ok\r\n"),
            (C, b"bdat " + size + b" last\r\n" + chunk),
        ]
        script.append((S, b"250 taken\r\n"))
        for size in (0, 1, 5):
            log = observe(GREETING + ENVELOPE + script + FAREWELL, size)
            self.assertEqual(log.commands(), [EHLO, MAIL, RCPT, BDAT, BDAT, QUIT])
            self.assertEqual(log.replies()[-3:], [(250, BDAT), (250, BDAT), (221, QUIT)])
            self.assertEqual(log.count("accepted"), 1)

    def test_zero_last(self):
        log = observe(GREETING + ENVELOPE + [(C, b"BDAT 0 LAST\r\nQUIT\r\n"), (S, b"250 taken\r\n221 bye\r\n")])
        self.assertEqual(log.events[-3:], [(250, BDAT, b"taken"), "accepted", (221, QUIT, b"bye")])

    def test_malformed_sizes_are_followed_by_commands(self):
        for line in (
            b"BDAT",
            b"BDAT -1 LAST",
            b"BDAT 15555555557777777777 LAST",
            b"BDAT 5 X",
            b"BDAT 9 LAST X",
            b"BDAT 0x5",
        ):
            script = [(C, line + b"\r\n"), (S, b"521 syntax\r\n")]
            log = observe(GREETING + ENVELOPE + script + FAREWELL)
            self.assertEqual(log.replies()[-2:], [(521, BDAT), (221, QUIT)])

    def test_the_octets_of_a_failed_chunk_are_skipped(self):
        script = [(C, b"BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\n"), (S, b"503 no\r\n503 no\r\n")]
        log = observe(GREETING + script + FAREWELL)
        self.assertEqual(log.commands(), [EHLO, BDAT, BDAT, QUIT])
        self.assertEqual((log.replies()[2:4], log.count("accepted")), ([(503, BDAT)] * 2, 0))

    def test_nobody_hides_behind_a_refused_chunk(self):
        script = [(C, b"BDAT 99999999\r\n"), (S, b"500 what\r\n")]
        log = observe(GREETING + script + ENVELOPE + MESSAGE)
        self.assertEqual(log.commands(), [EHLO, BDAT, MAIL, RCPT, DATA])
        self.assertEqual(log.events[-1], "accepted")

    def test_a_reply_to_an_earlier_chunk_ends_no_later_one(self):
        script = [(C, b"BDAT 3\r\nabcBDAT 8 LAST\r\nQUI"), (S, b"250 ok\r\n"), (C, b"T\r\n.\n"), (S, b"250 taken\r\n")]
        log = observe(GREETING + ENVELOPE + script + FAREWELL)
        self.assertEqual(log.commands(), [EHLO, MAIL, RCPT, BDAT, BDAT, QUIT])


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


class Copies(unittest.TestCase):
    @unittest.skipUnless(sys.implementation.name == "cpython", "private consts vanish on MicroPython")
    def test_private_numbers_match(self):
        owners = (smtp_verbs, smtp_dialogue, smtp_pending)
        compared = 0
        for module in (smtp, smtp_verbs, smtp_dialogue, smtp_pending):
            for name in dir(module):
                for owner in owners:
                    if name[0] == "_" and name[1:].isupper() and hasattr(owner, name[1:]):
                        self.assertEqual(getattr(module, name), getattr(owner, name[1:]), name)
                        compared += 1
        self.assertTrue(compared > 30)


if __name__ == "__main__":
    unittest.main()
