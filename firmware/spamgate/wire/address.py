"""Addresses as people write them, and the question whether one belongs to the home.

IPv6 text follows RFC 5952; networks are written as in RFC 4632 (192.168.1.0/24, fd00::/8).
"""

from spamgate.core.errors import SpamgateError

_DIGITS = "0123456789abcdefABCDEF"


class AddressError(SpamgateError):
    """Text that is no address or network."""


class Scope:
    """Which addresses are inside the home: those of the given networks, else private ones.

    Private: RFC 1918, IPv4 and IPv6 link-local (RFC 3927, RFC 4291), unique local (RFC 4193).
    """

    def __init__(self, networks: "list[str]") -> None:
        self._networks: "list[tuple[bytes, int]]" = []
        self._first_bytes = bytearray(256 if networks else 0)  # the sizes of addresses inside that begin like this
        for text in networks:
            self._add(parse_network(text))

    def contains(self, buf: "bytes | bytearray", at: int, size: int) -> bool:
        """Is the address `buf[at:at + size]` inside?  Allocation-free."""
        if self._networks:
            return self._first_bytes[buf[at]] & size != 0 and self._is_listed(buf, at, size)
        if size == 4:
            return is_private_v4(buf, at)
        return buf[at] & 0xFE == 0xFC or (buf[at] == 0xFE and buf[at + 1] & 0xC0 == 0x80)

    def _add(self, network: "tuple[bytes, int]") -> None:
        address, bits = network
        for other, other_bits in self._networks:
            if other_bits <= bits and len(other) == len(address) and _has_prefix(address, 0, other, other_bits):
                return
        self._networks.append(network)
        for first in range(256):
            if _has_prefix(bytes((first,)), 0, address, min(bits, 8)):
                self._first_bytes[first] |= len(address)

    def _is_listed(self, buf: "bytes | bytearray", at: int, size: int) -> bool:
        for prefix, bits in self._networks:
            if len(prefix) == size and _has_prefix(buf, at, prefix, bits):
                return True
        return False


def is_private_v4(buf: "bytes | bytearray", at: int) -> bool:
    """Is the IPv4 address at `buf[at:at + 4]` private or link-local?"""
    first = buf[at]
    second = buf[at + 1]
    if first == 192:
        return second == 168
    if first == 172:
        return second & 0xF0 == 16
    return first == 10 or (first == 169 and second == 254)


def _has_prefix(buf: "bytes | bytearray", at: int, prefix: bytes, bits: int) -> bool:
    whole = bits >> 3
    for i in range(whole):
        if buf[at + i] != prefix[i]:
            return False
    rest = bits & 7
    return not rest or (buf[at + whole] ^ prefix[whole]) >> (8 - rest) == 0


def parse_network(text: str) -> "tuple[bytes, int]":
    """Return (address bytes, prefix bits) of text such as 192.168.1.0/24; a bare address is a network of one."""
    address, _, bits_text = text.partition("/")
    packed = parse_address(address)
    most = len(packed) * 8
    if not bits_text and "/" not in text:
        return packed, most
    try:
        bits = _number(bits_text, 3, 10)
    except ValueError:
        bits = most + 1
    if bits > most:
        raise AddressError("%r has no prefix length between 0 and %d behind the slash" % (text, most))
    return packed, bits


def parse_address(text: str) -> bytes:
    """Return the 4 or 16 bytes of an address in text form."""
    try:
        packed = _parse_v6(text) if ":" in text else _parse_v4(text)
    except ValueError:
        packed = b""
    if len(packed) not in (4, 16) or (len(packed) == 16) != (":" in text):
        raise AddressError("%r is no IPv4 or IPv6 address" % text)
    return packed


def _parse_v4(text: str) -> bytes:
    return bytes([_number(part, 3, 10) for part in text.split(".")])


def _parse_v6(text: str) -> bytes:
    last = text[text.rfind(":") + 1 :]
    if "." in last:
        packed = _parse_v4(last)
        if len(packed) != 4:
            raise ValueError
        text = text[: -len(last)] + "%x:%x" % (packed[0] << 8 | packed[1], packed[2] << 8 | packed[3])
    head, gap, tail = text.partition("::")
    front = _groups(head)
    back = _groups(tail)
    missing = 16 - len(front) - len(back)
    if (missing < 2 and gap) or (missing and not gap):
        raise ValueError
    return front + bytes(missing) + back


def _groups(text: str) -> bytes:
    packed = b""
    for group in text.split(":") if text else ():
        value = _number(group, 4, 16)
        packed += bytes((value >> 8, value & 0xFF))
    return packed


def _number(text: str, most: int, base: int) -> int:
    """Return the number of up to `most` digits; int() alone takes signs, blanks and other scripts' digits as well."""
    if not 1 <= len(text) <= most or text.strip(_DIGITS[: 10 if base == 10 else 22]):
        raise ValueError
    return int(text, base)


def address_text(packed: "bytes | bytearray") -> str:
    """Return the text of a packed IPv4 or IPv6 address.  Allocates: for reports."""
    if len(packed) == 4:
        return "%d.%d.%d.%d" % (packed[0], packed[1], packed[2], packed[3])
    groups = [packed[at] << 8 | packed[at + 1] for at in range(0, 16, 2)]
    start, length = _longest_zeros(groups)
    words = ["%x" % group for group in groups]
    if length < 2:
        return ":".join(words)
    return ":".join(words[:start]) + "::" + ":".join(words[start + length :])


def _longest_zeros(groups: "list[int]") -> "tuple[int, int]":
    best = (0, 0)
    start = 0
    while start < 8:
        end = start
        while end < 8 and groups[end] == 0:
            end += 1
        if end - start > best[1]:
            best = (start, end - start)
        start = end + 1
    return best


def mac_text(packed: "bytes | bytearray") -> str:
    """Return the text of a MAC, such as 02:00:5e:10:00:01.  Allocates: for reports."""
    return ":".join(["%02x" % byte for byte in packed])
