"""The head of a blocklist: the first 4096 bytes of its file, and of the slot in which a board keeps it.

    0     the mark: magic (4), length of the manifest (u16), of the signature (u16), CRC-32 (u32) of the eight bytes
          before and of manifest and signature, zeros (4); little-endian.  All-FF in a slot that is being written.
    16    the manifest: one JSON object; and the signature over it
    2032  in a slot that is being written, the mark that it will get; else FF
    2048  in a slot, one byte for each 16 KiB of body: FF until they are written, then 00; in files FF

The manifest says what the body is.  What is signed is the manifest behind a label, so that no signature made for
anything else serves here.  Nothing in it is believed, nor even parsed, on a device before the signature is good.
"""

import binascii
import hashlib
import json
import struct

from spamgate.core.compat import const
from spamgate.wire.cursor import FormError

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

HEAD_BYTES = 4096
SIGNATURE_BYTES = 384
MARK_BYTES = 16
PENDING_AT = 2032
PROGRESS_AT = 2048
DELTA_HEAD_BYTES = 2048  # before a delta's body in a file: a list's head without the marks of progress
STRIDE_BYTES = 16384  # of body for each byte of progress
LIST = b"SGB1"
DELTA = b"SGD1"
LABEL = b"Spamgate list 1\0"
FORMAT = 1

_SIGNATURE_BYTES = const(384)
_MANIFEST_AT = const(16)
_PENDING_AT = const(2032)
_SUMMED_BYTES = const(8)
_CRC_END = const(12)
_MOST_LETTERS = const(32)
_HEX_DIGITS = const(64)
_KEY_LETTERS = const(512)
_NUMBERS = ("created", "expires", "format", "names", "size", "version")
_WORDS = ("board_class", "class", "id")


class Head:
    """A head taken apart; `signature` is empty where nobody has signed yet."""

    def __init__(self, magic: bytes, manifest: bytes, signature: bytes) -> None:
        self.magic = magic
        self.manifest = manifest
        self.signature = signature


def split_head(buf: "bytes | bytearray", at: int = 0) -> Head:
    """Take apart the head in `buf`, its mark being `at`; FormError when this is none, or a bit of it has changed."""
    mark = bytes(buf[at : at + MARK_BYTES])
    magic = mark[:4]
    if magic not in (LIST, DELTA) or len(mark) < MARK_BYTES:
        raise FormError("not a list")
    length, signed, crc, zero = struct.unpack("<HHII", mark[4:])
    end = _MANIFEST_AT + length
    if zero or signed not in (0, _SIGNATURE_BYTES) or end + signed > min(len(buf), _PENDING_AT):
        raise FormError("the head of the list is damaged")
    manifest = bytes(buf[_MANIFEST_AT:end])
    signature = bytes(buf[end : end + signed])
    if crc != _crc(mark, manifest, signature):
        raise FormError("the head of the list is damaged")
    return Head(magic, manifest, signature)


def signed_digest(manifest: bytes) -> bytes:
    """Return the SHA-256 of what a signature is over."""
    return hashlib.sha256(LABEL + manifest).digest()


def head_bytes(mark: bytes) -> int:
    """Return how much `split_head` wants to see of the head with this mark, at most."""
    return min(_MANIFEST_AT + (mark[4] | mark[5] << 8) + (mark[6] | mark[7] << 8), _PENDING_AT)


def make_mark(magic: bytes, manifest: bytes, signature: bytes) -> bytes:
    """Return the mark that goes before a manifest and its signature."""
    if _MANIFEST_AT + len(manifest) + len(signature) > _PENDING_AT:
        raise FormError("the manifest is too long")
    mark = magic + struct.pack("<HH", len(manifest), len(signature))
    return mark + struct.pack("<II", _crc(mark, manifest, signature), 0)


def parse_manifest(text: bytes) -> "dict[str, Any]":
    """Return what a signed manifest says; FormError when a field is missing or is not what it should be."""
    manifest = parse_unsigned(text)
    for name in _NUMBERS:
        _need(_is_count(manifest.get(name)), name)
    return manifest


def parse_unsigned(text: bytes) -> "dict[str, Any]":
    """As `parse_manifest`, of a list that nobody has signed: it has no version and no dates."""
    try:
        manifest = json.loads(text)
    except (ValueError, RuntimeError):  # no JSON, no UTF-8, or brackets without end
        manifest = None
    if not isinstance(manifest, dict):
        raise FormError("the manifest is no JSON object")
    for name in _WORDS:
        word = manifest.get(name)
        _need(isinstance(word, str) and 0 < len(word) <= _MOST_LETTERS, name)
    for name in ("format", "names", "size"):
        _need(_is_count(manifest.get(name)), name)
    _need(_is_hex(manifest.get("sha256")), "sha256")
    if "next_key" in manifest:
        key = manifest["next_key"]
        _need(isinstance(key, str) and len(key) == _KEY_LETTERS, "next_key")
    return manifest


def _crc(mark: bytes, manifest: bytes, signature: bytes) -> int:
    return binascii.crc32(signature, binascii.crc32(manifest, binascii.crc32(mark[:_SUMMED_BYTES]))) & 0xFFFFFFFF


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40


def _is_hex(value: object) -> bool:
    if not isinstance(value, str) or len(value) != _HEX_DIGITS:
        return False
    return all(letter in "0123456789abcdef" for letter in value)


def _need(truth: bool, name: str) -> None:
    if not truth:
        raise FormError("the manifest has no good " + name)
