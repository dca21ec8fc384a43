"""DNS messages out of capture files, for tests: over UDP one a packet, over TCP cut out of the stream."""

import ipaddress
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from spamgate.wire.capture import open_capture
from spamgate.wire.cursor import FormError
from spamgate.wire.packet import TCP, UDP, Packet
from spamgate_tools.decode_dns import Decoded, decode_lines

PORT = 53


class Seen(NamedTuple):
    """One message as it was found."""

    frame: int  # 0 over TCP: a message is not a frame there
    flow: tuple[str, int, str, int]  # source, its port, destination, its port
    fields: Decoded
    id: int

    def readable(self) -> bool:
        return "error" not in self.fields


@cache
def read_capture(capture: Path, wanted: frozenset[int] = frozenset()) -> tuple[list[Seen], dict[int, str]]:
    """Return the messages of `capture` and why frames gave none; frames `wanted` count on any port."""
    packet = Packet()
    seen: list[Seen] = []
    nothing: dict[int, str] = {}
    streams: dict[tuple, list[tuple[int, bytes]]] = defaultdict(list)
    for frame, link_type, buf, start, end in frames(capture):
        try:
            protocol = packet.read(link_type, buf, start, end)
        except FormError as error:
            nothing[frame] = f"{error} refused"
            continue
        on_port = protocol and PORT in (packet.src_port, packet.dst_port)
        payload = bytes(packet.data[packet.payload_at : packet.payload_end])
        if protocol == TCP and on_port:
            streams[flow_of(packet)].append((packet.seq, payload))
        elif protocol == UDP and (on_port or frame in wanted):
            seen.append(decoded(frame, flow_of(packet), payload))
        else:
            nothing[frame] = "neither TCP nor UDP" if not protocol else "another port"
    for flow, segments in streams.items():
        seen += [decoded(0, flow, wire) for wire in split_stream(segments)]
    return seen, nothing


def frames(capture: Path) -> Iterator[tuple[int, int, bytes, int, int]]:
    buf = capture.read_bytes()
    reader = open_capture(buf, 0, len(buf))
    at = frame = 0
    while used := reader.next(buf, at, len(buf)):
        at += used
        if reader.packet:
            frame += 1
            yield frame, reader.link_type, buf, reader.packet_at, reader.packet_end


def flow_of(packet: Packet) -> tuple[str, int, str, int]:
    ends = []
    for at, port in ((packet.src_at, packet.src_port), (packet.dst_at, packet.dst_port)):
        ends += [str(ipaddress.ip_address(bytes(packet.buf[at : at + packet.address_bytes]))), port]
    return tuple(ends)


def split_stream(segments: list[tuple[int, bytes]]) -> Iterator[bytes]:
    """Put the segments of one direction in order and cut the messages out by their lengths."""
    first = segments[0][0]
    stream = bytearray()
    for offset, payload in sorted(((seq - first) % 2**28, payload) for seq, payload in segments if payload):
        offset = offset - 1 if not segments[0][1] else offset  # the SYN counts for one
        if offset <= len(stream):
            stream[offset : offset + len(payload)] = payload
    while len(stream) > 2 and len(stream) >= 2 + int.from_bytes(stream[:2], "big"):
        size = 2 + int.from_bytes(stream[:2], "big")
        yield bytes(stream[2:size])
        del stream[:size]


def decoded(frame: int, flow: tuple[str, int, str, int], wire: bytes) -> Seen:
    return Seen(frame, flow, next(decode_lines([wire.hex()])), int.from_bytes(wire[:2], "big"))
