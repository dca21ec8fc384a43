"""Plane `replay`: capture files as traffic, with the capture's own clock.  Detects and reports only."""

import os

from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError
from spamgate.core.hashing import hash_bytes
from spamgate.core.tables import DistinctSet
from spamgate.wire.address import Scope
from spamgate.wire.capture import open_capture
from spamgate.wire.cursor import FormError
from spamgate.wire.frame import known_link_type
from spamgate.wire.packet import FLAG_ACK, FLAG_SYN, Packet

_TCP = const(6)
_UDP = const(17)
_DNS = const(53)
_MAIL_PORTS = (25, 465, 587)
_KIND = const(0o170000)  # of st_mode
_PIPE = const(0o010000)
_MOVE_BYTES = const(256)


class CaptureError(SpamgateError):
    """A capture that cannot be read, or not to its end."""


class CaptureFile:
    """The records of a capture file, one after another, through a window of fixed size.

    Of a segment as large as a network card hands over (64 KB) what does not fit is a gap for the readers above.
    """

    def __init__(self, path: str, window: bytearray) -> None:
        self.path = path
        self.packets = 0
        self.done_bytes = 0
        self.buf = window
        self._view = memoryview(self.buf)
        self._at = 0
        self._end = 0
        self._link_type = -1
        try:
            status = os.stat(path)
            if status[0] & _KIND == _PIPE:
                raise CaptureError("%s: is a pipe and cannot be read twice: save it to a file first" % path)
            self.total_bytes = status[6]
            self._file = open(path, "rb")  # noqa: SIM115  closed by the caller
            self._fill()
        except OSError as error:
            raise CaptureError("%s: cannot be read: %s" % (path, _reason(error))) from None
        try:
            self.reader = open_capture(self.buf, 0, self._end)
        except FormError as error:
            raise CaptureError("%s: %s" % (path, error)) from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def rewind(self) -> None:
        """Start again at the first record."""
        self._file.seek(0)
        self._at = self._end = self.packets = self.done_bytes = 0
        self._fill()
        self.reader = open_capture(self.buf, 0, self._end)

    def next_packet(self) -> bool:
        """Step to the next packet, which `reader` describes; False at the end of the file.

        CaptureError, or a FormError that `fault()` turns into one, where the file is faulty.
        """
        while self._next_record():
            if self.reader.packet:
                return True
        return False

    def fault(self, error: FormError) -> "CaptureError":
        """Return the error that says where in the file `error` was met."""
        return self._fault(str(error))

    def _next_record(self) -> bool:
        reader = self.reader
        size = reader.next(self.buf, self._at, self._end)
        while not size:
            if not self._fill():
                return self._last_record()
            size = reader.next(self.buf, self._at, self._end)
            if not size and self._end - self._at == len(self.buf):
                return self._cut_record()
        if reader.link_type != self._link_type and reader.packet:
            known_link_type(reader.link_type)
            self._link_type = reader.link_type
        self._step(size)
        return True

    def _cut_record(self) -> bool:
        """Take what fits of a record larger than the window, and step over the rest."""
        size = self.reader.next_cut(self.buf, self._at, self._end)
        if self.reader.packet:
            known_link_type(self.reader.link_type)
        self._step(size)
        self._file.seek(self.reader.to_skip, 1)
        self.done_bytes += self.reader.to_skip
        if self.done_bytes > self.total_bytes:
            raise self._fault("the file ends within it")
        return True

    def _last_record(self) -> bool:
        if self._at == self._end:
            return False
        raise self._fault("the file ends within it")

    def _step(self, size: int) -> None:
        self._at += size
        self.done_bytes += size
        self.packets += self.reader.packet

    def _fill(self) -> int:
        """Move what is left to the front and read on; returns how many bytes came."""
        left = self._end - self._at
        if self._at:
            self._move(left)
        try:
            count = self._file.readinto(self._view[left:]) if left < len(self.buf) else 0
        except OSError as error:
            raise self._fault("cannot be read: " + _reason(error)) from None
        self._end = left + count
        return count

    def _move(self, size: int) -> None:
        """Move so many bytes to the front; a little at a time, as each lies in the heap for a moment."""
        buf = self.buf
        at = self._at
        for to in range(0, size, _MOVE_BYTES):
            buf[to : min(to + _MOVE_BYTES, size)] = buf[at + to : at + min(to + _MOVE_BYTES, size)]
        self._at = 0

    def _fault(self, what: str) -> CaptureError:
        place = (self.path, self.packets + 1, self.done_bytes, what)
        return CaptureError("%s: packet %d, at byte %d: %s" % place)


class Askers:
    """Who is inside where no address is private: whoever opened a connection or asked a question."""

    def __init__(self, slots: int) -> None:
        self._members = DistinctSet(slots)
        self._most = self._left = slots * 3 // 4

    def forget(self) -> None:
        """Nobody has asked."""
        self._members.clear()
        self._left = self._most

    def learn(self, buf: "bytes | bytearray", at: int, size: int) -> None:
        """This address asked; after three quarters of the slots no more are taken in."""
        if self._left and self._members.add(hash_bytes(buf, at, at + size)):
            self._left -= 1

    def contains(self, buf: "bytes | bytearray", at: int, size: int) -> bool:
        """Has this address asked?"""
        return self._members.has(hash_bytes(buf, at, at + size))


def survey(capture: CaptureFile, packet: Packet, askers: Askers):
    """Return the scope that fits the capture: private addresses if it has any, else its askers; then rewind.

    `packet` is lent: a reader that nobody uses meanwhile.
    """
    private = Scope([])
    askers.forget()
    found = False
    reader = capture.reader
    try:
        while not found and capture.next_packet():
            try:
                protocol = packet.read(reader.link_type, capture.buf, reader.packet_at, reader.packet_end)
            except FormError:
                continue
            found = packet.version != 0 and _is_private(private, packet)
            if packet.version and _is_asking(packet, protocol):
                askers.learn(packet.buf, packet.src_at, packet.address_bytes)
    except (CaptureError, FormError):
        pass  # the replay itself will meet and report it
    capture.rewind()
    return private if found else askers


def _is_private(private: Scope, packet: Packet) -> bool:
    size = packet.address_bytes
    return private.contains(packet.buf, packet.src_at, size) or private.contains(packet.buf, packet.dst_at, size)


def _is_asking(packet: Packet, protocol: int) -> bool:
    if protocol == _TCP:
        opens = packet.flags & (FLAG_SYN | FLAG_ACK) == FLAG_SYN
        return opens or packet.dst_port in _MAIL_PORTS
    if protocol != _UDP or packet.dst_port != _DNS or packet.payload_end - packet.payload_at < 12:
        return False
    return packet.data[packet.payload_at + 2] < 128  # QR: a question


def _reason(error: OSError) -> str:
    reasons = {2: "no such file", 13: "no permission", 21: "is a directory"}
    return reasons.get(error.args[0] if error.args else 0, "system error %s" % error)
