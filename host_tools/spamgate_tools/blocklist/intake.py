"""What a reader of a format puts its findings into: it hands out the lines, and keeps entries and what was skipped.

Lines come as bytes, since a million of them must take seconds; only what is no ASCII is decoded.
"""

import io
from collections.abc import Callable, Iterator

from spamgate_tools.blocklist.entry import DOMAIN, Entries
from spamgate_tools.blocklist.names import NoName, wire_name
from spamgate_tools.blocklist.networks import NoNetwork, read_networks
from spamgate_tools.errors import UserError

MOST_LINE_BYTES = 4096
MOST_ENTRIES = 8_000_000
_EXAMPLES = 3
_EXAMPLE_BYTES = 80
_LOOK_EVERY_LINES = 1 << 15

Heard = Callable[[int], None]


class Skipped:
    """How often a reason applied, and the first few lines it applied to."""

    def __init__(self) -> None:
        self.count = 0
        self.examples: list[tuple[int, str]] = []


class Intake:
    """The lines of one source, and what they say."""

    def __init__(self, data: bytes, heard: Heard | None = None, rpz: str = "auto") -> None:
        self.data = data
        self.rpz = rpz
        self.entries = Entries()
        self.skipped: dict[str, Skipped] = {}
        self.duplicates = 0
        self.notes: list[str] = []
        self.number = 0  # of the line being read
        self.raw = b""  # that line, whole
        self._heard = heard

    def lines(self) -> Iterator[bytes]:
        """Yield the lines that hold something, without the blanks around them."""
        for number, raw in enumerate(io.BytesIO(self.data), 1):
            self.number = number
            self.raw = raw
            line = raw.strip()
            if not line:
                continue
            if len(line) > MOST_LINE_BYTES:
                self.skip(f"line of more than {MOST_LINE_BYTES} bytes")
            elif b"\0" in line:
                self.skip("line with NUL bytes")
            else:
                yield line
            if not number % _LOOK_EVERY_LINES:
                self._look()

    def _look(self) -> None:
        if self.entries.total() > MOST_ENTRIES:
            raise UserError(f"holds more than {MOST_ENTRIES:,} entries", "no board and no router holds them; take less")
        if self._heard:
            self._heard(self.number)

    def block(self, text: bytes, kind: int = DOMAIN) -> None:
        """List a name; an address that stands for one is listed as a network."""
        try:
            name = wire_name(text)
        except NoName as error:
            self._address(text, error.reason)
            return
        known = self.entries.blocked[kind]
        before = len(known)
        known.add(name)
        if len(known) == before:
            self.duplicates += 1

    def block_host(self, text: bytes) -> None:
        """List a name out of a format in which a lone label is a word or the machine's own name."""
        if b"." in text[:-1] or b":" in text or not text.isascii():
            self.block(text)
        else:
            self.skip("name without a dot")

    def allow(self, text: bytes, kind: int = DOMAIN) -> None:
        """Keep a name from being blocked, whatever lists it."""
        try:
            name = wire_name(text)
        except NoName as error:
            self.skip("exception for an address" if _is_network(text) else error.reason)
            return
        self.duplicates += name in self.entries.allowed[kind]
        self.entries.allowed[kind].add(name)

    def network(self, text: bytes) -> None:
        """List an address, a network or a range of addresses."""
        self._address(text, "not an address")

    def _address(self, text: bytes, reason: str) -> None:
        try:
            networks = read_networks(text.decode("ascii", "replace"))
        except NoNetwork as error:
            self.skip(reason if error.reason == "not an address" else error.reason)
            return
        known = self.entries.networks
        self.duplicates += all(network in known for network in networks)
        known.update(networks)

    def skip(self, reason: str, times: int = 1) -> None:
        """Count the line being read, or a part of it, as not taken."""
        skipped = self.skipped.get(reason)
        if skipped is None:
            skipped = self.skipped[reason] = Skipped()
        skipped.count += times
        if len(skipped.examples) < _EXAMPLES:
            skipped.examples.append((self.number, _readable(self.raw)))


def _is_network(text: bytes) -> bool:
    try:
        return bool(read_networks(text.decode("ascii", "replace")))
    except NoNetwork as error:
        return error.reason != "not an address"


def _readable(raw: bytes) -> str:
    """Return the beginning of a line as text that no terminal takes for orders."""
    text = raw.strip()[:_EXAMPLE_BYTES].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
