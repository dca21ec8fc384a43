"""How fast the engine is and what it takes of the heap: `micropython engine_pace.py DEVICES FACTS`, or CPython.

So many devices take turns at what devices do, told as a plane tells it: look-ups, mail by a login, now and then a
message on port 25, and one turn in a hundred a suspect (one device in ten) asks for mail servers.  Prints a line of
JSON: microseconds of CPU time for a fact, for a suspect's question when all are suspects, for a newcomer in a full
table, and for the longest telling of the time; and the bytes of all tables.
"""

import gc
import json
import sys
import time

from spamgate.core.counters import PORT_25, SUBMISSION
from spamgate.core.dialogue import HOST_NAME
from spamgate.core.hashing import hash_bytes
from spamgate.core.identity import Identity
from spamgate.core.lookups import PLAIN_NAME, TYPE_MX
from spamgate.core.many_engine import ManyEngine, ManyLimits
from spamgate.hal.clock import elapsed_us, ticks_us

_TYPE_A = 1
_BEGAN_S = 700000000
_STRIDE = 613  # devices speak in no order
_FIRST_NEWCOMER = 20000
_NEWCOMERS = 500
_QUESTIONS = 5000
_SETTLED = 200  # facts a device
_SERVERS = 64
_SLOTS = 2000
_MINUTE = 60
_MINUTES = 7

_cpu_s = getattr(time, "process_time" if hasattr(time, "process_time") else "clock")  # MicroPython has the older one


class World:
    """Devices with a MAC and an address each, and what they do."""

    def __init__(self, devices, limits):
        self.count = devices
        self.engine = ManyEngine(limits, lambda device, old, new: None)
        self.facts = 0
        self.now_s = _BEGAN_S
        self._who = Identity()
        self._mac = bytearray(b"\x02\0\0\0\0\0")
        self._home = bytearray(b"\x0a\0\0\0")
        self._server = bytearray(b"\xc6\x33\x64\0")
        self._turn = 0
        self._question = 0

    def turn(self):
        """One device does what it does once."""
        turn = self._turn = self._turn + 1
        number = turn * _STRIDE % self.count
        if not turn & 15:
            self.now_s += 1
        self.engine.at(self.now_s, turn)
        device = self.speaks(number)
        self.facts += 2
        self._look_up(device, turn)
        if not turn & 3:
            self._submit(device, turn)
        if not turn & 15:
            self._mail(device, turn)
        if turn % 100 == 7:
            self.ask_mx(turn // 100 % (self.count // 10 + 1))

    def ask_mx(self, number):
        """A suspect asks for mail servers: evidence."""
        device = self.speaks(number)
        self._question += 1
        self.engine.lookups.asked(device, self._question, TYPE_MX, number)
        self.engine.lookups.judge(device, TYPE_MX, PLAIN_NAME, number)
        self.facts += 4

    def speaks(self, number):
        """The device with this number sends a packet."""
        self._mac[4] = self._home[2] = number >> 8
        self._mac[5] = self._home[3] = number & 255
        self._who.from_mac(self._mac, 0)
        device = self.engine.device(self._who)
        self.engine.devices.seen(device, self.now_s, self._home, 0, 4)
        return device

    def _look_up(self, device, turn):
        engine = self.engine
        engine.about_nobody()
        if engine.lookups.asked(device, turn, _TYPE_A, turn & 1023):
            engine.lookups.judge(device, _TYPE_A, PLAIN_NAME, turn & 255)
        engine.lookups.answered(device, turn, 0)
        engine.devices.at_address(self._home, 0, 4)  # whose is the answer
        self.facts += 4

    def _connect(self, slot, device, port, server):
        engine = self.engine
        self._server[3] = server
        engine.about(self._server, 0, 4)
        address_hash = hash_bytes(self._server, 0, 4)
        engine.providers.note_host(server, server, address_hash, self.now_s)
        engine.mail.opened(slot, device, port, address_hash, False)
        engine.mail.established(slot)
        self.facts += 3

    def _submit(self, device, turn):
        mail = self.engine.mail
        slot = turn % _SLOTS
        self._connect(slot, device, SUBMISSION, device % _SERVERS)
        mail.logged_in(slot)
        mail.accepted(slot)
        mail.closed(slot)
        self.facts += 3

    def _mail(self, device, turn):
        engine = self.engine
        mail = engine.mail
        slot = (turn + 7) % _SLOTS
        self._connect(slot, device, PORT_25, 128 + device % _SERVERS)
        mail.dialogue.introduced(device, HOST_NAME, device, device)
        mail.dialogue.wrote_as(device, device)
        mail.wrote_to(slot, device + 5, device + 7)
        engine.counters.add_reply(device, PORT_25, 250)
        mail.accepted(slot)
        mail.closed(slot)
        self.facts += 6


def settle(world):
    """Let everyone do all of it: what is done for the first time takes longer."""
    while world.facts < world.count * _SETTLED + _SETTLED:
        world.turn()


def pace(world, facts):
    """Return the microseconds that a fact takes."""
    settle(world)
    gc.collect()
    before = world.facts
    began_s = _cpu_s()
    while world.facts - before < facts:
        world.turn()
    return (_cpu_s() - began_s) * 1000000 / (world.facts - before)


def evidence(world):
    """Return the microseconds that a suspect's question takes when all are suspects, more than have a row."""
    began_s = _cpu_s()
    for number in range(_QUESTIONS):
        world.ask_mx(number * _STRIDE % world.count)
    return (_cpu_s() - began_s) * 1000000 / _QUESTIONS


def longest_at(world):
    """Return the microseconds of the longest telling of the time in a minute; what else the machine did left out."""
    times = [1000000] * _MINUTE
    for _ in range(_MINUTES):
        for second in range(_MINUTE):
            world.now_s += 1
            began_us = ticks_us()
            world.engine.at(world.now_s, 0)
            times[second] = min(times[second], elapsed_us(began_us))
    return max(times)


def newcomer(world):
    """Return the microseconds that a newcomer takes in a table that is full of quiet devices."""
    for number in range(world.count):
        world.speaks(number)
    began_s = _cpu_s()
    for number in range(_FIRST_NEWCOMER, _FIRST_NEWCOMER + _NEWCOMERS):
        world.speaks(number)
    return (_cpu_s() - began_s) * 1000000 / _NEWCOMERS


def taken(limits):
    """Return the bytes of an engine's tables; CPython has other means to count them."""
    gc.collect()
    if hasattr(gc, "mem_alloc"):
        before = gc.mem_alloc()
        engine = ManyEngine(limits, lambda device, old, new: None)
        gc.collect()
        return gc.mem_alloc() - before if engine else 0
    import tracemalloc

    tracemalloc.start()
    engine = ManyEngine(limits, lambda device, old, new: None)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return size if engine else 0


def limits_for(devices):
    """Return the sizes of a large home, with as many places for devices as are taken."""
    limits = ManyLimits()
    limits.devices = devices + 1
    return limits


def main(devices, facts):
    limits = limits_for(devices)
    shown = {"bytes": taken(limits)}
    gc.collect()
    world = World(devices, limits)
    shown["fact_us"] = pace(world, facts)
    shown["longest_at_us"] = longest_at(world)
    shown["evidence_us"] = evidence(world)
    world = None
    gc.collect()
    shown["newcomer_us"] = newcomer(World(devices, limits))
    print(json.dumps(shown))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
