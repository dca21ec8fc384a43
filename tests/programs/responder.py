"""Both responders in a loop of their own: `micropython responder.py LATER_PORT NEVER_PORT`.

Twice a second a line of JSON: the heap in use after a collection, and how many clients were heard of.
"""

import gc
import json
import sys

from spamgate.core.ticks import elapsed
from spamgate.hal.loop import Loop
from spamgate.hal.net import Net
from spamgate.hal.steady_clock import ticks_ms
from spamgate.service.smtp_responder import Responder

REPORT_MS = 500


class Greeting:
    """A ticket that names the address, so that the tests see whose it is."""

    page = "http://192.168.77.1/"

    def ticket(self, address):
        return address[-3:].hex().upper()


class Report:
    """Writes the lines."""

    def __init__(self):
        self._clients = 0
        self._written_ms = ticks_ms()

    def heard(self, address, port):
        self._clients += 1

    def tick(self, now_ms):
        if elapsed(now_ms, self._written_ms) >= REPORT_MS:
            self._written_ms = now_ms
            gc.collect()
            sys.stdout.write(json.dumps({"heap_bytes": gc.mem_alloc(), "clients": self._clients}) + "\n")


def main(later_port, never_port):
    net, loop, report = Net(), Loop(), Report()
    for port, is_final in ((later_port, False), (never_port, True)):
        responder = Responder(net, loop, port, lambda address, it=is_final: it, Greeting(), report.heard)
        loop.each_tick(responder.tick)
    loop.each_tick(report.tick)
    loop.run()


main(int(sys.argv[1]), int(sys.argv[2]))
