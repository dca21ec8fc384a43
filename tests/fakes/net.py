"""A network in memory: the `net` and `loop` that services are given, and the outside that talks to them.

Working sockets, no script: bytes run through pipes with a bounded capacity, datagrams through bounded queues.  Where
the kernel may do one of several things, the worst is done: a reset destroys what the other side has not read yet.

    net, loop = FakeNet(), FakeLoop()
    service = Responder(net, loop, 8421, ...)
    client = net.connect(8421, b"\\xc0\\xa8\\x01\\x07")   # the outside: FakeStream, as services have them
    client.send(b"QUIT\\r\\n")
    loop.spin()                                        # until nothing happens any more
    client.received()
"""

import struct

from fakes.sockets import ECONNREFUSED, ENODEV, FakeDatagram, FakeListener, FakeStream

_FIRST_PORT = 40000


def pack_address(address, port):
    """Return the packed socket address that the kernel would give for 4 or 16 address bytes."""
    head = struct.pack("<H", 2 if len(address) == 4 else 10) + struct.pack(">H", port)
    return head + address + bytes(8) if len(address) == 4 else head + bytes(4) + address + bytes(4)


class FakeNet:
    """What services call `net`, and below it what only tests do: be the outside."""

    def __init__(self, address=b"\xc0\xa8\x01\x01"):
        self.address = address  # the sender of what comes from sockets bound to no address
        self.silent = set()  # (address, port) of servers that never answer a TCP connection
        self.missing = set()  # names of interfaces that are not there
        self.out_of_files = False  # accept() finds nothing although a connection waits
        self.sockets = []  # those not known to be closed
        self._made = 0
        self._bound = {}  # (address or b"" or path, port or 0, kind) -> socket
        self._next_port = _FIRST_PORT
        self._drawn = 0x1234

    def split(self, packed):
        """Return (address, port) of a packed socket address."""
        port = packed[2] << 8 | packed[3]
        return bytes(packed[4:8]) if packed[0] == 2 else bytes(packed[8:24]), port

    def join(self, address, port):
        """Return the packed socket address."""
        return pack_address(address, port)

    def udp(self, address, port, zone=0):
        """Return a UDP socket bound to `address` (empty: all addresses)."""
        port = port or self._draw_port()
        return self._bind((address, port, "udp"), FakeDatagram(self, address, port))

    def udp_to(self, address, port):
        """Return a UDP socket from a fresh source port that hears `address` and `port` only."""
        own_port = self._draw_port()
        sock = FakeDatagram(self, b"", own_port, pack_address(address, port))
        return self._bind((b"", own_port, "udp"), sock)

    def tcp_listener(self, port, backlog=64, interface=""):
        """Return a listening socket on all addresses, for what comes in by one interface, or by any."""
        if interface in self.missing:
            raise OSError(ENODEV)
        return self._bind((interface.encode(), port, "tcp"), FakeListener(self, backlog))

    def unix_listener(self, path):
        """Return a listening socket at `path`."""
        return self._bind((path, 0, "unix"), FakeListener(self, 8))

    def tcp_to(self, address, port):
        """Return a TCP socket that is connecting; a server that is not there refuses, a silent one does nothing."""
        if (address, port) in self.silent:
            return self._known(FakeStream(connecting=True))
        listener = self._find(address, port, "tcp")
        if listener is None:
            refused = self._known(FakeStream())
            refused.fail(ECONNREFUSED)
            return refused
        return self._join(listener, self.address, self._draw_port())

    def accept(self, listener):
        """Return (socket, address, port) of the next connection, or None."""
        return None if self.out_of_files else listener.take()

    def receive(self, sock, size):
        """Return (bytes, packed sender) of one datagram, or None."""
        try:
            return sock.recvfrom(size)
        except OSError:
            return None

    def random16(self):
        """Return sixteen bits: the same sequence every time, each number once."""
        self._drawn = (self._drawn * 25173 + 13849) & 0xFFFF
        return self._drawn

    # --- the outside -----------------------------------------------------------------------------

    def connect(self, port, address=b"\xc0\xa8\x01\x07", own_port=0, interface=""):
        """Return the client's side of a connection to the service that listens at `port`, on its interface."""
        return self._join(self._find(interface.encode(), port, "tcp"), address, own_port or self._draw_port())

    def connect_unix(self, path):
        """Return the client's side of a connection to the service that listens at `path`."""
        return self._join(self._find(path, 0, "unix"), b"", 0)

    def listen(self, address, port):
        """Be a TCP server of the outside; `accept` takes its connections."""
        return self._bind((address, port, "tcp"), FakeListener(self, 64))

    def open_count(self):
        """Return how many sockets were made and not closed: the outside's count too."""
        self.sockets = [sock for sock in self.sockets if not sock.closed]
        return len(self.sockets)

    # --- inside ----------------------------------------------------------------------------------

    def deliver(self, sender, data, packed):
        """Carry a datagram; return False where nobody listens."""
        address, port = self.split(packed)
        target = self._find(address, port, "udp")
        if target is None:
            return False
        target.hear(data, pack_address(sender.address or self.address, sender.port))
        return True

    def release(self, sock):
        """Forget what a closed socket was bound to."""
        for key in [key for key, bound in self._bound.items() if bound is sock]:
            del self._bound[key]

    def _join(self, listener, address, port):
        if listener is None or not listener.has_room():
            raise OSError(ECONNREFUSED)
        near, far = self._known(FakeStream()), self._known(FakeStream())
        near.peer, far.peer = far, near
        listener.queue.append((far, address, port))
        return near

    def _find(self, address, port, kind):
        return self._bound.get((address, port, kind)) or self._bound.get((b"", port, kind))

    def _bind(self, key, sock):
        if key in self._bound:
            raise OSError(98)  # EADDRINUSE
        self._bound[key] = sock
        return self._known(sock)

    def _known(self, sock):
        self._made += 1
        sock.number = 2 + self._made
        self.sockets.append(sock)
        if self._made % 64 == 0:
            self.open_count()  # lets go of those that are closed
        return sock

    def _draw_port(self):
        self._next_port += 1
        return self._next_port


