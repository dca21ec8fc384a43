"""Bytes of frames, headers and pcap records, made from the RFCs and not from our own readers, so that neither can
hide a mistake of the other.
"""

import struct
from collections.abc import Iterable

TCP = 6
UDP = 17
ICMP = 1
ICMPV6 = 58

FIN = 0x01
SYN = 0x02
RST = 0x04
PSH = 0x08
ACK = 0x10

BROADCAST_MAC = b"\xff" * 6
BROADCAST = b"\xff" * 4
UNSPECIFIED = bytes(4)
HOPS = 64

_ETHERTYPE_IPV4 = b"\x08\x00"
_ETHERTYPE_ARP = b"\x08\x06"
_ETHERTYPE_IPV6 = b"\x86\xdd"
_LEAST_FRAME_BYTES = 60  # without the check sequence, which captures lack
_DONT_FRAGMENT = 0x4000
_LINKTYPE_ETHERNET = 1
_SNAPLEN = 262144


class Station:
    """Who a packet is from or for: a MAC on the LAN, an IP address, and the hop limit its packets still have."""

    def __init__(self, mac: bytes, address: bytes, hops: int = HOPS) -> None:
        self.mac = mac
        self.address = address
        self.hops = hops


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of `data`."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def datagram(source: Station, target: Station, protocol: int, body: bytes, ip_id: int) -> bytes:
    """Return the IP packet around `body`; IPv4 or IPv6 as the addresses are."""
    if len(source.address) == 16:
        # The flow label stays the same for one pair of addresses, as RFC 6437 wants it for a flow.
        label = (source.address[-1] << 8 | target.address[-1]) << 4
        header = struct.pack(">IHBB", 6 << 28 | label, len(body), protocol, source.hops)
        return header + source.address + target.address + body
    fields = (0x45, 0, 20 + len(body), ip_id & 0xFFFF, _DONT_FRAGMENT, source.hops, protocol)
    front = struct.pack(">BBHHHBB", *fields)
    back = source.address + target.address
    return front + struct.pack(">H", checksum(front + b"\0\0" + back)) + back + body


def frame(source: Station, target_mac: bytes, packet: bytes) -> bytes:
    """Return the Ethernet frame around an IP packet."""
    kind = _ETHERTYPE_IPV6 if packet[0] >> 4 == 6 else _ETHERTYPE_IPV4
    return _padded(target_mac + source.mac + kind + packet)


def arp(source: Station, target: Station, is_reply: bool) -> bytes:
    """Return an ARP frame (RFC 826): who has the target's address, or here it is."""
    asked = target.mac if is_reply else bytes(6)
    body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 2 if is_reply else 1)
    body += source.mac + source.address + asked + target.address
    return _padded((target.mac if is_reply else BROADCAST_MAC) + source.mac + _ETHERTYPE_ARP + body)


def _padded(data: bytes) -> bytes:
    return data.ljust(_LEAST_FRAME_BYTES, b"\0")


def udp(source: Station, source_port: int, target: Station, target_port: int, payload: bytes) -> bytes:
    """Return a UDP datagram with its checksum."""
    header = struct.pack(">HHH", source_port, target_port, 8 + len(payload))
    value = checksum(_pseudo_header(source, target, UDP, 8 + len(payload)) + header + b"\0\0" + payload)
    return header + struct.pack(">H", value or 0xFFFF) + payload


class Segment:
    """The fields of a TCP segment that change from one to the next."""

    def __init__(self, sequence: int, acknowledgement: int, flags: int, payload: bytes = b"") -> None:
        self.sequence = sequence
        self.acknowledgement = acknowledgement
        self.flags = flags
        self.payload = payload
        self.options = b""
        self.window = 64240


def tcp(source: Station, source_port: int, target: Station, target_port: int, segment: Segment) -> bytes:
    """Return a TCP segment with its checksum."""
    head_bytes = 20 + len(segment.options)
    front = struct.pack(
        ">HHIIBBH",
        source_port,
        target_port,
        segment.sequence & 0xFFFFFFFF,
        segment.acknowledgement & 0xFFFFFFFF,
        head_bytes // 4 << 4,
        segment.flags,
        segment.window,
    )
    back = b"\0\0" + segment.options + segment.payload
    pseudo = _pseudo_header(source, target, TCP, head_bytes + len(segment.payload))
    return front + struct.pack(">H", checksum(pseudo + front + b"\0\0" + back)) + back


def syn_options(mss: int, scale: int) -> bytes:
    """Return the options of a SYN: maximum segment size, SACK permitted, window scale."""
    return struct.pack(">BBHBBBBBB", 2, 4, mss, 4, 2, 1, 3, 3, scale) + b"\1\1"


def host_unreachable(quoted: bytes) -> bytes:
    """Return the ICMP message (RFC 792) about the packet `quoted`: its header and eight bytes come back."""
    body = bytes(4) + quoted[:28]
    head = b"\3\1"
    return head + struct.pack(">H", checksum(head + b"\0\0" + body)) + body


def icmpv6(source: Station, target: Station, kind: int, body: bytes) -> bytes:
    """Return an ICMPv6 message (RFC 4443) with its checksum."""
    head = bytes((kind, 0))
    pseudo = _pseudo_header(source, target, ICMPV6, 4 + len(body))
    return head + struct.pack(">H", checksum(pseudo + head + b"\0\0" + body)) + body


def _pseudo_header(source: Station, target: Station, protocol: int, size: int) -> bytes:
    if len(source.address) == 16:
        return source.address + target.address + struct.pack(">II", size, protocol)
    return source.address + target.address + struct.pack(">BBH", 0, protocol, size)


def pcap(records: Iterable[tuple[int, bytes]]) -> bytes:
    """Return a classic pcap file of (microseconds since 1970, frame)."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, _SNAPLEN, _LINKTYPE_ETHERNET)]
    for micros, data in records:
        parts += (struct.pack("<IIII", micros // 1000000, micros % 1000000, len(data), len(data)), data)
    return b"".join(parts)
