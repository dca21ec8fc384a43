"""Signed lists, and devices that take them."""

import binascii
import hashlib

from fakes.list_keys import Key
from fakes.storage import FakeStorage
from spamgate.store import list_trust
from spamgate.store.list_slots import ListSlots
from spamgate.store.list_trust import Trust, encode_key
from spamgate.store.list_update import DeltaUpdate, FullUpdate
from spamgate.wire.list_delta_writer import make_delta
from spamgate.wire.list_manifest import DELTA, DELTA_HEAD_BYTES, LIST, signed_digest
from spamgate.wire.list_signing import encode_manifest, make_head
from spamgate.wire.list_writer import ListWriter

NOW_S = 1790000000
DAY_S = 86400

_KEYS = {}


def key(number=0):
    """Return one of three keys."""
    if number not in _KEYS:
        _KEYS[number] = Key(number)
    return _KEYS[number]


def body_of(size, seed=1):
    """Return bytes for which nothing but their digest matters here."""
    block = hashlib.sha256(b"%d" % seed).digest()
    return (block * (size // 32 + 1))[: size - 4] + seed.to_bytes(4, "big")


def manifest_of(body, age=0, **other):
    """Return the manifest of a list made `age` minutes ago."""
    created = NOW_S - 60 * age
    manifest = {
        "board_class": "any",
        "class": "exact",
        "created": created,
        "expires": created + 30 * DAY_S,
        "format": 1,
        "id": "default",
        "names": 3,
        "sha256": binascii.hexlify(hashlib.sha256(body).digest()).decode(),
        "size": len(body),
        "version": created // 60,
    }
    manifest.update(other)
    return manifest


def head_of(manifest, number=0, magic=LIST):
    """Return the head with this manifest, signed with one of the keys."""
    text = encode_manifest(manifest)
    return make_head(magic, text, key(number).sign(signed_digest(text)))


def remember_verdicts():
    """Let signatures that were checked before be known from now on: tests check thousands, and few are different."""
    known = {}
    verifies = list_trust.verifies

    def remembered(*arguments):
        if arguments not in known:
            known[arguments] = verifies(*arguments)
        return known[arguments]

    list_trust.verifies = remembered


class List:
    """A list as it is sent: head and body; `size` may be the body."""

    def __init__(self, size=40000, seed=1, age=0, number=0, **other):
        self.body = body_of(size, seed) if isinstance(size, int) else size
        self.manifest = manifest_of(self.body, age, **other)
        self.head = head_of(self.manifest, number)

    def is_in(self, lists):
        """Is it what this device serves, to the last byte?"""
        if lists.manifest != self.manifest:
            return False
        body = lists.body()
        for at in range(0, len(self.body), 1024):  # never the whole: a small heap is in pieces by now
            part = self.body[at : at + 1024]
            buf = bytearray(len(part))
            if body.read_into(at, buf) != len(part) or buf != part:
                return False
        return True


def device(slots, storage=None, number=0, board_class="8MiB", list_id="default"):
    """Return the slots of a device that has just started."""
    trust = Trust(storage or FakeStorage(), encode_key(key(number).modulus))
    lists = ListSlots(tuple(slots), trust, list_id, board_class)
    lists.look()
    return lists


def check(lists):
    """Read the list in force against its digest; return whether it was bad."""
    was_bad = False
    while not lists.is_checked():
        was_bad = lists.check_step() or was_bad
    return was_bad


class Delta:
    """What leads from one list to another, as it is sent."""

    def __init__(self, base, new, number=0):
        self.new = new
        self.head = head_of(new.manifest, number, DELTA)[:DELTA_HEAD_BYTES]
        self.body = make_delta(base.body, new.body)

    def read_into(self, offset, buf):
        part = self.body[offset : offset + len(buf)]
        buf[: len(part)] = part
        return len(part)


def names_list(entries, age, **other):
    """Return a list that holds names, given by their hashes, as `blocklist build` makes them."""
    return List(ListWriter(24, least_labels=2, most_labels=2).body(entries), 0, age, **other)


def merge(lists, delta, now_s=NOW_S):
    """Bring a delta."""
    update = DeltaUpdate(lists, delta.head, now_s, delta.read_into)
    while not update.step():
        pass


def push(lists, new, piece=1000, now_s=NOW_S):
    """Send a whole list in pieces, from where the device wants it."""
    update = FullUpdate(lists, new.head, now_s)
    while update.offset < update.size:
        end = min(update.offset + piece, update.size)
        update.take(new.body, update.offset, end)
    update.finish()
