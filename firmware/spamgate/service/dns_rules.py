"""What the guard answers itself: names that are blocked and not allowed, the canary of browsers, and what is no query.

A list is anything with `listed(name)`, which says whether the name, as it lies in a question but in small letters, or
a name above it is on the list.  `NameList` is the one out of the settings; `blocklist`, where there is one, has besides
`allowed(name)`, its exceptions.  The owner's word comes first: names of the settings are blocked whatever the list
allows, and allowed whatever it blocks.
"""

from array import array

from spamgate.core.compat import const
from spamgate.wire.cursor import FormError
from spamgate.wire.dns import Message
from spamgate.wire.dns_answer import (
    block,
    block_with_zero,
    blocked_error,
    fail,
    opt_class_at,
    question_end,
    refuse,
    with_opt,
)

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Protocol

    from spamgate.service.dns_query import Query

    Answer = bytes | memoryview

    class Blocklist(Protocol):
        """A list as `wire/list_file.py` reads it."""

        def listed(self, name: bytes) -> bool: ...

        def allowed(self, name: bytes) -> bool: ...

QUERY_BYTES = 512  # the longest query that is taken

_QUERY_BYTES = const(512)
_HEADER_BYTES = const(12)
_TYPE_AND_CLASS_BYTES = const(4)
_ROOT = const(5)  # bytes from the root label to the end
_MAX_NAME_BYTES = const(255)
_MAX_LABEL_BYTES = const(63)
_MOST_BYTES = const(65535)
_FORMERR = const(1)
_NOERROR = const(0)
_SERVFAIL = const(2)
_NXDOMAIN = const(3)
_PLAIN = b"\x01\0\0\x01\0\0\0\0\0\0"  # header of one question that wants recursion, and nothing else
_RESOLVER_ARPA = b"\x08resolver\x04arpa\0"
_CANARY = "use-application-dns.net"  # must not exist: an address, even 0.0.0.0, leaves DoH on


class NameList:
    """A few hundred names with everything below them: one string of bytes, and a table that is at most half full."""

    def __init__(self, names: "list[str]") -> None:
        size = 1
        for name in names:
            size += len(name) + 2
        if size > _MOST_BYTES:
            raise FormError("more than %d bytes of names" % _MOST_BYTES)
        self._bytes = bytearray(size)  # all at once: names one by one would leave a small heap in pieces
        places = 2
        while places < 2 * len(names):
            places *= 2
        self._mask = places - 1
        self._at = array("H", bytes(2 * places))  # offset of a name by hash, or in the next free place; 0: none
        self._shortest = _MAX_NAME_BYTES + 1
        at = 1
        for name in names:
            at = self._enter(at, wire_name(name))

    def listed(self, name: bytes) -> bool:
        """Is the name or one above it on the list?  Of bytes that are no name the answer means nothing."""
        mask = self._mask
        places = self._at
        while len(name) >= self._shortest:
            place = hash(name) & mask
            while places[place]:
                if self._bytes.startswith(name, places[place]):
                    return True
                place = (place + 1) & mask
            name = name[name[0] + 1 :]
        return False

    def _enter(self, at: int, wire: bytes) -> int:
        """Enter the name, at this offset, and return where the next one goes."""
        end = at + len(wire)
        self._bytes[at:end] = wire
        place = hash(wire) & self._mask
        while self._at[place]:
            place = (place + 1) & self._mask
        self._at[place] = at
        self._shortest = min(self._shortest, len(wire))
        return end


