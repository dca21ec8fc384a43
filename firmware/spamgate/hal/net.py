"""Sockets as services want them: not blocking, with addresses as bytes.  For MicroPython's unix port.

That port takes and gives packed socket addresses, as the kernel does (sockaddr_in, sockaddr_in6, sockaddr_un).
"""

import os
import socket
import struct

from spamgate.core.compat import const

_AF_UNIX = const(1)
_AF_INET = const(2)
_AF_INET6 = const(10)
_STREAM = const(1)
_DGRAM = const(2)
_SOL_SOCKET = const(1)
_SO_REUSEADDR = const(2)
_SO_RCVBUF = const(8)
_SO_BINDTODEVICE = const(25)
_IPPROTO_IPV6 = const(41)
_IPV6_V6ONLY = const(26)
_UDP_BACKLOG_BYTES = const(1 << 20)
_EAGAIN = const(11)
_EINPROGRESS = const(115)
_ANY_V6 = b"\0" * 16
_MAPPED = b"\0" * 10 + b"\xff\xff"


def pack_address(address: bytes, port: int, zone: int = 0) -> bytes:
    """Return the packed socket address of 4 or 16 address bytes; `zone` is the interface of a link-local one."""
    head = struct.pack("<H", _AF_INET if len(address) == 4 else _AF_INET6) + struct.pack(">H", port)
    if len(address) == 4:
        return head + address + bytes(8)
    return head + bytes(4) + address + struct.pack("<I", zone)


def split_address(packed: "bytes | bytearray") -> "tuple[bytes, int]":
    """Return (address, port) of a packed socket address; IPv4 in IPv6 (RFC 4291 2.5.5.2) as IPv4."""
    port = packed[2] << 8 | packed[3]
    if packed[0] == _AF_INET:
        return bytes(packed[4:8]), port
    address = bytes(packed[8:24])
    return (address[12:] if address[:12] == _MAPPED else address), port


def claim(name: str):
    """Return a socket that holds the name, or None when another program of this network namespace does.

    An abstract address (unix(7)): the kernel gives it up with its holder, however that ends.
    """
    sock = socket.socket(_AF_UNIX, _DGRAM)
    try:
        sock.bind(struct.pack("<H", _AF_UNIX) + b"\0" + name.encode())
    except OSError:
        sock.close()
        return None
    return sock


class Net:
    """Makes sockets.  OSError where the kernel refuses."""

    split = staticmethod(split_address)
    join = staticmethod(pack_address)

    def __init__(self) -> None:
        self.zones: "dict[bytes, int]" = {}  # the interfaces of link-local addresses of ours

    def udp(self, address: bytes, port: int):
        """Return a UDP socket bound to `address` (empty: all addresses, IPv4 and IPv6)."""
        sock = self._socket(address or _ANY_V6, _DGRAM)
        sock.setsockopt(_SOL_SOCKET, _SO_REUSEADDR, 1)
        sock.setsockopt(_SOL_SOCKET, _SO_RCVBUF, _UDP_BACKLOG_BYTES)
        if len(address) == 16:
            sock.setsockopt(_IPPROTO_IPV6, _IPV6_V6ONLY, 1)
        return self._bound(sock, pack_address(address or _ANY_V6, port, self.zones.get(address, 0)))

    def udp_to(self, address: bytes, port: int):
        """Return a UDP socket connected to a server, from a source port of the kernel's random choice."""
        sock = self._socket(address, _DGRAM)
        sock.setsockopt(_SOL_SOCKET, _SO_RCVBUF, _UDP_BACKLOG_BYTES)
        return self._connected(sock, pack_address(address, port))

    def tcp_to(self, address: bytes, port: int):
        """Return a TCP socket that is connecting: writable once connected."""
        return self._connected(self._socket(address, _STREAM), pack_address(address, port))

    def tcp_listener(self, port: int, backlog: int = 64, interface: str = ""):
        """Return a listening socket on all addresses, IPv4 and IPv6, for what comes in by one interface, or by any."""
        sock = self._socket(_ANY_V6, _STREAM)
        sock.setsockopt(_SOL_SOCKET, _SO_REUSEADDR, 1)
        if interface:
            self._bind_to(sock, interface)
        self._bound(sock, pack_address(_ANY_V6, port))
        sock.listen(backlog)
        return sock

    def unix_listener(self, path: str):
        """Return a listening socket at `path`; what an earlier run left there is removed."""
        try:
            os.unlink(path)
        except OSError:
            pass
        sock = socket.socket(_AF_UNIX, _STREAM)
        sock.setblocking(False)
        self._bound(sock, struct.pack("<H", _AF_UNIX) + path.encode() + b"\0")
        sock.listen(8)
        return sock

    def accept(self, listener):
        """Return (socket, address, port) of the next connection, or None when there is none."""
        try:
            sock, peer = listener.accept()
        except OSError:
            return None  # gone before we came, or we are out of descriptors: the listener stays
        sock.setblocking(False)
        if not isinstance(peer, (bytes, bytearray)) or len(peer) < 16:
            return sock, b"", 0
        address, port = split_address(peer)
        return sock, address, port

    def receive(self, sock, size: int):
        """Return (bytes, packed sender) of one datagram, or None when there is none or an ICMP error came instead."""
        try:
            return sock.recvfrom(size)
        except OSError:
            return None

    def random16(self) -> int:
        """Return sixteen random bits."""
        drawn = os.urandom(2)
        return drawn[0] << 8 | drawn[1]

    def _socket(self, address: bytes, kind: int):
        sock = socket.socket(_AF_INET if len(address) == 4 else _AF_INET6, kind)
        sock.setblocking(False)
        return sock

    def _bind_to(self, sock, interface: str) -> None:
        try:
            sock.setsockopt(_SOL_SOCKET, _SO_BINDTODEVICE, interface.encode() + b"\0")
        except OSError:
            sock.close()
            raise

    def _bound(self, sock, packed: bytes):
        try:
            sock.bind(packed)
        except OSError:
            sock.close()
            raise
        return sock

    def _connected(self, sock, packed: bytes):
        try:
            sock.connect(packed)
        except OSError as error:
            if error.errno != _EINPROGRESS:
                sock.close()
                raise
        return sock
