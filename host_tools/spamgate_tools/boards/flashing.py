"""From a port and a wish to a guard: the steps of `spamgate flash`, in order, with what is kept and what comes next."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from spamgate_tools.boards.application import IDENTITY_FILE, SETTINGS_FILE, board_files
from spamgate_tools.boards.catalogue import Board, board_for_chip, find_board
from spamgate_tools.boards.find_image import image_here
from spamgate_tools.boards.first_list import FirstList
from spamgate_tools.boards.flash_error import WRONG_CHIP, WRONG_IMAGE, FlashError
from spamgate_tools.boards.flasher import Bootloader, Progress
from spamgate_tools.boards.former_files import former_files
from spamgate_tools.boards.image import BoardImage
from spamgate_tools.boards.settings_check import check_settings
from spamgate_tools.boards.stock_image import OLDEST, StockImage
from spamgate_tools.errors import UserError


class Order(NamedTuple):
    """What is wanted."""

    port: str
    board: str = ""  # "" is the general one of the chip
    image: StockImage | None = None  # None looks for one
    settings: Mapping[str, object] = {}
    erase: bool = False
    dry_run: bool = False
    any_version: bool = False
    baud: int = 460_800
    first_list: FirstList | None = None


class Outcome(NamedTuple):
    """What was done, or would be."""

    facts: dict  # for programs
    board: Board
    settings: dict  # as the board has them now
    can_restart: bool  # the board starts with it by itself


def flash(order: Order, progress: Progress) -> Outcome:
    """Do as ordered; FlashError or UserError when something is in the way."""
    with Bootloader(order.port, progress, order.baud) as bootloader:
        board = _board(order, bootloader)
        bootloader.check_chip(board)
        stock = order.image or image_here(board)
        _check_version(stock, order.any_version)
        kept = {} if order.erase else former_files(bootloader.read)
        settings = {**_object(kept.get(SETTINGS_FILE)), **order.settings}
        own = board_files(board, settings, _object(kept.get(IDENTITY_FILE)))
        files = {**kept, **own}
        _check_settings(board, order.settings, settings)
        list_offset = order.first_list.offset(board, bootloader.flash_bytes) if order.first_list else 0
        facts: dict[str, object] = {
            "type": "plan" if order.dry_run else "flash",
            "port": order.port,
            "board": board.name,
            "chip": bootloader.chip,
            "mac": bootloader.mac,
            "flash_bytes": bootloader.flash_bytes,
            "image": stock.name,
            "version": stock.version or None,
            "kept": sorted(kept),
            "erase": order.erase,
            "list": order.first_list.facts if order.first_list else None,
        }
        if order.dry_run:
            facts |= _plan(bootloader.prepare(board, stock, files), files)
        else:
            report = bootloader.install(board, stock, files, erase=order.erase)
            facts |= {"written_bytes": report.written_bytes, "seconds": round(report.seconds, 1)}
            if order.first_list:
                bootloader.write(list_offset, order.first_list.data())
        return Outcome(facts, board, settings, bootloader.can_restart)


def _board(order: Order, bootloader: Bootloader) -> Board:
    board = find_board(order.board) if order.board else board_for_chip(bootloader.chip)
    if board is None:
        cause = f"{order.port}: nothing is known of boards with an {bootloader.chip}"
        raise FlashError(cause, "`spamgate boards` lists those that are known", WRONG_CHIP)
    return board


def _check_version(stock: StockImage, any_version: bool) -> None:
    if stock.is_too_old and not any_version:
        oldest = ".".join(map(str, OLDEST))
        cause = f"{stock.name}: is MicroPython {stock.version}; {oldest} or later is needed"
        raise FlashError(cause, "fetch a newer one, or try it all the same with --any-version", WRONG_IMAGE)


def _check_settings(board: Board, given: Mapping[str, object], settings: Mapping[str, object]) -> None:
    """Have the firmware judge what is given, and that together with what the board kept."""
    first = board.facts.get("settings", {})
    check_settings(board, {**first, **given}, board.name)
    try:
        check_settings(board, {**first, **settings}, board.name)
    except UserError as error:
        raise UserError(f"{error.text} (the board has it from before)", "begin anew with --erase") from None


def _plan(made: BoardImage, files: Mapping[str, bytes]) -> dict:
    partitions = [
        {"label": it.label, "offset": it.offset, "size_bytes": it.size_bytes} for it in made.layout.partitions
    ]
    return {
        "write": {"offset": made.offset, "size_bytes": len(made.data)},
        "partitions": partitions,
        "files": {name: len(data) for name, data in sorted(files.items())},
    }


def _object(data: bytes | None) -> dict:
    """Return the JSON object in a file that a board kept; an empty one when there is none."""
    try:
        content = json.loads(data or b"{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
