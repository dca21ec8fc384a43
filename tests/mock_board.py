"""A board for tests of flashing, without hardware: a process that plays the ROM bootloader behind a pty.

    with MockBoard(folder, "esp32s3", mac="24:0a:c4:00:00:07", flash_mb=8, cut=50_000) as board:
        flash_board(board.port, ...)
Faults as in tests/programs/bootloader.py.  It runs nothing of what is written to it.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_PROGRAM = Path(__file__).with_name("programs") / "bootloader.py"
_PATIENCE_S = 20.0


class MockBoard:
    """One board; its port is a path that stays the same when the cable is pulled and put back."""

    def __init__(self, folder: Path, chip: str = "esp32", name: str = "board", **options: object) -> None:
        self.port = str(folder / name)
        words = [part for key, value in options.items() for part in _words(key, value)]
        command = [sys.executable, str(_PROGRAM), self.port, "--chip", chip, *words]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)

    def __enter__(self) -> "MockBoard":
        self.plugged_in()
        return self

    def __exit__(self, *_: object) -> None:
        Path(self.port).unlink(missing_ok=True)  # else it leads to whoever is given the same pty next
        self._process.kill()
        self._process.communicate()

    def fail(self, fault: str, number: int) -> None:
        """Order a fault ("cut", "flip", "damage") for the next session."""
        assert self._process.stdin is not None
        taken = Path(self.port + ".taken")
        taken.unlink(missing_ok=True)
        self._process.stdin.write(f"{fault} {number}\n")
        self._process.stdin.flush()
        self._wait_for(taken)

    def plugged_in(self) -> None:
        """Wait until its port is there, for the first time or again."""
        self._wait_for(Path(self.port))

    def flash(self) -> bytes:
        """Return what lies in its flash, without asking it over the line."""
        path = Path(self.port + ".flash")
        path.unlink(missing_ok=True)
        self._process.send_signal(signal.SIGUSR1)
        self._wait_for(path)
        return path.read_bytes()

    def erase(self) -> None:
        """Make it a bare board, without asking it over the line."""
        self.fail("erase", 0)

    def received(self) -> int:
        """Return how many bytes came over the line in the last session, once the mock has noticed its end."""
        end = time.monotonic() + _PATIENCE_S
        while True:
            self.flash()
            last, in_this = map(int, Path(self.port + ".received").read_bytes().split())
            if not in_this:
                return last
            assert time.monotonic() < end, "the session does not end"
            time.sleep(0.05)

    def _wait_for(self, path: Path) -> None:
        end = time.monotonic() + _PATIENCE_S
        while not os.path.exists(path):
            assert self._process.poll() is None, "the mock has ended"
            assert time.monotonic() < end, f"{path} does not come"
            time.sleep(0.01)


def _words(key: str, value: object) -> list[str]:
    option = "--" + key.replace("_", "-")
    return [option] if value is True else [option, str(value)]
