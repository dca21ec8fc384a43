"""The channel over a line in a time of its own: whole and in order whatever the line does, and as fast as promised."""

import unittest

from fakes.line import FakeLine
from fakes.link import Pair, Side, noise

from spamgate.wire.link_channel import BINARY, HOST_WINDOW, TEXT

_HOUR_MS = 3600000


class Whole(unittest.TestCase):
    def carried(self, pair, size, seed=9):
        """Put so much from the host to the board; return the milliseconds."""
        self.assertTrue(pair.open())
        data = bytes(noise(size, seed))
        pair.host.to_send = data
        began_ms = pair.now_ms
        self.assertTrue(pair.run(_HOUR_MS, lambda: len(pair.board.got) >= size))
        self.assertEqual(bytes(pair.board.got), data)
        self.assertTrue(pair.run(1000, pair.host.channel.is_idle))
        return pair.now_ms - began_ms

    def test_a_clean_line_of_115200_baud_is_used_well(self):
        pair = Pair(FakeLine(12, 0, 260), FakeLine(12))
        took_ms = self.carried(pair, 6000)
        self.assertGreater(6000 / took_ms / 12, 0.86)
        self.assertEqual((pair.host.channel.resent, pair.down.dropped), (0, 0))

    def test_what_is_on_its_way_never_exceeds_the_window(self):
        pair = Pair(FakeLine(12, 0, 260), FakeLine(12))
        self.assertTrue(pair.open())
        pair.host.to_send = noise(5000, 3)
        deaf = pair.board.turn
        pair.board.turn = lambda came, goes, now_ms: None
        pair.run(9000, lambda: False)
        self.assertLessEqual(pair.down.most_waiting, 260)
        pair.board.turn = deaf
        self.assertTrue(pair.run(60000, lambda: len(pair.board.got) >= 5000))
        self.assertEqual(bytes(pair.board.got), noise(5000, 3))

    def test_frames_share_the_window_of_a_quick_line(self):
        speeds = []
        for parts in (1, 2, 3):
            pair = Pair(FakeLine(92, 1, 260), FakeLine(92, 1))
            self.assertTrue(pair.open())
            pair.host.channel.divide_window(parts)
            pair.host.to_send = noise(8000, 4)
            began_ms = pair.now_ms
            self.assertTrue(pair.run(_HOUR_MS, lambda pair=pair: len(pair.board.got) >= 8000))
            speeds.append(8000 / (pair.now_ms - began_ms) / 92)
        self.assertGreater(speeds[2], speeds[1])
        self.assertGreater(speeds[1], speeds[0])
        self.assertGreater(speeds[2], 0.65)

    def test_a_line_that_holds_back_carries_long_frames(self):
        pair = Pair(FakeLine(92), FakeLine(92), window=1024)
        took_ms = self.carried(pair, 12000)
        self.assertGreater(12000 / took_ms / 92, 0.85)

    def test_one_damaged_byte_of_a_hundred_delays_and_changes_nothing(self):
        for seed in (1, 2):
            pair = Pair(FakeLine(92, 0, 260, 100, seed), FakeLine(92, 0, 260, 100, seed + 50), seed=seed)
            self.carried(pair, 3000, seed)
            self.assertGreater(pair.host.channel.resent, 8)
            self.assertEqual((pair.host.losses, pair.board.losses), (0, 0))

    def test_both_directions_at_once_on_a_bad_line(self):
        pair = Pair(FakeLine(92, 1, 4096, 200, 7), FakeLine(92, 1, 4096, 200, 8))
        self.assertTrue(pair.open())
        down, up = bytes(noise(2500, 1)), bytes(noise(2500, 2))
        pair.host.to_send, pair.board.to_send = down, up
        self.assertTrue(pair.run(_HOUR_MS, lambda: len(pair.board.got) >= 2500 and len(pair.host.got) >= 2500))
        self.assertEqual((bytes(pair.board.got), bytes(pair.host.got)), (down, up))

    def test_text_and_bytes_do_not_mix(self):
        pair = Pair(FakeLine(92), FakeLine(92))
        self.assertTrue(pair.open())
        for number in range(20):
            for kind in (TEXT, BINARY):
                self.assertTrue(pair.run(1000, pair.host.channel.has_room))
                content = b"%d %d|" % (kind, number)
                self.assertEqual(pair.host.channel.send(kind, content, 0, len(content)), len(content))
        self.assertTrue(pair.run(1000, pair.host.channel.is_idle))
        self.assertEqual(bytes(pair.board.text), b"".join([b"%d %d|" % (TEXT, n) for n in range(20)]))
        self.assertEqual(bytes(pair.board.got), b"".join([b"%d %d|" % (BINARY, n) for n in range(20)]))

    def test_bytes_that_must_be_escaped_arrive_and_never_go_as_they_are(self):
        content = bytes(range(256)) + b"\x7d\x7e\x01\x02\x03\x04\x0a\x0d\x11\x13" * 30
        pair = Pair(FakeLine(92), FakeLine(92))
        seen = bytearray()
        write = pair.down.write

        def watch(data):
            count = write(data)
            seen.extend(bytes(data[:count]))
            return count

        pair.down.write = watch
        self.assertTrue(pair.open())
        pair.host.to_send = content
        self.assertTrue(pair.run(5000, lambda: len(pair.board.got) >= len(content)))
        self.assertEqual(bytes(pair.board.got), content)
        for control in b"\x01\x02\x03\x04\x0a\x0d\x11\x13":
            self.assertEqual(seen.find(bytes([control])), -1)


