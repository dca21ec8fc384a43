"""A link with nothing to do takes nothing from the heap, and a frame takes only what is let go at once."""

import gc
import unittest

import micropython
from fakes.line import FakeLine
from fakes.link import Pair

from spamgate.service.link import Link
from spamgate.wire.link_channel import BINARY

_FRAMES = 300
_MOST_BYTES = 1000  # that a frame leaves for the collector, its confirmation included


class _Ends:
    """A line with nothing on it, or one frame."""

    def __init__(self):
        self.frame = b""

    def read_into(self, buf):
        size = len(self.frame)
        if size:
            buf[:size] = self.frame
            self.frame = b""
        return size

    def write(self, view):
        return len(view)


def _in_session():
    """Return a board's link in a session, its ends, and the host."""
    pair = Pair(FakeLine(200), FakeLine(200))
    ends = _Ends()
    link = Link(ends, None, lambda: 0, lambda: b"abcd")
    host = pair.host.channel
    host.open(0)
    ends.frame = bytes(host.pending(0))
    link.poll(0)
    host.is_open = True
    host._seed_out = link.channel._seed_in
    return link, ends, host


class Idle(unittest.TestCase):
    def test_polling_does_not_allocate(self):
        link, _, _ = _in_session()
        poll = link.poll
        for now_ms in (1, 2):
            poll(now_ms)
        micropython.heap_lock()
        try:
            for now_ms in range(1000):
                poll(now_ms)
        finally:
            micropython.heap_unlock()
        self.assertTrue(link.channel.is_open)


class Frames(unittest.TestCase):
    def test_a_frame_keeps_nothing(self):
        link, ends, host = _in_session()
        content = bytes(range(60))
        frames = []
        for _ in range(4):
            host.send(BINARY, content, 0, 60)
            slot = host._order[-1]
            frames.append(bytes(slot.view[: slot.size]))
        ends.frame = frames[0]
        link.poll(1)
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        for number in range(_FRAMES):
            link.channel._expected = 1 + number % 3
            ends.frame = frames[1 + number % 3]
            link.poll(number)
        allocated = gc.mem_alloc() - before
        gc.enable()
        self.assertLess(allocated // _FRAMES, _MOST_BYTES)
        gc.collect()
        self.assertLess(abs(gc.mem_alloc() - before), 200)
        self.assertEqual(link.channel.damaged, 0)


if __name__ == "__main__":
    unittest.main()
