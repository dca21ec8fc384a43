"""A MicroPython image as micropython.org offers it: read, judged, never changed but for its flash size.

The file is what lies in flash from the second-stage bootloader on: bootloader, partition table, application.  A file
that is cut, damaged, or for another chip is refused here, before a board is touched.
"""

import hashlib
import re
import struct
from pathlib import Path
from typing import NamedTuple

from esptool.bin_image import BaseFirmwareImage, LoadFirmwareImage
from esptool.targets import CHIP_DEFS
from esptool.util import FatalError

from spamgate_tools.boards.partitions import APP, TABLE_BYTES, TABLE_OFFSET, Partition, read_table
from spamgate_tools.boards.quiet_log import silence_esptool
from spamgate_tools.errors import UserError

OLDEST = (1, 25)  # the first MicroPython that boards are promised to work with

_IMAGE_MAGIC = 0xE9
_HEADER = struct.Struct("<B2xB8xH")  # magic, flash size and frequency, chip id
_SIZE_AND_FREQUENCY = 3
_HAS_DIGEST = 23
_BANNER = re.compile(rb"MicroPython v(\d+)\.(\d+)([-.\w]*) on \d{4}-\d\d-\d\d")
_FETCH = "fetch it again from micropython.org/download"
_CHIPS = {it.IMAGE_CHIP_ID: name for name, it in CHIP_DEFS.items() if name != "esp8266"}


class StockImage(NamedTuple):
    """An image that can go to a chip of this kind."""

    name: str
    data: bytes
    chip: str  # as esptool calls it
    version: str  # "v1.26.1", or "" where the image does not say
    partitions: tuple[Partition, ...]
    application: Partition

    @property
    def offset(self) -> int:
        """Where in flash its first byte goes."""
        return boot_offset(self.chip)

    @property
    def is_too_old(self) -> bool:
        """Whether it says of itself that it is older than what the firmware needs."""
        numbers = re.match(r"v(\d+)\.(\d+)", self.version)
        return numbers is not None and (int(numbers[1]), int(numbers[2])) < OLDEST


def boot_offset(chip: str) -> int:
    """Return where a chip looks for its second-stage bootloader."""
    offset: int = CHIP_DEFS[chip].BOOTLOADER_FLASH_OFFSET
    return offset


def load_image(path: Path) -> StockImage:
    """Read an image from a file; UserError says what is wrong with it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}", _FETCH) from None
    return read_image(data, path.name)


def read_image(data: bytes, name: str) -> StockImage:
    """Read an image and check all that can be checked of it."""
    chip = _chip_of(data, name)
    table_at = TABLE_OFFSET - boot_offset(chip)
    try:
        partitions = tuple(read_table(data[table_at : table_at + TABLE_BYTES]))
    except UserError as error:
        hint = "take the .bin for a first installation, not the one for updates" if "no part" in error.text else _FETCH
        raise UserError(f"{name}: {error.text}", hint) from None
    application = next((it for it in partitions if it.type == APP), None)
    if application is None:
        raise UserError(f"{name}: its partition table has no application", _FETCH)
    for what, start in (("bootloader", 0), ("application", application.offset - boot_offset(chip))):
        _check_program(data[start:], chip, f"{name}: its {what}")
    return StockImage(name, data, chip, _version(data), partitions, application)


def for_flash_size(image: StockImage, flash_bytes: int) -> bytes:
    """Return the image with the flash size in its header, without which the bootloader refuses our partitions."""
    data = bytearray(image.data)
    code = CHIP_DEFS[image.chip].FLASH_SIZES[f"{flash_bytes >> 20}MB"]
    data[_SIZE_AND_FREQUENCY] = code | (data[_SIZE_AND_FREQUENCY] & 0x0F)
    if data[_HAS_DIGEST]:
        end = _program(bytes(data), image.chip).data_length
        data[end : end + 32] = hashlib.sha256(data[:end]).digest()
    return bytes(data)


def _chip_of(data: bytes, name: str) -> str:
    if len(data) < _HAS_DIGEST + 1 or data[0] != _IMAGE_MAGIC:
        raise UserError(f"{name}: is no image for an ESP32", _FETCH)
    _, _, number = _HEADER.unpack_from(data)
    if number not in _CHIPS:
        raise UserError(f"{name}: is for a chip that is not known (number {number})", _FETCH)
    return _CHIPS[number]


def _check_program(data: bytes, chip: str, what: str) -> None:
    try:
        program = _program(data, chip)
        whole = program.checksum == program.calculate_checksum()
        if program.append_digest:
            whole = whole and program.stored_digest == program.calc_digest
    except (FatalError, struct.error, TypeError, ValueError, LookupError):  # how its reader meets the end of the data
        raise UserError(f"{what} is cut off or damaged", _FETCH) from None
    if not whole:
        raise UserError(f"{what} is damaged: its checksum is wrong", _FETCH)
    if program.chip_id != CHIP_DEFS[chip].IMAGE_CHIP_ID:
        raise UserError(f"{what} is for another chip than its bootloader", _FETCH)


def _program(data: bytes, chip: str) -> BaseFirmwareImage:
    silence_esptool()
    return LoadFirmwareImage(chip, data)


def _version(data: bytes) -> str:
    banner = _BANNER.search(data)
    return f"v{banner[1].decode()}.{banner[2].decode()}{banner[3].decode()}" if banner else ""
