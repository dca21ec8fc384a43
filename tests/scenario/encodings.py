"""The same frames as other captures would hold them: other link layers and file formats, frames lost, doubled, swapped.

Written from the formats' texts (tcpdump.org link types, draft-ietf-opsawg-pcapng), not from our readers.
"""

import struct
from collections.abc import Iterable

Record = tuple[int, bytes]

ETHERNET = 1
COOKED = 113
COOKED_2 = 276
_OUTGOING = 4
_TO_US = 0
_BROADCAST = 1
_MILLISECOND_US = 1000


def classic(records: Iterable[Record], link_type: int = ETHERNET, nanos: bool = False, order: str = "<") -> bytes:
    """A pcap file, with micro- or nanoseconds, in either byte order."""
    magic = 0xA1B23C4D if nanos else 0xA1B2C3D4
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link_type)]
    for micros, data in records:
        fraction = micros % 1000000 * (1000 if nanos else 1)
        parts += (struct.pack(order + "IIII", micros // 1000000, fraction, len(data), len(data)), data)
    return b"".join(parts)


def next_generation(records: Iterable[Record], link_type: int = ETHERNET) -> bytes:
    """A pcapng file: a section, an interface with nanoseconds, one enhanced packet block a frame."""
    resolution = struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)
    parts = [
        _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
        _block(1, struct.pack("<HHI", link_type, 0, 0) + resolution),
    ]
    for micros, data in records:
        stamp = micros * 1000
        head = struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(data), len(data))
        parts.append(_block(6, head + data.ljust(-(-len(data) // 4) * 4, b"\0")))
    return b"".join(parts)


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def tagged(records: Iterable[Record], *tags: int) -> list[Record]:
    """Every frame inside 802.1Q; the outer of two tags is 802.1ad."""
    out = []
    for micros, frame in records:
        kinds = [0x8100] if len(tags) == 1 else [0x88A8, 0x8100]
        header = b"".join(struct.pack(">HH", kind, tag) for kind, tag in zip(kinds, tags, strict=True))
        out.append((micros, frame[:12] + header + frame[12:]))
    return out


def cooked(records: Iterable[Record], router_mac: bytes) -> list[Record]:
    """As `tcpdump -i any` on the router writes them (SLL): the sender's MAC and no other."""
    return [
        (micros, struct.pack(">HHH", _way(frame, router_mac), 1, 6) + frame[6:12] + b"\0\0" + frame[12:])
        for micros, frame in records
    ]


def cooked_2(records: Iterable[Record], router_mac: bytes) -> list[Record]:
    """The same in version 2 of that format (SLL2)."""
    out = []
    for micros, frame in records:
        head = frame[12:14] + struct.pack(">HIHBB", 0, 3, 1, _way(frame, router_mac), 6)
        out.append((micros, head + frame[6:12] + b"\0\0" + frame[14:]))
    return out


def _way(frame: bytes, router_mac: bytes) -> int:
    if frame[6:12] == router_mac:
        return _OUTGOING
    return _BROADCAST if frame[0] & 1 else _TO_US


def raw(records: Iterable[Record]) -> list[Record]:
    """Without link layer: only IP packets are left."""
    return [(micros, frame[14:]) for micros, frame in records if frame[12:14] in (b"\x08\x00", b"\x86\xdd")]


def doubled(records: Iterable[Record]) -> list[Record]:
    """Every frame twice, as a mirror of both ports writes it."""
    return [(micros + more, frame) for micros, frame in records for more in (0, 3)]


def swapped(records: list[Record], with_stamps: bool = False) -> list[Record]:
    """Neighbours less than a millisecond apart change places, as between the queues of a network card."""
    out = list(records)
    for at in range(len(out) - 1):
        (early, first), (late, second) = out[at : at + 2]
        if late - early < _MILLISECOND_US:
            out[at : at + 2] = [(late, second), (early, first)] if with_stamps else [(early, second), (late, first)]
    return out


def one_side(records: Iterable[Record], router_mac: bytes, outgoing: bool) -> list[Record]:
    """Only what leaves the home, or only what comes in; the LAN's own traffic stays."""
    return [(micros, frame) for micros, frame in records if (frame[6:12] == router_mac) != outgoing]
