"""A home whose gateway takes blocklists: made in memory, signed with a test key, put where a web server has them."""

import hashlib
import ipaddress
import time
from collections.abc import Iterable
from pathlib import Path

from e2e.life import Home
from fakes.list_keys import Key

from spamgate.wire.list_delta_writer import make_delta
from spamgate.wire.list_manifest import DELTA, DELTA_HEAD_BYTES, LIST, signed_digest
from spamgate.wire.list_signing import encode_manifest, make_head
from spamgate.wire.list_writer import ListWriter, NameHasher
from spamgate.wire.pss import encode_key

KEY = Key(0)
STRANGER = Key(1)
LIST_KEY = encode_key(KEY.modulus)
DAY_S = 86400

_BITS = 40
_BEFORE = 1000  # versions of tests begin so many minutes ago


def wire(name: str) -> bytes:
    """Return the name as lists have it."""
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))


def body_of(names: Iterable[str], networks: Iterable[str] = (), allow: Iterable[str] = ()) -> bytes:
    """Return the body of a list of these names, with all below them, and these networks."""
    names, allow = list(names), list(allow)
    counts = [name.count(".") + 1 for name in names + allow]
    writer = ListWriter(_BITS, 0, 0, min(counts, default=0), max(counts, default=0))
    hasher = NameHasher()
    writer.allow = [hasher.full(wire(name)) for name in allow]
    parsed = [ipaddress.ip_network(network) for network in networks]
    for version, prefixes in ((4, "v4"), (6, "v6")):
        collapsed = ipaddress.collapse_addresses(one for one in parsed if one.version == version)
        pairs = [(one.network_address.packed, one.prefixlen) for one in collapsed]
        setattr(writer, prefixes, pairs)
    return writer.body(hasher.full(wire(name)) for name in names)


class SignedList:
    """A list as a web server has it; `number` counts versions up."""

    def __init__(self, body: bytes, number: int, names: int = 1, key: Key = KEY, **other: object) -> None:
        self.body = body
        now_s = int(time.time())
        self.manifest: dict = {
            "board_class": "router",
            "class": "exact",
            "created": now_s,
            "expires": now_s + DAY_S,
            "format": 1,
            "id": "default",
            "names": names,
            "sha256": hashlib.sha256(body).hexdigest(),
            "size": len(body),
            "version": now_s // 60 - _BEFORE + number,
        }
        self.manifest.update(other)
        self._text = encode_manifest(self.manifest)
        self._signature = key.sign(signed_digest(self._text))

    @property
    def version(self) -> int:
        """Return what it counts."""
        return int(self.manifest["version"])

    def head(self, magic: bytes = LIST) -> bytes:
        """Return the first bytes of its file; a delta has the first 2048 of these."""
        return make_head(magic, self._text, self._signature)

    def file(self) -> bytes:
        """Return its file."""
        return self.head() + self.body

    def delta_from(self, old: "SignedList") -> bytes:
        """Return the file of the delta that leads here from an older list."""
        return self.head(DELTA)[:DELTA_HEAD_BYTES] + (make_delta(old.body, self.body) or b"")

    def put(self, folder: Path, name: str = "home") -> None:
        """Put it where a web server finds it."""
        (folder / f"{name}.sgb").write_bytes(self.file())
        (folder / f"{name}.head").write_bytes(self.head())


def put_in_slot(home: Home, new: SignedList, letter: str = "a") -> None:
    """Put a list into a slot of the router, as a fetch has left it."""
    (home.state_folder / f"list_{letter}.body").write_bytes(new.body)
    (home.state_folder / f"list_{letter}.head").write_bytes(new.head())
