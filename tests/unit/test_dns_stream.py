"""DNS messages out of TCP: the same whole and in pieces, and streams that do not get into each other."""

import unittest

from spamgate.wire.dns_stream import DnsStreams


def _framed(*bodies):
    return b"".join([bytes((len(body) >> 8, len(body) & 255)) + body for body in bodies])


def _read(streams, slot, side, data, step=100000):
    """Feed the data in pieces of `step` bytes, inside a larger buffer; return the messages."""
    found = []
    for at in range(0, len(data), step):
        piece = data[at : at + step]
        streams.feed(slot, side, bytearray(b"##" + piece + b"##"), 2, 2 + len(piece))
        while streams.next_message():
            found.append(bytes(streams.buf[streams.at : streams.end]))
    return found


class OneStream(unittest.TestCase):
    def test_messages_are_the_same_whole_and_in_pieces(self):
        bodies = [bytes(range(size)) for size in (12, 40, 0, 1, 255, 30)]
        for step in (1, 2, 3, 7, 41, 54, 1000):
            with self.subTest(step=step):
                self.assertEqual(_read(DnsStreams(), 3, 0, _framed(*bodies), step), bodies)

    def test_a_message_in_one_segment_is_read_where_it_lies(self):
        streams = DnsStreams()
        buf = bytearray(_framed(b"abc", b"defg"))
        streams.feed(1, 1, buf, 0, len(buf))
        self.assertTrue(streams.next_message())
        self.assertTrue(streams.buf is buf)
        self.assertEqual((streams.at, streams.end), (2, 5))
        self.assertTrue(streams.next_message())
        self.assertEqual((streams.at, streams.end), (7, 11))
        self.assertFalse(streams.next_message())

    def test_of_a_long_message_in_pieces_the_beginning_is_given(self):
        """510 bytes hold the question and the first answers; what follows the message is found again."""
        long = bytes(number & 255 for number in range(3000))
        self.assertEqual(_read(DnsStreams(), 1, 0, _framed(long, b"next")), [long, b"next"])
        self.assertEqual(_read(DnsStreams(), 1, 0, _framed(long, b"next"), 100), [long[:510], b"next"])
        exact = long[:510]
        self.assertEqual(_read(DnsStreams(), 1, 0, _framed(exact, long[:511]), 100), [exact, exact])

    def test_the_length_may_be_split(self):
        data = _framed(bytes(300))
        streams = DnsStreams()
        self.assertEqual(_read(streams, 1, 0, data[:1]), [])
        self.assertEqual(_read(streams, 1, 0, data[1:]), [bytes(300)])

    def test_no_bytes_are_no_message(self):
        streams = DnsStreams()
        self.assertFalse(streams.next_message())
        streams.feed(1, 0, b"", 0, 0)
        self.assertFalse(streams.next_message())


class Streams(unittest.TestCase):
    def test_two_gather_at_a_time(self):
        """The two sides of a connection are two streams."""
        streams = DnsStreams()
        there = _framed(b"question")
        back = _framed(b"the answer")
        found = []
        for at in range(12):
            found += _read(streams, 5, 0, there[at : at + 1])
            found += _read(streams, 5, 1, back[at : at + 1])
        self.assertEqual(found, [b"question", b"the answer"])

    def test_whole_messages_need_no_place(self):
        streams = DnsStreams()
        for slot in (1, 2):
            self.assertEqual(_read(streams, slot, 0, _framed(b"beginning")[:5]), [])
        self.assertEqual(_read(streams, 3, 0, _framed(b"whole")), [b"whole"])
        for slot in (1, 2):
            self.assertEqual(_read(streams, slot, 0, _framed(b"beginning")[5:]), [b"beginning"])

    def test_a_third_takes_the_place_of_the_one_that_waited_longer(self):
        streams = DnsStreams()
        data = _framed(b"beginning")
        for slot in (1, 2, 3):
            _read(streams, slot, 0, data[:5])
        self.assertEqual(_read(streams, 2, 0, data[5:]), [b"beginning"])
        self.assertEqual(_read(streams, 3, 0, data[5:]), [b"beginning"])

    def test_a_free_place_is_taken_before_that_of_another(self):
        streams = DnsStreams()
        data = _framed(b"beginning")
        _read(streams, 1, 0, data[:5])
        _read(streams, 2, 0, data[:5])
        _read(streams, 1, 0, data[5:])
        for slot in (3, 4, 5):
            self.assertEqual(_read(streams, slot, 0, data, 4), [b"beginning"])
        self.assertEqual(_read(streams, 2, 0, data[5:]), [b"beginning"])

    def test_a_new_connection_does_not_begin_where_the_old_one_ended(self):
        streams = DnsStreams()
        _read(streams, 1, 0, _framed(b"cut off")[:4])
        _read(streams, 2, 0, _framed(b"goes on")[:4])
        streams.forget(1)
        self.assertEqual(_read(streams, 1, 0, _framed(b"another"), 3), [b"another"])
        self.assertEqual(_read(streams, 2, 0, _framed(b"goes on")[4:]), [b"goes on"])


if __name__ == "__main__":
    unittest.main()
