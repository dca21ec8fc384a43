"""A tray of mock boards: one process that becomes one for each board, so that what they share is loaded once.

    tray.py '["PORT", "--mac", "24:0a:c4:00:00:01", ...]' ...
Each argument is the command line of one board, as programs/bootloader.py has it.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_PROGRAMS = Path(__file__).resolve().parents[1] / "programs"
_PATIENCE_S = 30.0
_FLASH_BYTES = 4 << 20
_BUSY_S = 1.0  # while it sends flash, the mock gives up on a host that is silent for so long: 32 share this machine
_FOR_EVER_S = 1e9  # a while after a write the mock starts anew, even if somebody talks to it


class Tray:
    """Boards at ports; use it in a `with`."""

    def __init__(self, boards: dict[str, list[str]]) -> None:
        self._boards = boards
        self._ports = list(boards)

    def __enter__(self) -> "Tray":
        for port in self._ports:
            Path(port).unlink(missing_ok=True)
        lines = [json.dumps([port, *words]) for port, words in self._boards.items()]
        command = [sys.executable, __file__, *lines]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for port in self._ports:  # as unplugged; a link that stays leads to whoever is given the same pty next
            Path(port).unlink(missing_ok=True)
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stdin.close()

    def _wait(self) -> None:
        end = time.monotonic() + _PATIENCE_S
        while not all(os.path.exists(port) for port in self._ports):
            assert self._process.poll() is None and time.monotonic() < end, "the mock boards do not come"
            time.sleep(0.02)

    def flash(self) -> list[bytes]:
        """Return what lies in the flash of each board, without asking over the line."""
        files = [Path(f"{port}.flash") for port in self._ports]
        os.killpg(self._process.pid, signal.SIGUSR1)
        end = time.monotonic() + _PATIENCE_S
        while not all(file.exists() and file.stat().st_size == _FLASH_BYTES for file in files):
            assert time.monotonic() < end, "the mock boards do not show their flash"
            time.sleep(0.02)
        flash = [file.read_bytes() for file in files]
        for file in files:
            file.unlink()
        return flash


def main() -> None:
    """Become the boards."""
    sys.path.insert(0, str(_PROGRAMS))
    import bootloader
    from esp32_mock_bootloader import server

    server._CLIENT_RECV_TIMEOUT = _BUSY_S
    server._FLASH_END_IDLE_SEC = _FOR_EVER_S
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    for line in sys.argv[1:]:
        if os.fork() == 0:
            sys.argv[1:] = json.loads(line)
            bootloader.main()
    sys.stdin.read()  # until the test ends, whatever becomes of it
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
