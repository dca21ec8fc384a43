"""Blocks of a pcapng file: sections, interfaces and three kinds of packets; all else is skipped.

Every section has its own byte order and its own interfaces, every interface its own
link type and clock.  Format: draft-ietf-opsawg-pcapng.
"""

import array

from spamgate.core.compat import LATER_S, const
from spamgate.wire.cursor import Cursor, FormError
from spamgate.wire.pcap import LATEST_S, CaptureReader

_SECTION = const(256)  # stands for 0x0A0D0D0A, the same in both byte orders
_INTERFACE = const(1)
_OLD_PACKET = const(2)  # obsolete, still written by old tools
_SIMPLE_PACKET = const(3)
_PACKET = const(6)

_LEAST_BLOCK = const(12)
_PACKET_HEADER = const(28)
_MOST_INTERFACES = const(32)

_OPTION_RESOLUTION = const(9)
_OPTION_OFFSET = const(14)
_BINARY = const(0x80)
_MICROS = const(1000000)
_EARLIEST_S = -LATER_S  # 1970, as in pcap


class PcapngReader(CaptureReader):
    """Starts before the first section; at most 32 interfaces in each."""

    def __init__(self) -> None:
        super().__init__(_PACKET_HEADER)
        self._kind = 0
        self._interfaces = -1  # no section yet
        self._links = array.array("H", [0] * _MOST_INTERFACES)
        self._cut_bytes = array.array("i", [0] * _MOST_INTERFACES)
        self._units = bytearray(_MOST_INTERFACES)
        self._offsets_s = [0] * _MOST_INTERFACES
        self._ticks = array.array("i", [0] * 4)  # of 20 bits, highest first

    def _measure(self, cursor: Cursor) -> int:
        if cursor.left() < _LEAST_BLOCK:
            return _LEAST_BLOCK
        buf = cursor.buf
        at = cursor.take(_LEAST_BLOCK)
        if buf[at] == 10 and buf[at + 1] == 13 and buf[at + 2] == 13 and buf[at + 3] == 10:
            self._kind = _SECTION
            self._set_order(self._is_big(buf, at + 8))
        elif self._interfaces < 0:
            raise FormError("pcapng without a section header")
        elif buf[at + self._b3] or buf[at + self._b2] or buf[at + self._b1]:
            self._kind = 0
        else:
            self._kind = buf[at + self._b0]
        size = self._length(buf, at + 4)
        if size < _LEAST_BLOCK or size & 3:
            raise FormError(f"pcapng block of {size} bytes")
        return size

    def _is_big(self, buf: bytes | bytearray, at: int) -> bool:
        if buf[at] == 0x1A and buf[at + 1] == 0x2B and buf[at + 2] == 0x3C and buf[at + 3] == 0x4D:
            return True
        if buf[at] == 0x4D and buf[at + 1] == 0x3C and buf[at + 2] == 0x2B and buf[at + 3] == 0x1A:
            return False
        raise FormError("pcapng byte order unknown")

    def _take(self, cursor: Cursor, whole: bool) -> None:
        if whole:
            size = self.wanted
            at = cursor.take(size)
            if self._length(cursor.buf, at + size - 4) != size:
                raise FormError("pcapng block lengths differ")
            cursor.over(cursor.buf, at + 8, at + size - 4)
        else:
            cursor.take(8)
        kind = self._kind
        if kind == _PACKET or kind == _OLD_PACKET:
            self._take_packet(cursor, kind, whole)
        elif kind == _SIMPLE_PACKET:
            self._take_simple(cursor, whole)
        elif kind == _INTERFACE:
            self._take_interface(cursor, whole)
        elif kind == _SECTION:
            self._take_section(cursor)

    def _take_section(self, cursor: Cursor) -> None:
        at = cursor.take(16)  # byte order, version, length of the section (may be unknown)
        version = self._u16(cursor.buf, at + 4)
        if version != 1:
            raise FormError(f"pcapng version {version}")
        self._interfaces = 0

    def _take_interface(self, cursor: Cursor, whole: bool) -> None:
        number = self._interfaces
        if number == _MOST_INTERFACES:
            raise FormError(f"more than {number} interfaces")
        buf = cursor.buf
        at = cursor.take(8)
        self._links[number] = self._u16(buf, at)
        cut = buf[at + 4 + self._b3]  # a limit of 16 MiB or more limits nothing
        self._cut_bytes[number] = 0 if cut else self._length(buf, at + 4)
        self._units[number] = 6
        self._offsets_s[number] = 0
        self._interfaces = number + 1
        while cursor.left() >= 4:
            at = cursor.take(4)
            option = self._u16(buf, at)
            size = self._u16(buf, at + 2)
            padded = size + 3 & ~3
            if option == 0 or (padded > cursor.left() and not whole):
                return
            self._take_option(option, cursor.take(padded), size)

    def _take_option(self, option: int, at: int, size: int) -> None:
        buf = self._cursor.buf
        number = self._interfaces - 1
        if option == _OPTION_RESOLUTION and size == 1:
            self._units[number] = buf[at]
        elif option == _OPTION_OFFSET and size == 8:
            offset = -1 if buf[at if self._big else at + 7] & 0x80 else 0
            for place in range(8):
                offset = offset << 8 | buf[at + place if self._big else at + 7 - place]
            self._offsets_s[number] = offset

    def _take_packet(self, cursor: Cursor, kind: int, whole: bool) -> None:
        buf = cursor.buf
        at = cursor.take(20)
        number = self._length(buf, at) if kind == _PACKET else self._u16(buf, at)
        self._set_link(number)
        self._set_time(buf, at + 4, number)
        self._set_packet(cursor, self._length(buf, at + 12), whole)
        self._set_wire_bytes(buf, at + 16)

    def _take_simple(self, cursor: Cursor, whole: bool) -> None:
        """A simple packet has no time of its own: that of the packet before it stands."""
        self._set_link(0)
        self._set_wire_bytes(cursor.buf, cursor.take(4))
        captured = self.wire_bytes
        cut = self._cut_bytes[0]
        if 0 < cut < captured:
            captured = cut
        self._set_packet(cursor, captured, whole)

    def _set_link(self, number: int) -> None:
        if number >= self._interfaces:
            raise FormError(f"packet of unknown interface {number}")
        self.link_type = self._links[number]

    def _set_packet(self, cursor: Cursor, captured: int, whole: bool) -> None:
        if whole or captured < cursor.left():
            cursor.narrow(captured)
        self.packet = True
        self.packet_at = cursor.at
        self.packet_end = cursor.end

    def _set_time(self, buf: bytes | bytearray, at: int, number: int) -> None:
        b0 = self._b0
        b1 = self._b1
        b2 = self._b2
        b3 = self._b3
        low = at + 4
        ticks = self._ticks
        ticks[0] = buf[at + b3] >> 4
        ticks[1] = (buf[at + b3] & 15) << 16 | buf[at + b2] << 8 | buf[at + b1]
        ticks[2] = buf[at + b0] << 12 | buf[low + b3] << 4 | buf[low + b2] >> 4
        ticks[3] = (buf[low + b2] & 15) << 16 | buf[low + b1] << 8 | buf[low + b0]
        unit = self._units[number]
        if unit == 6:
            self._set_decimal_time(1)
        elif unit == 9:
            self._set_decimal_time(1000)
        else:
            self._set_rare_time(unit)
        self.seconds = min(max(self.seconds + self._offsets_s[number], _EARLIEST_S), LATEST_S)

    def _set_decimal_time(self, per_micro: int) -> None:
        """Divide by `per_micro`, then by a million, digit by digit: no step reaches 2**30."""
        ticks = self._ticks
        rest = micros = seconds = 0
        for place in range(4):
            rest = rest << 20 | ticks[place]
            digit = rest // per_micro
            rest %= per_micro
            micros = micros << 10 | digit >> 10
            seconds = seconds << 10 | micros // _MICROS
            if place == 2:
                seconds -= 1  # worth 2**30 when the last three digits of ten bits are in
            micros = micros % _MICROS << 10 | digit & 1023
            seconds = seconds << 10 | micros // _MICROS
            micros %= _MICROS
        self.seconds = seconds
        self.micros = micros

    def _set_rare_time(self, unit: int) -> None:
        """Any other unit, in integers of any size: no common tool writes one."""
        ticks = 0
        for part in self._ticks:
            ticks = ticks << 20 | part
        per_second = 1 << (unit & 127) if unit & _BINARY else 10**unit
        self.seconds = ticks // per_second - LATER_S
        self.micros = ticks % per_second * _MICROS // per_second

    def _u16(self, buf: bytes | bytearray, at: int) -> int:
        if self._big:
            return buf[at] << 8 | buf[at + 1]
        return buf[at + 1] << 8 | buf[at]
