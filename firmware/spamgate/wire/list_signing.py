"""Making the head of a list (`list_manifest.py`): what builds and signs lists needs, and no device."""

from spamgate.core.compat import const
from spamgate.wire.json_text import quote
from spamgate.wire.list_manifest import HEAD_BYTES, make_mark

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

_ERASED = b"\xff"


def encode_manifest(manifest: "dict[str, Any]") -> bytes:
    """Return the one text of a manifest: sorted keys, no blanks, ASCII."""
    pairs = ["%s:%s" % (quote(name), _value(manifest[name])) for name in sorted(manifest)]
    return ("{" + ",".join(pairs) + "}").encode()


def make_head(magic: bytes, manifest: bytes, signature: bytes = b"") -> bytes:
    """Return the first 4096 bytes of a file."""
    head = make_mark(magic, manifest, signature) + manifest + signature
    return head + _ERASED * (HEAD_BYTES - len(head))


def _value(value: "str | int") -> str:
    return quote(value) if isinstance(value, str) else "%d" % value
