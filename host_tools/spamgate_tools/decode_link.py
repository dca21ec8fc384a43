"""The bytes of a link, of one direction or both as they came, as frames to read."""

import binascii
from collections.abc import Iterator, Mapping

from spamgate.wire.link_channel import BINARY, CONFIRM, OPEN, OPENED, RESET, SPAN, TEXT
from spamgate.wire.link_frame import FrameReader

_KINDS = {OPEN: "open", OPENED: "opened", RESET: "reset", CONFIRM: "confirm", TEXT: "text", BINARY: "binary"}
_OF_NO_SESSION = (OPEN, OPENED, RESET)
_OPENERS = {OPEN: "host", OPENED: "board"}
_CRC_BYTES = 4
_NONCE = slice(4, 8)
_ECHO = slice(8, 12)


def decode_link(data: bytes) -> Iterator[Mapping]:
    """Yield an object for each frame, and for each piece of what is outside frames."""
    decoder = _Decoder()
    for at in range(0, len(data), len(decoder.reader.inbox)):
        yield from decoder.take(data[at : at + len(decoder.reader.inbox)])
    rest = decoder.reader.unfinished()
    if rest:
        yield {"at": decoder.begun, "kind": "unfinished", "bytes": len(rest)}


class _Decoder:
    """What is known of the session so far."""

    def __init__(self) -> None:
        self.reader = FrameReader()
        self.reader.on_text = self._hear
        self.begun = 0  # where the frame begins that is being read
        self._at = 0
        self._outside = b""
        self._seeds: dict[str, int] = {}

    def take(self, data: bytes) -> Iterator[Mapping]:
        """Yield what ends in these bytes."""
        reader = self.reader
        reader.inbox[: len(data)] = data
        at = 0
        while at < len(data):
            came = at
            at = reader.take(at, len(data))
            begun, self.begun = self.begun, self._at + at
            if data[at - 1 : at] != b"~":
                self.begun = begun  # it goes on in the next piece
            if self._outside:
                yield {"at": self._at + came, "kind": "outside", "text": self._outside.decode("utf-8", "replace")}
                self._outside = b""
            if reader.size:
                yield {"at": begun, **self._frame(bytes(reader.buf[: reader.size]))}
        self._at += len(data)

    def _hear(self, text: bytes) -> None:
        self._outside += text

    def _frame(self, frame: bytes) -> Mapping:
        kind, number = frame[0], frame[1]
        content = frame[2:-_CRC_BYTES]
        who = self._sender(kind)
        if who is None:
            why = "damaged" if self._seeds else "damaged, or of a session whose beginning is not there"
            return {"error": why, "bytes": len(frame)}
        told: dict = {"kind": _KINDS.get(kind, f"unknown {kind}"), "from": who}
        if kind in (OPEN, OPENED):
            return {**told, **self._session(kind, content)}
        if kind == CONFIRM:
            after = content[0] if content else 0
            held = [(number + 1 + bit) & 255 for bit in range(SPAN) if after >> bit & 1]
            return {**told, "before": number, "and": held}
        if kind == TEXT:
            return {**told, "number": number, "bytes": len(content), "text": content.decode("utf-8", "replace")}
        return {**told, "number": number, "bytes": len(content)}

    def _sender(self, kind: int) -> str | None:
        """Return who sent the frame that the reader has, None when it is damaged."""
        if kind in _OF_NO_SESSION and self.reader.is_whole(0):
            return _OPENERS.get(kind, "either")
        for who, seed in self._seeds.items():
            if self.reader.is_whole(seed):
                return who
        return None

    def _session(self, kind: int, content: bytes) -> Mapping:
        """Take the nonces from which the CRCs of what follows start."""
        nonce = content[_NONCE]
        if kind == OPENED:
            host = content[_ECHO]
            self._seeds = {"host": binascii.crc32(host + nonce), "board": binascii.crc32(nonce + host)}
        window = int.from_bytes(content[1:3], "big")
        return {"version": content[0] if content else None, "window": window, "nonce": nonce.hex()}
