"""The channel over a line in a time of its own: whole and in order whatever the line does, and as fast as promised."""

import unittest

from fakes.line import Dice, FakeLine

from spamgate.wire.link_channel import BINARY, HOST_WINDOW, TEXT, Channel

_HOUR_MS = 3600000


class _Side:
    """One side: what it got, what it has to send."""

    def __init__(self, is_host, seed, **options):
        self.got = bytearray()
        self.text = bytearray()
        self.sessions = 0
        self.losses = 0
        self.to_send = b""
        self._dice = Dice(seed)
        self.channel = Channel(self, self.nonce, is_host, **options)

    def nonce(self):
        return bytes([self._dice.below(256) for _ in range(4)])

    def opened(self):
        self.sessions += 1

    def lost(self):
        self.losses += 1

    def received(self, kind, buf, start, end):
        if kind == TEXT:
            self.text.extend(buf[start:end])
        else:
            self.got.extend(buf[start:end])

    def turn(self, came, goes, now_ms):
        channel = self.channel
        count = came.read_into(channel.reader.inbox)
        while count:
            channel.feed(count, now_ms)
            count = came.read_into(channel.reader.inbox)
        while self.to_send and channel.has_room():
            count = channel.send(BINARY, self.to_send, 0, min(len(self.to_send), 240))
            if not count:
                break
            self.to_send = self.to_send[count:]
        view = channel.pending(now_ms)
        while view is not None:
            count = goes.write(view)
            if not count:
                break
            channel.wrote(count)
            view = channel.pending(now_ms)


class _Pair:
    """A host and a board, and the line between them."""

    def __init__(self, down, up, window=250, seed=1):
        self.down = down
        self.up = up
        self.now_ms = 0
        self.host = _Side(True, seed, window=HOST_WINDOW, slots=8, frame_bytes=240)
        self.board = _Side(False, seed + 1, window=window)

    def run(self, most_ms, until):
        end_ms = self.now_ms + most_ms
        while self.now_ms < end_ms and not until():
            self.now_ms += 1
            self.down.step(self.now_ms)
            self.board.turn(self.down, self.up, self.now_ms)
            self.up.step(self.now_ms)
            self.host.turn(self.up, self.down, self.now_ms)
        return until()

    def open(self):
        self.host.channel.open(self.now_ms)
        return self.run(5000, lambda: self.host.channel.is_open)


def _noise(size, seed):
    dice = Dice(seed)
    data = bytearray(size)
    for at in range(size):
        data[at] = dice.below(256)
    return data


