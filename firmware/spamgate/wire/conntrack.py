"""What the kernel's connection tracking is asked over netlink (linux/netfilter/nfnetlink_conntrack.h).

A redirected connection's original destination is in the tuple of its original direction; the port that the world
sees of a connection behind address translation is the destination port of its reply direction.
"""

from spamgate.core.compat import const
from spamgate.wire.cursor import FormError
from spamgate.wire.netlink import REQUEST, Request, attribute_end, find_attribute

TCP = 6

_CONNTRACK = const(1 << 8)
_GET = const(1)
_HEADERS_BYTES = const(20)
_TUPLE_ORIGINAL = const(1)
_TUPLE_REPLY = const(2)
_TUPLE_ADDRESSES = const(1)
_TUPLE_PROTOCOL = const(2)
_V4_SOURCE = const(1)
_V4_TARGET = const(2)
_V6_SOURCE = const(3)
_V6_TARGET = const(4)
_NUMBER = const(1)
_SOURCE_PORT = const(2)
_TARGET_PORT = const(3)
_AF_INET = const(2)
_AF_INET6 = const(10)


class Tuple:
    """One direction of a connection, as bytes and ports."""

    def __init__(self, source: bytes, source_port: int, target: bytes, target_port: int) -> None:
        self.source = source
        self.source_port = source_port
        self.target = target
        self.target_port = target_port


def ask(request: Request, protocol: int, tuple_: Tuple, is_reply: bool = False) -> "memoryview":
    """Return the question for the connection with this tuple in its original or in its reply direction."""
    request.clear().message(_CONNTRACK | _GET, REQUEST, _family(tuple_.source))
    _put_tuple(request, _TUPLE_REPLY if is_reply else _TUPLE_ORIGINAL, protocol, tuple_)
    return request.done()


def read(buf: "bytes | bytearray", size: int) -> "tuple[Tuple, Tuple]":
    """Return (original, reply) of the answer in `buf[:size]`; FormError when it is none."""
    original = find_attribute(buf, _HEADERS_BYTES, size, _TUPLE_ORIGINAL)
    reply = find_attribute(buf, _HEADERS_BYTES, size, _TUPLE_REPLY)
    if original < 0 or reply < 0:
        raise FormError("no connection")
    return _read_tuple(buf, original), _read_tuple(buf, reply)


def _read_tuple(buf: "bytes | bytearray", at: int) -> Tuple:
    end = attribute_end(buf, at)
    addresses = _inner(buf, at + 4, end, _TUPLE_ADDRESSES)
    numbers = _inner(buf, at + 4, end, _TUPLE_PROTOCOL)
    inside = attribute_end(buf, addresses)
    is_v4 = find_attribute(buf, addresses + 4, inside, _V4_SOURCE) >= 0
    size = 4 if is_v4 else 16
    source = _inner(buf, addresses + 4, inside, _V4_SOURCE if is_v4 else _V6_SOURCE, size) + 4
    target = _inner(buf, addresses + 4, inside, _V4_TARGET if is_v4 else _V6_TARGET, size) + 4
    inside = attribute_end(buf, numbers)
    source_port = _inner(buf, numbers + 4, inside, _SOURCE_PORT, 2) + 4
    target_port = _inner(buf, numbers + 4, inside, _TARGET_PORT, 2) + 4
    return Tuple(
        bytes(buf[source : source + size]),
        buf[source_port] << 8 | buf[source_port + 1],
        bytes(buf[target : target + size]),
        buf[target_port] << 8 | buf[target_port + 1],
    )


def _inner(buf: "bytes | bytearray", start: int, end: int, kind: int, least: int = 0) -> int:
    at = find_attribute(buf, start, end, kind, least)
    if at < 0:
        raise FormError("a connection without attribute %d" % kind)
    return at


def _put_tuple(request: Request, kind: int, protocol: int, tuple_: Tuple) -> None:
    outer = request.open(kind)
    addresses = request.open(_TUPLE_ADDRESSES)
    is_v4 = len(tuple_.source) == 4
    request.put(_V4_SOURCE if is_v4 else _V6_SOURCE, tuple_.source)
    request.put(_V4_TARGET if is_v4 else _V6_TARGET, tuple_.target)
    request.close(addresses)
    numbers = request.open(_TUPLE_PROTOCOL)
    request.put(_NUMBER, bytes((protocol,)))
    request.put(_SOURCE_PORT, bytes((tuple_.source_port >> 8, tuple_.source_port & 0xFF)))
    request.put(_TARGET_PORT, bytes((tuple_.target_port >> 8, tuple_.target_port & 0xFF)))
    request.close(numbers)
    request.close(outer)


def _family(address: bytes) -> int:
    return _AF_INET if len(address) == 4 else _AF_INET6
