"""A board that is a Linux process in a namespace: the program as boards get it, 32-bit objects, a small heap.

Its serial line is a pty, over which it is asked as an owner asks a board.
"""

import json
import os
import pty
import re
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hil.wire import Wire

from spamgate_tools.boards.application import IDENTITY_FILE, PROGRAM_FILE, SETTINGS_FILE, application_files
from spamgate_tools.lab.host import Host
from spamgate_tools.lab.waiting import listens, wait_until
from spamgate_tools.link.client import Client
from spamgate_tools.link.transports import SerialTransport

MICROPYTHON = Path(__file__).resolve().parents[2] / "build" / "micropython-unix32" / "micropython"
# An ESP32 leaves 110 KB.  There is the program serves until somebody talks: with a device suspected, and the link and
# what answers over it loaded, it takes about 120 KB.
HEAP = "140k"
ESP32_HEAP = "114k"  # of which 110 KB are free

_ENTRY = "spamgate.app.board_unix"
_DNS = 53
_START_S = 20.0


def missing() -> str:
    """Return why there can be no such board here; nothing where there can."""
    return "" if MICROPYTHON.exists() else "no 32-bit MicroPython, which ci/micropython.sh unix32 builds"


class BoardProcess:
    """One board.  It ends with its namespace, or by `stop`."""

    def __init__(self, host: Host, settings: dict[str, object], heap: str = HEAP) -> None:
        self.host = host
        self.address = host.address4
        self._heap = heap
        self._flash = host.folder / "flash"
        self._flash.mkdir()
        files = dict(application_files(_ENTRY))
        files[SETTINGS_FILE] = json.dumps({"guard_port": _DNS, "mail_port": 25, **settings}).encode()
        files[IDENTITY_FILE] = json.dumps({"serial": host.name, "board": "UNIX"}).encode()
        for name, data in files.items():
            (self._flash / name).write_bytes(data)
        self._wire = Wire()
        self._start()

    @property
    def port(self) -> str:
        """The port at the other end of its line."""
        return self._wire.port

    def _start(self) -> None:
        inner, end = pty.openpty()
        _like_a_uart(end)
        self._wire.join(inner)
        self.process = self.host.popen(
            [str(MICROPYTHON), "-X", "heapsize=" + self._heap, PROGRAM_FILE],
            cwd=self._flash,
            env={**os.environ, "MICROPYPATH": str(self._flash)},
            stdin=end,
            stdout=end,
            stderr=end,
        )
        os.close(end)

    def wait(self) -> None:
        """Wait until it answers DNS."""
        wait_until(lambda: listens(self.process.pid, _DNS, "udp"), _START_S, f"the board (see {self.host.folder})")

    def stop(self) -> None:
        """Take its power and its port away."""
        self.process.kill()
        self.process.wait()
        self._wire.close()

    @contextmanager
    def link(self) -> Iterator[Client]:
        """A session over its line."""
        with Client(SerialTransport(self._wire.port)) as client:
            yield client

    def ask(self, name: str, **fields: object) -> list[dict]:
        """Return the answer to one request, in a session of its own."""
        with self.link() as client:
            return list(client.request(name, **fields))

    def troubles(self) -> list[str]:
        """Return what its journal has to complain of; its address is no complaint."""
        return self._complaints(self.ask("journal", since=0))

    def written_troubles(self) -> list[str]:
        """Return the same of what it has written to its flash so far, without asking it."""
        file = self._flash / "events.jsonl"
        return self._complaints([json.loads(line) for line in file.read_text().splitlines()])

    @staticmethod
    def _complaints(lines: list[dict]) -> list[str]:
        told = [str(line["text"]) for line in lines if line["type"] == "error"]
        return [text for text in told if not re.match(r"address \d", text)]


def _like_a_uart(end: int) -> None:
    """Every byte passes as it is; nobody sends Ctrl-C."""
    tty.setraw(end)
    mode = termios.tcgetattr(end)
    mode[6][termios.VINTR] = mode[6][termios.VQUIT] = mode[6][termios.VSUSP] = b"\0"
    termios.tcsetattr(end, termios.TCSANOW, mode)
