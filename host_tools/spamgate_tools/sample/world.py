"""The place of capture: a clock that tasks wait on, chance from a seed, and the frames that passed by.

A task is a generator that yields the seconds it waits.  Nothing here depends on the platform: integers, random bits
and floating-point products only, no logarithms and no hash order, so a seed gives the same bytes everywhere.
"""

import heapq
import random
from collections.abc import Generator, Sequence
from typing import TypeVar

from spamgate_tools.sample import packets
from spamgate_tools.sample.packets import Segment, Station

Choice = TypeVar("Choice")
Value = TypeVar("Value")
# Yields seconds to wait, is sent nothing, returns a value.
Task = Generator[float, None, Value]


class Dice:
    """Chance that repeats with its seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def fork(self) -> "Dice":
        """Return dice of their own for one part of the story, so that parts do not disturb each other."""
        return Dice(self._random.getrandbits(64))

    def chance(self, share: float) -> bool:
        """Return True in `share` of all cases."""
        return self._random.random() < share

    def between(self, low: float, high: float) -> float:
        """Return a number, all equally likely."""
        return low + (high - low) * self._random.random()

    def around(self, mean: float) -> float:
        """Return a number of this mean, often small and up to four times as large: waits and sizes of people."""
        return mean * 4 * self._random.random() * self._random.random()

    def whole(self, low: int, high: int) -> int:
        """Return a whole number, both ends included."""
        return low + int(self._random.random() * (high - low + 1))

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Return one of the choices."""
        return choices[self.whole(0, len(choices) - 1)]

    def blob(self, size: int) -> bytes:
        """Return random bytes."""
        return self._random.getrandbits(8 * size).to_bytes(size, "big") if size else b""


class World:
    """Runs tasks in the order of time and keeps the frames they send."""

    def __init__(self, start_s: int, dice: Dice) -> None:
        self.now_us = start_s * 1000000
        self.dice = dice
        self.records: list[tuple[int, bytes]] = []
        self._tasks: list[tuple[int, int, Task[None]]] = []
        self._spawned = 0
        self._ip_ids: dict[bytes, int] = {}

    def spawn(self, task: Task[None], delay_s: float = 0.0) -> None:
        """Start a task `delay_s` from now; those that wait for the same moment run in the order they asked."""
        self._spawned += 1
        heapq.heappush(self._tasks, (self.now_us + int(delay_s * 1000000), self._spawned, task))

    def run(self) -> None:
        """Run until nobody waits any more."""
        while self._tasks:
            self.now_us, _, task = heapq.heappop(self._tasks)
            try:
                wait_s = next(task)
            except StopIteration:
                continue
            self.spawn(task, wait_s)

    def send_udp(self, source: Station, source_port: int, target: Station, target_port: int, payload: bytes) -> None:
        """A UDP datagram passes."""
        body = packets.udp(source, source_port, target, target_port, payload)
        self.send_ip(source, target, packets.UDP, body)

    def send_tcp(self, source: Station, source_port: int, target: Station, target_port: int, segment: Segment) -> None:
        """A TCP segment passes."""
        body = packets.tcp(source, source_port, target, target_port, segment)
        self.send_ip(source, target, packets.TCP, body)

    def send_ip(self, source: Station, target: Station, protocol: int, body: bytes) -> bytes:
        """An IP packet passes; it is returned."""
        packet = packets.datagram(source, target, protocol, body, self._ip_id(source.address))
        self.send_frame(packets.frame(source, target.mac, packet))
        return packet

    def send_frame(self, frame: bytes) -> None:
        """A frame passes.  Two never have the same time stamp, as on one wire."""
        if self.records and self.records[-1][0] >= self.now_us:
            self.now_us = self.records[-1][0] + 1
        self.records.append((self.now_us, frame))

    def _ip_id(self, address: bytes) -> int:
        latest = self._ip_ids.get(address)
        self._ip_ids[address] = self.dice.whole(0, 65535) if latest is None else (latest + 1) & 0xFFFF
        return self._ip_ids[address]
