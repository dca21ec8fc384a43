"""The serial line beside the REPL: standard input and output, which on a board are its UART or USB.

A board's standard input gives exactly as many bytes as were asked for, and waits for them; it tells only that there is
one more.  So bytes are taken one by one, from a ring of 260 bytes that the interrupt handler fills.
"""

import select
import sys

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

_POLLIN = const(1)
_POLLOUT = const(4)


class ConsoleLine:
    """Bytes in, bytes out, without waiting.  Ctrl-C (0x03) never arrives: it is taken out before, and interrupts."""

    def __init__(self, source: "Any" = None, sink: "Any" = None) -> None:
        taken_from: "Any" = source or sys.stdin.buffer
        self._readinto = taken_from.readinto  # looked up once: that takes memory
        self._sink: "Any" = sink or sys.stdout.buffer
        self._arrived = _asker(source or sys.stdin, _POLLIN)
        self._takes = _asker(sink or sys.stdout, _POLLOUT)
        self._one = bytearray(1)

    def has_input(self) -> bool:
        """Has anything arrived?"""
        for _ in self._arrived(0):
            return True
        return False

    def read_into(self, buf: bytearray) -> int:
        """Put what has arrived into `buf`, from its start; return how much, 0 for nothing.  Allocation-free."""
        count = 0
        size = len(buf)
        one = self._one
        readinto = self._readinto
        arrived = self._arrived
        while count < size:
            for _ in arrived(0):
                break
            else:
                break
            if not readinto(one):
                break  # the other end is gone
            buf[count] = one[0]
            count += 1
        return count

    def write(self, view: "bytes | bytearray | memoryview") -> int:
        """Send; return how much of it the line took."""
        for _ in self._takes(0):
            return self._sink.write(view) or 0
        return 0


def _asker(stream, events: int):
    """Return what tells, given a time-out in ms, whether the stream is ready: it gives something to step through."""
    poll = select.poll()
    poll.register(stream, events)
    asker = getattr(poll, "ipoll", None) or poll.poll
    asker(0)  # the first time takes memory
    return asker
