"""What a station needs from whatever writes boards: the real one is `esp.py`, tests bring their own."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from spamgate_tools.provision.identity import Identity

Progress = Callable[[float], None]  # the share that is written, 0 to 1

PASSED = "passed"
NOT_RUN = "not run"  # and why


@dataclass(frozen=True)
class Found:
    """What is at a port: a chip and its MAC, and the serial of whoever made it a guard before, "" if nobody did."""

    mac: str
    chip: str
    board: str
    serial: str = ""


class Seat(Protocol):
    """A board that is held; every trouble with it is a UserError."""

    @property
    def found(self) -> Found:
        """Return who is there; looking changes nothing on the board."""

    def check(self) -> None:
        """Return if this board can be made; a board that cannot be shall cost no serial."""

    def write(self, identity: Identity, settings: dict, progress: Progress) -> str:
        """Give the board firmware, settings and identity, verified; return the name of what it was given."""


class Bench(Protocol):
    """Holds boards, many at once."""

    def at(self, port: str) -> AbstractContextManager[Seat]:
        """Hold the board at a port, and let it start at the end."""

    def test(self, port: str, identity: Identity) -> str:
        """Have a board prove that it is who it was made; return PASSED, or NOT_RUN and why; UserError if it fails."""
