"""A program that sits at the ports of the home's bridges and writes down who opens connections to port 25.

It trusts neither the gateway nor the bots, and hears frames before any filter does. A SYN sent again counts once.

    python -m spamgate_tools.lab.referee port   # JSON lines: {"t":EPOCH,"device":MAC,"from":IP,"to":IP}
"""

import contextlib
import ctypes
import ipaddress
import json
import socket
import struct
import sys
import time
from collections import OrderedDict

_ETH_P_ALL = 3
_IPV6 = b"\x86\xdd"
_SO_ATTACH_FILTER = 26
_RING_BYTES = 4 << 20
_FRAME_BYTES = 256
_SYN_ACK, _SYN = 0x12, 0x02
_REMEMBERED = 65536  # connections; an older one's late resent SYN would count again

# What `tcpdump -dd -y EN10MB "tcp dst port 25"` prints
_FILTER = (
    (0x28, 0, 0, 12),
    (0x15, 0, 4, 0x86DD),
    (0x30, 0, 0, 20),
    (0x15, 0, 11, 6),
    (0x28, 0, 0, 56),
    (0x15, 8, 9, 25),
    (0x15, 0, 8, 0x0800),
    (0x30, 0, 0, 23),
    (0x15, 0, 6, 6),
    (0x28, 0, 0, 20),
    (0x45, 4, 0, 0x1FFF),
    (0xB1, 0, 0, 14),
    (0x48, 0, 0, 16),
    (0x15, 0, 1, 25),
    (0x06, 0, 0, _FRAME_BYTES),
    (0x06, 0, 0, 0),
)


class Referee:
    """Remembers connections by address, port and sequence number."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def judge(self, frame: bytes) -> dict | None:
        """Return who opens a connection to whom with this frame, None if it opens none or one that is known."""
        if frame[12:14] == _IPV6:
            source, destination, tcp = frame[22:38], frame[38:54], 54
        else:
            source, destination, tcp = frame[26:30], frame[30:34], 14 + (frame[14] & 15) * 4
        if len(frame) < tcp + 14 or frame[tcp + 13] & _SYN_ACK != _SYN:
            return None
        if not self._is_new(source + destination + frame[tcp : tcp + 8]):
            return None
        addresses = (str(ipaddress.ip_address(packed)) for packed in (source, destination))
        return {"t": time.time(), "device": frame[6:12].hex(":"), **dict(zip(("from", "to"), addresses, strict=True))}

    def _is_new(self, connection: bytes) -> bool:
        if connection in self._seen:
            return False
        self._seen[connection] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return True


def _listener() -> socket.socket:
    """Return a socket that hears all interfaces, those included that will be plugged in later."""
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *row) for row in _FILTER))
    program = struct.pack("@HP", len(_FILTER), ctypes.addressof(code))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RING_BYTES)
    listener.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while listener.recv(_FRAME_BYTES):  # came in before there was a filter
            pass
    listener.setblocking(True)
    return listener


def _tell(event: dict) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Listen at the interfaces whose names begin with the first argument."""
    referee = Referee()
    listener = _listener()
    _tell({"t": time.time(), "ready": True})
    while True:
        frame, where = listener.recvfrom(_FRAME_BYTES)
        if where[2] == socket.PACKET_OUTGOING or not where[0].startswith(sys.argv[1]):
            continue
        seen = referee.judge(frame)
        if seen:
            _tell(seen)


if __name__ == "__main__":
    main()
