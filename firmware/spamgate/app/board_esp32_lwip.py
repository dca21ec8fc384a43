"""The program of a board with an ESP32 or S3 that is its home's router: see boards/SPAMGATE_ESP32."""

from spamgate.app.board_lwip import run_lwip
from spamgate.hal.esp32_router import Hardware


def main() -> None:
    """Run it."""
    run_lwip(Hardware())
