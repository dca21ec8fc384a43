"""Where a list may be fetched from: a web server, or a folder."""

from spamgate.core.compat import const
from spamgate.hal.web import Web

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

    from spamgate.hal.web import Answer

_OK = const(200)
_PART = const(206)
_MISSING = const(404)


class WebSource:
    """Files of a web server."""

    def __init__(self, certificates: str) -> None:
        self._web = Web(certificates)

    def open(self, url: str, within_s: int, begin: int = 0, etag: str = "") -> "WebFile":
        """Ask for a file, from `begin` on, and only if it is another than the one with this tag.

        Times (If-Modified-Since) would not do: what is put there twice in a second has one time.
        """
        headers = []
        if begin:
            headers.append(("Range", "bytes=%d-" % begin))
        etag = "".join([letter for letter in etag if 32 <= ord(letter) < 127])
        if etag:
            headers.append(("If-None-Match", etag))
        return WebFile(self._web.get(url, within_s, tuple(headers)))


class WebFile:
    """An answer, as the program that fetches lists wants it."""

    def __init__(self, answer: "Answer") -> None:
        self._answer = answer
        self.status = answer.head.status
        self.etag = answer.head.get("etag")
        self.begins_at = answer.head.begins_at
        self.read_into = answer.read_into
        self.close = answer.close


class FileSource:
    """Files of this machine."""

    def open(self, path: str, within_s: int, begin: int = 0, etag: str = "") -> "LocalFile":
        """Open a file, from `begin` on."""
        return LocalFile(path, begin)


class LocalFile:
    """A file, told as a web server tells of it."""

    etag = ""

    def __init__(self, path: str, begin: int) -> None:
        self._file: "Any" = None
        self.begins_at = begin
        self.status = _PART if begin else _OK
        try:
            self._file = open(path, "rb")  # noqa: SIM115  closed by close
            self._file.seek(begin)
        except OSError:
            self.status = _MISSING

    def read_into(self, buf: "bytearray | memoryview") -> int:
        """Put what comes next into `buf`; return how much, 0 at the end."""
        return int(self._file.readinto(buf))

    def close(self) -> None:
        """Close it."""
        if self._file:
            self._file.close()
