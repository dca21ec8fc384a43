"""The one image that a board is given: MicroPython, our partition table, and our files as LittleFS.

It reaches from the bootloader to the end of the files.  The list slots lie behind it, so that lists survive.
"""

from collections.abc import Mapping
from typing import NamedTuple

from littlefs import LittleFS, LittleFSError

from spamgate_tools.boards.catalogue import FILES, Board, Layout, all_boards
from spamgate_tools.boards.partitions import APP, SECTOR_BYTES, TABLE_OFFSET, Partition, write_table
from spamgate_tools.boards.stock_image import StockImage, for_flash_size
from spamgate_tools.errors import UserError

_ERASED = b"\xff"
_DISK_VERSION = 0x00020000  # what every MicroPython with LittleFS can read
_CACHE_BYTES = 256


class BoardImage(NamedTuple):
    """What goes to flash, and where."""

    chip: str
    offset: int
    data: bytes
    layout: Layout


def check_program(board: Board, stock: StockImage) -> None:
    """Refuse stock MicroPython for a board whose firmware is all of one piece, and that firmware for another board."""
    wanted = board.frozen_program
    others = {it.frozen_program: it for it in all_boards() if it.frozen_program and it.frozen_program in stock.data}
    if wanted and wanted not in others:
        raise UserError(f"{stock.name}: Spamgate is not in it", f"{board.name} needs what {_builder(board)} builds")
    if others and wanted not in others:
        name = next(iter(others.values())).name.lower().replace("_", "-")
        raise UserError(f"{stock.name}: is firmware of a router, not of {board.name}", f"name it: --board {name}")


def _builder(board: Board) -> str:
    builder: str = board.facts["image"]["build"]
    return builder


def make_image(board: Board, stock: StockImage, files: Mapping[str, bytes], flash_bytes: int) -> BoardImage:
    """Put together what this board is given; UserError when it does not fit together."""
    check_program(board, stock)
    layout = board.layout_for(flash_bytes)
    if layout is None:
        problem = f"its flash has {flash_bytes / (1 << 20):g} MB, too small for {board.name}"
        raise UserError(problem, f"{board.layouts[0].flash_bytes >> 20} MB are needed")
    application = next(it for it in layout.partitions if it.type == APP)
    programs = for_flash_size(stock, layout.flash_bytes)
    size_bytes = len(programs) + stock.offset - stock.application.offset
    if stock.application.offset != application.offset or size_bytes > application.size_bytes:
        problem = f"{stock.name}: its application of {size_bytes} bytes at {stock.application.offset:#x} does not fit"
        raise UserError(problem, f"{board.name} has {application.size_bytes} bytes at {application.offset:#x}")
    place = layout.part(FILES)
    flash = bytearray(_ERASED * place.end)
    flash[stock.offset : stock.offset + len(programs)] = programs
    flash[TABLE_OFFSET : TABLE_OFFSET + SECTOR_BYTES] = write_table(layout.partitions).ljust(SECTOR_BYTES, _ERASED)
    flash[place.offset : place.end] = write_files(files, place)
    return BoardImage(stock.chip, stock.offset, bytes(flash[stock.offset :]), layout)


def write_files(files: Mapping[str, bytes], place: Partition) -> bytes:
    """Return a file system that holds these files; UserError when they do not fit."""
    system = _file_system(place, None)
    try:
        for name, data in sorted(files.items()):
            folder = name.rpartition("/")[0]
            if folder:
                system.makedirs(folder, exist_ok=True)
            with system.open(name, "wb") as file:
                file.write(data)
    except LittleFSError as error:
        size_bytes = sum(map(len, files.values()))
        problem = f"{size_bytes} bytes of files do not fit the {place.size_bytes} bytes of {place.label} ({error})"
        raise UserError(problem, "give the board fewer files") from None
    return bytes(system.context.buffer)


def read_files(data: bytes, place: Partition) -> dict[str, bytes]:
    """Return the files in a file system that was read from a board; UserError when there is none."""
    try:
        system = _file_system(place, data)
        paths = [f"{folder}/{name}".strip("/") for folder, _, names in system.walk("/") for name in names]
        return {path.replace("//", "/"): _content(system, path) for path in paths}
    except LittleFSError as error:
        raise UserError(f"{place.label}: there is no file system that can be read ({error})") from None


def _content(system: LittleFS, path: str) -> bytes:
    with system.open(path, "rb") as file:
        data: bytes = file.read()
        return data


def _file_system(place: Partition, data: bytes | None) -> LittleFS:
    system = LittleFS(
        block_size=SECTOR_BYTES,
        block_count=place.size_bytes // SECTOR_BYTES,
        read_size=32,
        prog_size=32,
        cache_size=_CACHE_BYTES,
        lookahead_size=32,
        disk_version=_DISK_VERSION,
        mount=False,
    )
    if data is None:
        system.format()
    else:
        system.context.buffer = bytearray(data)
    system.mount()
    return system
