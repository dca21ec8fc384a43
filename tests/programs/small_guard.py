"""A board's DNS guard in a loop of its own: `micropython -m small_guard SETTINGS ADDRESS...`, compiled.

SETTINGS is a file as the gateway reads it, of which the guard's words count; at the addresses it serves, and the first
is its own.  The policy goes by the name that is asked for: own.* is answered with our address, brief.* without what
comes beside the answer.  Twice a second a line of JSON: queries answered and blocked, events that met a full heap, and
the heap in use and free after a collection.
"""

import gc
import json
import sys

from spamgate.core.ticks import elapsed
from spamgate.hal.loop import Loop
from spamgate.hal.net import Net
from spamgate.hal.steady_clock import ticks_ms
from spamgate.service.small_guard import BRIEF, OWN, PASS, SmallGuard
from spamgate.wire.address import parse_address

REPORT_MS = 500
REPORT = '{"answered": %d, "blocked": %d, "starved": %d, "heap_bytes": %d, "free_bytes": %d}'


class Settings:
    """The guard's words of the file."""

    guard_block = []
    guard_allow = []
    guard_answer = "nxdomain"
    guard_canary = False
    monitor_only = False

    def __init__(self, name):
        with open(name) as file:
            words = json.load(file)
        for word in words:
            setattr(self, word, words[word])


class Policy:
    """Goes by names, counts, and writes the lines."""

    def __init__(self, loop):
        self._loop = loop
        self._answered = self._blocked = 0
        self._written_ms = ticks_ms()

    def question(self, wire, end, address, port):
        if wire.startswith(b"\3own", 12):
            return OWN
        return BRIEF if wire.startswith(b"\5brief", 12) else PASS

    def answered(self, buf, start, end, address, port):
        self._answered += 1

    def blocked(self, address, count):
        self._blocked += count

    def tick(self, now_ms):
        if elapsed(now_ms, self._written_ms) >= REPORT_MS:
            self._written_ms = now_ms
            gc.collect()
            heap = (gc.mem_alloc(), gc.mem_free())
            print(REPORT % ((self._answered, self._blocked, self._loop.starved) + heap))


def main(words):
    settings = Settings(words[0])
    addresses = [parse_address(address) for address in words[1:]]
    loop = Loop()
    policy = Policy(loop)
    guard = SmallGuard(Net(), loop, settings, policy, print)
    guard.own_address = addresses[0]
    guard.use_upstreams(settings.guard_upstreams)
    guard.serve(addresses, settings.guard_port)
    loop.each_tick(guard.tick)
    loop.each_tick(policy.tick)
    gc.collect()
    gc.threshold(-1)  # which whoever imports this may have set, see tests/e2e/test_small_guard.py
    loop.run()


main(sys.argv[1:])
