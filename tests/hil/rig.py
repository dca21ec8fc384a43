"""What the hardware tests need from a rig: one board, its port, and whatever can be done to it from outside."""

from collections.abc import Mapping

# What a rig may be able to do; tests name what they need: @pytest.mark.needs("application", "power")
CAPABILITIES = {
    "application": "it runs the firmware",
    "repl": "MicroPython's REPL answers on its port",
    "power": "its power can be cut",
    "install": "its files can be written afresh before a test run",
    "bootloader": "the ROM bootloader answers on its port",
}


class RigError(Exception):
    """The rig cannot be had here, for this reason."""


class Rig:
    """One board.  `can` names its capabilities, `lacks` says why it has no others."""

    name = ""
    board = ""  # its folder in boards/
    can: frozenset[str] = frozenset()
    lacks: Mapping[str, str] = {}
    port = ""
    baud = 115200
    file_bytes = 6 << 10  # as large a file as it takes in seconds over a bad line
    random_frames = 2_000  # as many as it reads in seconds
    can_be_roomy = False  # may it be given memory for all at once, as with PSRAM?
    shares_network = False  # is its network ours?
    roomy = False  # from its next start on, it is

    def install(self, files: Mapping[str, bytes]) -> None:
        """Give the board exactly these files, while it is off."""
        raise NotImplementedError

    def power_on(self) -> None:
        """Give it power; it starts from the beginning."""
        raise NotImplementedError

    def power_off(self) -> None:
        """Take its power away in the middle of whatever it does; its flash stays as it is."""
        raise NotImplementedError

    def close(self) -> None:
        """Give back everything."""
