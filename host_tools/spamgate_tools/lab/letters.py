"""Messages that travel through the lab, and how two copies of one are told to be the same."""

import hashlib
import random
import re
from collections.abc import Sequence
from email.utils import formatdate

_LINE = 70
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ,.-"
# What servers on the way put on top (RFC 5321 4.4), with continuation lines
_TRACE_FIELDS = rb"received|return-path|delivered-to|x-original-to|envelope-to|delivery-date"
_TRACE = re.compile(rb"\A(?:(?:" + _TRACE_FIELDS + rb"):[^\n]*\n(?:[ \t][^\n]*\n)*)*", re.I)
_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*(?:\r?\n[ \t]+)?<([^>\r\n]*)>", re.I | re.M)
_HEADER_BYTES = 16384


def letter(sender: str, recipients: Sequence[str], name: str, body_bytes: int = 600, seed: int = 1) -> bytes:
    """Return a message whose id is `name`; its body is of this size and always the same for a seed."""
    head = (
        f"From: <{sender}>\r\nTo: {', '.join(f'<{one}>' for one in recipients)}\r\nSubject: {name}\r\n"
        f"Date: {formatdate(1_790_000_000)}\r\nMessage-ID: <{name}>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    )
    return head.encode("ascii") + body(body_bytes, seed)


def body(size: int, seed: int) -> bytes:
    """Return lines of text, `size` bytes in all (rounded up to a line)."""
    chance = random.Random(seed)
    block = b"".join(bytes(chance.choices(_ALPHABET, k=_LINE)) + b"\r\n" for _ in range(64))
    count = -(-size // (_LINE + 2))
    lines = block * (count // 64 + 1)
    return lines[: count * (_LINE + 2)]


def message_id(message: bytes) -> str:
    """Return the id of a message, or an empty string."""
    found = _MESSAGE_ID.search(message[:_HEADER_BYTES])
    return found[1].decode("ascii", "replace") if found else ""


def digest(message: bytes) -> str:
    """Return the SHA-256 of a message as its sender made it: without the trace that servers put on top of it."""
    trace = _TRACE.match(message)
    return hashlib.sha256(memoryview(message)[trace.end() if trace else 0 :]).hexdigest()