class FakeLoop:
    """Calls handlers as the real loop does: again and again as long as there is something (level-triggered)."""

    def __init__(self):
        self.handlers = {}  # fileno -> [socket, handler, wants to write]
        self.tickers = []

    def add(self, sock, handler):
        """Call `handler` when `sock` is ready."""
        self.handlers[sock.fileno()] = [sock, handler, False]

    def remove(self, sock):
        """Forget the socket; before it is closed."""
        self.handlers.pop(sock.fileno(), None)

    def want_write(self, sock, wanted):
        """Say whether `writable(sock)` should be called once the socket takes more."""
        self.handlers[sock.fileno()][2] = wanted

    def each_tick(self, function):
        """Have `function(now_ms)` called by `tick`."""
        self.tickers.append(function)

    def spin(self, turns=1000):
        """Serve until nothing is ready; whoever leaves a socket ready for ever spins the real loop too, and fails."""
        for _ in range(turns):
            if not self._turn():
                return
        raise AssertionError("the loop never rests")

    def tick(self, now_ms):
        """Tell the time, then serve."""
        for function in self.tickers:
            function(now_ms)
        self.spin()

    def _turn(self):
        served = False
        for sock, handler, wants_write in list(self.handlers.values()):
            if wants_write and self._knows(sock) and sock.is_writable():
                served = True
                handler.writable(sock)
            if self._knows(sock) and sock.is_readable():
                served = True
                handler.ready(sock)
        return served

    def _knows(self, sock):
        entry = self.handlers.get(sock.fileno())
        return entry is not None and entry[0] is sock
