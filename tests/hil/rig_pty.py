"""A board made of a Linux process: MicroPython's unix port behind a pty, its flash a folder.

Its start, Ctrl-C, soft and hard reset are those of a board; a power cut is SIGKILL.
"""

import fcntl
import os
import pty
import shutil
import signal
import subprocess
import termios
import threading
import tty
from collections.abc import Mapping
from pathlib import Path

from hil.rig import Rig, RigError
from hil.wire import Wire

from spamgate_tools.errors import UserError
from spamgate_tools.runtime import find_micropython

# Objects of a 64-bit MicroPython are twice as large: as much as an ESP32 has left, 110 KB.
_HEAP = "220k"
_ROOMY_HEAP = "400k"
_RESET_STATUS = 75  # of hal/unix_board.py
_READY = b">>> "
_SOFT_RESET = b"MPY: soft reboot\r\n"
_ENTER_RAW, _LEAVE_RAW = b"\x01", b"\x02"

# What MicroPython's own main.c does on a board: main.py, then the REPL, whatever came of it
_START = """
import os, sys
try:
    import main
except SystemExit:
    raise
except BaseException as error:
    sys.print_exception(error)
os.putenv("MICROPYINSPECT", "1")
"""
_MACHINE = 'import os\n\n\ndef reset():\n    os.system("kill -9 $PPID")\n'


class PtyRig(Rig):
    """MicroPython's unix port as a board."""

    name = "pty"
    board = "UNIX"
    file_bytes = 64 << 10
    random_frames = 100_000
    can_be_roomy = True
    shares_network = True
    can = frozenset(("application", "repl", "power", "install"))
    lacks = {"bootloader": "a Linux process has no ROM"}

    def __init__(self, folder: Path) -> None:
        try:
            self._micropython = find_micropython()
        except UserError as missing:
            raise RigError(str(missing)) from None
        self._flash = folder / "flash"
        self._library = folder / "library"  # what a board has built in, and this port has not
        self._rtc = folder / "rtc"  # what survives a reset
        self._flash.mkdir()
        self._library.mkdir()
        (self._library / "machine.py").write_text(_MACHINE)
        self._process: subprocess.Popen | None = None
        self._powered = self._raw = False
        self._lock = threading.Lock()
        # This port's prompt forgets what it has not read when it begins to run a line; those of boards do not
        self._wire = Wire(self._ended, self._look, rest_after=b"\r")
        self.port = self._wire.port

    def install(self, files: Mapping[str, bytes]) -> None:
        shutil.rmtree(self._flash)
        for name, data in files.items():
            path = self._flash / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def power_on(self) -> None:
        self._powered = True
        self._raw = False
        self._start(_START)

    def power_off(self) -> None:
        with self._lock:
            self._powered = False
            self._wire.part()
            self._kill()
        self._rtc.unlink(missing_ok=True)

    def close(self) -> None:
        self.power_off()
        self._wire.close()

    def _look(self, sent: bytes) -> None:
        """Programs change the REPL's mode with bytes that the link never sends."""
        for byte in sent:
            if byte in _ENTER_RAW + _LEAVE_RAW:
                self._raw = byte == _ENTER_RAW[0]

    def _ended(self) -> None:
        """The process has ended, which is a board's reset: a hard one it asked for, or Ctrl-D at the REPL."""
        with self._lock:
            if not self._powered or self._process is None:
                return
            self._process.wait()
            is_hard = self._process.returncode in (_RESET_STATUS, -signal.SIGKILL)
            if is_hard:
                self._raw = False
            else:
                self._wire.say(b"OK\r\n" + _SOFT_RESET if self._raw else b"\r\n" + _SOFT_RESET)
            # As on a board: a soft reset from the raw REPL runs no main.py
            self._start("" if self._raw else _START)

    def _start(self, program: str) -> None:
        inner, end = pty.openpty()
        _like_a_uart(end)
        heap = _ROOMY_HEAP if self.roomy else _HEAP
        command = [*self._micropython, "-X", "heapsize=" + heap, *(("-c", program) if program else ())]
        self._process = subprocess.Popen(
            command,
            stdin=end,
            stdout=end,
            stderr=end,
            cwd=self._flash,
            env={**os.environ, "MICROPYPATH": f".frozen:{self._library}", "SPAMGATE_RTC": str(self._rtc)},
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509  nothing here holds a lock that it could want
        )
        os.close(end)
        if not program:
            _skip_greeting(inner)
        self._wire.join(inner)

    def _kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def _like_a_uart(end: int) -> None:
    """Every byte passes as it is, but for Ctrl-C, which interrupts a program that runs."""
    tty.setraw(end)
    mode = termios.tcgetattr(end)
    mode[3] |= termios.ISIG | termios.NOFLSH
    mode[6][termios.VINTR] = b"\x03"
    mode[6][termios.VQUIT] = mode[6][termios.VSUSP] = b"\0"
    termios.tcsetattr(end, termios.TCSANOW, mode)


def _take_terminal() -> None:
    """Ctrl-C reaches this process alone; before MicroPython listens it is lost, as on a board."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _skip_greeting(inner: int) -> None:
    """Enter the raw REPL unseen."""
    seen = b""
    while not seen.endswith(_READY):
        seen += os.read(inner, 1)
    os.write(inner, _ENTER_RAW)
