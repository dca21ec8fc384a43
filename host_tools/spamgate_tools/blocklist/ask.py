"""Ask an open list for what people write: a name in any script and case, or an address."""

import ipaddress
from typing import Any

from spamgate.wire.list_file import ITSELF, NONE, ListFile
from spamgate_tools.blocklist.names import NoName, wire_name

_HOW = {NONE: None, ITSELF: "exact"}
_MOST_LABEL_BYTES = 63
_MOST_NAME_BYTES = 254


def ask(reader: ListFile, text: str) -> dict[str, Any]:
    """Return the answer in the form that `blocklist query` prints."""
    packed = _packed(text)
    if packed is not None:
        is_listed = reader.address(packed)
        return _answer(text, "address" if is_listed else None, False)
    name = _wire(text)
    how = reader.how(name) if name else NONE
    return _answer(text, _HOW.get(how, "parent"), bool(name) and reader.allowed(name))


def _answer(text: str, by: str | None, is_allowed: bool) -> dict[str, Any]:
    return {"name": text, "listed": by is not None, "by": by, "allowed": is_allowed}


def _packed(text: str) -> bytes | None:
    try:
        return ipaddress.ip_address(text).packed
    except ValueError:
        return None


def _wire(text: str) -> bytes:
    """Return the wire form; what DNS could carry but no source lists is asked for as it is, the rest is no name."""
    raw = text.encode("utf-8", "surrogateescape")
    try:
        return wire_name(raw)
    except NoName:
        labels = raw.lower().removesuffix(b".").split(b".")
        if not all(0 < len(label) <= _MOST_LABEL_BYTES for label in labels):
            return b""
        name = b"".join(bytes((len(label),)) + label for label in labels)
        return name if len(name) <= _MOST_NAME_BYTES else b""
