"""The SMTP observer: what it tells of dialogues that go well or badly."""

import sys
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

from spamgate.wire import smtp, smtp_dialogue, smtp_pending, smtp_verbs
from spamgate.wire.smtp import (
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

    def test_letters_are_not_taken_for_others(self):
        log = observe([(C, b"MA\x09L FROM:<a>\r\n\x8dAIL FROM:<a>\r\nM@IL\r\nHELO{\r\nZZZZ\r\nAAAA\r\n")])
        self.assertEqual(log.commands(), [OTHER] * 6)

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
            b"2:0 x\r\n",
            b"2/0 x\r\n",
            b"2509\r\n",
            b"\r\n",
            b"\0\0\0\n",
        )
        self.assertEqual(self.replies(*(noise + (b"554 no\r\n",))), [(554, BANNER)])

    def test_the_first_and_the_last_code(self):
        self.assertEqual(self.replies(b"599 no\r\n", b"200 ok\r\n"), [(599, BANNER), (200, UNKNOWN)])

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
        log = observe(GREETING + script + ENVELOPE + MESSAGE, runs=8)
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

    def test_an_empty_message_sent_without_waiting(self):
        for size in (0, 1, 2, 3):
            log = observe(GREETING + [(C, b"DATA\r\n.\r\nRSET\r\n"), (S, b"354 go\r\n250 taken\r\n250 ok\r\n")], size)
            self.assertEqual(log.replies()[2:], [(354, DATA), (250, DATA), (250, RSET)])
            log = observe(GREETING + [(C, b"DATA\r\n.\nRSET\r\n.\r\nRSET\r\n")], size)
            self.assertEqual(log.commands(), [EHLO, DATA, RSET])

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

    def test_commands_behind_an_early_message_that_nobody_wanted(self):
        """Which replies are theirs cannot be told from those to its lines, until the client has waited."""
        for early in (b"DATA\r\ntext\r\n.\r\n", b"DATA\r\ntext\r\n"):
            script = [(C, early), (C, b"RSET\r\nNOOP\r\n"), (S, b"503 no\r\n" + b"500 what\r\n" * 2)]
            log = observe(GREETING + script + [(S, b"250 ok\r\n" * 2)] + ENVELOPE + MESSAGE)
            self.assertEqual(log.replies()[2:7], [(503, DATA), (500, UNKNOWN), (500, UNKNOWN)] + [(250, UNKNOWN)] * 2)
            self.assertEqual(log.replies()[7:], [(250, MAIL), (250, RCPT), (354, DATA), (250, DATA)])

    def test_the_rest_of_an_early_message_that_nobody_wanted(self):
        refused = [(C, b"DATA\r\ntext\r\n"), (S, b"503 no\r\n")]
        script = refused + [(C, b"NOOP\r\n.\r\nNOOP\r\n"), (S, b"250 a\r\n500 b\r\n")]
        log = observe(GREETING + script)
        self.assertEqual([event[1] for event in log.replies()[-2:]], [UNKNOWN, UNKNOWN])

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

    def test_a_reply_to_an_earlier_command_ends_no_chunk(self):
        script = [(C, b"RCPT TO:<c@d>\r\nBDAT 6 LAST\r\nQU"), (S, b"250 ok\r\n"), (C, b"IT\r\n"), (S, b"250 ok\r\n")]
        log = observe(GREETING + script + FAREWELL)
        self.assertEqual((log.commands()[1:], log.count("accepted")), ([RCPT, BDAT, QUIT], 1))

    def test_a_reply_to_an_earlier_chunk_ends_no_later_one(self):
        script = [(C, b"BDAT 3\r\nabcBDAT 8 LAST\r\nQUI"), (S, b"250 ok\r\n"), (C, b"T\r\n.\n"), (S, b"250 taken\r\n")]
        log = observe(GREETING + ENVELOPE + script + FAREWELL)
        self.assertEqual(log.commands(), [EHLO, MAIL, RCPT, BDAT, BDAT, QUIT])


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
