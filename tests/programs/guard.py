"""The DNS guard in a loop of its own: `micropython guard.py [--count] [--list FILE] SETTINGS ADDRESS...`.

SETTINGS is a file as the gateway reads it; at the addresses it serves.  Twice a second a line of JSON: queries that
were answered and blocked, and the heap in use after a collection.  With --count as the first word nothing is ever
collected, and `heap_bytes` is all that was allocated since the start.
"""

import gc
import json
import sys

from spamgate.core.ticks import elapsed
from spamgate.hal.loop import Loop
from spamgate.hal.net import Net
from spamgate.hal.steady_clock import ticks_ms
from spamgate.service.dns_guard import DnsGuard
from spamgate.store.settings import read_settings
from spamgate.wire.address import parse_address

REPORT_MS = 500

_HEAD_BYTES = 4096


class Report:
    """Counts by device, as the engine does, and writes the lines."""

    def __init__(self, collects):
        self._answered = {}
        self._blocked = {}
        self._collects = collects
        self._written_ms = ticks_ms()

    def answered(self, buf, start, end, address, port):
        self._answered[address] = self._answered.get(address, 0) + 1

    def blocked(self, address, count):
        self._blocked[address] = self._blocked.get(address, 0) + count

    def listed(self, address, count):
        pass

    def tick(self, now_ms):
        if elapsed(now_ms, self._written_ms) >= REPORT_MS:
            self._written_ms = now_ms
            if self._collects:
                gc.collect()
            counts = {"answered": sum(self._answered.values()), "blocked": sum(self._blocked.values())}
            counts["heap_bytes"] = gc.mem_alloc()
            print(json.dumps(counts))


def open_list(path):
    """Return the list in the file, as it is signed or not."""
    from spamgate.wire.list_file import ListFile

    file = open(path, "rb")  # noqa: SIM115  for as long as the program runs

    def read_into(offset, buf):
        file.seek(_HEAD_BYTES + offset)
        return file.readinto(buf)

    return ListFile(read_into)


def main(words):
    collects = words[0] != "--count"
    words = words[0 if collects else 1 :]
    blocklist = None
    if words[0] == "--list":
        blocklist = open_list(words[1])
        words = words[2:]
    settings, addresses = words[0], words[1:]
    with open(settings) as file:
        settings = read_settings(file.read())
    loop = Loop()
    report = Report(collects)
    guard = DnsGuard(Net(), loop, settings, report, print)
    guard.use_list(blocklist)
    guard.serve([parse_address(address) for address in addresses])
    loop.each_tick(guard.tick)
    loop.each_tick(report.tick)
    gc.collect()
    if not collects:
        gc.disable()
    loop.run()


main(sys.argv[1:])
