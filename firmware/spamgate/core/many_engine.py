"""The engine where there are many: a small office, a guest network; for a heap of 4 MB or more.

What its parent does once a minute for all devices and connections it does in parts, one with each word of the time, so
that no event waits for more than a part.
"""

from spamgate.core.compat import const
from spamgate.core.engine import Engine
from spamgate.core.limits import Limits
from spamgate.core.many_devices import ManyDevices

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

_PARTS = const(32)


class ManyLimits(Limits):
    """Sizes for 1,023 devices; what is not named here is as in a roomy heap."""

    def __init__(self) -> None:
        super().__init__()
        self.devices = 1024
        self.table = ManyDevices
        self.suspects = 240
        self.connections = 2048
        self.hosts = 8192
        self.distinct = 65536
        self.reply_codes = 8192
        self.segments = 64
        self.lines = 96
        self.datagrams = 16


class ManyEngine(Engine):
    """Judge the devices of one large home."""

    def __init__(self, limits: Limits, on_change: "Callable[[int, int, int], None]") -> None:
        super().__init__(limits, on_change)
        self._connections = limits.connections
        self._part = _PARTS  # the next one of this minute

    def at(self, now_s: int, now_us: int) -> None:
        """Tell the time, as to the parent."""
        super().at(now_s, now_us)
        if self._part < _PARTS:
            self._look_after(self._part)

    def _patrol(self) -> None:
        while self._part < _PARTS:  # few words of the time: the minute before is not over
            self._look_after(self._part)
        self._part = 0

    def _look_after(self, part: int) -> None:
        self._part = part + 1
        connections = self._connections
        self.mail.expire(connections * part // _PARTS, connections * (part + 1) // _PARTS)
        capacity = self.devices.capacity
        self._calm(capacity * part // _PARTS, capacity * (part + 1) // _PARTS)
