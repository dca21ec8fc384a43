"""Waiting for programs of the lab, with an end to patience."""

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


def listens(pid: int, port: int, protocol: str = "tcp") -> bool:
    """Is somebody listening on this port in the network namespace of process `pid`?"""
    return any(_is_open(f"/proc/{pid}/net/{protocol}{family}", port, protocol) for family in ("", "6"))


def _is_open(table: str, port: int, protocol: str) -> bool:
    try:
        lines = Path(table).read_text().splitlines()[1:]
    except OSError:  # the process is gone
        return False
    rows = (line.split() for line in lines)
    return any(int(row[1].rpartition(":")[2], 16) == port and (protocol == "udp" or row[3] == _LISTEN) for row in rows)
