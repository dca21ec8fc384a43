"""What the hardware tests do to any board: ask it over the link, let mpremote in, cut its power."""

import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import serial
from free_ports import free_ports
from hil.known_device import state_files
from hil.rig import Rig
from simulated_line import simulated_line

from spamgate_tools.boards.application import board_files
from spamgate_tools.boards.catalogue import find_board
from spamgate_tools.errors import UserError
from spamgate_tools.link.client import Client
from spamgate_tools.link.transports import SerialTransport

SERIAL = "HIL-0001"
SECRET = "a password nobody is told"

_MPREMOTE = Path(sys.executable).with_name("mpremote")
_STARTS_S = 80.0
_MPREMOTE_S = 120.0
_AGAIN_S = 0.1
_QUIET_S = 0.7
_GUARD_PORT = 15353  # where the board has a network of its own
_PIECE = 4096


def application(rig: Rig) -> dict[str, bytes]:
    """Return what an emulated board is given: firmware, settings, identity, and a device known from before."""
    port = free_ports() if rig.shares_network else _GUARD_PORT
    settings = {"wifi_name": "home", "wifi_password": SECRET, "guard_port": port}
    return {**board_files(find_board(rig.board), settings, {"serial": SERIAL}), **state_files()}


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
        """Return what mpremote prints.  Where the end of a session was lost, a Ctrl-C counts half a second later."""
        time.sleep(_QUIET_S)
        command = [_MPREMOTE, "connect", self.rig.port, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_MPREMOTE_S, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def bad_line(self, **options: float | None) -> Iterator[str]:
        """Lend a port that leads to the board over a simulated line (tests/line_simulator.py)."""
        with simulated_line(**options) as line, _joined(line.board, self.rig):
            yield line.host

    def cut_power(self, seconds_off: float = 0.2) -> None:
        """Take its power away, now, and give it back."""
        self.rig.power_off()
        time.sleep(seconds_off)
        self.rig.power_on()

    def answers_within(self, seconds: float) -> bool:
        """Does the firmware answer by itself, without being woken?  It may be about to start anew."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            transport = SerialTransport(self.rig.port, self.rig.baud)
            transport.wake = b""
            try:
                with Client(transport, max(0.1, end - time.monotonic())):
                    return True
            except UserError:
                time.sleep(_AGAIN_S)
        return False


@contextmanager
def _joined(end: str, rig: Rig) -> Iterator[None]:
    """Carry bytes between the far end of a simulated line and a rig's port."""
    near = os.open(end, os.O_RDWR | os.O_NOCTTY)
    far = serial.Serial(rig.port, rig.baud, timeout=0, exclusive=True)
    stop, stopping = os.pipe()
    thread = threading.Thread(target=_carry, args=(near, far.fileno(), stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.close(stopping)
        thread.join()
        os.close(near)
        os.close(stop)
        far.close()


def _carry(near: int, far: int, stop: int) -> None:
    other = {near: far, far: near}
    while True:
        for fd in select.select([near, far, stop], [], [])[0]:
            try:
                data = os.read(fd, _PIECE)
                if not data:
                    return
                _write_all(other[fd], data)
            except OSError:
                return  # the line was cut


def _write_all(fd: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            select.select([], [fd], [])
