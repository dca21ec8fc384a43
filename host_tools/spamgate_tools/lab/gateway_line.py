"""The line of a gateway that is a board's program: its standard input and output, as a transport of the link.

What it says between sessions goes to a log; nobody who is silent for long keeps it from talking.
"""

import os
import subprocess
import threading
from pathlib import Path
from typing import IO, Any

from spamgate_tools.errors import UserError

_PIECE = 4096


class GatewayLine:
    """See link/transports.py, `Transport`.  One session at a time; closing one leaves the line for the next."""

    name = "the gateway's line"
    baud: int | None = None
    wake = b""

    def __init__(self, process: subprocess.Popen[Any], log: Path) -> None:
        assert process.stdin and process.stdout
        self._to_it = process.stdin.fileno()
        self._from_it: IO[bytes] = process.stdout
        os.set_blocking(self._to_it, False)
        self._log = log
        self._heard = bytearray()
        self._is_talking = False
        self._is_cut = False
        self._changed = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def session(self) -> "GatewayLine":
        """Return the transport for a session that begins now."""
        with self._changed:
            self._heard.clear()
            self._is_talking = True
        return self

    def read(self, timeout_s: float) -> bytes:
        """Return what is there, waiting up to `timeout_s` for the first of it."""
        with self._changed:
            self._changed.wait_for(lambda: self._heard or self._is_cut, timeout_s)
            data = bytes(self._heard)
            self._heard.clear()
            if not data and self._is_cut:
                raise _cut()
        return data

    def write(self, data: bytes | memoryview) -> int:
        """Send what is possible now."""
        try:
            return os.write(self._to_it, data)
        except BlockingIOError:
            return 0
        except OSError:
            raise _cut() from None

    def close(self) -> None:
        """End the session; from now on what is said goes to the log."""
        with self._changed:
            self._is_talking = False

    def _listen(self) -> None:
        with self._log.open("ab", buffering=0) as log:
            while data := os.read(self._from_it.fileno(), _PIECE):
                with self._changed:
                    if self._is_talking:
                        self._heard += data
                        self._changed.notify()
                    else:
                        log.write(data)
        with self._changed:
            self._is_cut = True
            self._changed.notify()


def _cut() -> UserError:
    return UserError("the gateway's line was cut: it has ended")
