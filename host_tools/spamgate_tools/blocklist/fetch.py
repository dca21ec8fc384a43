"""Get the bytes of a source: from a file, or from the web with a cache that asks its server no more than it must.

A copy is kept with what the server said of it (ETag, Last-Modified), and becomes the one in the cache only after it was
read as a list: a page that says "try later" never takes its place.
"""

import hashlib
import http.client
import json
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import platformdirs

from spamgate import VERSION
from spamgate_tools.errors import UserError

DEFAULT_MOST_BYTES = 128 << 20  # a million names in the wordiest format take 80 MB
ASKED_LATELY_S = 3600  # Spamhaus wants no one to ask more often than hourly
OLD_COPY_S = 7 * 86_400  # a server that is away: a copy not older than this stands in

_PATIENCE_S = 30.0  # for a server that says nothing
_WHOLE_PATIENCE_S = 600.0  # for one that says it very slowly
_CHUNK_BYTES = 1 << 16
_GZIP_MAGIC = b"\x1f\x8b"
_HINT = "look at the address, or fetch it by hand and name the file"

Heard = Callable[[int, int], None]


@dataclass
class Fetched:
    """The bytes of a source, and how they came here."""

    data: bytes
    origin: str
    notes: list[str] = field(default_factory=list)
    former: int = 0  # how many entries the copy before it had
    keep: Callable[[int], None] = lambda taken: None  # to be called once it was read: it had so many entries


def is_url(where: str) -> bool:
    """Tell an address on the web from the name of a file."""
    return where.lower().startswith(("http://", "https://"))


def read_file(where: str, most_bytes: int = DEFAULT_MOST_BYTES) -> Fetched:
    """Return the bytes of a file, unpacked if it is packed with gzip."""
    try:
        with Path(where).open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise UserError(f"{where}: cannot be read: {error.strerror}", "name a file, or begin with https://") from None
    return Fetched(unpacked(where, _bounded(where, data, most_bytes), most_bytes), "file")


def unpacked(where: str, data: bytes, most_bytes: int) -> bytes:
    """Return what a gzip file holds, never more than is allowed; other data as they are."""
    if not data.startswith(_GZIP_MAGIC):
        return data
    pieces = []
    left = most_bytes + 1
    try:
        while data and left > 0:
            packer = zlib.decompressobj(31)  # RFC 1952: a file may be several, one behind the other
            pieces.append(packer.decompress(data, left))
            left -= len(pieces[-1])
            if left > 0 and not packer.eof:
                raise zlib.error("ends early")
            data = packer.unused_data
    except zlib.error as error:
        raise UserError(f"{where}: is a broken gzip file: {error}", "fetch it again") from None
    return _bounded(where, b"".join(pieces), most_bytes)


def _bounded(where: str, data: bytes, most_bytes: int) -> bytes:
    if len(data) > most_bytes:
        problem = f"{where}: is larger than {most_bytes >> 20} MB"
        raise UserError(problem, "no list is that large; if this one is, allow it with --most-mb")
    return data


