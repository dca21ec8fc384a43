"""A board that takes a list and does nothing else, for want of memory: no DNS, no engine; link and lists only.

Who wants it writes the file `list_mode` and starts the board anew (`spamgate blocklist push --pause` does so).  The
file is emptied at once, and the board starts anew as usual when nobody has talked to it for a minute.
"""

import sys

from spamgate import VERSION
from spamgate.app.board import Program
from spamgate.app.board_link import LazyLink
from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.hal.loop import Loop
from spamgate.hal.steady_clock import ticks_ms, wall_s
from spamgate.store.journal import Journal

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

_ALONE_MS = const(60000)
_LATER_S = 1 << 30  # wall_s() counts from there


class PausedProgram(Program):
    """Program, plane and policy in one: what BoardLists and LazyLink want of them."""

    def __init__(self, hardware: "Any", mark: str) -> None:
        hardware.storage.write(mark, ())
        self.hardware = hardware
        self.engine = None  # type: ignore[assignment]
        self.settings = self._read_settings()
        self.journal = Journal(hardware.storage, self.settings.journal_kb * 1024)
        self.loop = Loop()
        self.plane = self
        self.link = LazyLink(self)

    def run(self) -> None:
        """Serve the link until nobody talks any more."""
        sys.stdout.write("Spamgate %s: for lists only\n" % VERSION)
        self.hardware.watchdog_start()
        self.start_lists()
        while self.lists and self.lists.is_busy():
            self.lists.step()
            self.hardware.feed()
        since_ms = ticks_ms()
        while True:
            is_busy = self.lists and self.lists.is_busy()
            self.loop.turn(0 if is_busy else self.link.wait_ms())
            now_ms = ticks_ms()
            self.link.poll(now_ms)
            self.hardware.feed()
            if is_busy:
                self.lists.step()
            if is_busy or self.link.link:
                since_ms = now_ms
            elif elapsed(now_ms, since_ms) >= _ALONE_MS:
                self.stop()
                self.hardware.reset()

    def stop(self) -> None:
        """Start as usual the next time."""
        self.journal.flush()
        self.hardware.lived()

    def tell(self, kind: str, fields: str) -> None:
        """Write an event."""
        self.publish('{"type":"%s","t":%d.000000,%s}\n' % (kind, wall_s() + _LATER_S, fields))

    def use_list(self, blocklist: object) -> None:
        """Nobody asks for names."""

    def make_room(self) -> None:
        """There is room."""

    def resume(self) -> None:
        """There is nothing that rests."""
