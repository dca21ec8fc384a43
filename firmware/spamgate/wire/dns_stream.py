"""DNS messages out of TCP streams: each has its length before it (RFC 1035 4.2.2).

A message that lies whole in one segment is read in place.  Of one that does not, the first 512 bytes are
gathered, which hold the question and the first answers; two streams can be gathering at a time, and
a third takes the place of the one that has waited longer, whose next bytes are then taken for a beginning.
"""

from spamgate.core.compat import const

_BUFFERS = const(2)
_BYTES = const(512)
_LENGTH_BYTES = const(2)
_FREE = const(-1)


class DnsStreams:
    """Feed bytes of a stream, then ask for messages.  Allocation-free once made."""

    def __init__(self) -> None:
        self.buf: "bytes | bytearray" = b""
        self.at = 0
        self.end = 0
        self._buf: "bytes | bytearray" = b""
        self._at = 0
        self._end = 0
        self._stream = 0
        self._gather = [bytearray(_BYTES) for _ in range(_BUFFERS)]
        self._streams = [_FREE] * _BUFFERS
        self._kept = [0] * _BUFFERS  # bytes gathered, the length field among them
        self._seen = [0] * _BUFFERS  # bytes gone by since the message began
        self._next = 0

    def feed(self, slot: int, side: int, buf: "bytes | bytearray", start: int, end: int) -> None:
        """Lend the next bytes of a stream; call `next_message` until it is False."""
        self._buf = buf
        self._at = start
        self._end = end
        self._stream = slot << 1 | side

    def next_message(self) -> bool:
        """True when `buf[at:end]` is a message, or as much of it as there is room for."""
        if self._at >= self._end:
            return False
        place = self._find()
        if place < 0:
            if self._take_whole():
                return True
            place = self._claim()
        return self._add(place)

    def _find(self) -> int:
        for place in range(_BUFFERS):
            if self._streams[place] == self._stream:
                return place
        return -1

    def _take_whole(self) -> bool:
        """Read a message in place when all of it is here."""
        here = self._end - self._at
        if here < _LENGTH_BYTES:
            return False
        size = self._buf[self._at] << 8 | self._buf[self._at + 1]
        if here < size + _LENGTH_BYTES:
            return False
        self.buf = self._buf
        self.at = self._at + _LENGTH_BYTES
        self.end = self._at = self.at + size
        return True

    def forget(self, slot: int) -> None:
        """The stream is over: what is gathered of it is no beginning of the next one with this number."""
        for place in range(_BUFFERS):
            if self._streams[place] >> 1 == slot:
                self._streams[place] = _FREE

    def _claim(self) -> int:
        place = self._next
        if self._streams[place] != _FREE and self._streams[1 - place] == _FREE:
            place = 1 - place
        self._next = (place + 1) % _BUFFERS
        self._streams[place] = self._stream
        self._kept[place] = 0
        self._seen[place] = 0
        return place

    def _add(self, place: int) -> bool:
        """Move bytes to the gathered ones until the message is complete."""
        gathered = self._gather[place]
        while self._at < self._end:
            if self._kept[place] < _BYTES:
                gathered[self._kept[place]] = self._buf[self._at]
                self._kept[place] += 1
            self._at += 1
            self._seen[place] += 1
            if self._seen[place] >= _LENGTH_BYTES and self._seen[place] == self._whole(gathered):
                self._streams[place] = _FREE
                self.buf = gathered
                self.at = _LENGTH_BYTES
                self.end = self._kept[place]
                return True
        return False

    def _whole(self, gathered: bytearray) -> int:
        return (gathered[0] << 8 | gathered[1]) + _LENGTH_BYTES
