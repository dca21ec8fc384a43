"""Link-layer headers: from the bytes a capture or socket delivers to an EtherType.

Link types are the numbers of the tcpdump.org LINKTYPE registry.
"""

from spamgate.core.compat import const
from spamgate.wire.cursor import Cursor, FormError

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.wire.nflog import LoggedPacket

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_IPV6 = 0x86DD

_IPV4 = const(0x0800)  # private copies: folded into the code
_IPV6 = const(0x86DD)
_VLAN = const(0x8100)  # IEEE 802.1Q
_PROVIDER_VLAN = const(0x88A8)  # IEEE 802.1ad
_OLD_PROVIDER_VLAN = const(0x9100)

_LINK_NULL = const(0)
_LINK_ETHERNET = const(1)
_LINK_LOOP = const(108)
_LINK_COOKED = const(113)
_LINK_IPV4 = const(228)
_LINK_IPV6 = const(229)
_LINK_NFLOG = const(239)
_LINK_COOKED_2 = const(276)
_RAW_LINKS = b"\x65\x0c\x0e"  # 101, and what BSD systems write: 12, 14

_HARDWARE_LOOPBACK = const(772)  # ARPHRD_LOOPBACK: its address is all zero
_FAMILY_IPV4 = const(2)
_FAMILIES_IPV6 = b"\x0a\x17\x18\x1c\x1e"  # Linux, Windows, OpenBSD, FreeBSD, macOS


def known_link_type(link_type: int) -> None:
    """Raise FormError unless `Frame` can read frames of this link type."""
    if link_type < 128 and link_type in _RAW_LINKS:
        return
    if link_type in (
        _LINK_NULL,
        _LINK_ETHERNET,
        _LINK_LOOP,
        _LINK_COOKED,
        _LINK_IPV4,
        _LINK_IPV6,
        _LINK_NFLOG,
        _LINK_COOKED_2,
    ):
        return
    raise FormError(f"link type {link_type} is none that Spamgate reads")


class Frame:
    """The link-layer header of one frame; made once and pointed at one after another."""

    def __init__(self) -> None:
        self.buf: bytes | bytearray = b""
        self.mac_at = -1  # source
        self.to_mac_at = -1
        self.vlan = 0
        self._cursor = Cursor()
        self._logged: "LoggedPacket | None" = None

    def read_link(self, link_type: int, buf: bytes | bytearray, start: int, end: int) -> int:
        """Read the link header; return the EtherType behind it, 0 when that has none."""
        self._cursor.over(buf, start, end)
        self.buf = buf
        self.vlan = 0
        if link_type != _LINK_ETHERNET:
            self.mac_at = self.to_mac_at = -1
            return self._read_other(link_type)
        start = self._cursor.take(14)
        self.to_mac_at = start
        self.mac_at = start + 6
        return self._untag(buf[start + 12] << 8 | buf[start + 13])

    def _read_other(self, link_type: int) -> int:
        buf = self.buf
        if link_type == _LINK_NFLOG:
            return self._read_log()
        if link_type == _LINK_COOKED:
            at = self._cursor.take(16)
            self._set_cooked_mac(at + 2, buf[at + 4] << 8 | buf[at + 5], at + 6)
            return self._untag(buf[at + 14] << 8 | buf[at + 15])
        if link_type == _LINK_COOKED_2:
            at = self._cursor.take(20)
            self._set_cooked_mac(at + 8, buf[at + 11], at + 12)
            return self._untag(buf[at] << 8 | buf[at + 1])
        if link_type == _LINK_NULL or link_type == _LINK_LOOP:
            return self._read_family()
        known_link_type(link_type)
        return self._read_raw(link_type)

    def _read_log(self) -> int:
        """A packet as netfilter logs it; only gateways meet them, so only they carry the reader."""
        logged = self._logged
        if logged is None:
            from spamgate.wire.nflog import LoggedPacket

            logged = self._logged = LoggedPacket()
        return logged.read(self, self._cursor)

    def _untag(self, ethertype: int) -> int:
        """Step over VLAN tags; the last one is the one closest to the device."""
        while ethertype == _VLAN or ethertype == _PROVIDER_VLAN or ethertype == _OLD_PROVIDER_VLAN:
            buf = self.buf
            at = self._cursor.take(4)
            self.vlan = (buf[at] & 15) << 8 | buf[at + 1]
            ethertype = buf[at + 2] << 8 | buf[at + 3]
        return ethertype

    def _set_cooked_mac(self, hardware_at: int, size: int, at: int) -> None:
        hardware = self.buf[hardware_at] << 8 | self.buf[hardware_at + 1]
        if size == 6 and hardware != _HARDWARE_LOOPBACK:
            self.mac_at = at

    def _read_family(self) -> int:
        """The address family of BSD loopback: in the byte order of whoever captured."""
        buf = self.buf
        at = self._cursor.take(4)
        if buf[at + 1] or buf[at + 2] or (buf[at] and buf[at + 3]):
            return 0
        family = buf[at] | buf[at + 3]
        if family == _FAMILY_IPV4:
            return _IPV4
        return _IPV6 if family in _FAMILIES_IPV6 else 0

    def _read_raw(self, link_type: int) -> int:
        if link_type == _LINK_IPV4:
            return _IPV4
        if link_type == _LINK_IPV6:
            return _IPV6
        cursor = self._cursor
        cursor.seek(cursor.take(1), 0)  # look, but leave the byte
        version = self.buf[cursor.at] >> 4
        if version == 4:
            return _IPV4
        if version == 6:
            return _IPV6
        raise FormError(f"IP version {version}")
