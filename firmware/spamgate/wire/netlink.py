"""Netlink messages of netfilter: written into one buffer, and the errors that come back.

Headers and attributes are in the machine's own byte order, what attributes hold mostly in the network's
(linux/netlink.h, linux/netfilter/nfnetlink.h).
"""

import struct

from spamgate.core.compat import const

REQUEST = 0x1
ACK = 0x4
DUMP = 0x300
CREATE = 0x400

LITTLE = struct.pack("@H", 1)[0] == 1  # the machine's byte order

_NESTED = const(0x8000)
_HEADER_BYTES = const(16)
_ERROR = const(2)
_AF_UNSPEC = const(0)


class Request:
    """One or more messages in a buffer made once.  What does not fit is our own mistake."""

    def __init__(self, size: int) -> None:
        self.buf = bytearray(size)
        self.end = 0
        self.sequence = 0
        self._message_at = -1

    def clear(self) -> "Request":
        """Begin anew and return self."""
        self.end = 0
        self._message_at = -1
        return self

    def message(self, kind: int, flags: int, family: int = _AF_UNSPEC, resource: int = 0) -> "Request":
        """Begin a message of `kind` (subsystem << 8 | type) with its nfgenmsg header."""
        self._finish()
        self.sequence = (self.sequence + 1) & 0xFFFFFF
        self._message_at = self.end
        struct.pack_into("@IHHII", self.buf, self.end, 0, kind, flags, self.sequence, 0)
        struct.pack_into(">BBH", self.buf, self.end + _HEADER_BYTES, family, 0, resource)
        self.end += _HEADER_BYTES + 4
        return self

    def put(self, kind: int, data: "bytes | bytearray") -> None:
        """Add an attribute."""
        at = self.end
        size = len(data)
        struct.pack_into("@HH", self.buf, at, 4 + size, kind)
        self.buf[at + 4 : at + 4 + size] = data
        self._pad(at + 4 + size)

    def put_be32(self, kind: int, value: int) -> None:
        """Add a 32-bit number in network order."""
        struct.pack_into("@HH", self.buf, self.end, 8, kind)
        struct.pack_into(">I", self.buf, self.end + 4, value)
        self.end += 8

    def put_milliseconds(self, kind: int, seconds: int) -> None:
        """Add a 64-bit number of milliseconds in network order."""
        struct.pack_into("@HH", self.buf, self.end, 12, kind)
        struct.pack_into(">Q", self.buf, self.end + 4, seconds * 1000)
        self.end += 12

    def open(self, kind: int) -> int:
        """Begin an attribute that holds others; give the result to `close`."""
        at = self.end
        struct.pack_into("@HH", self.buf, at, 4, kind | _NESTED)
        self.end += 4
        return at

    def close(self, at: int) -> None:
        """End the attribute that `open` began."""
        struct.pack_into("@H", self.buf, at, self.end - at)

    def done(self) -> "memoryview":
        """Return all messages, to be sent at once."""
        self._finish()
        return memoryview(self.buf)[: self.end]

    def _finish(self) -> None:
        if self._message_at >= 0:
            struct.pack_into("@I", self.buf, self._message_at, self.end - self._message_at)

    def _pad(self, end: int) -> None:
        while end & 3:
            self.buf[end] = 0
            end += 1
        self.end = end


def first_error(replies: "bytes | bytearray", size: int) -> int:
    """Return the error number (positive) that the messages in `replies[:size]` carry; 0: acknowledged, -1: none."""
    found = -1
    at = 0
    while size - at >= _HEADER_BYTES + 4:
        length, kind = struct.unpack_from("@IH", replies, at)
        if kind == _ERROR:
            code = -int(struct.unpack_from("@i", replies, at + _HEADER_BYTES)[0])
            if code > 0:
                return code
            found = 0
        if length < _HEADER_BYTES:
            break
        at += (length + 3) & ~3
    return found


def find_attribute(buf: "bytes | bytearray", start: int, end: int, kind: int, least: int = 0) -> int:
    """Return where the attribute `kind` begins between `start` and `end`; its value is four bytes further.

    -1 when it is not there, or its value has less than `least` bytes.
    """
    at = start
    while end - at >= 4:
        size, found = struct.unpack_from("@HH", buf, at)
        if size < 4 or at + size > end:
            return -1
        if found & 0x3FFF == kind:
            return at if size >= 4 + least else -1
        at += (size + 3) & ~3
    return -1


def attribute_end(buf: "bytes | bytearray", at: int) -> int:
    """Return where the attribute at `at` ends."""
    return at + int(struct.unpack_from("@H", buf, at)[0])
