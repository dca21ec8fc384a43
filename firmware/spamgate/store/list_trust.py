"""Whose lists are taken: the key in the settings, and whoever that names its successor.

A list that is in force and names `next_key` makes that the key; the old one then serves for lists up to that version
that are in a slot already, so that they still start, and no update that a stolen key has signed is taken.  The chain is
kept in a file beside the digest of the key it began with: another key in the settings begins a new one.
"""

import binascii
import hashlib
import json

from spamgate.core.compat import const
from spamgate.wire.cursor import FormError
from spamgate.wire.list_manifest import parse_manifest, signed_digest
from spamgate.wire.list_rules import RefusedError, check_format
from spamgate.wire.pss import decode_key, encode_key, fingerprint, verifies

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

    from spamgate.wire.list_manifest import Head

TRUST_FILE = "list_trust.json"

_MOST_KEYS = const(3)  # the key, and those of the lists in two slots
_MOST_BYTES = const(4096)


class Trust:
    """The keys; `anchor` is the setting `list_key`, empty where no lists are taken."""

    def __init__(self, storage: "Any", anchor: str) -> None:
        self._storage = storage
        self.problem = ""
        self._anchor = b""
        self._keys: "list[tuple[bytes, int | None]]" = []  # modulus, last version it may sign: none for today's
        if anchor:
            self._load(anchor)

    def fingerprint(self) -> str:
        """Return the first digits of the key's digest, for people; empty where there is no key."""
        return fingerprint(self._keys[-1][0]) if self._keys else ""

    def open(self, head: "Head") -> "dict[str, Any]":
        """Return the manifest of a list that a trusted key has signed; RefusedError."""
        if not self._keys:
            raise RefusedError("no list is taken here: no key is trusted", "set list_key to your public key")
        if not head.signature:
            raise RefusedError("the list is not signed", "sign it with `spamgate blocklist sign`")
        last = self._signer(head)[1]
        try:
            manifest = parse_manifest(head.manifest)
        except FormError as error:
            raise RefusedError(str(error), "sign the list again")
        check_format(manifest)
        if last is not None and manifest["version"] > last:
            raise _replaced()
        if "next_key" in manifest and not decode_key(manifest["next_key"]):
            raise RefusedError("the next key that the list names is none", "sign it again with another --next-key")
        return manifest

    def check_current(self, head: "Head") -> None:
        """Refuse a list, though it may be in a slot, that is not signed with the key of today."""
        if self._signer(head)[1] is not None:
            raise _replaced()

    def follow(self, head: "Head", manifest: "dict[str, Any]") -> bool:
        """Take the next key from a list that is in force; return whether there was one."""
        if "next_key" not in manifest:
            return False
        new = decode_key(manifest["next_key"])
        modulus, last = self._signer(head)
        version = manifest["version"]
        if new == modulus or last is not None:
            return False
        if any(version <= before for _, before in self._keys[:-1] if before is not None):
            return False  # an older list of a key that was taken back into service
        kept = [key for key in self._keys if key[0] not in (new, modulus)]
        self._keys = (kept + [(modulus, version), (new, None)])[-_MOST_KEYS:]
        self._save()
        return True

    def _signer(self, head: "Head") -> "tuple[bytes, int | None]":
        digest = signed_digest(head.manifest)
        for key in reversed(self._keys):
            if verifies(key[0], head.signature, digest):
                return key
        text = "the list is not signed with the key that is trusted here"
        raise RefusedError(text, "sign it with that key, or set list_key")

    def _load(self, anchor: str) -> None:
        modulus = decode_key(anchor)
        if not modulus:
            self.problem = "list_key is no public key of `spamgate blocklist keygen`; no lists are taken"
            return
        self._anchor = binascii.hexlify(hashlib.sha256(modulus).digest())
        self._keys = [(modulus, None)]
        if not self._storage.exists(TRUST_FILE):
            return
        try:
            self._keys = self._read() or self._keys
        except (OSError, ValueError, RuntimeError, TypeError, KeyError):
            self.problem = TRUST_FILE + " is damaged; list_key alone is trusted"

    def _read(self) -> "list[tuple[bytes, int | None]]":
        """Return the keys in the file, none where it began with another; an error when it is damaged."""
        if self._storage.size(TRUST_FILE) > _MOST_BYTES:
            raise ValueError
        kept = json.loads(self._storage.read(TRUST_FILE))
        if kept["anchor"] != self._anchor.decode():
            return []
        keys = [(decode_key(key["n"]), key["last"]) for key in kept["keys"]]
        if not 0 < len(keys) <= _MOST_KEYS or not all(modulus for modulus, _ in keys) or keys[-1][1] is not None:
            raise ValueError
        if not all(isinstance(last, int) for _, last in keys[:-1]):
            raise ValueError
        return keys

    def _save(self) -> None:
        keys = [{"n": encode_key(modulus), "last": last} for modulus, last in self._keys]
        text = json.dumps({"anchor": self._anchor.decode(), "keys": keys})
        try:
            self._storage.write(TRUST_FILE, (text.encode(),))
        except OSError as error:  # the list that names the key is still there to be followed at the next start
            self.problem = "%s: not written: error %s" % (TRUST_FILE, error.errno)


def _replaced() -> RefusedError:
    return RefusedError("the list is signed with a key that was replaced", "sign it with the new key")
