"""Records of a zone in RFC 1035's text form, fast enough for a million of them: dnspython takes twelve times as long.

Usual records are one line; brackets, quotes, comments, left-out owners and $ORIGIN are understood.  What includes other
files or generates records is counted, not done.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from spamgate_tools.blocklist.intake import Intake

_CLASSES = frozenset((b"IN", b"CH", b"HS", b"CLASS1"))
_TTL = re.compile(rb"\d+(?:[smhdw]\d*)*", re.IGNORECASE)
_PIECE = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?$)|;|[()]|[^\s();"]+')  # a quote that is left open takes the line
_MOST_LINES = 1000  # of one record


@dataclass
class Record:
    """One record: its owner lower case, with a final dot where the whole name is known."""

    owner: bytes
    rtype: bytes
    data: bytes
    origin: bytes  # in force there, without the final dot; b"": none was named


def records(intake: Intake, usual: re.Pattern[bytes]) -> Iterator[Record]:
    """Yield the records of a zone; `usual` matches a line that is a CNAME record, as owner and target."""
    reader = _Reader(intake)
    for line in intake.lines():
        found = usual.fullmatch(line) if not reader.pieces and intake.raw[:1] not in b" \t" else None
        if found:
            reader.owner = reader.absolute(found[1])
            yield Record(reader.owner, b"CNAME", found[2], reader.origin)
        else:
            record = reader.read(line)
            if record:
                yield record
    if reader.pieces:
        intake.skip("record whose bracket is never closed")


class _Reader:
    """What goes on from one line to the next."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.origin = b""
        self.owner = b""
        self.pieces: list[bytes] = []  # of a record whose bracket is open
        self.depth = 0
        self.lines = 0
        self.is_owned = False  # the record does not begin with a blank

    def absolute(self, name: bytes) -> bytes:
        """Return a name with what it is relative to, lower case."""
        name = name.lower()
        if name == b"@":
            return self.origin + b"." if self.origin else b"."
        if name[-1:] == b"." or not self.origin:
            return name
        return name + b"." + self.origin + b"."

    def read(self, line: bytes) -> Record | None:
        """Take one more line; return the record that ends with it."""
        if not self.pieces:
            self.is_owned = self.intake.raw[:1] not in b" \t"
            self.lines = 0
        self._split(line)
        self.lines += 1
        if self.depth and self.lines < _MOST_LINES:
            return None
        pieces, self.pieces = self.pieces, []
        self.depth = 0
        if not pieces:
            return None
        if pieces[0][:1] == b"$":
            self._directive(pieces)
            return None
        return self._record(pieces)

    def _split(self, line: bytes) -> None:
        for found in _PIECE.finditer(line):
            piece = found[0]
            if piece == b";":
                return
            if piece == b"(":
                self.depth += 1
            elif piece == b")":
                self.depth = max(0, self.depth - 1)
            else:
                self.pieces.append(piece)

    def _directive(self, pieces: list[bytes]) -> None:
        word = pieces[0].upper()
        if word == b"$ORIGIN" and len(pieces) == 2:
            self.origin = self.absolute(pieces[1]).rstrip(b".")
        elif word != b"$TTL":
            self.intake.skip("directive that is not followed")

    def _record(self, pieces: list[bytes]) -> Record | None:
        if self.is_owned:
            self.owner = self.absolute(pieces.pop(0))
        while pieces and (pieces[0].upper() in _CLASSES or _TTL.fullmatch(pieces[0])):
            pieces.pop(0)
        if len(pieces) < 2 or not self.owner:
            self.intake.skip("not a record")
            return None
        return Record(self.owner, pieces[0].upper(), b" ".join(pieces[1:]), self.origin)
