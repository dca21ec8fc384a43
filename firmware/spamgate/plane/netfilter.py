"""Talking to the kernel's netfilter and routing tables over netlink, one question or order at a time.

The kernel has answered by the time the order is sent; so nothing here waits.
"""

import socket
import struct

from spamgate.core.compat import const
from spamgate.wire.netlink import Request, first_error
from spamgate.wire.rtnetlink import InterfaceAddress, ask_addresses, read_addresses

_AF_NETLINK = const(16)
_RAW = const(3)
_ROUTE = const(0)
_NETFILTER = const(12)
_SOL_SOCKET = const(1)
_SO_RCVBUF = const(8)
_SO_RCVBUFFORCE = const(33)
_SOL_NETLINK = const(270)
_NO_ENOBUFS = const(5)
_REQUEST_BYTES = const(4096)
_REPLY_BYTES = const(8192)

ENOENT = 2


def netlink_socket(family: int = _NETFILTER, groups: int = 0):
    """Return a netlink socket that does not block."""
    sock = socket.socket(_AF_NETLINK, _RAW, family)
    sock.bind(struct.pack("@HHII", _AF_NETLINK, 0, 0, groups))
    sock.setblocking(False)
    return sock


def deepen(sock, size_bytes: int) -> None:
    """Let the kernel queue up to `size_bytes` for the socket, and count what it must drop instead of failing a read."""
    try:
        sock.setsockopt(_SOL_SOCKET, _SO_RCVBUFFORCE, size_bytes)
    except OSError:
        sock.setsockopt(_SOL_SOCKET, _SO_RCVBUF, size_bytes)
    sock.setsockopt(_SOL_NETLINK, _NO_ENOBUFS, 1)


class Netfilter:
    """One socket for orders and questions."""

    def __init__(self) -> None:
        self._sock = netlink_socket()
        self.request = Request(_REQUEST_BYTES)

    def order(self, messages: "memoryview") -> int:
        """Send an order; return 0, or the error number of the first part that failed."""
        self._drain()
        self._sock.send(messages)
        error = -1
        while True:
            reply = self._receive()
            if not reply:
                return error
            code = first_error(reply, len(reply))
            if code > 0:
                self._drain()
                return code
            error = max(error, code)

    def ask(self, messages: "memoryview") -> bytes:
        """Send a question; return the first part of the answer, or nothing."""
        self._drain()
        self._sock.send(messages)
        return self._receive()

    def count(self, messages: "memoryview", kind: int) -> int:
        """Send a question; return how many messages of `kind` answer it."""
        self._drain()
        self._sock.send(messages)
        found = 0
        reply = self._receive()
        while reply:
            at = 0
            while len(reply) - at >= 16:
                length, got = struct.unpack_from("@IH", reply, at)
                found += got == kind
                if length < 16:
                    break
                at += (length + 3) & ~3
            reply = self._receive()
        return found

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def _receive(self) -> bytes:
        try:
            return self._sock.recv(_REPLY_BYTES)
        except OSError:
            return b""

    def _drain(self) -> None:
        while self._receive():
            pass


def interface_addresses() -> "list[InterfaceAddress]":
    """Return the addresses of all interfaces."""
    found: list = []
    sock = netlink_socket(_ROUTE)
    try:
        sock.send(ask_addresses())
        while True:
            try:
                part = sock.recv(_REPLY_BYTES)
            except OSError:
                break
            if read_addresses(part, len(part), found):
                break
    finally:
        sock.close()
    return found


def interface_index(name: str) -> int:
    """Return the number of the interface, 0 when it is not there."""
    try:
        with open("/sys/class/net/%s/ifindex" % name) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def interface_mac(name: str) -> bytes:
    """Return the interface's MAC; six zero bytes when it has none."""
    try:
        with open("/sys/class/net/%s/address" % name) as file:
            text = file.read().strip()
    except OSError:
        text = ""
    try:
        mac = bytes([int(part, 16) for part in text.split(":")])
    except ValueError:
        mac = b""
    return mac if len(mac) == 6 else bytes(6)
