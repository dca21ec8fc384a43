"""What a value from outside must be: the kinds of which tables of messages and settings are made.

Each kind has `allowed`, which ends the sentence "... is not", and `read(value)`, which returns the value in its one
spelling or raises Refused.
"""

from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError
from spamgate.wire.address import AddressError, parse_address
from spamgate.wire.json_text import quote

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable, Protocol

    Check = Callable[[str], str]

    class Kind(Protocol):
        """What a table needs of a kind."""

        allowed: str

        def read(self, value: "Any") -> "Any": ...


_SHOWN = 60  # characters of a refused value


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


def is_printable(text: str, most: int) -> bool:
    """Is it one to `most` characters, none of them a control character (C0, C1) or half of a pair?"""
    for letter in text:
        code = ord(letter)
        if code < 32 or 127 <= code < 160 or 0xD800 <= code < 0xE000:
            return False
    return 0 < len(text) <= most


def _label(text: str) -> str:
    if not is_printable(text, 64) or text != text.strip():
        raise ValueError
    return text


def _address(text: str) -> str:
    parse_address(text)
    return text


ADDRESS = Text(_address, "an IPv4 or IPv6 address")
LABEL = Text(_label, "text of 1 to 64 characters")
