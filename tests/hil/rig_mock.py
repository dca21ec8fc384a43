"""A board made of esp32-mock-bootloader: it can be flashed like a chip, and runs nothing of it."""

from pathlib import Path

from hil.rig import Rig
from mock_board import MockBoard


class MockRig(Rig):
    """The ROM bootloader of an ESP32."""

    name = "mock"
    board = "ESP32_GENERIC"
    can = frozenset(("bootloader",))
    lacks = {
        "application": "the mock bootloader runs nothing",
        "repl": "the mock bootloader runs nothing",
        "power": "the mock bootloader runs nothing that could be cut short",
        "install": "files come with the flash image",
    }

    def __init__(self, folder: Path) -> None:
        self._board = MockBoard(folder)
        self._board.plugged_in()
        self.port = self._board.port

    def power_on(self) -> None:
        """It is on all the time."""

    def power_off(self) -> None:
        """It cannot be switched."""

    def close(self) -> None:
        self._board.__exit__()
