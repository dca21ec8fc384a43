"""A serial line between two ptys, as slow, far, small and bad as a real one: `line_simulator.py [options]`.

Prints the names of the host's end and of the board's end, then relays until standard input closes.  A byte takes ten
bits of time at `--baud`; it arrives `--round-trip-ms` / 2 later.  Towards the board there is room for `--ring` bytes
that the program has not read yet; what comes then is lost, as on a UART, or waits, with `--flow-control`.  With
`--damage P` each byte is lost, doubled or has a bit flipped, with a chance of P, from `--seed`.  With `--cut N` the
host's end goes away after N bytes to the board.
"""

import argparse
import array
import ctypes
import fcntl
import json
import os
import pty
import random
import select
import sys
import termios
import time
import tty
from collections import deque

_READ_BYTES = 4096
_KERNEL_BYTES = 4096  # that wait on the sender's side
_BITS = 10
_IDLE_S = 0.2
_PR_SET_TIMERSLACK = 29
_GRAIN_S = 0.0002  # a UART hands over what came in this time together


class Direction:
    """One way: read here, sent at the line's pace, on its way, written there."""

    def __init__(self, source: int, target: int, options: argparse.Namespace, damage: random.Random) -> None:
        self.source = source
        self.carried = 0
        self.dropped = 0
        self.ring: int | None = None
        self.unread = source  # whose input queue holds what the program has not read
        self._target = target
        self._byte_s = _BITS / options.baud if options.baud else 0.0
        self._delay_s = options.round_trip_ms / 2000
        self._damage = options.damage
        self._holds_back = options.flow_control
        self._dice = damage
        self._waiting = bytearray()
        self._free_s = 0.0  # when the line has sent all that it was given
        self._travelling: deque[tuple[float, bytes]] = deque()

    def wants(self) -> bool:
        """Is there room for more?"""
        return len(self._waiting) < _KERNEL_BYTES

    def take(self, now_s: float) -> None:
        """Read what the sender has written."""
        if not self._waiting:
            self._free_s = max(self._free_s, now_s)
        self._waiting += os.read(self.source, _READ_BYTES)

    def move(self, now_s: float) -> float | None:
        """Send and deliver what is due; return when the next is, None when nothing is on its way."""
        self._send(now_s)
        while self._travelling and self._travelling[0][0] <= now_s:
            if not self._deliver():
                return now_s + 0.001
        due = [self._travelling[0][0]] if self._travelling else []
        if self._waiting:
            due.append(self._free_s + self._grain() * self._byte_s)
        return min(due) if due else None

    def _send(self, now_s: float) -> None:
        if not self._waiting:
            return
        count = len(self._waiting)
        if self._byte_s:
            count = min(count, int((now_s - self._free_s) / self._byte_s + 0.001))
        if count >= self._grain():
            self._free_s += count * self._byte_s
            self._travelling.append((self._free_s + self._delay_s, bytes(self._waiting[:count])))
            del self._waiting[:count]

    def _grain(self) -> int:
        """Return how many bytes go together."""
        most = int(_GRAIN_S / self._byte_s) if self._byte_s else len(self._waiting)
        return max(1, min(len(self._waiting), most))

    def _deliver(self) -> bool:
        due_s, data = self._travelling.popleft()
        room = len(data) if self.ring is None else max(0, self.ring - _unread(self.unread))
        if self._holds_back and room < len(data):
            if room:
                self._write(data[:room])
            self._travelling.appendleft((due_s, data[room:]))
            return False
        arrived = self._damaged(data)
        self.dropped += max(0, len(arrived) - room)
        self._write(arrived[:room] if self.ring is not None else arrived)
        return True

    def _write(self, data: bytes) -> None:
        self.carried += len(data)
        while data:
            try:
                data = data[os.write(self._target, data) :]
            except BlockingIOError:
                select.select([], [self._target], [], _IDLE_S)

    def _damaged(self, data: bytes) -> bytes:
        if not self._damage:
            return data
        out = bytearray()
        for byte in data:
            kind = self._dice.randrange(3) if self._dice.random() < self._damage else 3
            if kind == 1:
                out += bytes([byte, byte])
            elif kind == 2:
                out.append(byte ^ 1 << self._dice.randrange(8))
            elif kind == 3:
                out.append(byte)
        return bytes(out)


def _unread(end: int) -> int:
    count = array.array("i", [0])
    fcntl.ioctl(end, termios.FIONREAD, count)
    return count[0]


class Ends:
    """A pty: `master` is ours, `slave` stays open so that it outlives those who come and go."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.name = os.ttyname(self.slave)


def relay(host: Ends, board: Ends, options: argparse.Namespace) -> dict[str, int]:
    """Relay until standard input closes or the line is cut; return what happened."""
    damage = random.Random(options.seed)
    down = Direction(host.master, board.master, options, damage)
    up = Direction(board.master, host.master, options, damage)
    down.ring = options.ring
    down.unread = board.slave
    ways = (down, up)
    while options.cut is None or down.carried < options.cut:
        now_s = time.monotonic()
        due = [at for at in [way.move(now_s) for way in ways] if at is not None]
        timeout_s = max(0.0, min(due) - time.monotonic()) if due else _IDLE_S
        ready = select.select([sys.stdin, *[way.source for way in ways if way.wants()]], [], [], timeout_s)[0]
        if sys.stdin in ready:
            break
        now_s = time.monotonic()
        for way in ways:
            if way.source in ready:
                way.take(now_s)
    return {"to_board": down.carried, "to_host": up.carried, "dropped": down.dropped}


def _keep_time() -> None:
    """Wake in time: a real line does not wait for other programs."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
    except OSError:
        pass  # without the privilege it may be late now and then


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Make the ends, name them, and relay."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--baud", type=int, default=0, help="0: as fast as it goes")
    parser.add_argument("--round-trip-ms", type=float, default=0.0)
    parser.add_argument("--ring", type=int)
    parser.add_argument("--flow-control", action="store_true")
    parser.add_argument("--damage", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cut", type=int)
    options = parser.parse_args()
    _keep_time()
    host, board = Ends(), Ends()
    _say(f"{host.name} {board.name}")
    _say(json.dumps(relay(host, board, options)))


if __name__ == "__main__":
    main()
