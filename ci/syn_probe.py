"""Connect to one mail server after the other without waiting, and see from when on the router answers instead.

`python syn_probe.py ROUTER_MAC OWN_ADDRESS`, in a device's network namespace.  It asks for MX once, as a bot does, then
sends a SYN each 0.2 ms, each to another network.  Nobody is there: who answers is the router, to whose refusal the
connection was redirected.  Prints one line of JSON: when each SYN left, in milliseconds, and which was answered.
"""

import json
import socket
import sys
import time

from flood import NOBODY, RESOLVER, ethernet, go_first, ipv4, query, tcp, udp

SYNS = 250

_STEP_S = 0.0002
_FIRST_PORT = 30000
_LOOKUP_S = 0.1  # from the MX query to the connections
_ANSWERS_S = 0.2
_ETH_IPV4 = 0x0800
_SYN = 2
_SYN_ACK = 0x12


def probe(sock: socket.socket, frames: list[bytes]) -> list[float]:
    """Send the frames and return when each left, in milliseconds."""
    left_ms = []
    began_s = time.perf_counter()
    for number, frame in enumerate(frames):
        time.sleep(max(began_s + number * _STEP_S - time.perf_counter(), 0))
        left_ms.append((time.perf_counter() - began_s) * 1000)
        sock.send(frame)
    return left_ms


def answered(sock: socket.socket) -> list[int]:
    """Return which SYNs were answered, in order."""
    sock.settimeout(_ANSWERS_S)
    found = set()
    try:
        while True:
            frame = sock.recv(128)
            if frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_TCP and frame[47] == _SYN_ACK:
                found.add(int.from_bytes(frame[36:38], "big") - _FIRST_PORT)
    except TimeoutError:
        return sorted(found)


def main() -> None:
    """Probe once."""
    router, own = sys.argv[1:]
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_IPV4))
    sock.bind(("eth0", _ETH_IPV4))
    lookup = ipv4(own, RESOLVER, socket.IPPROTO_UDP, udp(29999, 53, query(1, "example.com", 15)))
    sock.send(ethernet(router, lookup))
    time.sleep(_LOOKUP_S)
    frames = []
    for number in range(SYNS):
        server = NOBODY.format(number)
        segment = tcp((own, server), _FIRST_PORT + number, 1000, _SYN)
        frames.append(ethernet(router, ipv4(own, server, socket.IPPROTO_TCP, segment)))
    go_first()
    left_ms = probe(sock, frames)
    print(json.dumps({"left_ms": left_ms, "answered": answered(sock)}))


if __name__ == "__main__":
    main()