class Rules:
    """What the settings and the list say about names.

    `hits` counts by asker how often, `list_hits` those of them that the list brought.  `trouble` says why the list
    could not be read; names are looked up then.
    """

    def __init__(self, settings) -> None:
        self.hits: "dict[bytes | tuple[bytes, int], int]" = {}
        self.list_hits: "dict[bytes | tuple[bytes, int], int]" = {}
        self.blocklist: "Blocklist | None" = None
        self.trouble = ""
        self._canary = wire_name(_CANARY) if settings.guard_canary else b""
        canaries = [_CANARY] if settings.guard_canary else []
        self._listed = NameList(canaries + settings.guard_block).listed
        self._allowed = NameList(settings.guard_allow)
        self._enforces = not settings.monitor_only
        self._block = block_with_zero if settings.guard_answer == "zero" else block
        self._is_strict = self._enforces and self._block is block and not settings.guard_allow
        self._error = blocked_error(b"settings")
        self.message = Message()
        self._out = bytearray(QUERY_BYTES + 1)
        self._view = memoryview(self._out)

    def judge(self, query: "Query") -> "Answer | None":
        """Return our own answer to the query, empty when it gets none, or None: it is to be looked up.

        The answer is lent until the next one is made.  Of a plain question no label is looked at that no list asks for:
        where their sizes make no name, it is for the upstream to say so.
        """
        wire = query.datagram[0]
        end = query.end = len(wire)
        if not wire.startswith(_PLAIN, 2) or wire.find(b"\0", _HEADER_BYTES) != end - _ROOT:
            return self._judge_other(query)
        name = query.name = wire[_HEADER_BYTES : end - _TYPE_AND_CLASS_BYTES].lower()
        if name.endswith(_RESOLVER_ARPA):
            return self._undesignated(query)
        if not self._listed(name):
            return self._look_in(self.blocklist, query) if self.blocklist is not None else None
        return self._deny(query) if self._is_strict else self._hit(query)

    def failure(self, wire: bytes, end: int) -> bytes:
        """Return SERVFAIL for the query whose question ends at `end`."""
        return self.complete(wire, end, fail(wire, end, _SERVFAIL), b"")

    def _judge_other(self, query: "Query") -> "Answer | None":
        """As `judge`, for what is more or less than one question, or has a zero byte in a label."""
        wire = query.datagram[0]
        end = query.end = question_end(wire)
        if end <= 0 or len(wire) > _QUERY_BYTES:
            return refuse(wire, -end if end < 0 else _FORMERR) if end else b""
        query.name = wire[_HEADER_BYTES : end - _TYPE_AND_CLASS_BYTES].lower()
        if query.name.endswith(_RESOLVER_ARPA):
            return self._undesignated(query)
        if self._listed(query.name):
            return self._hit(query)
        return self._look_in(self.blocklist, query) if self.blocklist is not None else None

    def _undesignated(self, query: "Query") -> bytes:
        """We know no encrypted resolver; asked upstream, another would be named in our place (RFC 9462 6.4)."""
        wire = query.datagram[0]
        return self.complete(wire, query.end, fail(wire, query.end, _NOERROR), b"")

    def _look_in(self, blocklist: "Blocklist", query: "Query") -> "Answer | None":
        """Return the answer to a query for a name of the list, if neither it nor the owner allows that."""
        name = query.name
        try:
            if not is_blocked(name, blocklist, self._allowed):
                return None
        except (OSError, FormError) as error:
            self.trouble = "the list cannot be read: %s" % error
            return None
        asker = query.datagram[1]
        self.hits[asker] = self.hits.get(asker, 0) + 1
        self.list_hits[asker] = self.list_hits.get(asker, 0) + 1
        if not self._enforces:
            return None
        wire = query.datagram[0]
        return self.complete(wire, query.end, self._block(wire, query.end), blocked_error(b"list"))

    def _hit(self, query: "Query") -> "bytes | None":
        """Return the answer to a query for a listed name, if that is not allowed."""
        if query.name != self._canary and self._allowed.listed(query.name):
            return None
        asker = query.datagram[1]
        self.hits[asker] = self.hits.get(asker, 0) + 1
        return self._answer(query) if self._enforces else None

    def _deny(self, query: "Query") -> memoryview:
        """As `_hit`, for a plain question where all that is listed does not exist: the commonest case, in few steps."""
        wire, asker = query.datagram
        self.hits[asker] = self.hits.get(asker, 0) + 1
        self._view[: query.end] = wire
        self._out[2] = 0x81
        self._out[3] = 0x83
        return self._view[: query.end]

    def _answer(self, query: "Query") -> bytes:
        wire = query.datagram[0]
        if query.name == self._canary:
            return self.complete(wire, query.end, fail(wire, query.end, _NXDOMAIN), b"")
        return self.complete(wire, query.end, self._block(wire, query.end), self._error)

    def complete(self, wire: bytes, end: int, answer: bytes, option: bytes) -> bytes:
        """Put an OPT record with this option into the answer, if the query had one; FORMERR if it cannot be read."""
        try:
            opt_at = opt_class_at(self.message, wire, end)
        except FormError:
            return refuse(wire, _FORMERR)
        return with_opt(answer, wire[opt_at + 4], option) if opt_at else answer


def is_blocked(name: bytes, blocklist: "Blocklist", allowed: NameList) -> bool:
    """Is the name on the list, and neither the owner nor the list's own exceptions allow it?"""
    return blocklist.listed(name) and not allowed.listed(name) and not blocklist.allowed(name)


def wire_name(text: str) -> bytes:
    """Return a host name as it lies in a question, in small letters; FormError when it is none."""
    wire = b""
    for label in text.lower().rstrip(".").split("."):
        data = label.encode()
        if not 0 < len(data) <= _MAX_LABEL_BYTES:
            raise FormError("%r is no name of a host" % text)
        wire += bytes((len(data),)) + data
    return wire + b"\0"
