"""What is known of each kind of board: the folders of data in boards/, read and judged."""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

from spamgate_tools.blocklist.classes import LIST_CLASSES, SLOT_BYTES, most_names
from spamgate_tools.boards.partitions import Partition, check_layout, read_csv
from spamgate_tools.compiled import SOURCE
from spamgate_tools.errors import UserError

FILES = "vfs"
LISTS = ("list_a", "list_b")

_INSTALLED = Path(__file__).with_name("data")  # in a wheel
_STEP = 1000  # to which a capacity is rounded down


class Layout(NamedTuple):
    """How a flash of at least this size is divided."""

    flash_bytes: int
    partitions: list[Partition]

    def part(self, label: str) -> Partition:
        """Return the partition of that name."""
        return next(it for it in self.partitions if it.label == label)

    @property
    def board_class(self) -> str:
        """What a list must be built for to go into one of its slots."""
        slot_bytes = self.part(LISTS[0]).size_bytes
        return next(name for name, size in SLOT_BYTES.items() if size == slot_bytes)

    @property
    def capacity(self) -> dict[str, int]:
        """How many names a list may have, by how sure its answers are."""
        return {how: most_names(how, self.board_class) // _STEP * _STEP for how in LIST_CLASSES}


class Board(NamedTuple):
    """One kind of board; `data` is its board.json, `facts` the part that only Spamgate reads."""

    name: str
    data: dict
    layouts: list[Layout]  # smallest flash first; none where nothing is flashed

    @property
    def facts(self) -> dict:
        """The part of its board.json that is ours."""
        facts: dict = self.data["spamgate"]
        return facts

    @property
    def chip(self) -> str:
        """As esptool calls it; empty where nothing is flashed."""
        return str(self.facts.get("chip", ""))

    @property
    def frozen_program(self) -> bytes:
        """The name under which its image must have Spamgate in it; empty where that lies beside MicroPython."""
        return f"{self.facts['entry'].replace('.', '/')}.py".encode() if self.facts.get("frozen") else b""

    def layout_for(self, flash_bytes: int) -> Layout | None:
        """Return the largest layout that fits, or None."""
        fitting = [it for it in self.layouts if it.flash_bytes <= flash_bytes]
        return fitting[-1] if fitting else None


def boards_folder() -> Path:
    """Return the folder boards/: beside the firmware in a checkout, inside the package in a wheel."""
    return _INSTALLED if _INSTALLED.is_dir() else SOURCE.parents[1] / "boards"


@cache
def all_boards() -> tuple[Board, ...]:
    """Return every board, in order of name."""
    folder = boards_folder()
    return tuple(_read(path) for path in sorted(folder.glob("*/board.json")))


def find_board(name: str) -> Board:
    """Return the board of that name, however it is written; UserError names those there are."""
    wanted = name.upper().replace("-", "_")
    for board in all_boards():
        if board.name == wanted:
            return board
    names = ", ".join(board.name for board in all_boards())
    raise UserError(f"{name}: there is no such board", f"there are {names}")


def board_for_chip(chip: str) -> Board | None:
    """Return the board that any make of this chip can be taken for, or None."""
    fitting = [board for board in all_boards() if board.chip == chip]
    return next((board for board in fitting if "GENERIC" in board.name), None)


def _read(path: Path) -> Board:
    data = json.loads(path.read_text(encoding="utf-8"))
    layouts = [_layout(size, path.parents[1] / file) for size, file in data["spamgate"].get("layouts", {}).items()]
    return Board(path.parent.name, data, sorted(layouts))


def _layout(size: str, path: Path) -> Layout:
    flash_bytes = int(size.removesuffix("MB")) << 20
    partitions = read_csv(path.read_text(encoding="utf-8"))
    check_layout(partitions, flash_bytes)
    return Layout(flash_bytes, partitions)
