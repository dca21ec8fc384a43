"""Reading an event log back, line by line: a chunk and one line in memory, however long the file is.

Apart from the writer (`event_log.py`) because most of the time nobody asks.
"""

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator

_CHUNK_BYTES = const(256)
_MOST_LINE_BYTES = const(8192)  # more is no line of ours
_REST = const(64)  # chunks after which others have their turn


def lines_since(storage: "Any", name: str, since: int, rest: "Callable[[], object]") -> "Iterator[str]":
    """Yield the events from UNIX time `since` on, each with its line end, of the older file and of `name` itself.

    `rest` is called now and then, so that a long file holds up nobody.
    """
    for one in (name + ".1", name):
        for line in _lines(storage, one, rest):
            if _time_of(line) >= since:
                yield line.decode() + "\n"


def _lines(storage: "Any", name: str, rest: "Callable[[], object]") -> "Iterator[bytes]":
    left = b""
    at = 0
    part = storage.read_at(name, 0, _CHUNK_BYTES)
    while part:
        at += len(part)
        lines = (left + part).split(b"\n")
        left = lines.pop()
        for line in lines:
            if line.startswith(b"{"):
                yield line
        if len(left) > _MOST_LINE_BYTES:
            left = b""
        if at // _CHUNK_BYTES % _REST == 0:
            rest()
        part = storage.read_at(name, at, _CHUNK_BYTES)


def _time_of(line: bytes) -> int:
    """Return the UNIX time of an event, 0 where there is none."""
    at = line.find(b'"t":') + 4
    end = line.find(b".", at)
    return int(line[at:end]) if at > 3 and end > at and line[at:end].isdigit() else 0
