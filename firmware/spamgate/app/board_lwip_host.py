"""The program of a board in path that is a Linux process: `micropython -m spamgate.app.board_lwip_host`.

Its flash is the current folder.  That does not wear out, so whoever follows the journal hears of events at once.
"""

from spamgate.app.board import run
from spamgate.app.board_lwip import BoardLwip, LwipProgram
from spamgate.hal.lwip_board import Hardware


class HostProgram(LwipProgram):
    """The program of a board in path, whose journal is never late."""

    def publish(self, line: str) -> None:
        """Write an event down, and send it to whoever watches."""
        LwipProgram.publish(self, line)
        self.journal.flush()


def main() -> None:
    """Run it."""
    run(Hardware(), BoardLwip, HostProgram)


if __name__ == "__main__":
    main()
