"""Find where flash differs from what should be there, without reading all of it."""

import hashlib

from esptool.loader import ESPLoader

from spamgate_tools.boards.partitions import SECTOR_BYTES


def first_difference(esp: ESPLoader, offset: int, data: bytes) -> int | None:
    """Return the address of the first byte that differs; None when a second look finds no difference."""
    start, end = 0, len(data)
    if _same(esp, offset, data):
        return None
    while end - start > SECTOR_BYTES:
        middle = start + (end - start) // 2 // SECTOR_BYTES * SECTOR_BYTES or start + SECTOR_BYTES
        if _same(esp, offset + start, data[start:middle]):
            start = middle
        else:
            end = middle
    read = esp.read_flash(offset + start, end - start)
    return next((offset + start + at for at, byte in enumerate(read) if byte != data[start + at]), None)


def _same(esp: ESPLoader, offset: int, data: bytes) -> bool:
    digest: str = esp.flash_md5sum(offset, len(data))
    return digest == hashlib.md5(data).hexdigest()
