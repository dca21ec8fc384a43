"""From all that sources want to the one list that says so: the same entries give the same bytes, whenever and wherever.

Duplicates and what another entry covers are dropped; names of the universe that a hash would hit by chance become
exceptions.  Then the list is read back as a board reads it: every entry must be found, and no name of the universe
that no source lists.
"""

import hashlib
from array import array
from collections.abc import Callable, Iterator
from typing import NamedTuple

from spamgate.wire.cursor import FormError
from spamgate.wire.list_file import HAS_CHILDREN, HAS_EXACT
from spamgate.wire.list_manifest import FORMAT, LIST
from spamgate.wire.list_signing import encode_manifest, make_head
from spamgate.wire.list_writer import HASH_BITS, ListWriter, NameHasher
from spamgate_tools.blocklist.classes import ANY_BOARD, EXACT_CLASS, most_body_bytes, most_names, range_bits
from spamgate_tools.blocklist.collisions import Collisions, Labels, find_collisions, is_ambiguous
from spamgate_tools.blocklist.cover import NamesByKind, drop_covered, join_networks
from spamgate_tools.blocklist.entry import CHILDREN, DOMAIN, EXACT, KINDS, Entries
from spamgate_tools.blocklist.hashing import hash_entries
from spamgate_tools.blocklist.open_list import hashes_in, reader_of
from spamgate_tools.errors import UserError

_MOST_SEEDS = 64  # each is needed with a chance of one in a million for every exception

Heard = Callable[[str], None]


def _unheard(step: str) -> None:
    """Nobody listens."""



class Options(NamedTuple):
    """What the list shall be like."""

    list_class: str = EXACT_CLASS
    board_class: str = ANY_BOARD
    list_id: str = "default"

    @property
    def bits(self) -> int:
        """How many bits of their hashes tell names apart."""
        return range_bits(self.list_class, self.board_class)


class Built(NamedTuple):
    """A list that nobody has signed yet."""

    body: bytes
    manifest: dict
    covered: int  # entries that another one said already
    widest: list[bytes]  # entries of one label, each of which takes a whole top-level domain
    collisions: Collisions

    def file(self) -> bytes:
        """Return the file, as it is before it is signed."""
        return make_head(LIST, encode_manifest(self.manifest)) + self.body


class _Hashes(NamedTuple):
    """What the writer takes, for one seed."""

    seed: int
    entries: "array[int]"  # of 60 bits
    known: frozenset[int]  # the bits of them that the list keeps
    collisions: Collisions


def build_list(entries: Entries, universe: frozenset[bytes], options: Options, heard: Heard = _unheard) -> Built:
    """Return the list; UserError where there is nothing to list, or more than a board of that class has room for."""
    heard("dropping what is covered")
    covered = drop_covered(entries.blocked) + drop_covered(entries.allowed)
    networks = join_networks(entries.networks)
    _check_count(entries, len(networks), options)
    labels = _labels(entries)
    hashes = _hash(entries.blocked, universe, options.bits, labels, heard)
    heard("writing the list")
    writer = ListWriter(options.bits, hashes.seed, _flags(entries), labels.least, labels.most)
    hasher = NameHasher(hashes.seed)
    writer.allow = [hasher.full(name, kind) for kind in KINDS for name in entries.allowed[kind]]
    writer.exceptions = list(hashes.collisions.spared)
    writer.v4 = [network for network in networks if len(network[0]) == 4]
    writer.v6 = [network for network in networks if len(network[0]) == 16]
    body = _body(writer, hashes.entries)
    _check_size(body, hashes, options)
    heard("reading it back")
    _prove(body, hashes)
    widest = [name for kind in (DOMAIN, CHILDREN) for name in entries.blocked[kind] if name[0] + 1 == len(name)]
    return Built(body, _manifest(body, options), covered, widest, hashes.collisions)


# --- from entries to hashes ---


def _hash(names: NamesByKind, universe: frozenset[bytes], bits: int, labels: Labels, heard: Heard) -> _Hashes:
    """Return the hashes of entries, and the exceptions, with the first seed that tells the two apart."""
    for seed in range(_MOST_SEEDS):
        heard("hashing")
        full = hash_entries(seed, names)
        heard("asking for the universe")
        known = frozenset(number >> (HASH_BITS - bits) for number in full)
        collisions = find_collisions(universe, names, known, bits, seed, labels)
        if not is_ambiguous(collisions.spared, full, bits):
            return _Hashes(seed, full, known, collisions)
    raise UserError("no seed tells the listed names from those of the universe", "give a smaller universe")


def _flags(entries: Entries) -> int:
    has = {kind: bool(entries.blocked[kind] or entries.allowed[kind]) for kind in KINDS}
    return HAS_EXACT * has[EXACT] | HAS_CHILDREN * has[CHILDREN]


def _labels(entries: Entries) -> Labels:
    counts = {_count_labels(name) for name in _all_names(entries)}
    return Labels(min(counts), max(counts)) if counts else Labels(0, 0)


def _all_names(entries: Entries) -> Iterator[bytes]:
    for names in (entries.blocked, entries.allowed):
        for kind in KINDS:
            yield from names[kind]


def _count_labels(name: bytes) -> int:
    count = at = 0
    while at < len(name):
        at += name[at] + 1
        count += 1
    return count


# --- limits ---


def _check_count(entries: Entries, networks: int, options: Options) -> None:
    names = sum(map(len, entries.blocked.values()))
    if not names and not networks:
        raise UserError("the sources have no names and no addresses to block", "see the report of what was skipped")
    most = most_names(options.list_class, options.board_class)
    if names > most:
        raise _too_many(names, most, options)


def _check_size(body: bytes, hashes: _Hashes, options: Options) -> None:
    most = most_body_bytes(options.board_class)
    if most is not None and len(body) > most:
        text = f"the list takes {len(body):,} bytes, and a slot of {options.board_class} boards has {most:,}"
        raise UserError(f"{text} for {len(hashes.entries):,} names and the rest", _fewer(options))


def _too_many(names: int, most: int, options: Options) -> UserError:
    of = f"of class {options.list_class} for boards {options.board_class}"
    return UserError(f"{names:,} names are more than the {most:,} that a list {of} holds", _fewer(options))


def _fewer(options: Options) -> str:
    compact = most_names("compact", options.board_class)
    if options.list_class == EXACT_CLASS and compact > most_names(EXACT_CLASS, options.board_class):
        return f"leave sources out, or take --class compact, which holds up to {compact:,}"
    return "leave sources out"


def _body(writer: ListWriter, entries: "array[int]") -> bytes:
    try:
        return writer.body(entries)
    except FormError as error:
        raise UserError(str(error), "leave sources out") from None


# --- what must hold ---


def _prove(body: bytes, hashes: _Hashes) -> None:
    """Read the list back: are all entries there, and nothing else, and is the universe spared?"""
    reader = reader_of(body)
    if frozenset(hashes_in(body)) != hashes.known:
        raise AssertionError("a list that does not hold its entries")
    for name in hashes.collisions.hit:
        if reader.listed(name):
            raise AssertionError(f"a list that blocks {name!r} by chance")
    for name in hashes.collisions.listed:
        if not reader.listed(name):
            raise AssertionError(f"a list that misses {name!r}")


def _manifest(body: bytes, options: Options) -> dict:
    return {
        "board_class": options.board_class,
        "class": options.list_class,
        "format": FORMAT,
        "id": options.list_id,
        "names": reader_of(body).names,
        "sha256": hashlib.sha256(body).hexdigest(),
        "size": len(body),
    }
