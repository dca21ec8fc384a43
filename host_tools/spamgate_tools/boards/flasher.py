"""Write to boards: one object a port, all of it through esptool's Python API, every failure with cause and hint.

Nothing here is shared between objects, and nothing is printed: many ports can be served at once, each by a thread.
    with Bootloader(port) as bootloader:
        bootloader.chip, bootloader.mac, bootloader.flash_bytes
        bootloader.install(board, stock_image, files)
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import serial
from esptool.cmds import attach_flash, detect_chip, detect_flash_size, reset_chip, run_stub, write_flash
from esptool.loader import ESPLoader
from esptool.util import FatalError, flash_size_bytes

from spamgate_tools.boards.catalogue import Board
from spamgate_tools.boards.differences import first_difference
from spamgate_tools.boards.flash_error import (
    CONNECT,
    DIFFERENT,
    NO_FIT,
    OPEN,
    WRONG_CHIP,
    WRONG_IMAGE,
    FlashError,
    explain,
)
from spamgate_tools.boards.image import BoardImage, check_program, make_image
from spamgate_tools.boards.quiet_log import progress_to, silence_esptool
from spamgate_tools.boards.stock_image import StockImage
from spamgate_tools.errors import UserError

__all__ = ["Bootloader", "FlashError", "FlashReport", "Progress", "flash_board"]

Progress = Callable[[str, int, int], None]  # the stage, and how much of how much of it is done

ERASE, WRITE, VERIFY, READ = "erase", "write", "verify", "read"

_ROM_BAUD = 115_200
_BAUD = 460_800
_ATTEMPTS = 2
_DIFFERS = ("MD5 of file does not match", "region is empty")  # esptool's words


class FlashReport(NamedTuple):
    """What was done to one board."""

    port: str
    board: str
    chip: str
    mac: str
    flash_bytes: int
    written_bytes: int
    seconds: float


def flash_board(
    port: str,
    board: Board,
    image: StockImage,
    files: Mapping[str, bytes],
    progress: Progress | None = None,
    *,
    erase: bool = False,
) -> FlashReport:
    """Give the board at a port MicroPython, our partition table and these files; FlashError when it fails."""
    with Bootloader(port, progress) as bootloader:
        return bootloader.install(board, image, files, erase=erase)


class Bootloader:
    """A board in its bootloader, reached through one port; use it in a `with`, which restarts the board at its end."""

    def __init__(self, port: str, progress: Progress | None = None, baud: int = _BAUD) -> None:
        self.port = port
        self._progress = progress or (lambda stage, done, total: None)
        self._baud = baud
        self._line: serial.Serial | None = None
        self._esp: ESPLoader

    def __enter__(self) -> "Bootloader":
        silence_esptool()
        self._progress(CONNECT, 0, 1)
        try:
            with self._explained(OPEN):
                self._line = serial.serial_for_url(self.port, baudrate=_ROM_BAUD, exclusive=True)
            with self._explained(CONNECT):
                self._connect()
        except BaseException:
            self._close()
            raise
        self._progress(CONNECT, 1, 1)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            with self._explained(CONNECT):
                reset_chip(self._esp, "hard-reset")
        except FlashError:
            if kind is None:  # else the first error is the one to hear of
                raise
        finally:
            self._close()

    @property
    def chip(self) -> str:
        """What esptool calls its chip: esp32, esp32s3, esp32c3."""
        name: str = self._esp.CHIP_NAME
        return name.lower().replace("-", "")

    @property
    def mac(self) -> str:
        """The address burned into the chip."""
        return self._mac

    @property
    def flash_bytes(self) -> int:
        """The size of its flash."""
        return self._flash_bytes

    @property
    def can_restart(self) -> bool:
        """Whether the line can reset the board: a pseudo-terminal and a socket cannot."""
        if self.port.startswith("socket:") or self._line is None:
            return False
        try:
            return isinstance(self._line.cts, bool)  # asks the driver for the modem lines
        except OSError:
            return False

    def install(
        self, board: Board, image: StockImage, files: Mapping[str, bytes], *, erase: bool = False
    ) -> FlashReport:
        """Write all that a board is given, and have the board confirm it by a digest."""
        began = time.monotonic()
        made = self.prepare(board, image, files)
        if erase:
            self.erase()
        self.write(made.offset, made.data)
        seconds = time.monotonic() - began
        return FlashReport(self.port, board.name, self.chip, self.mac, self.flash_bytes, len(made.data), seconds)

    def check_chip(self, board: Board) -> None:
        """Refuse a kind of board that this one cannot be."""
        if board.chip != self.chip:
            wanted = board.chip or board.data["mcu"]
            cause = f"{self.port}: its chip is an {self.chip}, not the {wanted} of {board.name}"
            raise FlashError(cause, f"leave --board out, or connect a {board.name}", WRONG_CHIP)

    def prepare(self, board: Board, image: StockImage, files: Mapping[str, bytes]) -> BoardImage:
        """Return what `install` would write to this very board; FlashError when it must not be."""
        self.check_chip(board)
        if image.chip != self.chip:
            cause = f"{image.name}: is for an {image.chip}, and {self.port} has an {self.chip}"
            raise FlashError(cause, f"take the image for {board.name}", WRONG_IMAGE)
        try:
            check_program(board, image)
        except UserError as error:
            raise FlashError(error.text, error.hint, WRONG_IMAGE) from None
        try:
            return make_image(board, image, files, self.flash_bytes)
        except UserError as error:
            raise FlashError(f"{self.port}: {error.text}", error.hint, NO_FIT) from None

    def write(self, offset: int, data: bytes) -> None:
        """Write, and have the board confirm it by a digest; where that differs, FlashError names the first byte."""
        with self._explained(WRITE), progress_to(lambda done, total: self._progress(WRITE, done, total)):
            try:
                write_flash(self._esp, [(offset, data)])
            except FatalError as error:
                self._name_difference(offset, data, error)
                raise
        self._progress(VERIFY, 1, 1)

    def erase(self) -> None:
        """Erase the whole flash: lists, settings and journal too."""
        self._progress(ERASE, 0, 1)
        with self._explained(ERASE):
            self._esp.erase_flash()
        self._progress(ERASE, 1, 1)

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Return what lies in flash."""
        with self._explained(READ):
            tell = lambda done, *_: self._progress(READ, done, size_bytes)  # noqa: E731
            data: bytes = self._esp.read_flash(offset, size_bytes, tell)
            return data

    def _connect(self) -> None:
        esp = detect_chip(self._line, _ROM_BAUD, connect_attempts=_ATTEMPTS)
        self._esp = run_stub(esp)
        self._esp.WRITE_FLASH_ATTEMPTS = 1  # who holds the cable decides whether to try again
        attach_flash(self._esp)
        if self._baud > _ROM_BAUD:
            self._esp.change_baud(self._baud)
        self._mac = ":".join(f"{byte:02x}" for byte in self._esp.read_mac())
        self._flash_bytes = flash_size_bytes(detect_flash_size(self._esp)) or 0

    def _name_difference(self, offset: int, data: bytes, error: FatalError) -> None:
        """Where what was written is not what lies in flash, say at which byte."""
        if not any(words in str(error) for words in _DIFFERS):
            return
        at = first_difference(self._esp, offset, data)
        where = f"at {at:#x}" if at is not None else "somewhere"
        cause = f"{self.port}: what lies in flash {where} is not what was written"
        raise FlashError(cause, "try again; if it fails at the same place, the flash is worn out", DIFFERENT) from error

    @contextmanager
    def _explained(self, stage: str) -> Iterator[None]:
        try:
            yield
        except FlashError:
            raise
        except (FatalError, serial.SerialException, OSError, ValueError) as error:
            raise explain(self.port, stage, error) from error

    def _close(self) -> None:
        if self._line is not None:
            try:
                self._line.close()
            except OSError:
                pass  # unplugged
            self._line = None
