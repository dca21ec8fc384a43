"""A board made of an emulated one: bare-metal 32-bit MicroPython (boards/QEMU_MPS2) whose flash is a file."""

import ctypes
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from hil.rig import Rig, RigError
from hil.wire import Wire

from spamgate_tools.boards.image import write_files
from spamgate_tools.boards.partitions import Partition

_PROJECT = Path(__file__).resolve().parents[2]
_BUILD = _PROJECT / "ci" / "micropython.sh"
_FIRMWARE = _PROJECT / "build" / "micropython-qemu" / "firmware.elf"
_EMULATOR = "qemu-system-arm"
_MEMORY_BYTES = 16 << 20  # what the machine's second memory has; MicroPython takes the flash from its start
_FILES_BYTES = 2 << 20  # of boards/QEMU_MPS2/micropython/_boot.py


class QemuRig(Rig):
    """MicroPython on QEMU's mps2-an385."""

    name = "qemu"
    board = "QEMU_MPS2"
    can = frozenset(("application", "repl", "power", "install"))
    lacks = {"bootloader": "QEMU loads the firmware itself"}

    def __init__(self, folder: Path) -> None:
        made = subprocess.run([_BUILD, "qemu"], capture_output=True, text=True, check=False)
        if made.returncode or not shutil.which(_EMULATOR):
            raise RigError(made.stderr.strip().splitlines()[-1] if made.returncode else f"no {_EMULATOR} here")
        self._flash = folder / "flash"
        self._process: subprocess.Popen | None = None
        self._wire = Wire()
        self.port = self._wire.port

    def install(self, files: Mapping[str, bytes]) -> None:
        part = Partition("vfs", 1, 0x83, 0, _FILES_BYTES)
        with open(self._flash, "wb") as file:
            file.write(write_files(files, part))
            file.truncate(_MEMORY_BYTES)

    def power_on(self) -> None:
        memory = f"memory-backend-file,id=flash,size={_MEMORY_BYTES},mem-path={self._flash},share=on"
        machine = "mps2-an385,memory-backend=flash"
        ours, its = socket.socketpair()
        # Semihosting is its source of entropy
        self._process = subprocess.Popen(
            [_EMULATOR, "-machine", machine, "-object", memory, "-kernel", _FIRMWARE, "-semihosting"]
            + ["-display", "none", "-monitor", "none", "-serial", "stdio"],
            stdin=its,
            stdout=its,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_us,  # noqa: PLW1509  nothing here holds a lock that it could want
        )
        its.close()
        self._wire.join(ours.detach())

    def power_off(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._wire.part()

    def close(self) -> None:
        self.power_off()
        self._wire.close()


def _die_with_us() -> None:
    """An emulator left behind would keep a processor busy for good (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
