"""The resolvers that the guard asks, and the sockets it asks from.

Each server has four sockets, each on a source port of the kernel's random choice, which take turns, one for each burst
of queries; every second one of them is given up for a fresh one, and hears late answers for five seconds more.  The
server that answered last is asked first; one that refuses, or is silent twice with no answer between, makes room for
the next.
"""

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Protocol

    class Hearer(Protocol):
        """Who is told what comes from the servers."""

        reply_bytes: int  # how long an answer may be

        def heard(self, port: "Port", reply: bytes) -> None:
            """A datagram came from the port's server."""

        def be_brief(self) -> bool:
            """There is no memory for long answers; are they shorter from now on?"""

        def refused(self, port: "Port") -> None:
            """The port's server cannot be reached, or nobody listens there."""


_PORT = const(53)
_SOCKETS = const(4)
_BURST = const(32)
_TURN_MASK = const(3)
_RENEW_MS = const(1000)
_LATE_MS = const(5000)
_SILENCES = const(2)
_EAGAIN = const(11)
_LITTLE = const(16)


class Port:
    """One socket connected to one server."""

    def __init__(self, server: "Server", sock, hearer: "Hearer") -> None:
        self.server = server
        self.sock = sock
        self.given_up_ms = 0
        self._hearer = hearer
        self._heard = hearer.heard
        self._send = sock.send
        self._burst = 1
        self._left = 0

    def send(self, message: memoryview) -> None:
        """Send; what the kernel does not take now is lost, as datagrams are."""
        try:
            self._send(message)
        except OSError:
            self._send_again(message)

    def _send_again(self, message: memoryview) -> None:
        """An ICMP answer to an earlier message was raised instead: it is told, and this message goes out now."""
        try:
            self._send(message)
        except OSError as error:
            if error.args[0] == _EAGAIN:
                return
        self._hearer.refused(self)

    def ready(self, sock) -> None:
        """Take as many datagrams as there were the last time: hearing that there are no more costs as much as one.

        Ready and yet not one to take: an ICMP answer.
        """
        try:
            self._take(sock.recv, self._hearer.reply_bytes)
        except MemoryError:
            if not self._hearer.be_brief():
                drop(sock)
                raise
        except OSError:
            if self._left == self._burst:
                self._hearer.refused(self)
            self._burst = self._burst - self._left or 1

    def _take(self, receive, size: int) -> None:
        self._left = self._burst
        while self._left:
            reply = receive(size)
            self._left -= 1
            self._heard(self, reply)
        self._burst = min(2 * self._burst, _BURST)


def drop(sock) -> None:
    """Be rid of a datagram that there is no memory for: else it makes the socket ready for ever."""
    try:
        sock.recv(_LITTLE)
    except OSError:
        pass


class Server:
    """One resolver."""

    def __init__(self, address: bytes, text: str) -> None:
        self.address = address
        self.text = text
        self.silent = 0  # time-outs since it was last heard
        self.ports: "list[Port | None]" = [None] * _SOCKETS


class Upstreams:
    """All servers, and which of them is asked first."""

    def __init__(self, net, loop, hearer: "Hearer", log) -> None:
        self.servers: "list[Server]" = []
        self._current = 0
        self.port: "Port | None" = None  # of the server to ask first, if it is open already
        self._turn = 0
        self._ports: "list[Port | None]" = [None] * _SOCKETS  # of the current server
        self._net = net
        self._loop = loop
        self._hearer = hearer
        self._log = log
        self._given_up: "list[Port]" = []
        self._renewed_ms = 0
        self._renewal = 0
        self._may_log = True  # once in four seconds, however many servers are dead

    def use(self, servers: "list[Server]") -> None:
        """Ask these from now on."""
        self.close()
        self.servers = servers
        self._choose(0)

    def first(self) -> "Server | None":
        """Return the server to ask first."""
        return self.servers[self._current] if self.servers else None

    def after(self, server: Server) -> "Server | None":
        """Return the server to ask after this one."""
        if server not in self.servers:
            return self.first()
        return self.servers[(self.servers.index(server) + 1) % len(self.servers)]

    def rotate(self) -> None:
        """Let the next socket have its turn."""
        self._turn = (self._turn + 1) & _TURN_MASK
        self.port = self._ports[self._turn]

    def port_of(self, server: "Server | None") -> "Port | None":
        """Return the server's socket whose turn it is; None where there is none."""
        return server.ports[self._turn] or self._open(server) if server else None

    def silent(self, server: Server) -> None:
        """Note a time-out."""
        server.silent += 1
        if server.silent >= _SILENCES:
            self.failed(server)

    def failed(self, server: Server) -> None:
        """Ask another one first from now on, if there is another and this was it."""
        if len(self.servers) > 1 and server is self.first():
            self._choose((self._current + 1) % len(self.servers))
            self.servers[self._current].silent = 0
            if self._may_log:
                self._may_log = False
                self._log("guard: %s does not answer, asking %s" % (server.text, self.servers[self._current].text))

    def tick(self, now_ms: int) -> None:
        """Every second give up one socket of each server; close those that were given up long ago."""
        while self._given_up and elapsed(now_ms, self._given_up[0].given_up_ms) >= _LATE_MS:
            self._close(self._given_up.pop(0))
        if elapsed(now_ms, self._renewed_ms) < _RENEW_MS:
            return
        self._renewed_ms = now_ms
        self._renewal = (self._renewal + 1) % _SOCKETS
        self._may_log = self._may_log or self._renewal == 0
        for server in self.servers:
            port = server.ports[self._renewal]
            if port is self.port:
                self.port = None
            if port is not None:
                server.ports[self._renewal] = None
                port.given_up_ms = now_ms
                self._given_up.append(port)

    def close(self) -> None:
        """Close every socket."""
        for server in self.servers:
            for port in server.ports:
                if port is not None:
                    self._close(port)
            server.ports[:] = [None] * _SOCKETS
        self.port = None
        for port in self._given_up:
            self._close(port)
        self._given_up = []

    def _choose(self, number: int) -> None:
        self._current = number
        self._ports = self.servers[number].ports if self.servers else [None] * _SOCKETS
        self.port = self._ports[self._turn]

    def _open(self, server: Server) -> "Port | None":
        try:
            sock = self._net.udp_to(server.address, _PORT)
        except OSError:
            return None
        port = server.ports[self._turn] = Port(server, sock, self._hearer)
        self._loop.add(sock, port)
        if server is self.first():
            self.port = port
        return port

    def _close(self, port: Port) -> None:
        self._loop.remove(port.sock)
        port.sock.close()
