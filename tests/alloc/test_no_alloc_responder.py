"""Hearing a client out allocates nothing, whatever it says, once its answers are given."""

import unittest

import micropython

from spamgate.service.smtp_responder import Responder

TURNS = 80  # below the megabyte that a client is heard for
PORT = 8421


class Client:
    """A socket on which the same is said for ever."""

    def __init__(self, text, size):
        self.text = bytearray((text * (size // len(text) + 1))[:size])
        self.told = 0

    def fileno(self):
        return 5

    def send(self, text):
        self.told += 1
        return len(text)

    def readinto(self, buf):
        buf[:] = self.text
        return 512


class Surroundings:
    """Net, loop and greeting in one, with one client that waits."""

    page = "http://192.168.1.1/"

    def __init__(self, client):
        self.waiting = [(client, b"\x0a\0\0\7", 40000)]

    def tcp_listener(self, port, backlog):
        return self

    def accept(self, listener):
        return self.waiting.pop() if self.waiting else None

    def add(self, sock, handler):
        """Nobody polls here."""

    def remove(self, sock):
        """Nor here."""

    def ticket(self, address):
        return "4F2A91"


def heard_out(text, is_final):
    """Return how often the client was told something while the heap was locked; -1: it needed heap."""
    client = Client(text, 512)
    around = Surroundings(client)
    responder = Responder(around, around, PORT, lambda address: is_final, around, lambda address, port: None)
    responder.ready(around)
    for _ in range(5):
        responder.ready(client)
    told = client.told
    responder.tick(1000)
    micropython.heap_lock()
    try:
        for _ in range(TURNS):
            responder.ready(client)
        responder.tick(2000)
        return client.told - told
    except MemoryError:
        return -1
    finally:
        micropython.heap_unlock()


class NoAlloc(unittest.TestCase):
    def test_lines_long_lines_and_noise(self):
        for text in (b"NOOP\r\n", b"x" * 512, b"QUIT  ", b"QUITE\r\n", b"\0\xff\r"):
            for is_final in (False, True):
                self.assertEqual(heard_out(text, is_final), 0, (text[:8], is_final))
