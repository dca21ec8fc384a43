"""Images that look to a bootloader like MicroPython for a chip, made for the tests: they can be flashed, not run."""

import hashlib
import struct
from collections.abc import Sequence

from esptool.targets import CHIP_DEFS

from spamgate_tools.boards.catalogue import Board
from spamgate_tools.boards.partitions import APP, DATA, TABLE_OFFSET, Partition, write_table

LABEL = b"made for the tests of Spamgate: this is no firmware"
BANNER = b"MicroPython v1.26.0 on 2025-08-09; " + LABEL

STOCK_TABLE = [
    Partition("nvs", DATA, 2, 0x9000, 0x6000),
    Partition("phy_init", DATA, 1, 0xF000, 0x1000),
    Partition("factory", APP, 0, 0x10000, 0x1F0000),
]


def made_image(
    chip: str, size_bytes: int = 60_000, banner: bytes = BANNER, table: Sequence[Partition] = STOCK_TABLE
) -> bytes:
    """Return bootloader, partition table and application for a chip, in the form of an official image."""
    start = CHIP_DEFS[chip].BOOTLOADER_FLASH_OFFSET
    bootloader = program(chip, LABEL)
    rows = write_table(table)
    body = banner + b"\0" + hashlib.shake_128(chip.encode()).digest(size_bytes)
    image = bootloader.ljust(TABLE_OFFSET - start, b"\xff") + rows
    return image.ljust(0x10000 - start, b"\xff") + program(chip, body)


def made_router(board: Board, size_bytes: int = 60_000) -> bytes:
    """Return an image as ci/esp32_image.sh builds it for a board: Spamgate in it, and the application's place twice."""
    banner = BANNER.replace(b"v1.26.0", b"v1.25.0") + b"\0" + board.frozen_program
    return made_image(board.chip, size_bytes, banner, board.layouts[0].partitions)


def program(chip: str, content: bytes) -> bytes:
    """Return a program of one segment, with the checksum and the digest that its reader wants."""
    content = content.ljust(-(-len(content) // 4) * 4, b"\0")
    load_address = 0x40080000 if chip == "esp32" else 0x40378000 if chip == "esp32s3" else 0x4037C000
    header = struct.pack("<BBBBI", 0xE9, 1, 2, 0x20, load_address)
    extended = struct.pack("<B3xHBHH4xB", 0xEE, CHIP_DEFS[chip].IMAGE_CHIP_ID, 0, 0, 0, 1)
    data = header + extended + struct.pack("<II", load_address, len(content)) + content
    checksum = 0xEF
    for byte in content:
        checksum ^= byte
    data = data.ljust(len(data) // 16 * 16 + 15, b"\0") + bytes((checksum,))
    return data + hashlib.sha256(data).digest()
