"""DHCP as a device speaks it: DISCOVER, REQUEST, its host name in option 12 (RFC 2131, RFC 2132).

The exchange goes over a packet socket, since the device has no address yet, or, behind a Wi-Fi repeater, has a MAC
(`chaddr`) that is not the one on its frames.  Where no server answers, the messages are sent all the same: a gateway
that only listens learns the name from them.
"""

import asyncio
import contextlib
import ipaddress
import random
import socket
import struct
from dataclasses import dataclass, field

from spamgate_tools.lab.devices import interface
from spamgate_tools.lab.devices.options import Options
from spamgate_tools.lab.devices.report import Report

_DISCOVER = 1
_OFFER = 2
_REQUEST = 3
_ACKNOWLEDGE = 5

_PAD = 0
_SUBNET_MASK = 1
_ROUTER = 3
_HOST_NAME = 12
_REQUESTED_ADDRESS = 50
_MESSAGE_TYPE = 53
_SERVER = 54
_WANTED = 55
_CLIENT = 61
_END = 255

_COOKIE = b"\x63\x82\x53\x63"
_BOOTP = struct.Struct(">BBBBIHH4s4s4s4s16s64s128s")
_BROADCAST = 0x8000
_EVERYBODY = b"\xff" * 6
_WAITS_S = (1.5, 1.5)  # for an answer, each after sending once more
_FRAME_BYTES = 2048


@dataclass
class Lease:
    """What a server offered."""

    address: str
    server: str
    prefix: int = 24
    router: str = ""


@dataclass
class _Client:
    link: socket.socket
    frame_mac: bytes
    chaddr: bytes
    host_name: str
    waits_s: tuple[float, ...]
    transaction: int = field(default_factory=lambda: random.SystemRandom().getrandbits(32))


async def join(options: Options, report: Report) -> None:
    """Ask for an address and take it; where the interface has one already, ask for that."""
    present = await interface.addresses(options.interface, 4)
    wanted = options.source or (present[0][0] if present else "")
    lease = await exchange(options.interface, options.host_name, options.chaddr, wanted)
    if lease is None:
        report.tell("no-lease", name=options.host_name)
        return
    if lease.address not in [address for address, _ in present]:
        await _take(options.interface, lease)
    report.tell("lease", name=options.host_name, address=lease.address, server=lease.server)


async def exchange(
    link: str, host_name: str, chaddr: str = "", wanted: str = "", waits_s: tuple[float, ...] = _WAITS_S
) -> Lease | None:
    """Discover and request; return the lease, or None when nobody answers within any of these waits."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(interface.ETH_P_IP)) as raw:
        raw.bind((link, interface.ETH_P_IP))
        raw.setblocking(False)
        mac = interface.mac(link)
        client = _Client(raw, mac, bytes.fromhex(chaddr.replace(":", "")) or mac, host_name, waits_s)
        offer = await _ask(client, _DISCOVER, _OFFER, {_REQUESTED_ADDRESS: _packed(wanted)})
        if offer is None:
            raw.send(_frame(client, _REQUEST, {_REQUESTED_ADDRESS: _packed(wanted)}))
            return None
        chosen = {_REQUESTED_ADDRESS: _packed(offer.address), _SERVER: _packed(offer.server)}
        return await _ask(client, _REQUEST, _ACKNOWLEDGE, chosen)


async def _ask(client: _Client, say: int, expect: int, options: dict[int, bytes]) -> Lease | None:
    for wait_s in client.waits_s:
        client.link.send(_frame(client, say, options))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                return await _answer(client, expect)
    return None


async def _answer(client: _Client, expect: int) -> Lease:
    loop = asyncio.get_running_loop()
    while True:
        lease = _read(client, await loop.sock_recv(client.link, _FRAME_BYTES), expect)
        if lease is not None:
            return lease


def _frame(client: _Client, kind: int, options: dict[int, bytes]) -> bytes:
    nobody = bytes(4)
    head = _BOOTP.pack(
        *(1, 1, 6, 0, client.transaction, 0, _BROADCAST, nobody, nobody, nobody, nobody),
        *(client.chaddr.ljust(16, b"\0"), b"", b""),
    )
    said = {
        _MESSAGE_TYPE: bytes((kind,)),
        _CLIENT: b"\1" + client.chaddr,
        _HOST_NAME: client.host_name.encode("ascii"),
        _WANTED: bytes((_SUBNET_MASK, _ROUTER, 6, 15)),
        **options,
    }
    body = head + _COOKIE + b"".join(bytes((code, len(it))) + it for code, it in said.items() if it) + bytes((_END,))
    udp = struct.pack(">HHHH", 68, 67, 8 + len(body), 0) + body  # no checksum, as IPv4 allows
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, nobody, _EVERYBODY[:4])
    ip = ip[:10] + struct.pack(">H", _checksum(ip)) + ip[12:]
    return _EVERYBODY + client.frame_mac + struct.pack(">H", interface.ETH_P_IP) + ip + udp


def _checksum(header: bytes) -> int:
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def _read(client: _Client, frame: bytes, expect: int) -> Lease | None:
    """Return what a frame offers this client, if it is what we wait for."""
    if len(frame) < 34 or frame[23] != 17:
        return None
    udp = 14 + (frame[14] & 15) * 4
    body = frame[udp + 8 :]
    if frame[udp + 2 : udp + 4] != b"\0\x44" or len(body) < _BOOTP.size + 4 or body[_BOOTP.size :][:4] != _COOKIE:
        return None
    fields = _BOOTP.unpack_from(body)
    options = _options(body[_BOOTP.size + 4 :])
    if fields[4] != client.transaction or options.get(_MESSAGE_TYPE) != bytes((expect,)):
        return None
    lease = Lease(socket.inet_ntoa(fields[8]), socket.inet_ntoa(options.get(_SERVER, bytes(4))))
    if len(options.get(_SUBNET_MASK, b"")) == 4:
        lease.prefix = int.from_bytes(options[_SUBNET_MASK], "big").bit_count()
    if len(options.get(_ROUTER, b"")) >= 4:
        lease.router = socket.inet_ntoa(options[_ROUTER][:4])
    return lease


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + 1 < len(data) and data[at] != _END:
        if data[at] == _PAD:
            at += 1
            continue
        found[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return found


def _packed(address: str) -> bytes:
    return ipaddress.IPv4Address(address).packed if address else b""


async def _take(link: str, lease: Lease) -> None:
    await interface.ip("address", "replace", f"{lease.address}/{lease.prefix}", "dev", link)
    if lease.router:
        await interface.ip("route", "replace", "default", "via", lease.router, "dev", link)
