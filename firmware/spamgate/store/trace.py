"""Who had which outgoing connection: a file of fixed size in which the newest record takes the oldest one's place.

A report from outside names a time, the home's address and a port (RFC 6302); behind NAT only this file leads from
there to a device.  Each record has a CRC-32: one that a power cut has torn is as if it had never been.
"""

import binascii
import struct

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Iterator

DEVICE_BYTES = 58  # a MAC, a slash and an IPv6 address have 57
MOST_FOUND = 32  # devices that one question is answered with

_NAME = "trace.ring"
# Version, length of the device's name, public port, server port, sequence, time, public and server address, device.
_FORMAT = "<BBHHII16s16s58s"
_CRC_AT = const(104)
_RECORD_BYTES = const(108)
_VERSION = const(1)
_READ_RECORDS = const(8)  # at a time: a heap that is nearly full has no room for more in one piece
_SEQUENCE_MASK = const(0xFFFFFFFF)
_SEQUENCE_HALF = const(0x80000000)
_MAPPED = b"\0" * 10 + b"\xff\xff"


class TraceRing:
    """The last `records` connections.  `problem` says what was wrong with the file lately, or is empty."""

    def __init__(self, storage: "Any", records: int) -> None:
        self._storage = storage
        self._records = records
        self._slot = 0  # to write next
        self._sequence = 0  # to write next
        self.problem = ""
        self._survey()

    def add(self, time_s: int, public: "tuple[bytes, int]", server: "tuple[bytes, int]", device: str) -> bool:
        """Keep who connected at UNIX time `time_s` from which public (address, port) to which server's.

        False where it cannot be kept; then nothing before it is lost.
        """
        name = device.encode()
        assert len(name) <= DEVICE_BYTES
        body = struct.pack(
            *(_FORMAT, _VERSION, len(name), public[1], server[1], self._sequence, time_s & 0xFFFFFFFF),
            *(_as_v6(public[0]), _as_v6(server[0]), name),
        )
        try:
            self._storage.write_at(_NAME, self._slot * _RECORD_BYTES, body + struct.pack("<I", _crc(body)))
        except OSError as error:
            self.problem = "%s: not written: error %s" % (_NAME, error.errno)
            return False
        self.problem = ""
        self._sequence = (self._sequence + 1) & _SEQUENCE_MASK
        self._slot = (self._slot + 1) % self._records
        return True

    def find(self, time_s: int, port: int, address: "bytes | None", skew_s: int) -> "list[str]":
        """Return the devices, newest first, that connected from this port within `skew_s` of `time_s`.

        Port 0 is any port, address None any address.
        """
        wanted = _as_v6(address) if address else None
        found: "list[str]" = []
        for _, chunk, at in self._stored():
            if port and chunk[at + 2] | chunk[at + 3] << 8 != port:
                continue
            record = _unpack(chunk, at)
            if not record or abs(record[5] - time_s) > skew_s or (wanted and record[6] != wanted):
                continue
            device = record[8][: record[1]].decode()
            if device in found:
                found.remove(device)
            found.append(device)
        found.reverse()
        return found[:MOST_FOUND]

    @property
    def oldest_s(self) -> int:
        """UNIX time of the oldest record; 0 where there is none."""
        for _, chunk, at in self._stored():
            record = _unpack(chunk, at)
            if record:
                return record[5]
        return 0

    def _survey(self) -> None:
        """Find where the newest record lies."""
        newest = -1
        after = 0
        for slot, chunk, at in self._stored():
            record = _unpack(chunk, at)
            if record and (newest < 0 or (record[4] - newest) & _SEQUENCE_MASK < _SEQUENCE_HALF):
                newest = record[4]
                self._sequence = (newest + 1) & _SEQUENCE_MASK
                after = slot + 1
        self._slot = after % self._records

    def _stored(self) -> "Iterator[tuple[int, bytes, int]]":
        """Yield each record, whole or not, in the order of writing: (slot, bytes, at)."""
        for first, last in ((self._slot, self._records), (0, self._slot)):
            while first < last:
                chunk = self._read(first, min(_READ_RECORDS, last - first))
                for at in range(0, len(chunk) - _RECORD_BYTES + 1, _RECORD_BYTES):
                    yield first, chunk, at
                    first += 1
                if len(chunk) < _RECORD_BYTES:
                    break  # the file ends here

    def _read(self, first: int, count: int) -> bytes:
        try:
            return self._storage.read_at(_NAME, first * _RECORD_BYTES, count * _RECORD_BYTES)
        except OSError as error:
            self.problem = "%s: not read: error %s" % (_NAME, error.errno)
            return b""


def _unpack(chunk: bytes, at: int) -> "tuple[Any, ...] | None":
    """Return the fields of the record at `chunk[at:]`, or None when it is not whole or not ours."""
    if chunk[at] != _VERSION or chunk[at + 1] > DEVICE_BYTES:
        return None
    body = memoryview(chunk)[at : at + _CRC_AT]
    if struct.unpack_from("<I", chunk, at + _CRC_AT)[0] != _crc(body):
        return None
    return struct.unpack_from(_FORMAT, chunk, at)


def _as_v6(address: bytes) -> bytes:
    return address if len(address) == 16 else _MAPPED + address


def _crc(data: "bytes | memoryview") -> int:
    return binascii.crc32(data) & 0xFFFFFFFF
