"""The kinds of values that only settings have: flags, lists and maps, names of interfaces, networks and domains.

As in `wire/fields.py`, each has `allowed` and `read`.  A gateway forgets this module when its settings are read.
"""

from spamgate.core.compat import const
from spamgate.wire.address import mac_text, parse_network
from spamgate.wire.fields import Refused, Text

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

    from spamgate.wire.fields import Kind

GRANTS = ("submission", "mail-server")

_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"
_LETTERS = _LOWER + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_URL_CHARACTERS = 120  # it must fit a line of SMTP with the rest of the reply
_LIST_ID_LETTERS = 32
_MODULUS_LETTERS = 512  # 384 bytes in base64
_REFUSED_IN_URL = "\"'<>\\^`{}|"


class Flag:
    """Yes or no."""

    allowed = "true or false"

    def read(self, value: "Any") -> bool:
        """Return the flag."""
        if not isinstance(value, bool):
            raise Refused(value, self.allowed)
        return value


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


def is_made_of(text: str, letters: str) -> bool:
    """Are all characters of `text` among these?"""
    for letter in text:
        if letter not in letters:
            return False
    return True


def is_path(text: str, most: int) -> bool:
    """Is it an absolute path without anything that a shell would take for more than a letter?"""
    return text.startswith("/") and len(text) <= most and is_made_of(text, _LETTERS + "/._-+@,:~=%")


def _interface(text: str) -> str:
    """Return the name, stricter than the kernel is: it is written into rules, where * and quotes have a meaning."""
    if not 0 < len(text) < 16 or text[0] not in _LETTERS or not is_made_of(text, _LETTERS + "._+@-"):
        raise ValueError
    return text


def parse_mac(text: str) -> bytes:
    """Return the 6 bytes of one station's MAC, written with colons or hyphens; ValueError when it is none."""
    parts = text.replace("-", ":").split(":")
    for part in parts:
        if not 1 <= len(part) <= 2 or not is_made_of(part, "0123456789abcdefABCDEF"):
            raise ValueError
    packed = bytes([int(part, 16) for part in parts])
    if len(packed) != 6 or packed[0] & 1 or packed == bytes(6):
        raise ValueError
    return packed


def _mac(text: str) -> str:
    return mac_text(parse_mac(text))


def _network(text: str) -> str:
    parse_network(text)
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


def _url(text: str) -> str:
    """Return the URL (RFC 3986: ASCII without blanks), or nothing for the gateway's own page."""
    if not text:
        return text
    host = text[text.find("://") + 3 :].split("/")[0]
    for letter in text:
        if not 32 < ord(letter) < 127 or letter in _REFUSED_IN_URL:
            raise ValueError
    if not text.startswith(("http://", "https://")) or not host or len(text) > _URL_CHARACTERS:
        raise ValueError
    return text


def _list_id(text: str) -> str:
    if not 0 < len(text) <= _LIST_ID_LETTERS or not is_made_of(text, _LOWER + "-_."):
        raise ValueError
    return text


def _list_key(text: str) -> str:
    if text and (len(text) != _MODULUS_LETTERS or not is_made_of(text, _LETTERS + "+/")):
        raise ValueError
    return text


INTERFACE = Text(_interface, "the name of an interface (up to 15 letters, digits and ._+@-)")
MAC = Text(_mac, "a MAC address such as 02:00:5e:10:00:01")
NETWORK = Text(_network, "a network such as 192.168.1.0/24 or fd00::/8")
DOMAIN = Text(_domain, "a domain name such as example.com (others than ASCII as xn--...)")
URL = Text(_url, "a URL such as http://192.168.1.1/ of up to %d characters" % _URL_CHARACTERS)
LIST_ID = Text(_list_id, "the name of a list, of up to %d small letters, digits and -_." % _LIST_ID_LETTERS)
LIST_KEY = Text(_list_key, 'the %d letters that `spamgate blocklist keygen` prints, or ""' % _MODULUS_LETTERS)
