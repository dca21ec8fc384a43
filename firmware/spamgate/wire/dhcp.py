"""What a device says of itself when it asks for an address (RFC 2131): its MAC and its name.

Only options in their usual place are read; no client puts its name into the overloaded
`file` and `sname` fields.
"""

from spamgate.core.compat import const
from spamgate.wire.cursor import Cursor, FormError

_HEADER = const(236)
_REQUEST = const(1)
_REPLY = const(2)
_CLIENT_MAC = const(28)  # offset of chaddr
_COOKIE = b"\x63\x82\x53\x63"

_PAD = const(0)
_HOST_NAME = const(12)
_REQUESTED_ADDRESS = const(50)
_MESSAGE_TYPE = const(53)
_END = const(255)


class DhcpMessage:
    """Made once and pointed at one message after another; offsets are in the caller's buffer."""

    def __init__(self) -> None:
        self.client_mac_at = -1
        self.name_at = 0
        self.name_end = 0
        self.message_type = 0  # 0: plain BOOTP
        self.requested_at = 0
        self._cursor = Cursor()

    def read(self, data: bytes | bytearray, at: int, end: int) -> bool:
        """Read `data[at:end]`; return True when a client sent it."""
        cursor = self._cursor.over(data, at, end)
        self.client_mac_at = -1
        self.name_at = self.name_end = self.requested_at = self.message_type = 0
        cursor.take(_HEADER)
        if data[at] != _REQUEST and data[at] != _REPLY:
            raise FormError("BOOTP operation")
        if data[at + 1] == 1 and data[at + 2] == 6:  # Ethernet
            self.client_mac_at = at + _CLIENT_MAC
        if cursor.left() >= 4 and self._is_cookie(cursor.take(4)):
            self._read_options()
        return data[at] == _REQUEST

    def _is_cookie(self, at: int) -> bool:
        data = self._cursor.buf
        for place in range(4):
            if data[at + place] != _COOKIE[place]:
                return False
        return True

    def _read_options(self) -> None:
        cursor = self._cursor
        data = cursor.buf
        while cursor.left():
            option = data[cursor.take(1)]
            if option == _END:
                return
            if option == _PAD:
                continue
            size = cursor.u8()
            at = cursor.take(size)
            if option == _HOST_NAME:
                self._set_name(at, at + size)
            elif option == _REQUESTED_ADDRESS and size == 4:
                self.requested_at = at
            elif option == _MESSAGE_TYPE and size == 1:
                self.message_type = data[at]

    def _set_name(self, at: int, end: int) -> None:
        """Some clients count the NUL behind the name (RFC 2132, 2: it should not be there)."""
        data = self._cursor.buf
        while end > at and data[end - 1] == 0:
            end -= 1
        if end > at:
            self.name_at = at
            self.name_end = end
