"""Frames: whatever they hold arrives, nothing that must not be on the line is, and what is damaged is no frame."""

import unittest

from fakes.line import Dice

from spamgate.wire.link_frame import MAX_FRAME, OVERHEAD, FrameReader, fitting, write_frame

_FORBIDDEN = b"\x01\x02\x03\x04\x0a\x0d\x11\x13"


def _frame(content, kind=66, number=7, seed=0):
    buf = bytearray(2 * len(content) + 40)
    buf[3 : 3 + len(content)] = content
    return bytes(buf[: write_frame(buf, memoryview(buf), kind, number, len(content), seed)])


def _read(reader, data, step, seed=0):
    """Return the contents of the whole frames in `data`, given in steps."""
    found = []
    for start in range(0, len(data), step):
        part = data[start : start + step]
        reader.inbox[: len(part)] = part
        at = 0
        while at < len(part):
            at = reader.take(at, len(part))
            if reader.size and reader.is_whole(seed):
                found.append(bytes(reader.buf[: reader.size - 4]))
    return found


class Frames(unittest.TestCase):
    def test_a_frame_is_what_the_docstring_says(self):
        self.assertEqual(_frame(b"hi", 84, 5), b"~T\x05hi" + _crc(b"T\x05hi") + b"~")

    def test_any_content_arrives_in_any_steps(self):
        dice = Dice(3)
        contents = [b"", b"x", bytes(range(100)), b"\x7d\x7e" * 50, _FORBIDDEN * 12]
        contents += [bytes([dice.below(256) for _ in range(dice.below(100))]) for _ in range(40)]
        line = b"".join([_frame(content, 66, 10) for content in contents])
        for forbidden in _FORBIDDEN:
            self.assertEqual(line.find(bytes([forbidden])), -1)
        for step in (1, 3, 50, 192):
            found = _read(FrameReader(), line, step)
            self.assertEqual([frame[2:] for frame in found], contents)
            self.assertEqual({frame[:2] for frame in found}, {b"B\x0a"})

    def test_one_flag_may_end_a_frame_and_begin_the_next(self):
        line = _frame(b"one") + _frame(b"two")[1:] + _frame(b"three")[1:]
        self.assertEqual([frame[2:] for frame in _read(FrameReader(), line, 7)], [b"one", b"two", b"three"])

    def test_a_frame_of_another_session_is_damaged(self):
        self.assertEqual(_read(FrameReader(), _frame(b"one", seed=5), 9, seed=6), [])
        self.assertEqual(len(_read(FrameReader(), _frame(b"one", seed=5), 9, seed=5)), 1)

    def test_any_bit_flipped_byte_lost_or_doubled_is_found(self):
        whole = _frame(bytes(range(40)))
        for at in range(1, len(whole) - 1):
            for bit in range(8):
                flipped = whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
                self.assertEqual(_read(FrameReader(), flipped, 200), [], (at, bit))
            self.assertEqual(_read(FrameReader(), whole[:at] + whole[at + 1 :], 200), [], at)
            self.assertEqual(_read(FrameReader(), whole[:at] + whole[at : at + 1] + whole[at:], 200), [], at)

    def test_what_is_too_long_is_skipped_and_the_next_is_read(self):
        reader = FrameReader()
        for size in (MAX_FRAME + 1, 1000, 5000):
            self.assertEqual([f[2:] for f in _read(reader, b"~" + b"x" * size + _frame(b"next"), 100)], [b"next"])
        self.assertEqual(len(reader.buf), MAX_FRAME)

    def test_what_is_outside_is_heard_and_no_frame(self):
        reader = FrameReader()
        heard = []
        reader.on_text = heard.append
        self.assertEqual(len(_read(reader, b"boot: ok\r\n>>> " + _frame(b"in"), 100)), 1)
        self.assertEqual(b"".join(heard), b"boot: ok\r\n>>> ")
        _read(reader, b"Traceback", 100)
        self.assertEqual(reader.unfinished(), b"Traceback")

    def test_an_escape_at_the_end_and_flags_in_a_row_do_no_harm(self):
        self.assertEqual(len(_read(FrameReader(), b"~~~}~~abc}~}~" + _frame(b"x") + b"~~", 2)), 1)


class Fitting(unittest.TestCase):
    def test_as_much_as_has_room(self):
        self.assertEqual(fitting(b"x" * 300, 0, 300, 100), 100)
        self.assertEqual(fitting(b"x" * 300, 250, 300, 100), 50)
        self.assertEqual(fitting(b"\x7e" * 300, 0, 300, 100), 50)
        self.assertEqual(fitting(b"\x7e", 0, 1, 25), 1)

    def test_escaped_it_is_never_more_and_seldom_much_less(self):
        dice = Dice(9)
        for round in range(200):
            many = round % 3 == 0
            data = bytes([_FORBIDDEN[dice.below(8)] if many and dice.below(2) else dice.below(256) for _ in range(260)])
            room = 25 + dice.below(200)
            count = fitting(data, 0, len(data), room)
            size = len(_frame(data[:count], 66, 7)) - 1 - OVERHEAD
            self.assertLessEqual(size, room + 4)  # the CRC may need escapes as well
            self.assertGreater(size, room * (0.5 if many else 0.8) - 4)


def _crc(data):
    import binascii
    import struct

    crc = struct.pack("<I", binascii.crc32(data))
    return b"".join([b"}" + bytes([b ^ 32]) if b in _FORBIDDEN + b"}~" else bytes([b]) for b in crc])


if __name__ == "__main__":
    unittest.main()
