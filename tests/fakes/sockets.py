"""Sockets in memory, with the methods and errors that sockets of MicroPython's unix port have.

Not blocking: EAGAIN is raised by `recv` and `send`, and is None from `readinto`, as there.
"""

EBADF = 9
EAGAIN = 11
ENODEV = 19
EPIPE = 32
ECONNRESET = 104
ECONNREFUSED = 111

_DATAGRAMS = 256


class _FakeSocket:
    """What all kinds share."""

    def __init__(self):
        self.number = -1
        self.closed = False

    def fileno(self):
        return self.number

    def setblocking(self, flag):
        """Nothing ever blocks here."""

    def setsockopt(self, level, option, value):
        """No option changes what a pipe does."""

    def _check_open(self):
        if self.closed:
            raise OSError(EBADF)


class FakeStream(_FakeSocket):
    """One side of a TCP or UNIX connection."""

    def __init__(self, connecting=False):
        super().__init__()
        self.peer = None
        self.room = 65536  # how much the other side may have on its way to us
        self.inbox = bytearray()
        self.was_reset = False
        self._connecting = connecting
        self._error = 0
        self._ended = False  # no more will come
        self._shut = False  # no more will be sent

    def send(self, data):
        """Return how many bytes were taken."""
        self._check_open()
        self._raise_error()
        if self._connecting:
            raise OSError(EAGAIN)
        if self._shut or self.was_reset:
            raise OSError(EPIPE)
        if self.peer.closed:
            self.reset()
            return len(data)
        count = min(len(data), self.peer.room - len(self.peer.inbox))
        if data and count <= 0:
            raise OSError(EAGAIN)
        self.peer.inbox.extend(data[:count])
        return count

    def recv(self, size):
        """Return bytes, none at the end."""
        self._check_open()
        if not self.inbox:
            self._raise_error()
            if not self._ended:
                raise OSError(EAGAIN)
        taken = bytes(self.inbox[:size])
        self.inbox = self.inbox[len(taken) :]
        return taken

    def readinto(self, buf):
        """Fill `buf` as far as there is something; 0 at the end, None when there is nothing yet."""
        try:
            taken = self.recv(len(buf))
        except OSError as error:
            if error.args[0] != EAGAIN:
                raise
            return None
        buf[: len(taken)] = taken
        return len(taken)

    def close(self):
        """End the connection: a reset when something was left unread, as TCP does."""
        if self.closed:
            return
        self.closed = True
        if self.peer and not self.peer.closed:
            if self.inbox:
                self.peer.reset()
            else:
                self.peer.end()

    # --- what only tests do ------------------------------------------------------------------------

    def received(self):
        """Return all that has come so far; a reset is an OSError."""
        taken = b""
        while self.inbox:
            taken += self.recv(65536)
        self._raise_error()
        return taken

    def is_over(self):
        """Has the other side ended it, and is all read?"""
        return not self.inbox and (self._ended or self.was_reset)

    def shutdown_write(self):
        """Send no more: a half-close."""
        self._shut = True
        self.peer.end()

    # --- called by the other side, the net and the loop ----------------------------------------------

    def end(self):
        """No more will come."""
        self._ended = True

    def reset(self):
        """What was not read is lost, and the next call fails."""
        self.inbox = bytearray()
        self.was_reset = True
        self.fail(ECONNRESET)

    def fail(self, errno):
        """Let the next call raise; nothing more will come."""
        self._error = errno
        self._ended = True

    def is_readable(self):
        return bool(self.inbox or self._ended or self._error)

    def is_writable(self):
        if self._connecting:
            return False
        return bool(self._error or self.peer is None or self.peer.closed or len(self.peer.inbox) < self.peer.room)

    def _raise_error(self):
        errno, self._error = self._error, 0
        if errno:
            raise OSError(errno)


class FakeListener(_FakeSocket):
    """A listening socket; `queue` holds what waits to be accepted."""

    def __init__(self, net, backlog):
        super().__init__()
        self.queue = []
        self._net = net
        self._backlog = backlog

    def take(self):
        """Return (socket, address, port), or None."""
        return self.queue.pop(0) if self.queue else None

    def has_room(self):
        return len(self.queue) < self._backlog

    def is_readable(self):
        return bool(self.queue)

    def close(self):
        """Stop; who waits is reset."""
        self.closed = True
        self._net.release(self)
        for sock, _, _ in self.queue:
            sock.peer.reset()


class FakeDatagram(_FakeSocket):
    """A UDP socket; connected when it has a `server`."""

    def __init__(self, net, address, port, server=None):
        super().__init__()
        self.address = address
        self.port = port
        self.queue = []
        self._net = net
        self._server = server
        self._refused = False

    def send(self, data):
        """Send to the server; an ICMP answer of its host is raised by the next call."""
        self._check_open()
        self._raise_refused()
        self._refused = not self._net.deliver(self, bytes(data), self._server)
        return len(data)

    def sendto(self, data, packed):
        """Send to a packed address; whether anybody is there is not told."""
        self._check_open()
        self._net.deliver(self, bytes(data), packed)
        return len(data)

    def recv(self, size):
        return self.recvfrom(size)[0]

    def recvfrom(self, size):
        """Return (bytes, packed sender); what does not fit `size` is lost."""
        self._check_open()
        self._raise_refused()
        if not self.queue:
            raise OSError(EAGAIN)
        data, sender = self.queue.pop(0)
        return data[:size], sender

    def hear(self, data, sender):
        """Take a datagram if the queue has room and it comes from whom we listen to."""
        if len(self.queue) < _DATAGRAMS and self._server in (None, sender):
            self.queue.append((data, sender))

    def is_readable(self):
        return bool(self.queue or self._refused)

    def is_writable(self):
        return True

    def close(self):
        self.closed = True
        self._net.release(self)

    def _raise_refused(self):
        refused, self._refused = self._refused, False
        if refused:
            raise OSError(ECONNREFUSED)
