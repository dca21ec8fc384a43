"""The program of the emulated board, which has no network: link, settings, journal and devices."""

from spamgate.app.board import run
from spamgate.core.compat import const
from spamgate.hal.qemu_board import Hardware

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.app.board import Program


class NoPlane:
    """Nothing is seen and nothing is done."""

    name = "none"
    asked = 0
    blocks = 0
    degraded = "this board has no network"

    def __init__(self, program: "Program") -> None:
        pass

    def tick(self, now_ms: int) -> None:
        """Nothing is due."""

    def use_list(self, blocklist: object) -> None:
        """Nobody asks for names."""

    def changed(self, device: int, old: int, new: int) -> None:
        """Nothing is to be done."""

    def regarded(self, device: int) -> None:
        """Nor here."""

    def make_room(self) -> None:
        """There is nothing to close."""

    def resume(self) -> None:
        """Nor to open."""


def main() -> None:
    """Run it."""
    run(Hardware(), NoPlane)
