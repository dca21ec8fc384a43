"""How much is remembered: the sizes of all tables, as the heap allows."""

from spamgate.core.compat import const

_ROOMY_KB = const(384)

# Columns: a small heap, a router's 512 KB that also holds the services, and 512 KB for the engine alone.
_SMALL = const(0)
_ROUTER = const(1)
_ROOMY = const(2)


class Limits:
    """Sizes for a heap of so many kilobytes on a 64-bit build (half of that on a 32-bit one).

    In 256 KB a home of 30 devices and a bot at full pace fit, in a router's 512 KB one of 47; in 512 KB for the engine
    alone one of 90, and four times as many servers and names are counted before that count starts anew (see
    DistinctSet).
    """

    def __init__(self, heap_kb: int = 512, is_router: bool = False) -> None:
        at = _SMALL if heap_kb < _ROOMY_KB else _ROUTER if is_router else _ROOMY
        self.devices = (32, 48, 96)[at]
        self.suspects = (5, 8, 16)[at]  # devices of which every kind of evidence is kept
        self.connections = (160, 112, 256)[at]  # to mail servers, at a time
        self.hosts = (128, 256, 512)[at]  # addresses and names of mail servers, from DNS
        self.distinct = (1024, 1024, 4096)[at]  # servers and names counted once a device
        self.reply_codes = (128, 256, 512)[at]
        self.segments = (3, 3, 8)[at]  # held out of order
        self.lines = (5, 6, 12)[at]  # of SMTP, in pieces
        self.line_bytes = (320, 512, 512)[at]  # RFC 5321 4.5.3.1.4 allows 512
        self.runs = (8, 8, 16)[at]  # of like commands, waiting for replies in one connection
        self.datagrams = (2, 2, 4)[at]  # in fragments
        self.datagram_bytes = (1536, 1536, 4608)[at]
        self.window_bytes = (3072, 0, 32768)[at]  # of a capture file at a time
