"""Sockets as services want them, for MicroPython's ESP32 port: lwIP behind addresses of text and number.

What lwIP there is like: IPv4 only; 10 sockets in all, listeners and everything accepted included (the 11th is an
OSError); the same few errors with numbers of their own; a datagram that does not fit the queue is an OSError too.
"""

import os
import socket

from spamgate.core.compat import const

_EINPROGRESS = (119, 115)  # of this port's C library; of Linux
_FIRST_OWN_PORT = const(16384)
_OWN_PORTS = const(49152)
_TRIES = const(8)
_MOST_WAITING = const(4)  # connections that nobody accepted yet: each takes one of a dozen


def parse_address(text: str) -> bytes:
    """Return the four bytes of "192.168.1.7"; none for what is no address, or 0.0.0.0."""
    address = bytearray(4)
    at = part = 0
    for char in text:
        if char == ".":
            at += 1
            part = 0
        elif not "0" <= char <= "9" or at > 3:
            return b""
        else:
            part = part * 10 + ord(char) - 48
            if part > 255 or at > 3:
                return b""
            address[at] = part
    return bytes(address) if at == 3 and any(address) else b""


def format_address(address: bytes) -> str:
    """Return four bytes as text; what is no IPv4 address as "0.0.0.0"."""
    return "%d.%d.%d.%d" % tuple(address) if len(address) == 4 else "0.0.0.0"


def split_peer(peer: "tuple[str, int]") -> "tuple[bytes, int]":
    """Return (address, port) of a peer as `receive` gave it."""
    return parse_address(peer[0]), peer[1]


def join_peer(address: bytes, port: int) -> "tuple[str, int]":
    """Return the peer with this address and port, as `sendto` wants it."""
    return format_address(address), port


class Net:
    """Makes sockets that never wait.  OSError where lwIP refuses."""

    split = staticmethod(split_peer)
    join = staticmethod(join_peer)

    def udp(self, address: bytes, port: int):
        """Return a UDP socket bound to `address` (empty: all of them)."""
        return self._bound(self._socket(socket.SOCK_DGRAM), (format_address(address), port))

    def udp_to(self, address: bytes, port: int):
        """Return a UDP socket connected to a server, from a random source port: lwIP would count upwards."""
        sock = self._socket(socket.SOCK_DGRAM)
        for left in range(_TRIES, 0, -1):
            try:
                sock.bind(("0.0.0.0", _FIRST_OWN_PORT + self.random16() % _OWN_PORTS))
                break
            except OSError:
                if left == 1:
                    sock.close()
                    raise
        return self._connected(sock, address, port)

    def tcp_to(self, address: bytes, port: int):
        """Return a TCP socket that is connecting: writable once connected."""
        return self._connected(self._socket(socket.SOCK_STREAM), address, port)

    def tcp_listener(self, port: int, backlog: int = 4):
        """Return a listening socket."""
        sock = self._socket(socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._bound(sock, ("0.0.0.0", port))
        sock.listen(min(backlog, _MOST_WAITING))
        return sock

    def accept(self, listener):
        """Return (socket, address, port) of the next connection, or None when there is none."""
        try:
            sock, peer = listener.accept()
        except OSError:
            return None  # gone before we came, or no socket is left: the listener stays
        sock.setblocking(False)
        return sock, parse_address(peer[0]), peer[1]

    def receive(self, sock, size: int):
        """Return (bytes, peer) of one datagram, or None when there is none."""
        try:
            return sock.recvfrom(size)
        except OSError:
            return None

    def random16(self) -> int:
        """Return sixteen random bits."""
        drawn = os.urandom(2)
        return drawn[0] << 8 | drawn[1]

    def _socket(self, kind: int):
        sock = socket.socket(socket.AF_INET, kind)
        sock.setblocking(False)
        return sock

    def _bound(self, sock, name: "tuple[str, int]"):
        try:
            sock.bind(name)
        except OSError:
            sock.close()
            raise
        return sock

    def _connected(self, sock, address: bytes, port: int):
        try:
            sock.connect((format_address(address), port))
        except OSError as error:
            if error.args[0] not in _EINPROGRESS:
                sock.close()
                raise
        return sock