class Fetcher:
    """Sources on the web, with the copies that were fetched before."""

    def __init__(
        self,
        cache: Path | None = None,
        most_bytes: int = DEFAULT_MOST_BYTES,
        refresh: bool = False,
        heard: Heard | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cache = cache or Path(platformdirs.user_cache_dir("spamgate")) / "sources"
        self._most_bytes = most_bytes
        self._refresh = refresh
        self._heard = heard
        self._clock = clock

    def get(self, url: str) -> Fetched:
        """Return the source at an address: asked for, unchanged, or the copy that was fetched within the hour."""
        copy = _Copy(self._cache, url)
        age_s = self._clock() - copy.facts.get("asked", 0)
        former = int(copy.facts.get("taken", 0))
        if copy.there and not self._refresh and 0 <= age_s < ASKED_LATELY_S:
            return Fetched(copy.data(), "asked lately", copy.trouble(), former)
        try:
            data, headers = self._ask(url, copy.facts if copy.there else {})
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 304 and copy.there:
                copy.asked(self._clock())
                return Fetched(copy.data(), "not changed", former=former)
            why = f"{error.code} {error.reason}"
            copy.asked(self._clock(), f"its server says {why}; the copy of before stands in")
            return self._old_copy(url, copy, why)
        except (OSError, ValueError, EOFError, http.client.HTTPException) as error:
            return self._old_copy(url, copy, str(getattr(error, "reason", error)) or type(error).__name__)
        data = unpacked(url, data, self._most_bytes)
        if headers.get("Content-Encoding") == "gzip":  # then what was packed for the way may be a packed file
            data = unpacked(url, data, self._most_bytes)

        def keep(taken: int) -> None:
            copy.replace(data, headers, taken, self._clock())

        return Fetched(data, "fetched", former=former, keep=keep)

    def _ask(self, url: str, facts: dict[str, Any]) -> tuple[bytes, Message]:
        """Ask the server, with what is known of the copy; bounded in bytes and in time."""
        headers = {"User-Agent": f"spamgate/{VERSION} (blocklist build)", "Accept-Encoding": "gzip"}
        if facts.get("etag"):
            headers["If-None-Match"] = facts["etag"]
        if facts.get("last_modified"):
            headers["If-Modified-Since"] = facts["last_modified"]
        until = time.monotonic() + _WHOLE_PATIENCE_S
        opener = urllib.request.build_opener(_NoDowngrade)
        with opener.open(urllib.request.Request(url, headers=headers), timeout=_PATIENCE_S) as answer:
            size = int(answer.headers.get("Content-Length") or 0)
            data = bytearray()
            while chunk := answer.read1(_CHUNK_BYTES):
                data += chunk
                if len(data) > self._most_bytes:
                    _bounded(url, bytes(data), self._most_bytes)
                if time.monotonic() > until:
                    raise TimeoutError("took longer than ten minutes")
                if self._heard:
                    self._heard(len(data), size)
            if len(data) < size:
                raise EOFError(f"ended after {len(data)} of {size} bytes")
            return bytes(data), answer.headers

    def _old_copy(self, url: str, copy: "_Copy", why: str) -> Fetched:
        age_s = self._clock() - copy.facts.get("fetched", 0)
        if not copy.there or age_s > OLD_COPY_S:
            raise UserError(f"{url}: cannot be fetched: {why}", _HINT) from None
        note = f"cannot be fetched ({why}); the copy fetched {age_s / 3600:.0f} hours ago stands in"
        return Fetched(copy.data(), "old copy", [note], int(copy.facts.get("taken", 0)))


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    """Go where a server points, but not from https to http, nor to anything that is no web server."""

    max_redirections = 5

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new != old and new != "https":
            raise ValueError(f"points from {old} to {newurl[:100]}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Copy:
    """What is in the cache for one address: the bytes, and beside them what is known of them."""

    def __init__(self, folder: Path, url: str) -> None:
        name = hashlib.sha256(url.encode()).hexdigest()[:32]
        self._url = url
        self._body = folder / f"{name}.list"
        self._about = folder / f"{name}.json"
        self.facts: dict[str, Any] = self._read_facts()
        self.there = bool(self.facts)

    def _read_facts(self) -> dict[str, Any]:
        try:
            facts = json.loads(self._about.read_bytes())
            if facts["url"] != self._url or hashlib.sha256(self.data()).hexdigest() != facts["sha256"]:
                return {}
            return {**facts, "taken": int(facts["taken"]), "asked": float(facts["asked"])}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def data(self) -> bytes:
        return self._body.read_bytes()

    def trouble(self) -> list[str]:
        """Return what kept the server from giving a newer copy, when it was last asked."""
        return [self.facts["trouble"]] if self.facts.get("trouble") else []

    def asked(self, now_s: float, trouble: str = "") -> None:
        """Note that the server was asked, so that it is not asked again at once."""
        if self.there:
            self.facts.update(asked=now_s, trouble=trouble)
            self._write_facts()

    def replace(self, data: bytes, headers: Message, taken: int, now_s: float) -> None:
        """Put a new copy in the cache; one that cannot be written is no reason to stop."""
        self.facts = {
            "url": self._url,
            "sha256": hashlib.sha256(data).hexdigest(),
            "taken": taken,
            "asked": now_s,
            "fetched": now_s,
            "etag": headers.get("ETag"),
            "last_modified": headers.get("Last-Modified"),
        }
        try:
            self._body.parent.mkdir(parents=True, exist_ok=True)
            new = self._body.with_suffix(".new")
            new.write_bytes(data)
            new.replace(self._body)
        except OSError:
            return
        self._write_facts()

    def _write_facts(self) -> None:
        try:
            self._about.write_text(json.dumps(self.facts))
        except OSError:
            pass
