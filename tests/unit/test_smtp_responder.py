"""Refused connections from end to end, with sockets in memory: every client reads why, none holds a place for long."""

import unittest

from fakes.net import FakeLoop, FakeNet

from spamgate.service.smtp_responder import (
    INPUT_BYTES,
    LEAVE_MS,
    PLACES,
    PLACES_AN_ADDRESS,
    QUIET_MS,
    TOTAL_MS,
    Responder,
)

PORT = 8421
LATER = b"421 4.7.0 Mail from this connection is held back by the gateway; ticket C0A80107; see http://gw/\r\n"
NEVER = b"554 5.7.1 Mail from this connection is refused by the gateway; ticket C0A80107; see http://gw/\r\n"
SEQUENCE = b"503 5.5.1 Bad sequence of commands\r\n"
BYE = b"221 2.0.0 Bye\r\n"
LATE = b"421 4.4.2 Waited too long for QUIT\r\n"
TALK = b"EHLO bot\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: x\r\n\r\nbuy\r\n.\r\n"


class Greeting:
    page = "http://gw/"

    def ticket(self, address):
        return "".join(["%02X" % byte for byte in address])


class Scene:
    """A responder, its clients, and a clock moved by hand."""

    def __init__(self, is_final=False):
        self.net, self.loop = FakeNet(), FakeLoop()
        self.heard_of = []
        self.passed_ms = 0
        self.now_ms = (1 << 29) - 3000  # wraps within every longer test
        self.responder = Responder(
            self.net, self.loop, PORT, lambda _: is_final, Greeting(), lambda *client: self.heard_of.append(client)
        )
        self.loop.each_tick(self.responder.tick)

    def client(self, say=b"", address=b"\xc0\xa8\x01\x07", room=65536):
        """Return a client that has connected, and has spoken before it listens."""
        client = self.net.connect(PORT, address)
        client.room = room
        if say:
            client.send(say)
        self.loop.spin()
        return client

    def say(self, client, text):
        client.send(text)
        self.loop.spin()
        return client.received()

    def wait(self, ms):
        self.passed_ms += ms
        for _ in range(ms // 100):
            self.now_ms = (self.now_ms + 100) & ((1 << 29) - 1)
            self.loop.tick(self.now_ms)

    def served(self):
        """Return how many connections are open on our side."""
        return len(self.loop.handlers) - 1


class ForNow(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()

    def test_it_is_told_at_once_and_heard_of_once(self):
        client = self.scene.client()
        self.assertEqual(client.received(), LATER)
        self.assertFalse(client.is_over())
        self.assertEqual(len(self.scene.heard_of), 1)
        self.assertEqual(self.scene.heard_of[0][0], b"\xc0\xa8\x01\x07")

    def test_quit_is_answered_and_ends_it(self):
        client = self.scene.client()
        self.assertEqual(self.scene.say(client, b"QUIT\r\n"), LATER + BYE)
        self.assertTrue(client.is_over())
        self.assertEqual(self.scene.served(), 0)

    def test_quit_in_pieces(self):
        client = self.scene.client()
        for piece in (b"Q", b"UI", b"T", b"\r"):
            self.scene.say(client, piece)
        self.assertEqual(self.scene.say(client, b"\n"), BYE)

    def test_a_few_commands_are_told_again_and_others_swallowed(self):
        client = self.scene.client()
        self.assertEqual(self.scene.say(client, b"EHLO x\r\n"), LATER * 2)
        self.assertEqual(self.scene.say(client, b"NOOP\r\n" * 9), LATER * 2)
        self.assertEqual(self.scene.say(client, b"NOOP\r\n"), b"")
        self.assertEqual(self.scene.say(client, b"QUIT\r\n"), BYE)

    def test_who_speaks_first_and_all_at_once_reads_it_all_the_same(self):
        for text in (TALK, TALK + b"QUIT\r\n", TALK * 100, b"\x16\x03\x01\0\xff", b"GET / HTTP/1.1\r\n\r\n"):
            client = self.scene.client(text)
            self.assertEqual(client.received()[: len(LATER)], LATER)
            self.assertFalse(client.was_reset)

    def test_who_closes_its_half_reads_it(self):
        client = self.scene.net.connect(PORT)
        client.send(TALK)
        client.shutdown_write()
        self.scene.loop.spin()
        self.assertEqual(client.received(), LATER * 4)
        self.assertTrue(client.is_over())

    def test_who_says_nothing_is_parted_from_after_a_while(self):
        client = self.scene.client()
        self.scene.wait(QUIET_MS)
        self.assertFalse(client.is_over())
        self.scene.wait(200)
        self.assertEqual(client.received(), LATER)
        self.assertTrue(client.is_over())

    def test_who_trickles_is_parted_from_at_last(self):
        client = self.scene.client()
        for _ in range(TOTAL_MS // 1000):
            self.assertFalse(client.is_over())
            self.scene.say(client, b"x")
            self.scene.wait(1000)
        self.scene.wait(200)
        self.assertTrue(client.is_over())
        self.assertEqual(self.scene.served(), 0)

    def test_who_goes_on_behind_quit_is_heard_out(self):
        client = self.scene.client(b"QUIT\r\nEHLO x\r\nQUIT\r\n")
        self.assertEqual(client.received(), LATER + BYE)
        self.assertFalse(client.is_over())
        self.assertEqual(self.scene.say(client, TALK), b"")
        self.scene.wait(LEAVE_MS + 200)
        self.assertTrue(client.is_over())
        self.assertFalse(client.was_reset)

    def test_quit_at_the_very_end_of_the_buffer(self):
        client = self.scene.client(b"x" * 505 + b"\nQUIT\r\n" + b"more" * 10000)
        self.assertEqual(client.received(), LATER * 2 + BYE)
        self.assertFalse(client.was_reset)

    def test_a_reset_frees_the_place(self):
        client = self.scene.client()
        client.close()  # with the text unread
        self.scene.loop.spin()
        self.assertEqual(self.scene.served(), 0)


class ForGood(unittest.TestCase):
    def setUp(self):
        self.scene = Scene(is_final=True)

    def test_it_stays_until_quit(self):
        client = self.scene.client()
        self.assertEqual(client.received(), NEVER)
        self.scene.wait(QUIET_MS * 2)
        self.assertEqual(self.scene.say(client, b"EHLO x\r\n"), SEQUENCE)
        self.assertEqual(self.scene.say(client, b"MAIL FROM:<>\r\nRCPT TO:<a@b>\r\n"), SEQUENCE * 2)
        self.assertEqual(self.scene.say(client, b"QUIT\r\n"), BYE)
        self.assertTrue(client.is_over())

    def test_endless_mistakes_are_answered_no_more(self):
        client = self.scene.client()
        self.assertEqual(self.scene.say(client, b"NOOP\r\n" * 1000), NEVER + SEQUENCE * 20)
        self.assertEqual(self.scene.say(client, b"QUIT\r\n"), BYE)

    def test_who_never_quits_is_told_so(self):
        client = self.scene.client()
        self.scene.wait(TOTAL_MS + 200)
        self.assertEqual(client.received(), NEVER + LATE)
        self.assertTrue(client.is_over())

    def test_who_goes_on_behind_quit_is_not_told_to_say_it(self):
        client = self.scene.client(b"QUIT\r\nmore")
        text = client.received()
        while not client.is_over():
            client.send(b"more")
            self.scene.wait(500)
            text += client.received()
        self.assertEqual(text, NEVER + BYE)
        self.assertTrue(TOTAL_MS - 1000 < self.scene.passed_ms < TOTAL_MS + 1000)

    def test_who_pipelines_reads_it_all(self):
        client = self.scene.client(TALK + b"QUIT\r\n")
        self.assertEqual(client.received(), NEVER + SEQUENCE * 8 + BYE)
        self.assertTrue(client.is_over())


class PartialSends(unittest.TestCase):
    def test_byte_by_byte(self):
        scene = Scene(is_final=True)
        client = scene.client(b"EHLO x\r\nQUIT\r\n", room=1)
        text = client.received()
        while not client.is_over() and len(text) < 1000:
            scene.wait(100)
            text += client.received()
        self.assertEqual(text, NEVER + SEQUENCE + BYE)
        self.assertFalse(client.was_reset)

    def test_a_half_closed_client_gets_the_rest(self):
        scene = Scene()
        client = scene.net.connect(PORT)
        client.room = 7
        client.send(b"NOOP\r\n")
        client.shutdown_write()
        scene.loop.spin()
        text = client.received()
        while not client.is_over() and len(text) < 1000:
            scene.wait(100)
            text += client.received()
        self.assertEqual(text, LATER * 2)
        self.assertEqual(scene.served(), 0)

    def test_a_half_closed_client_that_has_all_is_not_waited_for(self):
        scene = Scene(is_final=True)
        client = scene.net.connect(PORT)
        client.room = len(NEVER) - 1
        client.shutdown_write()
        scene.loop.spin()
        text = client.received()
        scene.wait(200)
        self.assertEqual(text + client.received(), NEVER)
        self.assertTrue(client.is_over())

    def test_who_reads_nothing_goes_when_its_time_is_over(self):
        scene = Scene()
        clients = [scene.client(b"NOOP\r\n" * 9, room=0) for _ in range(5)]
        clients[0].shutdown_write()
        scene.wait(QUIET_MS + 200)
        self.assertEqual(scene.served(), 0)

    def test_a_client_that_is_gone_when_we_send(self):
        scene = Scene(is_final=True)
        client = scene.client(room=10)
        client.inbox = bytearray()
        client.close()
        scene.wait(300)
        self.assertEqual(scene.served(), 0)


class Bounds(unittest.TestCase):
    def test_an_address_gives_up_its_own_oldest(self):
        scene = Scene()
        other = scene.client(address=b"\xc0\xa8\x01\x09")
        clients = [scene.client() for _ in range(PLACES_AN_ADDRESS + 3)]
        self.assertEqual([client.is_over() for client in clients[:4]], [False] * 4)  # unread as yet
        self.assertEqual([client.received() for client in clients], [LATER] * len(clients))
        self.assertEqual([client.is_over() for client in clients], [True] * 3 + [False] * PLACES_AN_ADDRESS)
        self.assertFalse(other.is_over())
        self.assertEqual(scene.served(), PLACES_AN_ADDRESS + 1)

    def test_who_gives_way_while_it_talks_is_not_reset(self):
        scene = Scene()
        clients = [scene.client() for _ in range(PLACES_AN_ADDRESS)]
        clients[0].send(TALK * 20)
        scene.client()
        self.assertEqual(clients[0].received(), LATER)
        self.assertTrue(clients[0].is_over())
        self.assertFalse(clients[0].was_reset)

    def test_a_place_begins_anew(self):
        for before in (b"QUI", b"QUIT\r\n", b"NOOP\r\n" * 9):
            scene = Scene()
            client = scene.client(before)
            client.close()
            scene.loop.spin()
            self.assertEqual(scene.served(), 0)
            client = scene.client()
            self.assertEqual(scene.say(client, b"T\r\nEHLO x\r\n"), LATER * 3)

    def test_when_full_the_oldest_of_all_gives_way_and_has_read_it(self):
        scene = Scene()
        clients = [scene.client(TALK, address=bytes([10, 0, 0, at])) for at in range(150)]
        self.assertEqual(scene.served(), PLACES)
        for client in clients:
            self.assertEqual(client.received()[:10], b"421 4.7.0 ")
            self.assertFalse(client.was_reset)
        over = [client.is_over() for client in clients]
        self.assertEqual(over, [True] * (150 - PLACES) + [False] * PLACES)
        self.assertEqual(len(scene.heard_of), 150)

    def test_places_are_free_again(self):
        scene = Scene()
        for _ in range(PLACES * 3):
            scene.client().close()
            scene.loop.spin()
        self.assertEqual((scene.served(), scene.net.open_count()), (0, 1))

    def test_a_long_line_and_many_lines_are_heard_and_then_cut_off(self):
        for text, lines in ((b"x" * 65536, 0), (b"\n" * 512, 512), (b"QUIT" + b" " * 60000, 0)):
            scene = Scene()
            client = scene.client()
            sent = 0
            while scene.served():
                client.send(text)
                scene.loop.spin()
                sent += 1
            self.assertEqual(sent, INPUT_BYTES // (len(text) + 100 * lines) + 1)

    def test_64_kilobytes_are_heard_out(self):
        scene = Scene()
        client = scene.client(b"x" * 65536)
        self.assertEqual(scene.say(client, b"\r\nQUIT\r\n"), LATER * 2 + BYE)

    def test_out_of_files_it_waits_for_the_next_tick(self):
        scene = Scene()
        scene.net.out_of_files = True
        client = scene.client()  # and the loop rests
        scene.wait(300)
        self.assertEqual(client.received(), b"")
        scene.net.out_of_files = False
        scene.wait(200)
        self.assertEqual(client.received(), LATER)

    def test_close_leaves_nothing(self):
        scene = Scene()
        clients = [scene.client() for _ in range(3)]
        scene.responder.close()
        self.assertEqual(scene.loop.handlers, {})
        self.assertEqual([client.received() for client in clients], [LATER] * 3)
        self.assertEqual(scene.net.open_count(), 3)
        with self.assertRaises(OSError):
            scene.net.connect(PORT)
