"""Records of a classic pcap file, and what both capture formats have in common.

Sans I/O: the caller owns the buffer and the file.  It asks `next()` for one record after
another, and reads more of the file when `next()` returns 0.  Format:
draft-ietf-opsawg-pcap.
"""

from spamgate.core.compat import const
from spamgate.wire.cursor import Cursor, FormError

LATEST_S = 0x7FFFFFFF  # in 2072: what the arrays of those who keep times can hold; later ones are read as this

_FILE_HEADER = const(24)
_RECORD_HEADER = const(16)
_MICROS = const(1000000)
_MOST_BYTES = const(0xFFFFFF)
_LATEST_S = const(0x7FFFFFFF)


class CaptureReader:
    """What callers see of a capture; a format adds `_measure` and `_take`."""

    def __init__(self, head_bytes: int) -> None:
        self.packet = False  # was the last record a packet?  Then:
        self.packet_at = 0
        self.packet_end = 0
        self.wire_bytes = 0  # length before the capture cut it
        self.link_type = -1
        self.seconds = 0  # UNIX seconds - 2**30, LATEST_S at the most
        self.micros = 0
        self.wanted = 0  # bytes the record needs from `start` on
        self.to_skip = 0  # bytes of a cut record that the caller must skip
        self._head_bytes = head_bytes  # a record this long can be read cut
        self._cursor = Cursor()
        self._set_order(False)

    def next(self, buf: bytes | bytearray, start: int, end: int) -> int:
        """Read the record at `start`; return its length, or 0 when `wanted` bytes are needed."""
        cursor = self._cursor.over(buf, start, end)
        self.packet = False
        self.to_skip = 0
        size = self.wanted = self._measure(cursor)
        if size > end - start:
            return 0
        end = start + size
        cursor.over(buf, start, end)
        self._take(cursor, True)
        return size

    def next_cut(self, buf: bytes | bytearray, start: int, end: int) -> int:
        """As `next`, but take a record that is not all there; the caller skips `to_skip` bytes."""
        size = self.next(buf, start, end)
        here = end - start
        if size or here < self._head_bytes:
            return size
        self._take(self._cursor.over(buf, start, end), False)
        self.to_skip = self.wanted - here
        return here

    def _measure(self, cursor: Cursor) -> int:
        """Return the length of the record, or of its header when that is not there yet."""
        raise NotImplementedError

    def _take(self, cursor: Cursor, whole: bool) -> None:
        """Read the record that `cursor` spans."""
        raise NotImplementedError

    def _set_order(self, big: bool) -> None:
        """Note where in a 32-bit number its lowest byte is, and so on upwards."""
        self._big = big
        self._b0 = 3 if big else 0
        self._b1 = 2 if big else 1
        self._b2 = 1 if big else 2
        self._b3 = 0 if big else 3

    def _length(self, buf: bytes | bytearray, at: int) -> int:
        """Read a 32-bit length; none of 16 MiB or more is believed."""
        if buf[at + self._b3]:
            raise FormError("length of 16 MiB or more")
        return self._low_bytes(buf, at)

    def _low_bytes(self, buf: bytes | bytearray, at: int) -> int:
        """Read the lower 24 bits of a 32-bit number."""
        return buf[at + self._b2] << 16 | buf[at + self._b1] << 8 | buf[at + self._b0]

    def _set_wire_bytes(self, buf: bytes | bytearray, at: int) -> None:
        """Read an original length, which need not be credible: nothing is sized by it."""
        self.wire_bytes = _MOST_BYTES if buf[at + self._b3] else self._length(buf, at)


class PcapReader(CaptureReader):
    """One link type, one byte order, one resolution: all said in the file header."""

    def __init__(self) -> None:
        super().__init__(_FILE_HEADER)
        self._nanos = False

    def _measure(self, cursor: Cursor) -> int:
        if self.link_type < 0:
            return _FILE_HEADER
        if cursor.left() < _RECORD_HEADER:
            return _RECORD_HEADER
        return _RECORD_HEADER + self._length(cursor.buf, cursor.take(_RECORD_HEADER) + 8)

    def _take(self, cursor: Cursor, whole: bool) -> None:
        if self.link_type < 0:
            self._take_file_header(cursor)
            return
        at = cursor.take(_RECORD_HEADER)
        self._take_time(cursor.buf, at)
        self._set_wire_bytes(cursor.buf, at + 12)
        self.packet = True
        self.packet_at = cursor.at
        self.packet_end = cursor.end

    def _take_time(self, buf: bytes | bytearray, at: int) -> None:
        # 64 << 24 is 2**30: subtracted first, no step leaves the small integers
        seconds = buf[at + self._b3] - 64 << 24 | self._low_bytes(buf, at)
        at += 4
        micros = buf[at + self._b3] << 24 | self._low_bytes(buf, at)
        if self._nanos:
            micros //= 1000
        if micros >= _MICROS:  # some writers do not carry
            seconds += micros // _MICROS
            micros %= _MICROS
        self.seconds = seconds if seconds < _LATEST_S else _LATEST_S
        self.micros = micros

    def _take_file_header(self, cursor: Cursor) -> None:
        buf = cursor.buf
        at = cursor.take(_FILE_HEADER)
        self._set_order(buf[at] == 0xA1)
        self._nanos = buf[at + self._b0] == 0x4D
        version = buf[at + 4] << 8 | buf[at + 5] if self._big else buf[at + 5] << 8 | buf[at + 4]
        if version != 2:
            raise FormError(f"pcap version {version}")
        # the upper half of the field speaks of check sums behind the frame
        self.link_type = buf[at + 20 + self._b1] << 8 | buf[at + 20 + self._b0]
        self._head_bytes = _RECORD_HEADER
