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
_GET_STRICT_CHECK = const(12)
_REQUEST_BYTES = const(1024)
_REPLY_BYTES = const(4096)
_HEADER_BYTES = const(16)


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
    """One socket for orders and questions, and one buffer for what comes back."""

    def __init__(self) -> None:
        self._sock = netlink_socket()
        self.request = Request(_REQUEST_BYTES)
        self.reply = bytearray(_REPLY_BYTES)

    def order(self, messages: "memoryview") -> int:
        """Send an order; return 0, or the error number of the first part that failed."""
        size = self.ask(messages)
        return first_error(self.reply, size) if size else 0

    def ask(self, messages: "memoryview") -> int:
        """Send a question; return how many bytes of `reply` hold the answer, all its messages one after another."""
        while self._receive():
            pass
        self._sock.send(messages)
        return self._receive()

    def count(self, messages: "memoryview", kind: int) -> int:
        """Send a question; return how many messages of `kind` are in the answer."""
        size = self.ask(messages)
        found = 0
        at = 0
        while size - at >= _HEADER_BYTES:
            length, got = struct.unpack_from("@IH", self.reply, at)
            found += got == kind
            if length < _HEADER_BYTES:
                break
            at += (length + 3) & ~3
        return found

    def addresses(self, first: "list[int]") -> "list[InterfaceAddress]":
        """Return the addresses of the interfaces `first`, then of all others.

        Of more than fifty or so, on one of these interfaces or altogether, the first.
        """
        found: "list[InterfaceAddress]" = []
        for interface in first + [0]:
            part = self._addresses_of(interface)
            found += [one for one in part if (one.interface == interface if interface else one.interface not in first)]
        return found

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def _addresses_of(self, interface: int) -> "list[InterfaceAddress]":
        """Return the addresses of one interface, or of all: each on a socket of its own, lest answers meet."""
        found: "list[InterfaceAddress]" = []
        sock = netlink_socket(_ROUTE)
        try:
            sock.setsockopt(_SOL_NETLINK, _GET_STRICT_CHECK, 1)
        except OSError:
            pass  # before Linux 4.20
        try:
            sock.send(ask_addresses(interface))
            read_addresses(self.reply, sock.readinto(self.reply) or 0, found)
        except OSError:
            pass
        finally:
            sock.close()
        return found

    def _receive(self) -> int:
        try:
            return self._sock.readinto(self.reply) or 0
        except OSError:
            return 0


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
