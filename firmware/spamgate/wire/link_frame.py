"""Frames of the link, which share a serial line with a prompt that listens to control characters.

As in RFC 1662: a flag (0x7E) ends a frame and may begin the next one, an escape (0x7D) stands before each byte that a
frame must not contain, which is then sent XOR 0x20.  These are, beside the two, what MicroPython's prompt and mpremote
take for orders (0x01 to 0x04), line ends (0x0A, 0x0D) and flow control (0x11, 0x13).

    flag, kind, number, content, CRC-32 of all three (least byte first), flag

The CRC starts from a value that both sides have agreed on for their session: a frame of another session is damaged.
Bytes are looked for, moved and summed by calls that work on many at once: a board takes a microsecond for each step of
its own.  Nothing grows with what comes: a frame that is too long is skipped to the next flag.
"""

import binascii
import struct

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

MAX_FRAME = 240  # bytes of a frame on the line, between its flags
LEAST_FRAME = 32  # a frame smaller than this carries mostly itself
OVERHEAD = 7  # bytes of a frame that are no content: kind, number, CRC, flag

# The escape is first: what is put in for one of the others must not be taken for one that was there.
_ESCAPED = (b"\x7d", b"\x7e", b"\x01", b"\x02", b"\x03", b"\x04", b"\x0a", b"\x0d", b"\x11", b"\x13")
_FLAG = b"\x7e"
_FLAG_BYTE = const(0x7E)
_ESCAPE_BYTE = const(0x7D)
_BIT = const(0x20)
_LEAST = const(6)
_INBOX = const(192)
_RESIDUE = const(0x2144DF1C)  # the CRC-32 of anything with its own CRC behind it


class FrameReader:
    """Finds frames among what comes.

    Put bytes in `inbox` and call `take` until it has read them all.  After a call `size` is not 0 if a frame has ended
    there: `buf[:size]` is kind, number, content and CRC, to be checked with `is_whole`.
    """

    def __init__(self) -> None:
        self.inbox = bytearray(_INBOX)
        self.buf = bytearray(MAX_FRAME)
        self.size = 0
        self.on_text: "Callable[[bytes], object] | None" = None  # is given what is outside frames
        self._inbox_view = memoryview(self.inbox)
        self._view = memoryview(self.buf)
        self._used = 0
        self._is_outside = True  # before the first flag, and in a frame that is too long

    def take(self, at: int, end: int) -> int:
        """Read `inbox[at:end]` up to the next flag or the end; return where reading goes on."""
        self.size = 0
        flag = self.inbox.find(_FLAG, at, end)
        stop = end if flag < 0 else flag
        if stop > at:
            self._keep(at, stop)
        if flag < 0:
            return end
        if not self._is_outside and self._used:
            self._unescape()
        self._used = 0
        self._is_outside = False
        return flag + 1

    def is_whole(self, seed: int) -> bool:
        """Is the frame as it was sent by someone of this session?"""
        return binascii.crc32(self._view[: self.size], seed) == _RESIDUE

    def unfinished(self) -> bytes:
        """Return what came since the last flag."""
        return bytes(self._view[: self._used])

    def _keep(self, at: int, stop: int) -> None:
        used = self._used + stop - at
        if used > MAX_FRAME and not self._is_outside:
            self._is_outside = True
            if self.on_text:
                self.on_text(self.unfinished())
        if not self._is_outside:
            self._view[self._used : used] = self._inbox_view[at:stop]
            self._used = used
        elif self.on_text:
            self.on_text(bytes(self._inbox_view[at:stop]))

    def _unescape(self) -> None:
        buf = self.buf
        size = self._used
        at = buf.find(b"\x7d", 0, size)
        while at >= 0:
            size -= 1
            self._view[at:size] = self._view[at + 1 : size + 1]
            buf[at] ^= _BIT
            at = buf.find(b"\x7d", at + 1, size)
        self.size = size if size >= _LEAST else 0


def fitting(data: "bytes | bytearray", at: int, end: int, room: int) -> int:
    """Return how many bytes from `data[at:end]` take up to `room` bytes once escaped; a few less if many are."""
    count = min(end - at, room)
    excess = count - room
    for escaped in _ESCAPED:
        excess += data.count(escaped, at, at + count)
    return count - excess if 0 < excess <= count // 2 else count // 2 if excess > 0 else count


def write_frame(buf: bytearray, view: memoryview, kind: int, number: int, size: int, seed: int) -> int:
    """Make a frame in `buf`, where its content is at 3 already, of `size` bytes; return the end of the frame.

    It begins and ends with a flag; the first may be left out when another frame was sent right before.
    """
    buf[0] = _FLAG_BYTE
    buf[1] = kind
    buf[2] = number
    end = 3 + size
    struct.pack_into("<I", buf, end, binascii.crc32(view[1:end], seed))
    end = _escape(buf, view, 1, end + 4)
    buf[end] = _FLAG_BYTE
    return end + 1


def _escape(buf: bytearray, view: memoryview, start: int, end: int) -> int:
    for escaped in _ESCAPED:
        at = buf.find(escaped, start, end)
        while at >= 0:
            view[at + 2 : end + 1] = view[at + 1 : end]
            buf[at + 1] = buf[at] ^ _BIT
            buf[at] = _ESCAPE_BYTE
            end += 1
            at = buf.find(escaped, at + 2, end)
    return end
