"""Send prepared frames from a device, at a steady pace or as fast as they go: what the bench loads a router with.

`python flood.py small|mix ROUTER_MAC`, in the device's network namespace.  For each line `COUNT RATE` on standard input
(rate 0: as fast as they go) it sends so many frames and answers with one line of JSON: how many, in how many seconds,
and the CPU time.  The frames lie ready for sendmmsg(2), many to a call, and the program goes before others on its core:
so the pace holds, and next to nothing is spent on sending.
"""

import ctypes
import json
import os
import socket
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path

SMALL_BYTES = 64  # of a UDP message's payload
SMALL_PORT = 5201
MAIL_PORT = 41000  # and above: from where mail comes
RESOLVER = "198.51.100.53"
TARGET = "203.0.113.1"  # the internet's end of the line

_STEP_S = 0.0005  # the pace is kept to within half a millisecond
_BATCH = 64
_QUERIES = 8000  # different ones: less come within the time that a query counts as resent
_MAIL_EVERY = 10
_CONNECTIONS = 16
_BODY = b"The body of a message, as lines go by of which nothing is kept but their ends and dots.\r\n"
_PRIORITY = 10
_SOL_PACKET = 263
_PACKET_QDISC_BYPASS = 20
_NAMES = (
    *("www", "api", "cdn", "img", "static", "news", "login", "play", "graph", "sync"),
    *("time", "push", "video", "store", "m", "id", "edge", "data", "maps", "mail"),
)


def go_first(process: int = 0) -> None:
    """Let nothing else that this machine does come between a process (0: this one) and its core, if that is allowed."""
    try:
        os.sched_setscheduler(process, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    except PermissionError:
        pass


# --- frames --------------------------------------------------------------------------------------


def ethernet(router: str, packet: bytes) -> bytes:
    """Return the frame that carries an IPv4 packet from this device to its router."""
    own = Path("/sys/class/net/eth0/address").read_text().strip()
    return bytes.fromhex(router.replace(":", "") + own.replace(":", "")) + b"\x08\x00" + packet


def ipv4(source: str, target: str, protocol: int, body: bytes) -> bytes:
    """Return an IPv4 packet."""
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0x4000, 64, protocol, 0) + ends
    return head[:10] + struct.pack(">H", _checksum(head)) + head[12:] + body


def udp(port: int, target_port: int, payload: bytes) -> bytes:
    """Return a UDP message without a checksum (RFC 768)."""
    return struct.pack(">HHHH", port, target_port, 8 + len(payload), 0) + payload


def tcp(ends: tuple[str, str], port: int, sequence: int, flags: int, payload: bytes = b"") -> bytes:
    """Return the TCP segment to port 25 of an IPv4 packet between `ends`."""
    head = struct.pack(">HHIIBBHHH", port, 25, sequence, int(flags != 2), 0x50, flags, 64240, 0, 0)
    pseudo = socket.inet_aton(ends[0]) + socket.inet_aton(ends[1]) + struct.pack(">HH", 6, len(head) + len(payload))
    return head[:16] + struct.pack(">H", _checksum(pseudo + head + payload)) + head[18:] + payload


def query(number: int, name: str, qtype: int = 1) -> bytes:
    """Return a DNS query with EDNS, as stub resolvers send it."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    head = struct.pack(">HHHHHH", number & 0xFFFF, 0x0100, 1, 0, 0, 1)
    return head + labels + struct.pack(">BHH", 0, qtype, 1) + b"\0\0\x29\x04\xd0\0\0\0\0\0\0"


def _checksum(data: bytes) -> int:
    data += bytes(len(data) & 1)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def small_packets(own: str) -> list[bytes]:
    """Return UDP messages of 64 bytes, of as many flows."""
    return [ipv4(own, TARGET, 17, udp(40000 + flow, SMALL_PORT, bytes(SMALL_BYTES))) for flow in range(_BATCH)]


def mix(own: str) -> list[bytes]:
    """Return DNS queries, and after each nine of them a segment of a message to port 25."""
    packets = []
    for number in range(_QUERIES):
        name = f"{_NAMES[number % len(_NAMES)]}.example{number % 977}.com"
        asked = udp(20000 + number % 2003, 53, query(number, name, 28 if number % 3 == 0 else 1))
        packets.append(ipv4(own, RESOLVER, 17, asked))
        if number % (_MAIL_EVERY - 1) == 0:
            sent = number // (_MAIL_EVERY - 1)
            sequence = 1 + sent // _CONNECTIONS * len(_BODY)
            segment = tcp((own, TARGET), MAIL_PORT + sent % _CONNECTIONS, sequence, 0x18, _BODY)
            packets.append(ipv4(own, TARGET, 6, segment))
    return packets


# --- sending -------------------------------------------------------------------------------------


class _Buffer(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Message(ctypes.Structure):  # struct msghdr (sendmmsg(2))
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_bytes", ctypes.c_uint),
        ("buffers", ctypes.POINTER(_Buffer)),
        ("buffer_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_bytes", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Header(ctypes.Structure):  # struct mmsghdr
    _fields_ = (("message", _Message), ("sent_bytes", ctypes.c_uint))


class Flood:
    """Frames, sent one after the other and over again."""

    def __init__(self, frames: Sequence[bytes]) -> None:
        self._sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._sock.bind(("eth0", 0))
        self._sock.setsockopt(_SOL_PACKET, _PACKET_QDISC_BYPASS, 1)
        self._frames = [ctypes.create_string_buffer(frame, len(frame)) for frame in frames]
        self._buffers = [_Buffer(ctypes.addressof(frame), len(frame)) for frame in self._frames]
        self._headers = (_Header * len(frames))()
        for header, buffer in zip(self._headers, self._buffers, strict=True):
            header.message.buffers = ctypes.pointer(buffer)
            header.message.buffer_count = 1
        self._at = 0

    def run(self, count: int, rate: int) -> dict[str, float]:
        """Send `count` frames at `rate` a second."""
        began_s, cpu_s = time.perf_counter(), time.thread_time()
        sent = 0
        while sent < count:
            due = min(int((time.perf_counter() - began_s) * rate) + 1, count) if rate else count
            while sent < due:
                sent += self._send(min(due - sent, _BATCH))
            if rate:
                time.sleep(max(began_s + sent / rate + _STEP_S - time.perf_counter(), 0))
        return {"sent": sent, "seconds": time.perf_counter() - began_s, "cpu_s": time.thread_time() - cpu_s}

    def _send(self, count: int) -> int:
        count = min(count, len(self._frames) - self._at)
        first = ctypes.byref(self._headers, self._at * ctypes.sizeof(_Header))
        done = self._sendmmsg(self._sock.fileno(), first, count, 0)
        if done < 0:
            raise OSError(ctypes.get_errno(), "sendmmsg")
        self._at = (self._at + done) % len(self._frames)
        return done


def main() -> None:
    """Serve the orders on standard input."""
    kind, router, own = sys.argv[1:]
    flood = Flood([ethernet(router, packet) for packet in (small_packets if kind == "small" else mix)(own)])
    go_first()
    print("ready", flush=True)
    for line in sys.stdin:
        count, rate = line.split()
        print(json.dumps(flood.run(int(count), int(rate))), flush=True)


if __name__ == "__main__":
    main()
