"""A TCP connection in the loop, with what could not be sent yet."""

from spamgate.core.compat import const

_EAGAIN = const(11)


class Stream:
    """A connection that may still be connecting.  `handler` is called by the loop."""

    def __init__(self, loop, sock, handler) -> None:
        self.unsent = b""
        self.is_broken = False
        self.is_closed = False
        self.is_paused = False
        self._loop = loop
        self._sock = sock
        self._handler = handler
        loop.add(sock, handler)

    def write(self, data: bytes) -> None:
        """Send, now or as soon as the other side takes it.  The writer looks at `unsent`, and waits."""
        self.unsent += data
        self.flush()

    def flush(self) -> None:
        """Send what is left.  Of a paused connection the loop tells nothing: it has to be tried now and then."""
        try:
            while self.unsent and not self.is_broken:
                self.unsent = self.unsent[self._sock.send(self.unsent) :]
        except OSError as error:
            self.is_broken = error.args[0] != _EAGAIN
        if not self.is_broken and not self.is_paused:
            self._loop.want_write(self._sock, bool(self.unsent))

    def read(self, size: int) -> "bytes | None":
        """Return bytes, none at the end or when it is broken, or None when there are none yet."""
        try:
            return b"" if self.is_broken else self._sock.recv(size)
        except OSError as error:
            if error.args[0] == _EAGAIN:
                return None
            self.is_broken = True
            return b""

    def pause(self, paused: bool) -> None:
        """Say whether the handler is to be called no longer, or again."""
        if paused != self.is_paused and not self.is_closed:
            self.is_paused = paused
            if paused:
                self._loop.remove(self._sock)
            else:
                self._loop.add(self._sock, self._handler)
                self.flush()

    def close(self) -> None:
        """End it."""
        if not self.is_closed:
            if not self.is_paused:
                self._loop.remove(self._sock)
            self._sock.close()
            self.is_closed = self.is_broken = True
