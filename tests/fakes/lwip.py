"""The module `socket` of MicroPython's ESP32 port, with the kernel's sockets in the place of lwIP's.

Addresses are (text, port); ten sockets are all there are; options that lwIP's `setsockopt` ignores with a warning are
errors; a datagram that cannot be sent now is ETIMEDOUT, not EAGAIN (modsocket.c, 1.26.1).
"""

import io
import socket as kernel
import struct
import sys

AF_INET, SOCK_STREAM, SOCK_DGRAM = 2, 1, 2
SOL_SOCKET, SO_REUSEADDR = 0xFFF, 4  # lwIP's
MOST_SOCKETS = 10
ENFILE, EAGAIN, ETIMEDOUT, EINPROGRESS = 23, 11, 116, 119
_PACKED = sys.implementation.name == "micropython"
_GET_FILENO = 10  # what MicroPython's poll asks a stream for (py/stream.h)

open_sockets = []


class LwipSocket(io.IOBase if _PACKED else object):
    """One of ten sockets; `poll` takes it as it takes a real one."""

    def __init__(self, family=AF_INET, kind=SOCK_STREAM, proto=0, made=None):
        if len(open_sockets) >= MOST_SOCKETS:
            raise OSError(ENFILE, "ENFILE")
        self.inner = made or kernel.socket(family, kind)
        open_sockets.append(self)
        self.refuses_binds = 0

    def fileno(self):
        return self.inner.fileno()

    def ioctl(self, request, value):
        return self.inner.fileno() if request == _GET_FILENO else 0

    def setblocking(self, flag):
        self.inner.setblocking(flag)

    def setsockopt(self, level, option, value):
        if (level, option) != (SOL_SOCKET, SO_REUSEADDR):
            raise AssertionError("lwip.setsockopt() option not implemented")
        self.inner.setsockopt(kernel.SOL_SOCKET, kernel.SO_REUSEADDR, value)

    def bind(self, name):
        self.inner.bind(_pack(name))

    def connect(self, name):
        try:
            self.inner.connect(_pack(name))
        except OSError as error:
            raise OSError(EINPROGRESS if error.args[0] == 115 else error.args[0]) from None

    def listen(self, backlog=2):
        self.inner.listen(backlog)

    def accept(self):
        made, peer = self.inner.accept()
        try:
            return LwipSocket(made=made), _unpack(peer)
        except OSError:
            made.close()
            raise

    def send(self, data):
        return self.inner.send(data)

    def sendto(self, data, name):
        try:
            return self.inner.sendto(data, _pack(name))
        except OSError as error:
            raise OSError(ETIMEDOUT if error.args[0] == EAGAIN else error.args[0]) from None

    def recv(self, size):
        return self.inner.recv(size)

    def readinto(self, buf):
        return self.inner.readinto(buf) if _PACKED else self.inner.recv_into(buf)

    def recvfrom(self, size):
        data, peer = self.inner.recvfrom(size)
        return data, _unpack(peer)

    def close(self):
        if self in open_sockets:
            open_sockets.remove(self)
        self.inner.close()


socket = LwipSocket


def _pack(name):
    text, port = name
    if not _PACKED:
        return name
    return struct.pack("<H", 2) + struct.pack(">H", port) + bytes(int(part) for part in text.split(".")) + bytes(8)


def _unpack(name):
    if not _PACKED:
        return name
    return ".".join(str(part) for part in name[4:8]), name[2] << 8 | name[3]
