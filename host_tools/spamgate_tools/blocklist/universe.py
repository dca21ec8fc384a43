"""The universe: names that people need, which no collision of hashes may block.

One name a line; of a table with commas, as rankings of sites come, the first field that is a name.  Files may be packed
(xz, gz, or the first file of a zip).
"""

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from spamgate_tools.blocklist.names import NoName, wire_name
from spamgate_tools.errors import UserError

_SHIPPED = Path(__file__).with_name("universe")
_MOST_BYTES = 1 << 28  # unpacked


class Universe(NamedTuple):
    """Names in wire form."""

    names: frozenset[bytes]
    unread: int  # lines that hold none


def shipped_files() -> list[Path]:
    """Return the files that come with the host tools."""
    return sorted(_SHIPPED.glob("*.txt.xz"))


def read_universe(files: Iterable[Path]) -> Universe:
    """Return the names of all these files; UserError where one has none."""
    names: set[bytes] = set()
    unread = 0
    for path in files:
        found, bad = _read(path)
        if not found:
            raise UserError(f"{path}: has no names", "give a file with one name a line")
        names |= found
        unread += bad
    return Universe(frozenset(names), unread)


def _read(path: Path) -> tuple[set[bytes], int]:
    names = set()
    unread = 0
    try:
        with _open(path) as file:
            for line in _lines(file, path):
                name = _name_in(line)
                if name:
                    names.add(name)
                else:
                    unread += 1
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    return names, unread


def _open(path: Path) -> BinaryIO:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            if not archive.namelist():
                raise zipfile.BadZipFile("an archive without files")
            with archive.open(archive.namelist()[0]) as member:
                return io.BytesIO(member.read(_MOST_BYTES + 1))
    if path.suffix == ".xz":
        return cast("BinaryIO", lzma.open(path))
    return cast("BinaryIO", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _lines(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """Yield the lines that say something, without comments."""
    left = _MOST_BYTES
    while line := file.readline(left):
        left -= len(line)
        if left <= 0:
            raise UserError(f"{path}: has more than {_MOST_BYTES >> 20} MB", "cut it down to the names that matter")
        text = line.partition(b"#")[0].strip()
        if text:
            yield text


def _name_in(line: bytes) -> bytes:
    for field in line.split(b",") if b"," in line else (line,):
        field = field.strip(b' "')
        if b"." in field or b"," not in line:
            try:
                return wire_name(field)
            except NoName:
                continue
    return b""