class Sessions(unittest.TestCase):
    def test_a_board_that_starts_anew_is_noticed_at_once_and_nothing_old_is_taken(self):
        pair = Pair(FakeLine(12), FakeLine(12))
        self.assertTrue(pair.open())
        pair.host.to_send = noise(4000, 1)
        pair.run(100, lambda: False)
        reborn = Side(False, 77)
        pair.board = reborn
        self.assertTrue(pair.run(200, lambda: pair.host.losses == 1))
        pair.run(100, lambda: False)
        self.assertEqual((bytes(reborn.got), pair.host.channel.is_open), (b"", False))
        pair.host.to_send = b""
        self.assertTrue(pair.open())
        pair.host.to_send = b"new"
        self.assertTrue(pair.run(1000, lambda: len(reborn.got) >= 3))
        self.assertEqual((bytes(reborn.got), reborn.sessions), (b"new", 1))

    def test_a_host_that_starts_anew_takes_over(self):
        pair = Pair(FakeLine(12), FakeLine(12))
        self.assertTrue(pair.open())
        pair.host.to_send = noise(4000, 1)
        pair.run(100, lambda: False)
        got = len(pair.board.got)
        pair.host = Side(True, 78, window=HOST_WINDOW, slots=8, frame_bytes=240)
        self.assertTrue(pair.open())
        pair.host.to_send = b"other"
        self.assertTrue(pair.run(1000, lambda: pair.board.got[-5:] == b"other"))
        self.assertLess(len(pair.board.got) - got, 260)
        self.assertEqual(pair.board.sessions, 2)

    def test_a_session_begins_on_a_bad_line(self):
        for seed in range(5):
            pair = Pair(FakeLine(12, 0, 260, 30, seed + 1), FakeLine(12, 0, 260, 30, seed + 60))
            pair.host.channel.open(0)
            self.assertTrue(pair.run(20000, lambda pair=pair: pair.host.channel.is_open and pair.board.channel.is_open))
            self.assertEqual(pair.host.sessions, 1)

    def test_what_is_echoed_is_not_taken(self):
        pair = Pair(FakeLine(12), FakeLine(12))
        self.assertTrue(pair.open())
        sent = bytearray()
        view = None
        pair.host.channel.send(BINARY, b"hello", 0, 5)
        view = pair.host.channel.pending(pair.now_ms)
        sent.extend(bytes(view))
        reader = pair.host.channel.reader
        reader.inbox[: len(sent)] = sent
        pair.host.channel.feed(len(sent), pair.now_ms)
        self.assertEqual((bytes(pair.host.got), pair.host.channel.damaged), (b"", 1))

    def test_nobody_there_ends_the_session_after_ten_seconds(self):
        pair = Pair(FakeLine(12), FakeLine(12))
        self.assertTrue(pair.open())
        pair.down.is_cut = pair.up.is_cut = True
        pair.host.to_send = b"anybody?"
        pair.run(9000, lambda: False)
        self.assertEqual(pair.host.losses, 0)
        self.assertTrue(pair.run(2000, lambda: pair.host.losses == 1))

    def test_an_end_is_heard(self):
        pair = Pair(FakeLine(12), FakeLine(12))
        self.assertTrue(pair.open())
        pair.host.channel.close()
        self.assertTrue(pair.run(100, lambda: not pair.board.channel.is_open))
        self.assertEqual(pair.board.losses, 1)


class Strangers(unittest.TestCase):
    def test_prompts_and_noise_are_no_frames(self):
        side = Side(False, 5)
        channel = side.channel
        for round in range(200):
            data = noise(160, round + 1) + b"\r\n>>> ~~~~ print('~')\r\n"
            channel.reader.inbox[: len(data)] = data
            channel.feed(len(data), round)
        self.assertEqual((side.sessions, bytes(side.got), channel.is_open), (0, b"", False))

    def test_a_board_answers_strangers_once_a_second_at_most(self):
        side = Side(False, 5)
        said = 0
        for now_ms in range(5000):
            side.channel.reader.inbox[:9] = b"~Xabcdef~"
            side.channel.feed(9, now_ms)
            view = side.channel.pending(now_ms)
            if view is not None:
                said += 1
                side.channel.wrote(len(view))
        self.assertLessEqual(said, 6)

    def test_a_confirmation_of_what_was_never_sent_changes_nothing(self):
        pair = Pair(FakeLine(92), FakeLine(92))
        self.assertTrue(pair.open())
        for number in range(256):
            pair.host.channel._confirm(number, 255)
        pair.host.to_send = b"x" * 1000
        self.assertTrue(pair.run(5000, lambda: len(pair.board.got) >= 1000))


if __name__ == "__main__":
    unittest.main()
