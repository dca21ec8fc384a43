"""The list that a board is given with its firmware: a signed file, as it is, in the first of its two slots.

The board checks it as any other when it starts.  What it would refuse is refused here, before a byte is written.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from spamgate.wire.list_manifest import HEAD_BYTES, signed_digest
from spamgate.wire.list_rules import RefusedError, check_owner, check_time
from spamgate.wire.pss import decode_key, encode_key, verifies
from spamgate_tools.blocklist.signed_file import SignedFile, read_signed
from spamgate_tools.boards.catalogue import LISTS, Board, Layout
from spamgate_tools.errors import UserError


class FirstList(NamedTuple):
    """A signed list, and the key that the board is told to trust."""

    file: SignedFile
    key: str  # the modulus in base64

    @property
    def version(self) -> int:
        """Its version."""
        return int(self.file.manifest["version"])

    @property
    def facts(self) -> dict:
        """What is told of it."""
        manifest = self.file.manifest
        return {"version": manifest["version"], "names": manifest["names"], "bytes": manifest["size"] + HEAD_BYTES}

    def data(self) -> bytes:
        """Return what goes to flash."""
        try:
            return self.file.path.read_bytes()
        except OSError as error:
            raise UserError(f"{self.file.path}: cannot be read: {error.strerror}") from None

    def offset(self, board: Board, flash_bytes: int) -> int:
        """Return where it goes on a board with so large a flash; UserError where it cannot."""
        layout = board.layout_for(flash_bytes)
        name = self.file.path
        if layout is None or LISTS[0] not in [part.label for part in layout.partitions]:
            raise UserError(f"{name}: {board.name} has no room for lists", "leave --list out")
        slot = layout.part(LISTS[0])
        size_bytes = self.facts["bytes"]
        if size_bytes > slot.size_bytes:
            problem = f"{name}: has {size_bytes} bytes, and {board.name} has room for {slot.size_bytes}"
            raise UserError(problem, "build it of fewer names, or --class compact: see `spamgate boards`")
        self._check_class(layout)
        return slot.offset

    def _check_class(self, layout: Layout) -> None:
        with _refused(self.file.path):
            check_owner(self.file.manifest, self.file.manifest["id"], layout.board_class)


def read_first_list(path: Path, key: str, settings: Mapping[str, object]) -> FirstList:
    """Return a list that a board with this key and these settings would take; UserError says what is wrong."""
    file = read_signed(path)
    if not verifies(decode_key(key), file.head.signature, signed_digest(file.head.manifest)):
        raise UserError(f"{path}: is not signed by this key", "give the public half of the key that signed it")
    list_id = str(settings.get("list_id", "default"))
    with _refused(path):
        check_time(file.manifest, int(time.time()))
        check_owner(file.manifest, list_id, file.manifest["board_class"])
    return FirstList(file, key)


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Tell of what a board would refuse."""
    try:
        yield
    except RefusedError as error:
        raise UserError(f"{path}: {error.text}", error.hint) from None


def first_list_of(options: Mapping[str, Any], settings: dict) -> FirstList | None:
    """Return what --list and --list-key ask for, and put the key into the settings; None where no list is given."""
    path, key_file = options["list_file"], options["list_key"]
    if key_file:
        from spamgate_tools.blocklist.keys import read_public

        settings["list_key"] = encode_key(read_public(key_file))
    key = str(settings.get("list_key", ""))
    if path and not key:
        raise UserError("--list: signed by whom?", "name the public key with --list-key")
    return read_first_list(path, key, settings) if path else None
