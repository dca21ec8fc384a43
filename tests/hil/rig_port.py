"""A real board at a serial port, with Spamgate on it already (`spamgate flash`)."""

import os
import shlex
import subprocess
import time

from hil.rig import Rig, RigError

_SWITCH = "SPAMGATE_POWER"  # a command with {state}: uhubctl, labgrid-client, mosquitto_pub, ...
_BOARD = "SPAMGATE_BOARD_NAME"
_PORT_COMES_S = 15.0


class PortRig(Rig):
    """A board on the bench."""

    def __init__(self, port: str) -> None:
        if not os.path.exists(port):
            raise RigError("there is no such port; pty, qemu and mock are boards without one")
        self.name = self.port = port
        self.board = os.environ.get(_BOARD, "ESP32_GENERIC")
        self._switch = os.environ.get(_SWITCH, "")
        self.can = frozenset(("application", "repl", *(("power",) if self._switch else ())))
        self.lacks = {
            "power": f"{_SWITCH} names no power switch (see tests/hil/README.md)",
            "install": "the tests leave the files of a real board alone",
            "bootloader": "flashing would replace what is on a real board: use `spamgate flash`",
        }

    def power_on(self) -> None:
        if self._switch:
            self._turn("on")
            end = time.monotonic() + _PORT_COMES_S
            while not os.path.exists(self.port):
                if time.monotonic() > end:
                    raise RigError(f"{self.port}: has not come back after power was switched on")
                time.sleep(0.1)

    def power_off(self) -> None:
        self._turn("off")

    def close(self) -> None:
        """Leave it as it is: on."""

    def _turn(self, state: str) -> None:
        command = shlex.split(self._switch.replace("{state}", state))
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RigError(f"{_SWITCH}: {error}") from None
        if done.returncode:
            raise RigError(f"{_SWITCH}: {shlex.join(command)} ends with {done.returncode}: {done.stderr.strip()}")
