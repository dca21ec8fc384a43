"""How much a router remembers: its heap of 512 KB also holds the services, and all their code."""

from spamgate.core.limits import Limits


class RouterLimits(Limits):
    """Sizes for a home of 47 devices; what is not named here is as in a small heap."""

    def __init__(self) -> None:
        super().__init__(256)
        self.devices = 48
        self.suspects = 6
        self.connections = 112
        self.hosts = 256
        self.reply_codes = 256
        self.lines = 6
        self.line_bytes = 512
        self.window_bytes = 0
