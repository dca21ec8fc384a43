"""Addresses and networks as lists write them, into (packed address, length of the prefix).

What no list of strangers may hold is refused: networks of a home or of the machine itself, and such as cover a whole
part of the internet.
"""

import ipaddress
import socket
from typing import Any

from spamgate_tools.blocklist.entry import Network

_WIDEST = {32: 8, 128: 16}  # by the bits of an address: what is wider is a slip, not a spammer
_NEVER = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.168.0.0/16", "224.0.0.0/3", "::/96", "::ffff:0:0/96", "fc00::/7", "fe80::/9", "ff00::/8"),
)


def _ranges(bits: int) -> tuple[tuple[int, int], ...]:
    networks = [network for network in map(ipaddress.ip_network, _NEVER) if network.max_prefixlen == bits]
    return tuple((int(network[0]), int(network[-1])) for network in networks)


_NEVER_RANGES = {bits: _ranges(bits) for bits in _WIDEST}


class NoNetwork(ValueError):
    """`reason` says why a text is no network that can be listed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_networks(text: str) -> list[Network]:
    """Return the networks that an address, a network or a range (`from-to`) stands for."""
    first, dash, last = text.partition("-")
    if dash:
        return _range(first.strip(), last.strip())
    address, slash, length = text.partition("/")
    packed = _packed(address)
    bits = 8 * len(packed)
    if slash and not (length.isascii() and length.isdigit() and len(length) <= 3):
        raise NoNetwork("not an address")
    return [_checked(packed, int(length) if slash else bits)]


def _packed(text: str) -> bytes:
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, ValueError):
        raise NoNetwork("not an address") from None


def _checked(packed: bytes, length: int) -> Network:
    bits = 8 * len(packed)
    if length > bits:
        raise NoNetwork("not an address")
    if length < _WIDEST[bits]:
        raise NoNetwork("network too wide: shorter than /8, or /16 of IPv6")
    first = int.from_bytes(packed, "big")
    last = first | ((1 << (bits - length)) - 1)
    if last - first != (1 << (bits - length)) - 1:
        raise NoNetwork("bits beyond the prefix")
    if any(first <= end and begin <= last for begin, end in _NEVER_RANGES[bits]):
        raise NoNetwork("network of a home, of the machine itself or of groups")
    return packed, length


def _range(first: str, last: str) -> list[Network]:
    begin, end = _packed(first), _packed(last)
    if len(begin) != len(end) or begin > end:
        raise NoNetwork("range that goes backwards")
    low, high = ipaddress.ip_address(begin), ipaddress.ip_address(end)
    networks: list[Any] = list(ipaddress.summarize_address_range(low, high))
    return [_checked(network.network_address.packed, network.prefixlen) for network in networks]
