"""A host and a board with a line between them, all in a time of their own."""

from fakes.line import Dice
from spamgate.wire.link_channel import BINARY, HOST_WINDOW, TEXT, Channel


class Side:
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


class Pair:
    """A host and a board, and the line between them."""

    def __init__(self, down, up, window=250, seed=1):
        self.down = down
        self.up = up
        self.now_ms = 0
        self.host = Side(True, seed, window=HOST_WINDOW, slots=8, frame_bytes=240)
        self.board = Side(False, seed + 1, window=window)

    def run(self, most_ms, until):
        end_ms = self.now_ms + most_ms
        while self.now_ms < end_ms and not until():
            self.now_ms += 1
            self.down.step(self.now_ms)
            self.board.turn(self.down, self.up, self.now_ms)
            self.up.step(self.now_ms)
            self.host.turn(self.up, self.down, self.now_ms)
        return until()

    def others(self):
        """A millisecond for everyone but the board, which is in the middle of something."""
        self.now_ms += 1
        self.down.step(self.now_ms)
        self.up.step(self.now_ms)
        self.host.turn(self.up, self.down, self.now_ms)

    def open(self):
        self.host.channel.open(self.now_ms)
        return self.run(5000, lambda: self.host.channel.is_open)


def noise(size, seed):
    dice = Dice(seed)
    data = bytearray(size)
    for at in range(size):
        data[at] = dice.below(256)
    return data
