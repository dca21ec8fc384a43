"""Frames out of thin air for a board's end of the link: `micropython link_noise.py COUNT SEED`.

Half of them at random, half whole ones with a bit flipped, to a board with a session; at the end a whole one, to show
that it listens.  Prints a line of JSON: what was taken, and what the heap held before and after.
"""

import gc
import hashlib
import json
import sys

from spamgate.service.link import Link
from spamgate.wire.link_channel import BINARY, TEXT, Channel

_KINDS = b"TBAOoRZ"
_WARM = 2000


class Commands:
    """Nothing may ask for anything."""

    def __init__(self):
        self.asked = 0

    def __getattr__(self, name):
        self.asked += 1
        raise AttributeError(name)


class Host:
    """The other side, which says little."""

    def opened(self):
        pass

    def lost(self):
        pass

    def received(self, kind, buf, start, end):
        pass


class Line:
    """A board's line: what it says goes nowhere."""

    def __init__(self):
        self.coming = b""

    def read_into(self, buf):
        count = min(len(buf), len(self.coming))
        buf[:count] = self.coming[:count]
        self.coming = self.coming[count:]
        return count

    def write(self, view):
        return len(view)


class Test:
    """A board in a session, and what it is given."""

    def __init__(self, seed):
        self.line = Line()
        self.commands = Commands()
        self.link = Link(self.line, self.commands, lambda: self.now_ms, lambda: b"abcd")
        self.now_ms = 0
        self.state = b"%d" % seed
        self.taken = 0
        self.sessions = 0
        self.link.received = self.received
        self.link.opened = self.opened
        self.host = Channel(Host(), lambda: b"efgh", True)
        self.open()

    def open(self):
        self.host.open(self.now_ms)
        self.give(bytes(self.host.pending(self.now_ms)))
        assert self.link.channel.is_open
        self.sessions = 0
        self.taken = 0

    def received(self, kind, buf, start, end):
        self.taken += 1

    def opened(self):
        self.sessions += 1

    def give(self, data):
        self.now_ms += 1
        self.line.coming = data
        while self.line.coming:
            self.link.poll(self.now_ms)

    def whole_frames(self):
        """Return frames that the board would take."""
        wholes = []
        host = self.host
        host.is_open = True
        host._seed_out = self.link.channel._seed_in
        for kind in (TEXT, BINARY):
            host.send(kind, b'{"type":"hello"}\n', 0, 17)
            slot = host._order[-1]
            wholes.append(bytes(slot.view[: slot.size]))
        return wholes

    def random(self):
        self.state = hashlib.sha256(self.state).digest()
        return self.state

    def noise(self):
        """A frame of a kind that there is, all else by chance."""
        data = self.random()
        return b"~" + _KINDS[data[0] % 7 :][:1] + data[1 : 6 + data[31] % 26] + b"~"

    def flipped(self, whole):
        """A whole frame of this session with one bit changed."""
        data = self.random()
        at = 1 + data[0] % (len(whole) - 2)
        return whole[:at] + bytes([whole[at] ^ 1 << data[1] % 8]) + whole[at + 1 :]


def main(count, seed):
    test = Test(seed)
    channel = test.link.channel
    wholes = test.whole_frames()
    before = 0
    for number in range(count + _WARM):
        if number == _WARM:
            gc.collect()
            before = gc.mem_alloc()
        test.give(test.noise() if number & 1 else test.flipped(wholes[number >> 1 & 1]))
    gc.collect()
    after = gc.mem_alloc()
    taken = test.taken
    test.give(wholes[0])
    told = {"taken": taken, "heard": test.taken - taken, "damaged": channel.damaged, "before": before, "after": after}
    told["sessions"] = test.sessions
    told["asked"] = test.commands.asked
    print(json.dumps(told))


main(int(sys.argv[1]), int(sys.argv[2]))
