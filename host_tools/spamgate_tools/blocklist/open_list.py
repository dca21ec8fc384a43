"""A list file of this machine, opened: what its head says, and its body through the reader that boards use."""

import hashlib
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from spamgate.wire.cursor import FormError
from spamgate.wire.list_blocks import decode
from spamgate.wire.list_codes import SLACK_BYTES
from spamgate.wire.list_file import EXCEPTION_BYTES, HEADER_BYTES, INDEX_ENTRY_BYTES, ListFile
from spamgate.wire.list_manifest import HEAD_BYTES, LIST, Head
from spamgate_tools.blocklist.list_head import BUILD_HINT, check_size, manifest_in, read_head
from spamgate_tools.errors import UserError

_OFFSET_MASK = 0x7FFFFF  # of an index entry; the bit above says that the block has exceptions


class OpenList(NamedTuple):
    """A list and what its head says of it; `manifest` has no version and no dates where nobody has signed it."""

    path: Path
    head: Head
    manifest: dict
    body: bytes
    reader: ListFile

    @property
    def is_signed(self) -> bool:
        """Does it bear a signature?  Whether that is good, `verify` tells."""
        return bool(self.head.signature)


def open_list(path: Path) -> OpenList:
    """Return the list in a file; UserError where there is none, or not all of it."""
    head = read_head(path)
    if head.magic != LIST:
        raise UserError(f"{path}: is a delta", "give a list: a file that `spamgate blocklist build` made")
    manifest = manifest_in(path, head, is_signed=bool(head.signature))
    body = path.read_bytes()[HEAD_BYTES:]
    check_size(path, manifest, len(body))
    if hashlib.sha256(body).hexdigest() != manifest["sha256"]:
        raise UserError(f"{path}: is damaged: its digest is not the one in its manifest", "fetch or build it again")
    try:
        return OpenList(path, head, manifest, body, reader_of(body))
    except FormError as error:
        raise UserError(f"{path}: {error}", BUILD_HINT) from None


def reader_of(body: bytes) -> ListFile:
    """Return what looks names up in a body."""
    return ListFile(source_of(body))


def source_of(body: bytes) -> Callable[[int, bytearray], int]:
    """Return what reads a body for a reader."""
    size = len(body)

    def read_into(offset: int, buf: bytearray) -> int:
        count = max(0, min(len(buf), size - offset))
        buf[:count] = body[offset : offset + count]
        return count

    return read_into


def hashes_in(body: bytes) -> "array[int]":
    """Return the hashes that a list holds, rising."""
    reader = reader_of(body)
    rest_bits = reader.range_bits - reader.index_bits
    found = array("Q")
    for number in range(1 << reader.index_bits):
        codes, _ = block_of(body, reader, number)
        found.extend(number << rest_bits | rest for rest in rests_in(codes, reader.code_bits))
    return found


def exceptions_in(body: bytes) -> set[tuple[int, int]]:
    """Return (hash, further bits) of the names that the list spares."""
    reader = reader_of(body)
    rest_bits = reader.range_bits - reader.index_bits
    found = set()
    for number in range(1 << reader.index_bits):
        _, records = block_of(body, reader, number)
        for at in range(0, len(records), EXCEPTION_BYTES):
            rest, extra = (int.from_bytes(records[i : i + 4], "little") for i in (at, at + 4))
            found.add((number << rest_bits | rest, extra))
    return found


def block_of(body: bytes, reader: ListFile, number: int) -> tuple[bytes, bytes]:
    """Return the codes of a block, and its records of exceptions."""
    at = HEADER_BYTES + INDEX_ENTRY_BYTES * number
    start, end = (int.from_bytes(body[i : i + INDEX_ENTRY_BYTES], "little") for i in (at, at + INDEX_ENTRY_BYTES))
    first = reader.allow_at - reader.blocks_bytes
    block = body[first + (start & _OFFSET_MASK) : first + (end & _OFFSET_MASK)]
    if start <= _OFFSET_MASK:
        return block, b""
    size = len(block) - 1 - EXCEPTION_BYTES * block[-1] if block else -1
    if size < 0:
        raise FormError("list: exceptions out of place")
    return block[:size], block[size:-1]


def rests_in(codes: bytes, code_bits: int) -> "array[int]":
    """Return the numbers of a block."""
    room = len(codes) * 8 // (1 + code_bits) + 1
    rests = array("I", bytes(4 * room))
    count = decode(bytearray(codes + bytes(SLACK_BYTES)), len(codes), code_bits, rests, room)
    return rests[:count]
