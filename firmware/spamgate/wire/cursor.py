"""The only place where bytes from outside are measured before they are read.

A reader asks `take(n)` for the offset of the next n bytes and indexes from there;
beyond what was taken it must not look.  Any shortage raises the one FormError.
"""

from spamgate.core.errors import SpamgateError


class FormError(SpamgateError):
    """Bytes that do not have the form their protocol demands."""


class Cursor:
    """A position in a lent buffer; made once and pointed at one buffer after another."""

    def __init__(self) -> None:
        self.buf: "bytes | bytearray" = b""
        self.at = 0
        self.end = 0

    def over(self, buf: "bytes | bytearray", start: int, end: int) -> "Cursor":
        """Point at `buf[start:end]` and return self."""
        if not 0 <= start <= end <= len(buf):
            raise FormError("no such bytes")
        self.buf = buf
        self.at = start
        self.end = end
        return self

    def left(self) -> int:
        """Return how many bytes have not been taken."""
        return self.end - self.at

    def take(self, count: int) -> int:
        """Return the offset of the next `count` bytes and step over them."""
        at = self.at
        if count < 0 or count > self.end - at:
            raise FormError("cut short")
        self.at = at + count
        return at

    def narrow(self, count: int) -> None:
        """Let nothing beyond the next `count` bytes be taken: an inner length field."""
        if count < 0 or count > self.end - self.at:
            raise FormError("cut short")
        self.end = self.at + count

    def seek(self, at: int, start: int) -> None:
        """Move to `at`, an absolute offset within [start, end): a compression pointer."""
        if not start <= at < self.end:
            raise FormError("points outside")
        self.at = at

    def u8(self) -> int:
        """Take one byte."""
        return self.buf[self.take(1)]

    def u16(self) -> int:
        """Take a big-endian 16-bit number."""
        at = self.take(2)
        return self.buf[at] << 8 | self.buf[at + 1]
