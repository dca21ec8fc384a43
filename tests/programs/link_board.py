"""A board that is nothing but its end of the link: `micropython link_board.py FOLDER [WINDOW]`, on its own terminal.

Serves standard input and output, with files in FOLDER, and answers a few requests; it ends when it is killed.
"""

import gc
import os
import select
import sys

from spamgate import VERSION
from spamgate.hal.console_line import ConsoleLine
from spamgate.hal.steady_clock import ticks_ms
from spamgate.hal.storage import Storage
from spamgate.service.link import Link
from spamgate.wire.answers import PROTOCOL, MessageError
from spamgate.wire.link_channel import WINDOW

_TURN_MS = 20


class Commands:
    """Answers what a test asks."""

    def __init__(self):
        self.values = {"hostname": '"guard"'}

    def hello(self, fields, send):
        send('{"type":"hello","version":"%s","protocol":%d,"serial":"T-1","board":"UNIX",' % (VERSION, PROTOCOL))
        send('"plane":"dns","micropython":"%s"}\n' % ".".join([str(part) for part in sys.implementation[1][:3]]))

    def devices(self, fields, send):
        for number in range(int(self.values.get("count", "3"))):
            send('{"type":"device","device":"02:00:00:00:00:%02x","state":"normal",' % number)
            send('"pad":"%s"}\n' % ("x" * 300))

    def settings(self, fields, send):
        for name in sorted(self.values):
            send('{"type":"setting","name":"%s","value":%s}\n' % (name, self.values[name]))

    def set(self, fields, send):
        if fields["name"] == "locked":
            send('{"type":"setting","na')
            raise MessageError("locked: cannot be set", "set another")
        self.values[fields["name"]] = fields["value"]

    def clock(self, fields, send):
        send('{"type":"clock","was":%d}\n' % (fields["time"] - 1))

    def metrics(self, fields, send):
        gc.collect()
        send('{"type":"metrics","heap_used":%d}\n' % gc.mem_alloc())

    def monitor(self, fields, send):
        self.devices(fields, send)


def main(folder, window):
    link = Link(ConsoleLine(), Commands(), ticks_ms, lambda: os.urandom(4), window)
    link.accept_files(Storage(folder), lambda name: not name.endswith(".json"))
    arrived = select.poll()
    arrived.register(sys.stdin, select.POLLIN)
    gc.collect()
    while True:
        arrived.poll(_TURN_MS)
        link.poll(ticks_ms())


main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else WINDOW)
