"""Sealed records: what goes over a link by TCP once both sides have proved themselves (`link_auth.py`).

    length of the text, two bytes | text, encrypted | first 16 bytes of HMAC(key, counter, length, encrypted text)

Encrypt, then authenticate: AES-256 in counter mode (NIST SP 800-38A 6.5), one key stream for the whole session and
direction.  The counter of the HMAC is the number of records before this one, and is not sent: a record that is left
out, repeated, moved, changed, or of another session or direction has the wrong tag, and that ends the session.
"""

import hashlib
import struct

from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

    MakeAes = Callable[[bytes], Callable[[bytearray], bytes]]

TEXT_BYTES = 1024  # the most that a record holds
LENGTH_BYTES = 2
TAG_BYTES = 16
RECORD_BYTES = LENGTH_BYTES + TEXT_BYTES + TAG_BYTES

_HASH_BLOCK = const(64)  # of SHA-256
_BLOCK = const(16)  # of AES
_STREAM_BYTES = const(128)  # encrypted at a time
_MOST = const(0x3FFFFFFF)  # records, and blocks of key stream: a session ends before it repeats itself


class AuthError(SpamgateError):
    """The other side is not who it should be, or what it sent was changed, cut, moved or sent before."""


class Mac:
    """HMAC-SHA256 with one key of up to 64 bytes; MicroPython has the hash and no HMAC."""

    def __init__(self, key: bytes) -> None:
        key += bytes(_HASH_BLOCK - len(key))
        self._inner = bytes([byte ^ 0x36 for byte in key])
        self._outer = bytes([byte ^ 0x5C for byte in key])

    def of(self, *parts: "bytes | bytearray | memoryview") -> bytes:
        """Return the code of the parts, one behind the other."""
        inner = hashlib.sha256(self._inner)
        for part in parts:
            inner.update(part)
        outer = hashlib.sha256(self._outer)
        outer.update(inner.digest())
        return outer.digest()


def is_same(one: "bytes | memoryview", other: "bytes | memoryview") -> bool:
    """Are they equal?  Takes the same time wherever they differ."""
    difference = len(one) ^ len(other)
    for left, right in zip(one, other):
        difference |= left ^ right
    return difference == 0


class Seal:
    """One direction of a session, at its one end or its other.

    `aes` encrypts whole blocks in ECB mode, `aes(blocks) -> bytes`, and `mac` is a Mac, both with keys of their own.
    """

    def __init__(self, aes: "Callable[[bytearray], bytes]", mac: Mac) -> None:
        self._aes = aes
        self._mac = mac
        self._count = 0
        self._block = 0  # of the key stream
        self._stream = b""
        self._used = 0  # of the stream

    def seal(self, record: bytearray, size: int) -> int:
        """Make a record of the text of `size` bytes that lies behind the place for the length; return its length."""
        struct.pack_into(">H", record, 0, size)
        end = LENGTH_BYTES + size
        view = memoryview(record)
        self._encrypt(view[LENGTH_BYTES:end])
        view[end : end + TAG_BYTES] = self._tag(view[:end])
        return end + TAG_BYTES

    def open(self, record: bytearray, end: int) -> int:
        """Check a record whose tag begins at `end` and decrypt its text in place; return the text's length."""
        view = memoryview(record)
        if not is_same(self._tag(view[:end]), view[end : end + TAG_BYTES]):
            raise AuthError("a record that was changed, or sent before")
        self._encrypt(view[LENGTH_BYTES:end])
        return end - LENGTH_BYTES

    def _tag(self, sealed: memoryview) -> bytes:
        if self._count > _MOST or self._block > _MOST:
            raise AuthError("a session that is too long")
        code = self._mac.of(struct.pack(">I", self._count), sealed)
        self._count += 1
        return code[:TAG_BYTES]

    def _encrypt(self, text: memoryview) -> None:
        """Encrypt or decrypt in place: the same in this mode."""
        at = 0
        while at < len(text):
            if self._used == len(self._stream):
                self._draw()
            count = min(len(text) - at, len(self._stream) - self._used)
            stream = self._stream[self._used : self._used + count]
            mixed = int.from_bytes(text[at : at + count], "little") ^ int.from_bytes(stream, "little")
            text[at : at + count] = mixed.to_bytes(count, "little")
            self._used += count
            at += count

    def _draw(self) -> None:
        """Make the next piece of the key stream: the encrypted numbers of its blocks."""
        counters = bytearray(_STREAM_BYTES)
        for at in range(_BLOCK - 4, _STREAM_BYTES, _BLOCK):
            struct.pack_into(">I", counters, at, self._block)
            self._block += 1
        self._stream = self._aes(counters)
        self._used = 0


def text_size(record: "bytes | bytearray") -> int:
    """Return the length of text that the head of a record announces; AuthError if there is no such record."""
    size = record[0] << 8 | record[1]
    if not 0 < size <= TEXT_BYTES:
        raise AuthError("a record of %d bytes" % size)
    return size
