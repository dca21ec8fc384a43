"""The one loop of the gateway: waits for sockets, calls whoever they belong to, and tells the time now and then.

Linux wakes poll for what can be read, written, or is broken.  A handler that raises is not forgiven here: services
catch what the outside can cause, anything else is our mistake and ends the program with its trace.  Only a heap that is
full costs no more than the call that met it: `starved` counts them, and whoever composes the program sees to the rest.
"""

import select

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.hal.steady_clock import ticks_ms

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

TICK_MS = 100

_POLLIN = const(1)
_POLLOUT = const(4)


class Loop:
    """Sockets and their handlers.

    A handler has `ready(sock)`, called when there is something to read or the socket is broken, and, if it ever asks
    for it with `want_write`, `writable(sock)`.
    """

    def __init__(self) -> None:
        self._poll = select.poll()
        self._wait = getattr(self._poll, "ipoll", None) or self._poll.poll  # looked up once: that takes memory
        self._handlers: dict = {}
        self._tickers: list = []
        self._ticked_ms = ticks_ms()
        self._running = True
        self.starved = 0

    def add(self, sock, handler) -> None:
        """Call `handler` when `sock` is ready."""
        self._handlers[sock.fileno()] = (sock, handler)
        self._poll.register(_polled(sock), _POLLIN)

    def remove(self, sock) -> None:
        """Forget the socket; before it is closed."""
        if self._handlers.pop(sock.fileno(), None):
            self._poll.unregister(_polled(sock))

    def want_write(self, sock, wanted: bool) -> None:
        """Say whether `writable(sock)` should be called once the socket takes more."""
        self._poll.modify(_polled(sock), _POLLIN | _POLLOUT if wanted else _POLLIN)

    def each_tick(self, function: "Callable[[int], None]") -> None:
        """Call `function(now_ms)` about every 100 ms."""
        self._tickers.append(function)

    def no_tick(self, function: "Callable[[int], None]") -> None:
        """Call it no more."""
        self._tickers.remove(function)

    def stop(self) -> None:
        """Let `run` return."""
        self._running = False

    def run(self) -> None:
        """Serve until `stop`."""
        while self._running:
            self.turn(TICK_MS)

    def turn(self, timeout_ms: int) -> None:
        """Wait once, serve what is ready, tick if it is time."""
        for ready in self._wait(timeout_ms):
            try:
                self._serve(ready[0], ready[1])
            except MemoryError:
                self.starved += 1
        now_ms = ticks_ms()
        if elapsed(now_ms, self._ticked_ms) >= TICK_MS:
            self._ticked_ms = now_ms
            for function in self._tickers:
                try:
                    function(now_ms)
                except MemoryError:
                    self.starved += 1

    def _serve(self, polled, events: int) -> None:
        entry = self._handlers.get(polled if isinstance(polled, int) else polled.fileno())
        if entry is None:
            return  # closed by a handler called before, in this very turn
        sock, handler = entry
        if events & _POLLOUT:
            handler.writable(sock)
        if events & ~_POLLOUT:
            handler.ready(sock)


def _polled(sock):
    """CPython answers with numbers; MicroPython with what was registered."""
    return sock
