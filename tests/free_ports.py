"""Ports for servers in the network that all tests share: none that the kernel gives to somebody else meanwhile.

Port 0 would be one of those that every client draws from too: free when asked for, and soon somebody's.
"""

import random
import socket
from pathlib import Path

_LOWEST = 10000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_TRIES = 100
_KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM)


def free_ports(count: int = 1) -> int:
    """Return the first of `count` ports that follow one another, free over TCP and UDP, at all addresses."""
    clients_from = int(_RANGE.read_text().split()[0])
    drawn = random.SystemRandom()  # not the seeded one, which draws the same in each worker
    for _ in range(_TRIES):
        first = drawn.randrange(_LOWEST, clients_from - count)
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise AssertionError("no port is free here")


def _is_free(port: int) -> bool:
    for kind in _KINDS:
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind(("", port))
            except OSError:
                return False
    return True
