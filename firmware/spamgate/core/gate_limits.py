"""How much a board in path remembers: with all tables its program takes 77 KB on 32 bit, beside its frozen code."""

from spamgate.core.limits import Limits


class GateLimits(Limits):
    """Sizes for a home of 31 devices, as the C module holds 32 verdicts; the rest is as in a small heap."""

    def __init__(self) -> None:
        super().__init__(256)
        self.devices = 32
        self.connections = 64
        self.line_bytes = 512
        self.window_bytes = 0
