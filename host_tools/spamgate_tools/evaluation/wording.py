"""Names, addresses and replies as our readers take them out of packets: as hashes and meanings.

Each text goes through the very reader that would meet it on the wire; what comes out is remembered for a home.
"""

from typing import NamedTuple

from spamgate.core.hashing import hash_bytes
from spamgate.core.lookups import LIST_NAME, MAIL_NAME, PLAIN_NAME
from spamgate.wire.dns_names import NameReader
from spamgate.wire.envelope import Envelope
from spamgate.wire.rejections import Rejections
from spamgate_tools.corpus.facts import Reply

_ROOM = 20000  # texts remembered; a bot that names a fresh recipient each time would fill the memory


class Name(NamedTuple):
    """A domain name: its hash, that of its registrable domain, and what kind of name it is."""

    hash: int
    domain: int
    kind: int


class Wording:
    """Reads texts as the planes read them."""

    def __init__(self) -> None:
        self._reader = NameReader()
        self._envelope = Envelope()
        self._rejections = Rejections()
        self._names: dict[str, Name] = {}
        self._helos: dict[str, tuple[int, int, int]] = {}
        self._meanings: dict[tuple[int, int, str], int] = {}
        self._hosts: dict[bytes, int] = {}

    def name(self, text: str) -> Name:
        """Return what a DNS message would show of this name."""
        found = self._names.get(text)
        if found is None:
            if len(self._names) >= _ROOM:
                self._names.clear()
            found = self._names[text] = self._read_name(text)
        return found

    def helo(self, text: str) -> tuple[int, int, int]:
        """Return form, hash and hash of the domain of what a device calls itself."""
        found = self._helos.get(text)
        if found is None:
            if len(self._helos) >= _ROOM:
                self._helos.clear()
            line = f"EHLO {text}".encode("ascii", "replace")
            self._envelope.read_helo(line, 0, len(line))
            found = (self._envelope.form, self._envelope.name_hash, self._envelope.domain_hash)
            self._helos[text] = found
        return found

    def address(self, text: str) -> tuple[int, int]:
        """Return the hashes of a mail address and of its registrable domain."""
        line = f"RCPT TO:<{text}>".encode("ascii", "replace")
        self._envelope.read_address(line, 0, len(line))
        return self._envelope.name_hash, self._envelope.domain_hash

    def host(self, address: bytes) -> int:
        """Return the hash of a server's address."""
        found = self._hosts.get(address)
        if found is None:
            found = self._hosts[address] = hash_bytes(address, 0, len(address))
        return found

    def meaning(self, reply: Reply, verb: int) -> int:
        """Return what a negative reply to `verb` means."""
        key = (reply.code, verb, reply.text)
        found = self._meanings.get(key)
        if found is None:
            text = reply.text.encode("ascii", "replace")
            found = self._meanings[key] = self._rejections.meaning(reply.code, verb, text, 0, len(text))
        return found

    def _read_name(self, text: str) -> Name:
        wire = b"".join(bytes((len(label),)) + label for label in text.encode("ascii", "replace").split(b".")) + b"\0"
        kind = PLAIN_NAME
        if self._at_start(wire).is_reverse_address():
            kind = LIST_NAME
        elif self._at_start(wire).is_mail_name():
            kind = MAIL_NAME
        return Name(self._at_start(wire).hash(), self._at_start(wire).domain_hash(), kind)

    def _at_start(self, wire: bytes) -> NameReader:
        return self._reader.begin(wire, 0, len(wire), 0)
