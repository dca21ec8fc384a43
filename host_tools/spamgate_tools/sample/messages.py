"""Bytes of the messages that devices and servers exchange: DNS, DHCP, router discovery, TLS, NTP, mDNS."""

import struct

from spamgate_tools.sample.packets import UNSPECIFIED
from spamgate_tools.sample.world import Dice

A = 1
PTR = 12
MX = 15
AAAA = 28
HTTPS = 65

NOERROR = 0
SERVFAIL = 2
NXDOMAIN = 3

DISCOVER = 1
OFFER = 2
REQUEST = 3
ACKNOWLEDGE = 5

_IN = 1
_OPT = b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0)
_COOKIE = b"\x63\x82\x53\x63"
_LEASE_S = 43200
_CIPHERS = b"\x13\x01\x13\x02\x13\x03\xc0\x2b\xc0\x2f\xc0\x2c\xc0\x30"

# name asked for or found, type, data
Record = tuple[str, int, bytes]


class Answer:
    """What DNS says to one question."""

    def __init__(self, rcode: int, records: tuple[Record, ...] = (), extra: tuple[Record, ...] = ()) -> None:
        self.rcode = rcode
        self.records = records
        self.extra = extra


def wire_name(name: str) -> bytes:
    """Return a domain name as RFC 1035 3.1 packs it."""
    labels = [label.encode("ascii") for label in name.split(".")]
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def exchange(preference: int, host: str) -> bytes:
    """Return the data of an MX record."""
    return struct.pack(">H", preference) + wire_name(host)


def dns_query(message_id: int, name: str, qtype: int, edns: bool) -> bytes:
    """Return a recursive query, with EDNS if wanted."""
    head = struct.pack(">HHHHHH", message_id, 0x0100, 1, 0, 0, int(edns))
    return head + wire_name(name) + struct.pack(">HH", qtype, _IN) + (_OPT if edns else b"")


def dns_reply(query: bytes, name: str, answer: Answer) -> bytes:
    """Return the reply of a recursive resolver to `query`, which asked for `name`."""
    edns = query[11:12] == b"\1"
    counts = (1, len(answer.records), 0, len(answer.extra) + edns)
    head = query[:2] + struct.pack(">HHHHH", 0x8180 | answer.rcode, *counts)
    question = query[12 : 12 + len(name) + 6]
    body = b"".join(_record(name, record) for record in answer.records + answer.extra)
    return head + question + body + (_OPT if edns else b"")


def _record(asked: str, record: Record) -> bytes:
    name, rtype, data = record
    owner = b"\xc0\x0c" if name == asked else wire_name(name)
    return owner + struct.pack(">HHIH", rtype, _IN, 3600, len(data)) + data


def mdns_announcement(service: str, host: str, address: bytes) -> bytes:
    """Return the unasked-for answer (RFC 6762) that tells the neighbours of a service and a host."""
    pointer = wire_name(f"{host}.{service}.local")
    head = struct.pack(">HHHHHH", 0, 0x8400, 0, 2, 0, 0)
    offer = wire_name(f"{service}.local") + struct.pack(">HHIH", PTR, _IN, 4500, len(pointer)) + pointer
    return head + offer + wire_name(f"{host}.local") + struct.pack(">HHIH", A, 0x8001, 120, 4) + address


class Lease:
    """What DHCP is about: whose lease, of which address, from whom."""

    def __init__(self, mac: bytes, host_name: str, address: bytes, server: bytes, resolver: bytes) -> None:
        self.mac = mac
        self.host_name = host_name
        self.address = address
        self.server = server
        self.resolver = resolver


def dhcp_request(lease: Lease, kind: int, transaction: int) -> bytes:
    """Return what a client sends: DISCOVER or REQUEST (RFC 2131)."""
    options = _option(53, bytes((kind,))) + _option(61, b"\1" + lease.mac)
    if kind == REQUEST:
        options += _option(50, lease.address) + _option(54, lease.server)
    options += _option(12, lease.host_name.encode("ascii")) + _option(55, b"\1\3\6\x0f\x1c")
    return _bootp(1, lease, transaction, UNSPECIFIED) + options + b"\xff"


def dhcp_reply(lease: Lease, kind: int, transaction: int) -> bytes:
    """Return what the server sends: OFFER or ACKNOWLEDGE."""
    options = _option(53, bytes((kind,))) + _option(54, lease.server) + _option(51, struct.pack(">I", _LEASE_S))
    options += _option(1, b"\xff\xff\xff\0") + _option(3, lease.server) + _option(6, lease.resolver)
    return _bootp(2, lease, transaction, lease.address) + options + b"\xff"


def _bootp(operation: int, lease: Lease, transaction: int, yours: bytes) -> bytes:
    head = struct.pack(">BBBBIHH", operation, 1, 6, 0, transaction, 0, 0)
    server = lease.server if operation == 2 else UNSPECIFIED
    return head + UNSPECIFIED + yours + server + UNSPECIFIED + lease.mac + bytes(10 + 64 + 128) + _COOKIE


def _option(code: int, value: bytes) -> bytes:
    return bytes((code, len(value))) + value


def client_hello(dice: Dice, server_name: str) -> bytes:
    """Return a TLS ClientHello that names the server (RFC 8446, RFC 6066)."""
    host = server_name.encode("ascii")
    named = struct.pack(">HBH", len(host) + 3, 0, len(host)) + host
    extensions = _extension(0, named) + _extension(43, b"\4\3\4\3\3") + _extension(10, b"\0\4\0\x1d\0\x17")
    extensions += _extension(51, struct.pack(">HHH", 36, 0x1D, 32) + dice.blob(32)) + _extension(13, b"\0\4\4\3\x08\4")
    body = b"\3\3" + dice.blob(32) + b"\x20" + dice.blob(32) + struct.pack(">H", len(_CIPHERS)) + _CIPHERS
    body += b"\1\0" + struct.pack(">H", len(extensions)) + extensions
    return tls_record(22, b"\1" + struct.pack(">I", len(body))[1:] + body)


def server_flight(dice: Dice) -> bytes:
    """Return ServerHello and what follows it, sealed: about a certificate chain's worth."""
    hello = b"\3\3" + dice.blob(32) + b"\x20" + dice.blob(32) + b"\x13\x01\0\0\x2e" + _extension(43, b"\3\4")
    hello += _extension(51, struct.pack(">HH", 0x1D, 32) + dice.blob(32))
    first = tls_record(22, b"\2" + struct.pack(">I", len(hello))[1:] + hello)
    return first + tls_record(20, b"\1") + sealed(dice, dice.whole(2200, 4200))


def sealed(dice: Dice, size: int) -> bytes:
    """Return `size` bytes of application data as TLS records: opaque."""
    whole, rest = divmod(size, 16384)
    sizes = [16384] * whole + ([rest] if rest else [])
    return b"".join(tls_record(23, dice.blob(length)) for length in sizes)


def tls_record(kind: int, body: bytes) -> bytes:
    """Return one TLS record."""
    return struct.pack(">BHH", kind, 0x0303 if kind != 22 else 0x0301, len(body)) + body


def _extension(code: int, body: bytes) -> bytes:
    return struct.pack(">HH", code, len(body)) + body


def ntp(is_reply: bool, seconds: int) -> bytes:
    """Return an NTP message (RFC 5905) from a client, or a server's answer."""
    head = b"\x24\2\6\xe9" if is_reply else b"\x23\0\6\0"
    return head + bytes(36) + struct.pack(">II", (seconds + 2208988800) & 0xFFFFFFFF, 0)