class Whole(unittest.TestCase):
    def carried(self, pair, size, seed=9):
        """Put so much from the host to the board; return the milliseconds."""
        self.assertTrue(pair.open())
        data = bytes(_noise(size, seed))
        pair.host.to_send = data
        began_ms = pair.now_ms
        self.assertTrue(pair.run(_HOUR_MS, lambda: len(pair.board.got) >= size))
        self.assertEqual(bytes(pair.board.got), data)
        self.assertTrue(pair.run(1000, pair.host.channel.is_idle))
        return pair.now_ms - began_ms

    def test_a_clean_line_of_115200_baud_is_used_well(self):
        pair = _Pair(FakeLine(12, 0, 260), FakeLine(12))
        took_ms = self.carried(pair, 6000)
        self.assertGreater(6000 / took_ms / 12, 0.86)
        self.assertEqual((pair.host.channel.resent, pair.down.dropped), (0, 0))

    def test_what_is_on_its_way_never_exceeds_the_window(self):
        pair = _Pair(FakeLine(12, 0, 260), FakeLine(12))
        self.assertTrue(pair.open())
        pair.host.to_send = _noise(5000, 3)
        deaf = pair.board.turn
        pair.board.turn = lambda came, goes, now_ms: None
        pair.run(9000, lambda: False)
        self.assertLessEqual(pair.down.most_waiting, 260)
        pair.board.turn = deaf
        self.assertTrue(pair.run(60000, lambda: len(pair.board.got) >= 5000))
        self.assertEqual(bytes(pair.board.got), _noise(5000, 3))

    def test_frames_share_the_window_of_a_quick_line(self):
        speeds = []
        for parts in (1, 2, 3):
            pair = _Pair(FakeLine(92, 1, 260), FakeLine(92, 1))
            self.assertTrue(pair.open())
            pair.host.channel.divide_window(parts)
            pair.host.to_send = _noise(8000, 4)
            began_ms = pair.now_ms
            self.assertTrue(pair.run(_HOUR_MS, lambda pair=pair: len(pair.board.got) >= 8000))
            speeds.append(8000 / (pair.now_ms - began_ms) / 92)
        self.assertGreater(speeds[2], speeds[1])
        self.assertGreater(speeds[1], speeds[0])
        self.assertGreater(speeds[2], 0.65)

    def test_a_line_that_holds_back_carries_long_frames(self):
        pair = _Pair(FakeLine(92), FakeLine(92), window=1024)
        took_ms = self.carried(pair, 12000)
        self.assertGreater(12000 / took_ms / 92, 0.85)

    def test_one_damaged_byte_of_a_hundred_delays_and_changes_nothing(self):
        for seed in (1, 2):
            pair = _Pair(FakeLine(92, 0, 260, 100, seed), FakeLine(92, 0, 260, 100, seed + 50), seed=seed)
            self.carried(pair, 3000, seed)
            self.assertGreater(pair.host.channel.resent, 8)
            self.assertEqual((pair.host.losses, pair.board.losses), (0, 0))

    def test_both_directions_at_once_on_a_bad_line(self):
        pair = _Pair(FakeLine(92, 1, 4096, 200, 7), FakeLine(92, 1, 4096, 200, 8))
        self.assertTrue(pair.open())
        down, up = bytes(_noise(2500, 1)), bytes(_noise(2500, 2))
        pair.host.to_send, pair.board.to_send = down, up
        self.assertTrue(pair.run(_HOUR_MS, lambda: len(pair.board.got) >= 2500 and len(pair.host.got) >= 2500))
        self.assertEqual((bytes(pair.board.got), bytes(pair.host.got)), (down, up))

    def test_text_and_bytes_do_not_mix(self):
        pair = _Pair(FakeLine(92), FakeLine(92))
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
        pair = _Pair(FakeLine(92), FakeLine(92))
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
        pair = _Pair(FakeLine(12), FakeLine(12))
        self.assertTrue(pair.open())
        pair.host.to_send = _noise(4000, 1)
        pair.run(100, lambda: False)
        reborn = _Side(False, 77)
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
        pair = _Pair(FakeLine(12), FakeLine(12))
        self.assertTrue(pair.open())
        pair.host.to_send = _noise(4000, 1)
        pair.run(100, lambda: False)
        got = len(pair.board.got)
        pair.host = _Side(True, 78, window=HOST_WINDOW, slots=8, frame_bytes=240)
        self.assertTrue(pair.open())
        pair.host.to_send = b"other"
        self.assertTrue(pair.run(1000, lambda: pair.board.got[-5:] == b"other"))
        self.assertLess(len(pair.board.got) - got, 260)
        self.assertEqual(pair.board.sessions, 2)

    def test_a_session_begins_on_a_bad_line(self):
        for seed in range(5):
            pair = _Pair(FakeLine(12, 0, 260, 30, seed + 1), FakeLine(12, 0, 260, 30, seed + 60))
            pair.host.channel.open(0)
            self.assertTrue(pair.run(20000, lambda pair=pair: pair.host.channel.is_open and pair.board.channel.is_open))
            self.assertEqual(pair.host.sessions, 1)

    def test_what_is_echoed_is_not_taken(self):
        pair = _Pair(FakeLine(12), FakeLine(12))
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
        pair = _Pair(FakeLine(12), FakeLine(12))
        self.assertTrue(pair.open())
        pair.down.is_cut = pair.up.is_cut = True
        pair.host.to_send = b"anybody?"
        pair.run(9000, lambda: False)
        self.assertEqual(pair.host.losses, 0)
        self.assertTrue(pair.run(2000, lambda: pair.host.losses == 1))

    def test_an_end_is_heard(self):
        pair = _Pair(FakeLine(12), FakeLine(12))
        self.assertTrue(pair.open())
        pair.host.channel.close()
        self.assertTrue(pair.run(100, lambda: not pair.board.channel.is_open))
        self.assertEqual(pair.board.losses, 1)


class Strangers(unittest.TestCase):
    def test_prompts_and_noise_are_no_frames(self):
        side = _Side(False, 5)
        channel = side.channel
        for round in range(200):
            data = _noise(160, round + 1) + b"\r\n>>> ~~~~ print('~')\r\n"
            channel.reader.inbox[: len(data)] = data
            channel.feed(len(data), round)
        self.assertEqual((side.sessions, bytes(side.got), channel.is_open), (0, b"", False))

    def test_a_board_answers_strangers_once_a_second_at_most(self):
        side = _Side(False, 5)
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
        pair = _Pair(FakeLine(92), FakeLine(92))
        self.assertTrue(pair.open())
        for number in range(256):
            pair.host.channel._confirm(number, 255)
        pair.host.to_send = b"x" * 1000
        self.assertTrue(pair.run(5000, lambda: len(pair.board.got) >= 1000))


if __name__ == "__main__":
    unittest.main()
