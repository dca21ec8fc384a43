"""What the hardware tests do to any board: ask it over the link, let mpremote in, cut its power."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hil.rig import Rig

from spamgate_tools.boards.application import board_files
from spamgate_tools.boards.catalogue import find_board
from spamgate_tools.errors import UserError
from spamgate_tools.link.client import Client
from spamgate_tools.link.transports import SerialTransport

SERIAL = "HIL-0001"
SECRET = "a password nobody is told"

_MPREMOTE = Path(sys.executable).with_name("mpremote")
_STARTS_S = 20.0
_MPREMOTE_S = 60.0


def application(rig: Rig) -> dict[str, bytes]:
    """Return what an emulated board is given: the firmware compiled, settings and identity."""
    settings = {"wifi_name": "home", "wifi_password": SECRET}
    return board_files(find_board(rig.board), settings, {"serial": SERIAL})


class Bench:
    """One board on the bench."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    @contextmanager
    def link(self, port: str = "") -> Iterator[Client]:
        """A session over its port, or over another that leads there."""
        with Client(SerialTransport(port or self.rig.port, self.rig.baud), _STARTS_S) as client:
            yield client

    def ask(self, name: str, /, **fields: object) -> list[dict]:
        """Return the answer to one request, in a session of its own."""
        with self.link() as client:
            return list(client.request(name, **fields))

    def settings(self) -> dict[str, object]:
        """Return the settings as the board tells them."""
        return {line["name"]: line["value"] for line in self.ask("settings")}

    def mpremote(self, *words: str) -> str:
        """Return what mpremote prints."""
        command = [_MPREMOTE, "connect", self.rig.port, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_MPREMOTE_S, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def cut_power(self, seconds_off: float = 0.2) -> None:
        """Take its power away, now, and give it back."""
        self.rig.power_off()
        time.sleep(seconds_off)
        self.rig.power_on()

    def answers_within(self, seconds: float) -> bool:
        """Does the firmware answer by itself, without being woken?"""
        transport = SerialTransport(self.rig.port, self.rig.baud)
        transport.wake = b""
        try:
            with Client(transport, seconds):
                return True
        except UserError:
            return False
