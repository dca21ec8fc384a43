"""Boards with an ESP32, held through the bootloader in their ROM."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from spamgate_tools.boards.catalogue import Board, board_for_chip
from spamgate_tools.boards.flasher import WRITE, Bootloader
from spamgate_tools.boards.stock_image import StockImage, load_image
from spamgate_tools.errors import UserError
from spamgate_tools.provision.bench import NOT_RUN, Found, Progress
from spamgate_tools.provision.former import IDENTITY, former_serial
from spamgate_tools.provision.identity import Identity

SETTINGS = "settings.json"


class EspBench:
    """Holds any number of boards; `board` is their kind if it is not the general one of their chip."""

    def __init__(self, images: Sequence[Path], application: Mapping[str, bytes], board: Board | None = None) -> None:
        read = [load_image(path) for path in images]
        self._images = {image.chip: image for image in read}
        if len(self._images) < len(read):
            raise UserError("two images are for the same chip", "give one --image for each chip")
        self._application = application
        self._board = board

    @contextmanager
    def at(self, port: str) -> Iterator["_Seat"]:
        """Hold the board at a port, and let it start at the end."""
        told: list[Progress] = []

        def progress(stage: str, done: int, total: int) -> None:
            if told and stage == WRITE:
                told[0](done / total)

        with Bootloader(port, progress) as bootloader:
            board = self._board or board_for_chip(bootloader.chip)
            if board is None:
                raise UserError(f"no board has a chip {bootloader.chip}", "see `spamgate boards`")
            yield _Seat(bootloader, board, self._image(bootloader.chip), self._application, told)

    def test(self, port: str, identity: Identity) -> str:
        """Have a board prove that it is who it was made."""
        return NOT_RUN

    def _image(self, chip: str) -> StockImage:
        if chip not in self._images:
            have = ", ".join(self._images) or "none"
            raise UserError(f"no image for its chip {chip} (those given: {have})", "give one more --image")
        return self._images[chip]


class _Seat:
    """One board in its bootloader."""

    def __init__(
        self,
        bootloader: Bootloader,
        board: Board,
        image: StockImage,
        application: Mapping[str, bytes],
        told: list[Progress],
    ) -> None:
        self.found = Found(bootloader.mac, bootloader.chip, board.name, former_serial(bootloader.read))
        self._bootloader = bootloader
        self._board = board
        self._image = image
        self._application = application
        self._told = told

    def write(self, identity: Identity, settings: dict, progress: Progress) -> str:
        """Give the board firmware, settings and identity, verified."""
        self._told[:] = [progress]
        own = {SETTINGS: settings, IDENTITY: identity.document()}
        files = {name: json.dumps(content).encode() for name, content in own.items()}
        self._bootloader.install(self._board, self._image, {**self._application, **files})
        return f"{self._image.name} {self._image.version}".strip()
