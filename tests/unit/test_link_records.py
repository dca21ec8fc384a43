"""Text in, records on the wire, text out, in any pieces."""

import unittest

from fakes.aes import make_aes

from spamgate.wire.link_auth import Client, Server
from spamgate.wire.link_records import Records
from spamgate.wire.link_seal import RECORD_BYTES, TEXT_BYTES, AuthError

_KEY = bytes(range(32))


def _both():
    client, server = Client(_KEY, b"c" * 32), Server(_KEY, b"s" * 32)
    server.check(client.prove(server.answer(client.hello())))
    return Records(*client.seals(make_aes)), Records(*server.seals(make_aes))


def _written(records, text, most=RECORD_BYTES):
    """Return what goes over the wire for a text, taken in pieces of up to `most`."""
    wire = b""
    at = 0
    while at < len(text):
        count = records.write(memoryview(text)[at:])
        at += count
        view = records.unsent()
        while len(view):
            piece = bytes(view[:most])
            wire += piece
            records.sent(len(piece))
            view = records.unsent()
    return wire


def _read(records, wire, most=RECORD_BYTES, size=100):
    """Return the text of what came over the wire, in pieces of up to `most`."""
    text = b""
    buf = bytearray(size)
    at = 0
    while True:
        count = records.read_into(buf)
        text += bytes(buf[:count])
        space = records.space()
        if not count and at == len(wire):
            return text
        if not count:
            piece = wire[at : at + min(most, len(space))]
            space[: len(piece)] = piece
            records.received(len(piece))
            at += len(piece)


class Text(unittest.TestCase):
    def test_text_comes_through_in_pieces_of_any_size(self):
        text = bytes([at * 7 & 255 for at in range(5000)])
        for most in (1, 3, 700, RECORD_BYTES):
            ours, theirs = _both()
            self.assertEqual(_read(theirs, _written(ours, text, most), most, most), text)
            self.assertEqual(_read(ours, _written(theirs, b"yes")), b"yes")

    def test_several_writes_go_in_one_record(self):
        ours, theirs = _both()
        self.assertEqual((ours.write(b"one"), ours.write(b"two")), (3, 3))
        wire = bytes(ours.unsent())
        self.assertEqual(len(wire), 6 + 18)
        self.assertEqual(_read(theirs, wire), b"onetwo")

    def test_nothing_is_taken_while_a_record_is_on_its_way(self):
        ours, _ = _both()
        ours.write(b"one")
        size = len(ours.unsent())
        ours.sent(size - 1)
        self.assertEqual((ours.write(b"two"), len(ours.unsent())), (0, 1))
        ours.sent(1)
        self.assertEqual((len(ours.unsent()), ours.write(b"two")), (0, 3))

    def test_a_record_takes_what_fits(self):
        ours, _ = _both()
        self.assertEqual((ours.write(bytes(5000)), ours.write(b"more")), (TEXT_BYTES, 0))

    def test_there_is_no_space_while_text_waits(self):
        ours, theirs = _both()
        wire = _written(ours, b"status")
        theirs.space()[:] = wire[:2]
        theirs.received(2)
        theirs.space()[:] = wire[2:]
        theirs.received(len(wire) - 2)
        self.assertEqual((theirs.has_text(), len(theirs.space())), (True, 0))
        self.assertEqual(theirs.read_into(bytearray(10)), 6)
        self.assertEqual((theirs.has_text(), len(theirs.space())), (False, 2))

    def test_no_record_is_longer_than_the_buffer(self):
        _, theirs = _both()
        theirs.space()[:] = b"\xff\xff"
        with self.assertRaises(AuthError):
            theirs.received(2)


if __name__ == "__main__":
    unittest.main()
