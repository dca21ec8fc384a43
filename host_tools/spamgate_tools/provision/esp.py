"""Boards with an ESP32, held through the bootloader in their ROM."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from spamgate_tools.boards.application import IDENTITY_FILE, board_files
from spamgate_tools.boards.catalogue import Board, all_boards, board_for_chip
from spamgate_tools.boards.find_image import image_here
from spamgate_tools.boards.first_list import FirstList
from spamgate_tools.boards.flasher import WRITE, Bootloader
from spamgate_tools.boards.former_files import former_files
from spamgate_tools.boards.image import make_image
from spamgate_tools.boards.settings_check import check_settings
from spamgate_tools.boards.stock_image import OLDEST, StockImage, load_image
from spamgate_tools.errors import UserError
from spamgate_tools.provision.bench import NOT_RUN, PASSED, Found, Progress
from spamgate_tools.provision.identity import Identity, read_serial
from spamgate_tools.provision.profiles import Profile

_CANNOT_RESTART = f"{NOT_RUN}: this line cannot restart the board"


class EspBench:
    """Holds any number of boards; `board` is their kind if it is not the general one of their chip."""

    def __init__(
        self,
        images: Sequence[Path],
        board: Board | None = None,
        baud: int = 460_800,
        erase: bool = False,
        first_list: FirstList | None = None,
    ) -> None:
        self._board = board
        self._baud = baud
        self.erase = erase
        self.first_list = first_list
        self._images: dict[str, StockImage] = {}
        self._restarted: set[str] = set()  # ports whose boards start by themselves
        self._lock = threading.Lock()
        for image in [load_image(path) for path in images] or _lying_about(board):
            self._take(image)
        if board:
            self.image(board.chip)

    def rehearse(self, profile: Profile) -> None:
        """Put together what boards would be given; UserError if it would fit none."""
        nobody = Identity("nobody", "", "", bytes(32))
        for chip, image in self._images.items():
            board = self.kind(chip)
            if board.chip == chip:
                settings = {**board.facts.get("settings", {}), **self.settings(profile.settings)}
                check_settings(board, settings, f"profile {profile.name!r}")
                files = board_files(board, settings, nobody.document())
                made = make_image(board, image, files, board.layouts[0].flash_bytes)
                if self.first_list and len(board.layouts) == 1:  # else it hangs on the flash that is found
                    self.first_list.offset(board, made.layout.flash_bytes)

    @contextmanager
    def at(self, port: str) -> Iterator["_Seat"]:
        """Hold the board at a port, and let it start at the end."""
        told: list[Progress] = []

        def progress(stage: str, done: int, total: int) -> None:
            if told and stage == WRITE:
                told[0](done / total)

        with Bootloader(port, progress, self._baud) as bootloader:
            with self._lock:
                (self._restarted.add if bootloader.can_restart else self._restarted.discard)(port)
            board = self.kind(bootloader.chip)
            bootloader.check_chip(board)
            yield _Seat(self, bootloader, board, told)

    def test(self, port: str, identity: Identity) -> str:
        """Have a board that starts by itself say who it is."""
        return prove(port, identity) if port in self._restarted else _CANNOT_RESTART

    def settings(self, given: dict) -> dict:
        """Return the settings of a board: those given, and the key of the list that comes with it."""
        return {"list_key": self.first_list.key, **given} if self.first_list else given

    def _take(self, image: StockImage) -> None:
        if image.chip in self._images:
            raise UserError(f"{image.name}: a second image for chip {image.chip}", "give one --image for each chip")
        if image.is_too_old:
            oldest = ".".join(map(str, OLDEST))
            raise UserError(f"{image.name}: is MicroPython {image.version}", f"{oldest} or later is needed")
        self._images[image.chip] = image

    def kind(self, chip: str) -> Board:
        """Return what a board with this chip is to become."""
        board = self._board or board_for_chip(chip)
        if board is None:
            raise UserError(f"no board has a chip {chip}", "`spamgate boards` lists those that can be made")
        return board

    def image(self, chip: str) -> StockImage:
        """Return MicroPython for this chip."""
        if chip not in self._images:
            have = ", ".join(self._images)
            raise UserError(f"no image for its chip {chip}, only for {have}", "name one more with --image")
        return self._images[chip]


class _Seat:
    """One board in its bootloader."""

    def __init__(self, bench: EspBench, bootloader: Bootloader, board: Board, told: list[Progress]) -> None:
        self.found = Found(bootloader.mac, bootloader.chip, board.name, _former_serial(bootloader))
        self._bootloader = bootloader
        self._board = board
        self._bench = bench
        self._told = told

    def check(self) -> None:
        """Return if there is an image for it, and its flash is large enough."""
        image = self._bench.image(self.found.chip)
        make_image(self._board, image, {}, self._bootloader.flash_bytes)
        self._list_offset()

    def write(self, identity: Identity, settings: dict, progress: Progress) -> str:
        """Give the board firmware, settings and identity, verified."""
        self._told[:] = [progress]
        image = self._bench.image(self.found.chip)
        files = board_files(self._board, self._bench.settings(settings), identity.document())
        offset = self._list_offset()
        self._bootloader.install(self._board, image, files, erase=self._bench.erase)
        if self._bench.first_list:
            self._bootloader.write(offset, self._bench.first_list.data())
        return f"{image.name} {image.version}".strip()

    def _list_offset(self) -> int:
        """Return where the list goes; UserError when this board cannot have it."""
        first_list = self._bench.first_list
        return first_list.offset(self._board, self._bootloader.flash_bytes) if first_list else 0


def prove(port: str, identity: Identity) -> str:
    """Have the board at a port say over the link who it is; UserError when it is silent or somebody else."""
    from spamgate_tools.boards.hello import wait_for_hello

    hello = wait_for_hello(port, restarted=True)
    if hello.is_fault:
        raise UserError(f"self-test: {hello.why_not.removeprefix(port + ': ')}")
    serial = hello.identity.get("serial")
    if serial != identity.serial:
        raise UserError(f"self-test: the board says that it is {serial!r}", f"{identity.serial} was written: try again")
    return PASSED


def _former_serial(bootloader: Bootloader) -> str:
    """Return who the board was made to be; "" when it was never made a guard, or nothing of it can be read."""
    return serial_in(former_files(bootloader.read).get(IDENTITY_FILE, b""))


def serial_in(document: bytes) -> str:
    """Return the serial in what a board keeps as its identity; it may be anybody's."""
    try:
        return read_serial(json.loads(document)["serial"], IDENTITY_FILE)
    except (ValueError, KeyError, TypeError, RecursionError, UserError):
        return ""


def _lying_about(board: Board | None) -> list[StockImage]:
    """Return the images in this folder or among the downloads that boards can be made with."""
    found, missing = [], UserError("no board can be made")
    for kind in [board] if board else [it for it in all_boards() if it.chip and it == board_for_chip(it.chip)]:
        try:
            found.append(image_here(kind))
        except UserError as error:
            missing = error
    if not found:
        raise missing
    return found
