"""Boards with an ESP32, held through the bootloader in their ROM."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from spamgate_tools.boards.application import board_files
from spamgate_tools.boards.catalogue import Board, board_for_chip
from spamgate_tools.boards.flasher import WRITE, Bootloader
from spamgate_tools.boards.image import make_image
from spamgate_tools.boards.stock_image import StockImage, load_image
from spamgate_tools.errors import UserError
from spamgate_tools.provision.bench import NOT_RUN, Found, Progress
from spamgate_tools.provision.former import former_serial
from spamgate_tools.provision.identity import Identity
from spamgate_tools.provision.profiles import Profile


class EspBench:
    """Holds any number of boards; `board` is their kind if it is not the general one of their chip."""

    def __init__(self, images: Sequence[Path], board: Board | None = None) -> None:
        read = [load_image(path) for path in images]
        self._images = {image.chip: image for image in read}
        self._board = board
        if not read:
            raise UserError("no image", "get one from micropython.org/download and name it with --image FILE")
        if len(self._images) < len(read):
            raise UserError("two images are for the same chip", "give one --image for each chip")
        if board:
            self._image(board.chip)

    def rehearse(self, profile: Profile) -> None:
        """Put together what boards would be given; UserError if it would fit none."""
        nobody = Identity("nobody", "", "", bytes(32))
        for chip, image in self._images.items():
            board = self._kind(chip)
            if board.chip == chip:
                files = board_files(board, profile.settings, nobody.document())
                make_image(board, image, files, board.layouts[0].flash_bytes)

    @contextmanager
    def at(self, port: str) -> Iterator["_Seat"]:
        """Hold the board at a port, and let it start at the end."""
        told: list[Progress] = []

        def progress(stage: str, done: int, total: int) -> None:
            if told and stage == WRITE:
                told[0](done / total)

        with Bootloader(port, progress) as bootloader:
            yield _Seat(bootloader, self._kind(bootloader.chip), self._image(bootloader.chip), told)

    def test(self, port: str, identity: Identity) -> str:
        """Have a board prove that it is who it was made."""
        return NOT_RUN

    def _kind(self, chip: str) -> Board:
        board = self._board or board_for_chip(chip)
        if board is None:
            raise UserError(f"no board has a chip {chip}", "`spamgate boards` lists those that can be made")
        return board

    def _image(self, chip: str) -> StockImage:
        if chip not in self._images:
            have = ", ".join(self._images)
            raise UserError(f"no image for its chip {chip}, only for {have}", "give one more --image")
        return self._images[chip]


class _Seat:
    """One board in its bootloader."""

    def __init__(self, bootloader: Bootloader, board: Board, image: StockImage, told: list[Progress]) -> None:
        self.found = Found(bootloader.mac, bootloader.chip, board.name, former_serial(bootloader.read))
        self._bootloader = bootloader
        self._board = board
        self._image = image
        self._told = told

    def write(self, identity: Identity, settings: dict, progress: Progress) -> str:
        """Give the board firmware, settings and identity, verified."""
        self._told[:] = [progress]
        files = board_files(self._board, settings, identity.document())
        self._bootloader.install(self._board, self._image, files)
        return f"{self._image.name} {self._image.version}".strip()
