"""Waiting for programs of the lab, with an end to patience."""

import ipaddress
import sys
import time
from collections.abc import Callable
from pathlib import Path

from spamgate_tools.errors import UserError

_LISTEN = "0A"  # states in /proc/net/tcp
_PAUSE_S = 0.02


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Return as soon as the condition holds; a UserError that names `what` when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise UserError(f"{what}: not there after {seconds:g} s")
        time.sleep(_PAUSE_S)


def listens(pid: int, port: int, protocol: str = "tcp", address: str = "") -> bool:
    """Is somebody listening on this port, at this address or any, in the network namespace of process `pid`?"""
    local = f"{_in_table(address) if address else ''}:{port:04X}"
    return any(_is_open(f"/proc/{pid}/net/{protocol}{family}", local, protocol) for family in ("", "6"))


def _is_open(table: str, local: str, protocol: str) -> bool:
    try:
        lines = Path(table).read_text().splitlines()[1:]
    except OSError:  # the process is gone
        return False
    rows = (line.split() for line in lines)
    return any(row[1].endswith(local) and (protocol == "udp" or row[3] == _LISTEN) for row in rows)


def _in_table(address: str) -> str:
    """Return an address as /proc/net/tcp writes it: in words of four bytes, the machine's way round."""
    packed = ipaddress.ip_address(address).packed
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)
