"""The program of a board that is a Linux process."""

from spamgate.app.board import run
from spamgate.app.board_dns import BoardDns
from spamgate.hal.unix_board import Hardware


def main() -> None:
    """Run it."""
    run(Hardware(), BoardDns)
