"""Find the MicroPython image that a board needs: named, fetched with a digest that is known, or lying about here.

Nothing is fetched that is not checked: a digest is given, or recorded in the board's board.json.
"""

import hashlib
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from spamgate_tools.boards.catalogue import Board
from spamgate_tools.boards.stock_image import StockImage, load_image, read_image
from spamgate_tools.compiled import SOURCE
from spamgate_tools.errors import UserError

_PATIENCE_S = 30.0
_MOST_BYTES = 16 << 20
_CHUNK_BYTES = 1 << 16
_SCHEMES = ("https", "http", "file")

Heard = Callable[[int, int], None]


def image_here(board: Board) -> StockImage:
    """Return the newest image for a board in this folder, among the user's downloads, or built in this checkout."""
    folders = dict.fromkeys((Path.cwd(), Path(platformdirs.user_downloads_dir()), built_images(board)))
    found = [path for folder in folders for path in folder.glob(board.facts["image"]["pattern"])]
    if not found:
        builder = board.facts["image"].get("build")
        how = f"build it with {builder}" if builder else f"fetch it from {board.data['url']} into this folder"
        hint = f"{how}, or name it with --image FILE"
        raise UserError(f"no MicroPython image for {board.name} is here or among your downloads", hint)
    return load_image(max(found, key=lambda path: path.name))  # names carry the date of the release


def built_images(board: Board) -> Path:
    """Return where ci/esp32_image.sh leaves what it builds for a board."""
    return SOURCE.parents[1] / "build" / "images" / board.name


def fetch_image(url: str, sha256: str, heard: Heard) -> StockImage:
    """Return the image at an address, from the cache if it was fetched before; its digest is checked in any case."""
    wanted = sha256.lower()
    if not re.fullmatch("[0-9a-f]{64}", wanted):
        raise UserError(f"--sha256 {sha256[:70]}: is no SHA-256", "64 digits and letters a to f, as sha256sum prints")
    name = urlsplit(url).path.rpartition("/")[2] or "image"
    kept = Path(platformdirs.user_cache_dir("spamgate")) / "images" / f"{wanted}.bin"
    data = kept.read_bytes() if kept.is_file() else b""
    if hashlib.sha256(data).hexdigest() != wanted:
        data = _fetch(url, heard)
        _check(url, data, wanted)
        _keep(kept, data)
    return read_image(data, name)


def known_digest(boards: "tuple[Board, ...]", url: str) -> str:
    """Return the digest that board.json records for the file at this address."""
    name = urlsplit(url).path.rpartition("/")[2]
    for board in boards:
        digest = board.facts.get("image", {}).get("sha256", {}).get(name)
        if digest:
            return str(digest)
    hint = "give the one its maker publishes with --sha256, or fetch it yourself and name it with --image"
    raise UserError(f"{name}: no digest is recorded for it", hint)


def _fetch(url: str, heard: Heard) -> bytes:
    if urlsplit(url).scheme not in _SCHEMES:
        raise UserError(f"--download {url}: is no address", "give one that begins with https://")
    data = bytearray()
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE_S) as answer:
            size_bytes = int(answer.headers.get("Content-Length") or 0)
            while chunk := answer.read(_CHUNK_BYTES):
                data += chunk
                heard(len(data), max(size_bytes, len(data)))
                if len(data) > _MOST_BYTES:
                    raise UserError(f"{url}: is larger than any image", "look at the address")
    except (OSError, ValueError) as error:
        why = error.reason if isinstance(error, urllib.error.URLError) else error
        raise UserError(f"{url}: cannot be fetched: {why}", "fetch it by hand and name it with --image") from None
    return bytes(data)


def _check(url: str, data: bytes, wanted: str) -> None:
    digest = hashlib.sha256(data).hexdigest()
    if digest != wanted:
        problem = f"{url}: is not what it should be: its SHA-256 is {digest}, not {wanted}"
        raise UserError(problem, "do not use it; look where address and digest came from")


def _keep(path: Path, data: bytes) -> None:
    """Keep it for the next board; a cache that cannot be written is no reason to stop."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError:
        pass
