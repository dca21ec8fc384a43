"""How much a board remembers: about 110 KB of heap on a 32-bit chip hold all code, too."""

from spamgate.core.limits import Limits


class BoardLimits(Limits):
    """Sizes for 15 devices at a time, whose DNS is all that is seen of them; who is silent longest makes room."""

    def __init__(self) -> None:
        super().__init__(0)
        self.devices = 16
        self.addresses = 1  # it is what a device is known by
        self.suspects = 2
        self.connections = 8  # to ourselves, in the place of a mail server
        self.hosts = 32
        self.distinct = 128
        self.reply_codes = 16
        self.segments = self.lines = self.runs = self.datagrams = self.window_bytes = 0
