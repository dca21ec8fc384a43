"""Lists for boards of tests: real bodies of the names they are given, signed with a key that nobody trusts."""

import hashlib
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from fakes.lists import key

from spamgate.store.list_trust import encode_key
from spamgate.wire.list_manifest import LIST, signed_digest
from spamgate.wire.list_signing import encode_manifest, make_head
from spamgate.wire.list_writer import ListWriter, NameHasher

_RANGE_BITS = 40
_MOST_LABELS = 127
_MONTH_S = 30 * 86400


def public_key(number: int = 0) -> str:
    """Return what boards are told to trust: the setting `list_key`."""
    return encode_key(key(number).modulus)


def wire(name: str) -> bytes:
    """Return a name as a question has it, without the zero at its end."""
    return b"".join(bytes((len(label),)) + label for label in name.encode().split(b"."))


def made_body(names: Iterable[str], allow: Sequence[str] = ()) -> bytes:
    """Return the body of a list of these names, each with those below it."""
    hasher = NameHasher()
    writer = ListWriter(_RANGE_BITS, 0, 0, 1, _MOST_LABELS)
    writer.allow = [hasher.full(wire(name)) for name in allow]
    return writer.body([hasher.full(wire(name)) for name in names])


def write_list(path: Path, body: bytes, age_minutes: int = 0, signer: int = 0, **other: object) -> Path:
    """Write a signed list that was made so long ago; its version is the minute in which it was."""
    created = int(time.time()) - 60 * age_minutes
    manifest = {
        "board_class": "any",
        "class": "exact",
        "created": created,
        "expires": created + _MONTH_S,
        "format": 1,
        "id": "default",
        "names": int.from_bytes(body[8:12], "little"),
        "sha256": hashlib.sha256(body).hexdigest(),
        "size": len(body),
        "version": created // 60,
        **other,
    }
    text = encode_manifest(manifest)
    path.write_bytes(make_head(LIST, text, key(signer).sign(signed_digest(text))) + body)
    return path
