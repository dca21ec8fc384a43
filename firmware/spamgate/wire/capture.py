"""Tell a pcap from a pcapng from anything else by the first bytes of the file."""

from spamgate.core.compat import const
from spamgate.wire.cursor import Cursor, FormError
from spamgate.wire.pcap import CaptureReader, PcapReader

_LEAST_BYTES = const(24)  # no capture file is shorter

_PCAPNG = b"\x0a\x0d\x0d\x0a"
_PCAP = (b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1")
_FOREIGN = (  # what people hand over instead
    (b"\x1f\x8b", "is compressed with gzip: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd: unpack it first"),
    (b"snoop", "is a snoop capture: convert it with editcap -F pcap"),
    (b"\x34\xcd\xb2\xa1", "is a modified pcap: convert it with editcap -F pcap"),
    (b"\xa1\xb2\xcd\x34", "is a modified pcap: convert it with editcap -F pcap"),
)


def open_capture(buf: bytes | bytearray, start: int, end: int) -> CaptureReader:
    """Return a reader for the file that begins with `buf[start:end]`: 24 bytes of it or more."""
    at = Cursor().over(buf, start, end).at
    head = bytes(buf[at : min(end, at + _LEAST_BYTES)])
    if not head:
        raise FormError("is empty")
    for magic, why in _FOREIGN:
        if head.startswith(magic):
            raise FormError(why)
    magic = head[:4]
    if magic != _PCAPNG and magic not in _PCAP:
        raise FormError("is neither pcap nor pcapng")
    if len(head) < _LEAST_BYTES:
        raise FormError("ends within the file header")
    if magic != _PCAPNG:
        return PcapReader()
    from spamgate.wire.pcapng import PcapngReader  # 4 KB of the heap, for those alone who have such a file

    return PcapngReader()
