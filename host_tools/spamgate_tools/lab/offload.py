"""Let a namespace's interface send what a wire would carry: whole checksums, and no segment longer than its MTU.

A veth leaves checksums undone and TCP segments up to 64 KB long, since the kernel at its other end knows; a router that
reads frames from a packet socket does not.  Without checksums the kernel gives up long segments by itself.
"""

import ctypes
import fcntl
import socket
import struct
import threading
from pathlib import Path

from spamgate_tools.errors import UserError
from spamgate_tools.lab.leftovers import NAMESPACES

_CLONE_NEWNET = 0x40000000
_SIOCETHTOOL = 0x8946
_ETHTOOL_STXCSUM = 0x17
_REQUEST = struct.Struct("16sP16x")  # struct ifreq (linux/if.h): name, pointer
_VALUE = struct.Struct("II")  # struct ethtool_value (linux/ethtool.h): command, data


def complete_checksums(namespace: str, interface: str) -> None:
    """Turn off the checksum offload of an interface in a namespace."""
    with _socket_in(NAMESPACES / namespace) as sock:
        value = ctypes.create_string_buffer(_VALUE.pack(_ETHTOOL_STXCSUM, 0))
        request = _REQUEST.pack(interface.encode(), ctypes.addressof(value))
        try:
            fcntl.ioctl(sock, _SIOCETHTOOL, request)
        except OSError as error:
            text = f"{namespace}, {interface}: checksum offload cannot be turned off: {error.strerror}"
            raise UserError(text) from None


def _socket_in(namespace: Path) -> socket.socket:
    """Return a socket that lives in a network namespace: a thread goes there, opens it, and ends."""
    made: list[socket.socket] = []

    def open_there() -> None:
        with namespace.open() as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _CLONE_NEWNET) == 0:
                made.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    thread = threading.Thread(target=open_there)
    thread.start()
    thread.join()
    if not made:
        raise UserError(f"{namespace}: cannot be entered", "run it as root")
    return made[0]
