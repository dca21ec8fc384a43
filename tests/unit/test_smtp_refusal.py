"""What a refused client is told, and that QUIT is found however it is cut and nowhere else."""

import unittest

from spamgate.service.smtp_refusal import BYE, LATE, CommandReader, Refusal


class Greeting:
    def __init__(self, ticket="4F2A91", page="http://192.168.1.1/"):
        self.page = page
        self._ticket = ticket

    def ticket(self, address):
        return self._ticket


class Texts(unittest.TestCase):
    def test_for_now_it_names_ticket_and_page(self):
        self.assertEqual(
            Refusal(False, Greeting()).banner(b"\x0a\0\0\7"),
            b"421 4.7.0 Mail from this connection is held back by the gateway; ticket 4F2A91; see http://192.168.1.1/\r\n",
        )

    def test_for_good_too(self):
        banner = Refusal(True, Greeting()).banner(b"\x0a\0\0\7")
        self.assertTrue(banner.startswith(b"554 5.7.1 "))
        self.assertTrue(banner.endswith(b"; ticket 4F2A91; see http://192.168.1.1/\r\n"))

    def test_what_is_unknown_is_left_out(self):
        self.assertEqual(
            Refusal(False, Greeting("", "")).banner(b""),
            b"421 4.7.0 Mail from this connection is held back by the gateway\r\n",
        )

    def test_a_page_cannot_end_the_line_nor_make_it_too_long(self):
        greeting = Greeting("A\r\n250 ok\x00\xe9", "http://x/\r\n" + "y" * 1000)
        for is_final in (False, True):
            banner = Refusal(is_final, greeting).banner(b"")
            self.assertEqual((banner.find(b"\r"), banner.count(b"\n")), (len(banner) - 2, 1))
            self.assertTrue(len(banner) <= 512)
            self.assertTrue(b"ticket A250ok; see http://x/yyy" in banner)

    def test_commands_are_answered_by_the_same_or_by_503(self):
        later, never = Refusal(False, Greeting()), Refusal(True, Greeting())
        self.assertEqual(later.answer(b"x"), later.banner(b"x"))
        self.assertEqual(never.answer(b"x")[:10], b"503 5.5.1 ")

    def test_no_text_can_be_taken_for_acceptance(self):
        texts = [BYE, LATE]
        for is_final in (False, True):
            refusal = Refusal(is_final, Greeting())
            texts += [refusal.banner(b"x"), refusal.answer(b"x")]
        self.assertEqual(sorted({text[:3] for text in texts}), [b"221", b"421", b"503", b"554"])


def commands(pieces):
    """Return (lines, bytes behind QUIT or None) of what a client says in `pieces`."""
    reader = CommandReader(2)
    lines = 0
    for number, piece in enumerate(pieces):
        behind = reader.read(1, bytearray(piece + b"\nQUIT\r\n"), len(piece))
        lines += reader.lines
        if behind >= 0:
            return lines, piece[behind:] + b"".join(pieces[number + 1 :])
    return lines, None


class Commands(unittest.TestCase):
    def test_quit_in_every_case_with_blanks_and_bare_lf(self):
        for line in (b"QUIT\r\n", b"quit\r\n", b"QuIt\n", b"QUIT \t \r\n", b"QUIT\r\r\n"):
            self.assertEqual(commands([line]), (0, b""), line)

    def test_other_lines_are_not_quit(self):
        for line in (b"QUITE\r\n", b" QUIT\r\n", b"QUI\r\n", b"QUIT x\r\n", b"\x11UIT\r\n", b"X" * 70000 + b"QUIT\n"):
            self.assertEqual(commands([line]), (1, None), line[:10])
        self.assertEqual(commands([b"QUIT" + b" " * 8 + b"\n"]), (1, None))

    def test_no_line_is_whole_without_its_end(self):
        self.assertEqual(commands([b"QUIT", b"\r"]), (0, None))

    def test_quit_behind_others_and_what_is_behind_it(self):
        self.assertEqual(commands([b"EHLO x\r\nMAIL FROM:<>\r\nQUIT\r\nEHLO y\r\n"]), (2, b"EHLO y\r\n"))

    def test_every_cut(self):
        text = b"EHLO x\r\n\r\nQUITE\r\nQUIT \r\nNOOP"
        for one in range(len(text)):
            for two in range(one, len(text)):
                self.assertEqual(commands([text[:one], text[one:two], text[two:]]), (3, b"NOOP"), (one, two))
        self.assertEqual(commands([text[at : at + 1] for at in range(len(text))]), (3, b"NOOP"))

    def test_clients_are_kept_apart_and_begin_anew(self):
        reader = CommandReader(2)
        reader.read(0, bytearray(b"QUI"), 3)
        self.assertEqual(reader.read(1, bytearray(b"T\r\n"), 3), -1)
        self.assertEqual(reader.read(0, bytearray(b"T\r\n"), 3), 3)
        reader.read(0, bytearray(b"QUI"), 3)
        reader.begin(0)
        self.assertEqual(reader.read(0, bytearray(b"T\r\n"), 3), -1)
