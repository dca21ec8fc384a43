"""A list file of this machine, opened: what its head says, and its body through the reader that boards use."""

from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from spamgate.wire.cursor import FormError
from spamgate.wire.list_blocks import decode
from spamgate.wire.list_codes import SLACK_BYTES
from spamgate.wire.list_file import EXCEPTION_BYTES, HEADER_BYTES, INDEX_ENTRY_BYTES, MAX_BLOCK_BYTES, ListFile
from spamgate.wire.list_manifest import HEAD_BYTES, LIST, Head, parse_manifest, parse_unsigned, split_head
from spamgate_tools.errors import UserError

_BUILD_HINT = "`spamgate blocklist build` makes lists"
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
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}", _BUILD_HINT) from None
    try:
        head = split_head(data)
        if head.magic != LIST:
            raise UserError(f"{path}: is a delta", "give a list: a file that `spamgate blocklist build` made")
        manifest = (parse_manifest if head.signature else parse_unsigned)(head.manifest)
        body = data[HEAD_BYTES:]
        if len(body) != manifest["size"]:
            says = f"its manifest says {manifest['size']:,} bytes, and there are {len(body):,}"
            raise UserError(f"{path}: is not whole: {says}", "fetch or build it again")
        return OpenList(path, head, manifest, body, reader_of(body))
    except FormError as error:
        raise UserError(f"{path}: {error}", _BUILD_HINT) from None


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
    room = 8 * MAX_BLOCK_BYTES
    rests = array("I", bytes(4 * room))
    found = array("Q")
    for number, (block, _) in enumerate(_blocks(body, reader)):
        count = decode(bytearray(block + bytes(SLACK_BYTES)), len(block), reader.code_bits, rests, room)
        if count < 0:
            raise FormError("list: a block of too many names")
        found.extend(number << rest_bits | rest for rest in rests[:count])
    return found


def exceptions_in(body: bytes) -> set[tuple[int, int]]:
    """Return (hash, further bits) of the names that the list spares."""
    reader = reader_of(body)
    rest_bits = reader.range_bits - reader.index_bits
    found = set()
    for number, (_, records) in enumerate(_blocks(body, reader)):
        for at in range(0, len(records), EXCEPTION_BYTES):
            rest, extra = (int.from_bytes(records[i : i + 4], "little") for i in (at, at + 4))
            found.add((number << rest_bits | rest, extra))
    return found


def _blocks(body: bytes, reader: ListFile) -> Iterator[tuple[bytes, bytes]]:
    """Yield the codes and the records of exceptions of every block."""
    count = 1 << reader.index_bits
    first = HEADER_BYTES + INDEX_ENTRY_BYTES * (count + 1)
    index = [
        int.from_bytes(body[at : at + INDEX_ENTRY_BYTES], "little")
        for at in range(HEADER_BYTES, first, INDEX_ENTRY_BYTES)
    ]
    for start, end in zip(index, index[1:], strict=False):
        block = body[first + (start & _OFFSET_MASK) : first + (end & _OFFSET_MASK)]
        size = 1 + EXCEPTION_BYTES * block[-1] if block and start > _OFFSET_MASK else 0
        yield block[: len(block) - size], block[len(block) - size : len(block) - 1] if size else b""
