"""How much is remembered: the sizes of all tables, as the heap allows."""

from spamgate.core.addresses import PER_DEVICE
from spamgate.core.devices import DeviceTable

_ROOMY_KB = 384


class Limits:
    """Sizes for a heap of so many kilobytes on a 64-bit build (half of that on a 32-bit one).

    In 256 KB a home of 30 devices and a bot at full pace fit; in 512 KB three times as many devices, and four times
    as many servers and names are counted as distinct before that count starts anew (see DistinctSet).
    """

    def __init__(self, heap_kb: int = 512) -> None:
        roomy = heap_kb >= _ROOMY_KB
        self.devices = 96 if roomy else 31
        self.table = DeviceTable
        self.addresses = PER_DEVICE  # of a device
        self.suspects = 16 if roomy else 4  # devices of which every kind of evidence is kept
        self.connections = 256 if roomy else 160  # to mail servers, at a time
        self.hosts = 512 if roomy else 128  # addresses and names of mail servers, from DNS
        self.distinct = 4096 if roomy else 1024  # servers and names counted once a device
        self.reply_codes = 512 if roomy else 128
        self.segments = 8 if roomy else 3  # held out of order
        self.lines = 12 if roomy else 5  # of SMTP, in pieces
        self.line_bytes = 512 if roomy else 320  # RFC 5321 4.5.3.1.4 allows 512
        self.runs = 16 if roomy else 8  # of like commands, waiting for replies in one connection
        self.datagrams = 4 if roomy else 1  # in fragments
        self.datagram_bytes = 4608 if roomy else 1536
        self.askers = 512 if roomy else 128  # slots for who is inside where a capture has no private addresses
        self.window_bytes = 32768 if roomy else 2048  # of a capture file at a time
