"""URLs, and the head of what a web server answers (RFC 9110, RFC 9112): as much of both as fetching a file takes."""

from spamgate.core.compat import const
from spamgate.wire.cursor import FormError

MOST_HEAD_BYTES = 8192

_MOST_URL_LETTERS = const(1024)
_MOST_PORT = const(65535)
_PORTS = {"http": 80, "https": 443}
_KEPT = (
    "content-encoding",
    "content-length",
    "content-range",
    "etag",
    "location",
    "transfer-encoding",
)


class Url:
    """Where a file is; FormError when the text is no URL of http or https."""

    def __init__(self, text: str) -> None:
        self.scheme, _, rest = text.partition("://")
        if self.scheme not in _PORTS or len(text) > _MOST_URL_LETTERS or not _is_plain(text):
            raise FormError("no URL of http or https")
        host, slash, path = rest.partition("#")[0].partition("/")
        self.path = slash + path or "/"
        self.authority = host
        self.host, self.port = _split_host(host, _PORTS[self.scheme])

    @property
    def text(self) -> str:
        """Return it whole."""
        return "%s://%s%s" % (self.scheme, self.authority, self.path)

    def joined(self, location: str) -> "Url":
        """Return where a redirect leads to (RFC 3986 5.2, as far as servers use it)."""
        if "://" in location.partition("?")[0]:
            return Url(location)
        if location.startswith("//"):
            return Url(self.scheme + ":" + location)
        if not location.startswith("/"):
            location = self.path.partition("?")[0].rpartition("/")[0] + "/" + location
        return Url("%s://%s%s" % (self.scheme, self.authority, location))


class ReplyHead:
    """Status and headers of an answer; FormError when it is none."""

    def __init__(self, data: bytes) -> None:
        lines = data.split(b"\r\n")
        words = lines[0].split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or len(words[1]) != 3 or not words[1].isdigit():
            raise FormError("what answers is no web server")
        self.status = int(words[1])
        self._headers: "dict[str, str]" = {}
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            key = _text(name).lower()
            if colon and key in _KEPT:
                if key in self._headers and key != "etag":
                    raise FormError("the server says %s twice" % key)
                self._headers[key] = _text(value).strip()

    def get(self, name: str) -> str:
        """Return a header's value, or nothing."""
        return self._headers.get(name, "")

    @property
    def is_chunked(self) -> bool:
        """Does the content come in chunks (RFC 9112 7.1)?  FormError where it comes in another coding."""
        coding = self.get("transfer-encoding").lower()
        if coding not in ("", "chunked") or self.get("content-encoding").lower() not in ("", "identity"):
            raise FormError("the server sends the file coded, though it was asked not to")
        return coding == "chunked"

    @property
    def length(self) -> int:
        """Return how many bytes of content it announces, -1 where it says nothing."""
        text = self.get("content-length")
        if not text:
            return -1
        if not text.isdigit() or len(text) > 12:
            raise FormError("the server says content-length: %s" % text[:20])
        return int(text)

    @property
    def begins_at(self) -> int:
        """Return from which byte on a part was sent (206), 0 for the whole file."""
        if self.status != 206:
            return 0
        unit, _, rest = self.get("content-range").partition(" ")
        first = rest.partition("-")[0]
        if unit != "bytes" or not first.isdigit() or len(first) > 12:
            raise FormError("the server sends a part of the file without saying which")
        return int(first)


def chunk_size(line: bytes) -> int:
    """Return the size in the first line of a chunk."""
    digits = line.split(b";")[0].strip()
    if not 0 < len(digits) <= 8:
        raise FormError("the server's chunks are damaged")
    try:
        size = int(digits, 16)
    except ValueError:
        size = -1
    if size < 0:
        raise FormError("the server's chunks are damaged")
    return size


def _split_host(authority: str, port: int) -> "tuple[str, int]":
    if "@" in authority:
        raise FormError("a URL with a name and password is not taken")
    host, colon, digits = authority.rpartition(":")
    if not colon or digits.endswith("]"):
        host, digits = authority, ""
    if digits:
        port = int(digits) if digits.isdigit() and len(digits) <= 5 else 0
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not host or not 0 < port <= _MOST_PORT:
        raise FormError("%s: no host and port" % authority[:80])
    return host, port


def _is_plain(text: str) -> bool:
    """Is it ASCII without blanks and control characters?  Anything else could forge a header."""
    for letter in text:
        if not 32 < ord(letter) < 127:
            return False
    return True


def _text(data: bytes) -> str:
    """Return a header's text; bytes beyond ASCII, which none of ours has, as question marks."""
    return "".join([chr(byte) if 32 <= byte < 127 else "?" for byte in data])
