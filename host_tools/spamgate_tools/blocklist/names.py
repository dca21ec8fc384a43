"""Names as people and programs write them, into wire form; what is no name is refused with the reason.

ASCII names are taken as DNS takes them: underscores, a hyphen at either end and labels of digits are fine.
"""

import re

from spamgate_tools.blocklist.idn import to_ascii

_MAX_NAME_BYTES = 253  # as text without the final dot: RFC 1035's 255 bytes on the wire
_MAX_LABEL_BYTES = 63
_NAME = re.compile(rb"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_WITH_LENGTH = tuple(bytes([size]) for size in range(_MAX_LABEL_BYTES + 1))
_DIGIT_0, _DIGIT_9 = b"0"[0], b"9"[0]


class NoName(ValueError):
    """`reason` says why a text is no name that can be listed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def wire_name(text: bytes) -> bytes:
    """Return the wire form, lower case, without the final zero, of a name with or without a final dot."""
    name = text.lower()
    if name[-1:] == b".":
        name = name[:-1]
    if not _NAME.fullmatch(name):
        name = _in_ascii(name)
    if len(name) > _MAX_NAME_BYTES:
        raise NoName("name of more than 253 bytes")
    labels = name.split(b".")
    if _DIGIT_0 <= name[-1] <= _DIGIT_9 and labels[-1].isdigit():
        raise NoName("the last label is a number")
    return b"".join([_WITH_LENGTH[len(label)] + label for label in labels])


def _in_ascii(name: bytes) -> bytes:
    """Return what a name in another script is in DNS."""
    if name.isascii():
        raise NoName(_why_not(name))
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        raise NoName("broken UTF-8") from None
    try:
        name = to_ascii(text).encode("ascii")
    except ValueError:
        raise NoName("no name that IDNA 2008 knows") from None
    if not _NAME.fullmatch(name):
        raise NoName(_why_not(name))
    return name


def _why_not(name: bytes) -> str:
    if any(len(label) > _MAX_LABEL_BYTES for label in name.split(b".")):
        return "label of more than 63 bytes"
    if b".." in name or name[:1] in (b".", b""):
        return "empty label"
    return "not a name"


def dotted(wire: bytes) -> str:
    """Return a wire name as people read it."""
    labels = []
    at = 0
    while at < len(wire) and wire[at]:
        labels.append(wire[at + 1 : at + 1 + wire[at]].decode("ascii", "backslashreplace"))
        at += wire[at] + 1
    return ".".join(labels)
