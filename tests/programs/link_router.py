"""A router that is nothing but its end of the link over TCP: `micropython link_router.py FOLDER PORT KEY`.

Listens on all interfaces, takes files into FOLDER; prints a line once it listens, and ends when it is killed.
"""

import binascii
import os
import sys

from spamgate import VERSION
from spamgate.hal.cipher import make_aes
from spamgate.hal.loop import Loop
from spamgate.hal.net import Net
from spamgate.hal.steady_clock import ticks_ms
from spamgate.hal.storage import Storage
from spamgate.service.link import Link
from spamgate.service.link_session import Session
from spamgate.service.link_tcp import LinkTcp, Means
from spamgate.wire.answers import PROTOCOL

_WINDOW = 4096
_TURN_MS = 5
_ANY = ""  # interface


class Commands:
    """Says who it is."""

    def hello(self, fields, send):
        send('{"type":"hello","version":"%s","protocol":%d}\n' % (VERSION, PROTOCOL))


def main(folder, port, key):
    loop = Loop()
    storage = Storage(folder)

    def make_session(host, sock, seals, now_ms):
        session = Session(host, sock, seals, make_link, now_ms)
        session.link.while_waiting = session.flush
        return session

    def make_link(line):
        link = Link(line, Commands(), ticks_ms, lambda: os.urandom(4), _WINDOW)
        link.channel.least_wait_ms = 2000
        link.accept_files(storage, lambda name: True)
        return link

    means = Means(binascii.unhexlify(key), make_aes, os.urandom, ticks_ms)
    host = LinkTcp(Net(), loop, means, make_session, print)
    host.serve(int(port), [_ANY])
    print("ready")
    while True:
        loop.turn(_TURN_MS)
        host.tick(ticks_ms())


main(*sys.argv[1:4])
