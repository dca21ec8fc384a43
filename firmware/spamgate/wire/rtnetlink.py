"""Which addresses the machine's interfaces have (linux/rtnetlink.h, linux/if_addr.h)."""

import struct

from spamgate.core.compat import const
from spamgate.wire.netlink import attribute_end, find_attribute

_GET_ADDRESS = const(22)
_NEW_ADDRESS = const(20)
_DONE = const(3)
_REQUEST_DUMP = const(0x301)
_HEADER_BYTES = const(16)
_BODY_BYTES = const(8)
_ADDRESS = const(1)
_LOCAL = const(2)
_TENTATIVE = const(0x40)


class InterfaceAddress:
    """One address: `interface` is the index, `prefix_bits` the length of its network's prefix."""

    def __init__(self, interface: int, address: bytes, prefix_bits: int, is_tentative: bool) -> None:
        self.interface = interface
        self.address = address
        self.prefix_bits = prefix_bits
        self.is_tentative = is_tentative


def ask_addresses(interface: int) -> bytes:
    """Return the question for the addresses of an interface; 0: of all of them.

    Kernels before 4.20, and sockets without NETLINK_GET_STRICT_CHK, always answer for all.
    """
    size = _HEADER_BYTES + _BODY_BYTES
    return struct.pack("@IHHIIBBBBI", size, _GET_ADDRESS, _REQUEST_DUMP, 1, 0, 0, 0, 0, 0, interface)


def read_addresses(buf: "bytes | bytearray", size: int, found: "list[InterfaceAddress]") -> bool:
    """Add what a part of the answer holds to `found`; True when that was the last part."""
    at = 0
    while size - at >= _HEADER_BYTES:
        length, kind = struct.unpack_from("@IH", buf, at)
        if kind == _DONE or length < _HEADER_BYTES or at + length > size:
            return True
        if kind == _NEW_ADDRESS and length >= _HEADER_BYTES + _BODY_BYTES:
            _read_one(buf, at + _HEADER_BYTES, at + length, found)
        at += (length + 3) & ~3
    return False


def _read_one(buf: "bytes | bytearray", at: int, end: int, found: "list[InterfaceAddress]") -> None:
    _, bits, flags, _, interface = struct.unpack_from("@BBBBI", buf, at)
    address = find_attribute(buf, at + _BODY_BYTES, end, _LOCAL)
    if address < 0:
        address = find_attribute(buf, at + _BODY_BYTES, end, _ADDRESS)
    if address >= 0:
        packed = bytes(buf[address + 4 : attribute_end(buf, address)])
        if len(packed) in (4, 16):
            found.append(InterfaceAddress(interface, packed, bits, flags & _TENTATIVE != 0))
