"""The program of a board with an ESP32, S3 or C3."""

from spamgate.app.board import run
from spamgate.app.board_dns import BoardDns
from spamgate.hal.esp32 import Hardware


def main() -> None:
    """Run it."""
    run(Hardware(), BoardDns)
