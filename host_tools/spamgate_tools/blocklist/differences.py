"""What differs between two lists, and the delta that leads from one to the other."""

from typing import NamedTuple

from spamgate.wire.list_delta_writer import make_delta
from spamgate.wire.list_file import ALLOW_BYTES
from spamgate.wire.list_manifest import DELTA, DELTA_HEAD_BYTES
from spamgate.wire.list_signing import make_head
from spamgate_tools.blocklist.open_list import OpenList, exceptions_in, hashes_in
from spamgate_tools.errors import UserError

_V4, _V6 = 4, 16


class Change(NamedTuple):
    """How many there are only in the new list, only in the old one, and in both."""

    added: int
    removed: int
    kept: int


def changes(old: OpenList, new: OpenList) -> dict[str, Change]:
    """Return what differs, by what it is; UserError where the two tell names apart by different hashes."""
    reader, other = old.reader, new.reader
    if (reader.range_bits, reader.seed) != (other.range_bits, other.seed):
        text = f"{old.path} and {new.path}: their names have different hashes ({_kind(old)} and {_kind(new)})"
        raise UserError(text, "build both with the same --class and --board-class")
    return {
        "names": _change(set(hashes_in(old.body)), set(hashes_in(new.body))),
        "allowed": _change(_allowed(old), _allowed(new)),
        "networks": _change(_networks(old), _networks(new)),
        "exceptions": _change(exceptions_in(old.body), exceptions_in(new.body)),
    }


def delta_file(old: OpenList, new: OpenList) -> bytes | None:
    """Return the file of the delta that leads from one list to another; None: there is none, the whole must go.

    It bears the head of the new list, and so its signature; the marks of progress behind that are left out.
    """
    body = make_delta(old.body, new.body)
    if body is None:
        return None
    return make_head(DELTA, new.head.manifest, new.head.signature)[:DELTA_HEAD_BYTES] + body


def _change(old: set, new: set) -> Change:
    both = len(old & new)
    return Change(len(new) - both, len(old) - both, both)


def _kind(opened: OpenList) -> str:
    return f"{opened.manifest['class']} for {opened.manifest['board_class']}"


def _allowed(opened: OpenList) -> set[bytes]:
    start = opened.reader.allow_at
    end = start + ALLOW_BYTES * opened.reader.allow
    return {opened.body[at : at + ALLOW_BYTES] for at in range(start, end, ALLOW_BYTES)}


def _networks(opened: OpenList) -> set[tuple[bytes, int]]:
    return {network for size in (_V4, _V6) for network in opened.reader.prefixes(size)}
