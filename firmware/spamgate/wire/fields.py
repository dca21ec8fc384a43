"""What a value from outside must be: the kinds of which the tables of settings and messages are made.

Each kind has `allowed`, which ends the sentence "... is not", and `read(value)`, which returns the value in its one
spelling or raises Refused.
"""

from spamgate.core.errors import SpamgateError
from spamgate.wire.address import AddressError, mac_text, parse_address, parse_mac, parse_network
from spamgate.wire.events import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Protocol

    Check = Callable[[str], str]

    class Kind(Protocol):
        """What a table needs of a kind."""

        allowed: str

        def read(self, value: "Any") -> "Any": ...


_SHOWN = 60  # characters of a refused value
_FAR = 4  # edits after which a name is no longer taken for a misspelt one
_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"
_LETTERS = _LOWER + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Refused(SpamgateError):
    """A value that is not allowed; the text says which, and what is."""

    def __init__(self, value: "Any", allowed: str) -> None:
        shown = quote(value[:_SHOWN]) if isinstance(value, str) else ("%r" % (value,))[:_SHOWN]
        super().__init__("%s is not %s" % (shown, allowed))


class Whole:
    """A whole number between two."""

    def __init__(self, low: int, high: int) -> None:
        self.low = low
        self.high = high
        self.allowed = "a whole number from %d to %d" % (low, high)

    def read(self, value: "Any") -> int:
        """Return the number."""
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise Refused(value, self.allowed)
        return value


class Flag:
    """Yes or no."""

    allowed = "true or false"

    def read(self, value: "Any") -> bool:
        """Return the flag."""
        if not isinstance(value, bool):
            raise Refused(value, self.allowed)
        return value


class Choice:
    """One word of a few."""

    def __init__(self, words: "tuple[str, ...]") -> None:
        self.words = words
        self.allowed = " or ".join([quote(word) for word in words])

    def read(self, value: "Any") -> str:
        """Return the word."""
        if not isinstance(value, str) or value not in self.words:
            raise Refused(value, self.allowed)
        return value


class Text:
    """Text that `check` returns in its one spelling, or refuses with ValueError."""

    def __init__(self, check: "Check", allowed: str) -> None:
        self._check = check
        self.allowed = allowed

    def read(self, value: "Any") -> str:
        """Return the text."""
        try:
            if isinstance(value, str):
                return self._check(value)
        except (ValueError, AddressError):
            pass
        raise Refused(value, self.allowed)


class List:
    """Up to `most` values of one kind, each once."""

    def __init__(self, item: "Kind", most: int) -> None:
        self._item = item
        self._most = most
        self.allowed = "a list of up to %d, each %s" % (most, item.allowed)

    def read(self, value: "Any") -> "list[Any]":
        """Return the list."""
        if not isinstance(value, list):
            raise Refused(value, self.allowed)
        if len(value) > self._most:
            raise Refused(len(value), "a number of entries up to %d" % self._most)
        kept: "list[Any]" = []
        for item in value:
            item = self._item.read(item)
            if item not in kept:
                kept.append(item)
        return kept


class Map:
    """Up to `most` pairs of two kinds."""

    def __init__(self, key: "Kind", value: "Kind", most: int) -> None:
        self._key = key
        self._value = value
        self._most = most
        self.allowed = "an object of up to %d pairs: %s, and %s" % (most, key.allowed, value.allowed)

    def read(self, value: "Any") -> "dict[Any, Any]":
        """Return the pairs."""
        if not isinstance(value, dict):
            raise Refused(value, self.allowed)
        if len(value) > self._most:
            raise Refused(len(value), "a number of entries up to %d" % self._most)
        return {self._key.read(key): self._value.read(value[key]) for key in value}


def is_printable(text: str, most: int) -> bool:
    """Is it one to `most` characters, none of them a control character (C0, C1) or half of a pair?"""
    for letter in text:
        code = ord(letter)
        if code < 32 or 127 <= code < 160 or 0xD800 <= code < 0xE000:
            return False
    return 0 < len(text) <= most


def is_made_of(text: str, letters: str) -> bool:
    """Are all characters of `text` among these?"""
    for letter in text:
        if letter not in letters:
            return False
    return True


def is_path(text: str, most: int) -> bool:
    """Is it an absolute path without anything that a shell would take for more than a letter?"""
    return text.startswith("/") and len(text) <= most and is_made_of(text, _LETTERS + "/._-+@,:~=%")


def _label(text: str) -> str:
    if not is_printable(text, 64) or text != text.strip():
        raise ValueError
    return text


def _interface(text: str) -> str:
    """Return the name, stricter than the kernel is: it is written into rules, where * and quotes have a meaning."""
    if not 0 < len(text) < 16 or text[0] not in _LETTERS or not is_made_of(text, _LETTERS + "._+@-"):
        raise ValueError
    return text


def _mac(text: str) -> str:
    return mac_text(parse_mac(text))


def _network(text: str) -> str:
    parse_network(text)
    return text


def _address(text: str) -> str:
    parse_address(text)
    return text


def _domain(text: str) -> str:
    """Return the name in lower case, without the dot at its end (RFC 1035 2.3.4)."""
    text = (text[:-1] if text.endswith(".") else text).lower()
    for label in text.split("."):
        if not 0 < len(label) < 64 or not is_made_of(label, _LOWER + "-_"):
            raise ValueError
    if len(text) > 253:
        raise ValueError
    return text


INTERFACE = Text(_interface, "the name of an interface (up to 15 letters, digits and ._+@-)")
MAC = Text(_mac, "a MAC address such as 02:00:5e:10:00:01")
NETWORK = Text(_network, "a network such as 192.168.1.0/24 or fd00::/8")
ADDRESS = Text(_address, "an IPv4 or IPv6 address")
DOMAIN = Text(_domain, "a domain name such as example.com (others than ASCII as xn--...)")
LABEL = Text(_label, "text of 1 to 64 characters")


def nearest(word: str, known: "Iterable[str]") -> str:
    """Return the known word that `word` was meant to be, misspelt or only begun, or an empty string."""
    best = ""
    word = word[:_SHOWN]
    least = min(_FAR, (len(word) + 3) // 2)
    for candidate in known:
        far = min(_distance(word, candidate), _distance(word, candidate[: len(word)]) + 1)
        if far < least:
            least = far
            best = candidate
    return best


def _distance(first: str, second: str) -> int:
    """Return how many letters must be put in, taken out or replaced (Levenshtein)."""
    row = list(range(len(second) + 1))
    for at, letter in enumerate(first):
        before = row
        row = [at + 1]
        for to, other in enumerate(second):
            row.append(min(before[to] + (letter != other), before[to + 1] + 1, row[to] + 1))
    return row[-1]
