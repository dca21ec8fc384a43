"""A board made of a Linux process: its flash is a folder, its serial line standard input and output (a pty).

Linux has joined the network and keeps the time.  Whoever started the process watches it, and starts it again when it
ends: that is its reset.  What survives a reset but no power cut is in the file that SPAMGATE_RTC names; without one
every start is the first.
"""

import os
import sys

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.hal.board import Board
from spamgate.hal.net import Net
from spamgate.hal.resolvers import system_resolvers

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

RESET_STATUS = 75  # the process's exit status when it asks to be started again

_LOOK_MS = const(2000)
_SLOT_BYTES = const(0x2B0000)  # as on a board with 8 MiB of flash
_MOST_RESOLVERS = const(3)
_MAC_BYTES = const(6)
_LOCAL = const(3)  # of termios
_ISIG = const(1)


class Hardware(Board):
    """See hal/contract.py."""

    def __init__(self, folder: str = ".") -> None:
        super().__init__(folder)
        self.name = self.identity("board") or "UNIX"
        self.net = Net()
        self.unique_id = _machine_id()
        self.reset_cause = "reset" if self._recall() else "power"
        self.clock_set = True
        self._looked_ms = -1

    def list_slots(self) -> list:
        """Return both, files beside the others."""
        from spamgate.hal.file_slots import file_slots

        return file_slots(self.storage.folder, _SLOT_BYTES)

    def join(self, settings, report: "Callable[[str], None]") -> None:
        """Begin to look for our address."""
        self.report = report
        self._looked_ms = -1

    def tick(self, now_ms: int) -> None:
        """Look at our addresses every two seconds."""
        if self._looked_ms >= 0 and elapsed(now_ms, self._looked_ms) < _LOOK_MS:
            return
        self._looked_ms = now_ms
        self.resolvers = system_resolvers()[:_MOST_RESOLVERS]
        address = _own_address()
        self.trouble = "" if address else "Linux has no IPv4 address for us"
        if address != self.address:
            self.address = address
            self.report("address " + ".".join(str(part) for part in address) if address else self.trouble)

    def set_clock(self, unix_s: int) -> bool:
        """Linux keeps the time."""
        return False

    def watchdog_start(self) -> None:
        """Whoever started us watches."""

    def feed(self) -> None:
        """Whoever started us watches."""

    def watchdog_rest(self, minutes: int) -> None:
        """Whoever started us watches."""

    def reset(self) -> None:
        """End, to be started again."""
        sys.exit(RESET_STATUS)

    def let_break_in(self, may: bool) -> None:
        """Does Ctrl-C on the terminal interrupt the program?  Here the kernel decides (termios(3), ISIG)."""
        import termios

        try:
            mode = termios.tcgetattr(0)
            mode[_LOCAL] = mode[_LOCAL] | _ISIG if may else mode[_LOCAL] & ~_ISIG
            termios.tcsetattr(0, termios.TCSANOW, mode)
        except OSError:
            pass  # no terminal

    def _recall(self) -> bytes:
        try:
            with open(os.getenv("SPAMGATE_RTC") or "", "rb") as file:
                return file.read()
        except OSError:
            return b""

    def _remember(self, data: bytes) -> None:
        path = os.getenv("SPAMGATE_RTC")
        if path:
            with open(path, "wb") as file:
                file.write(data)


def _own_address() -> bytes:
    """Return the first IPv4 address of this network namespace that is not the loopback's (proc_net(5), fib_trie)."""
    try:
        with open("/proc/net/fib_trie") as file:
            text = ""
            for line in file:
                if "|-- " in line:
                    text = line.split("|-- ")[1].strip()
                elif "/32 host LOCAL" in line and not text.startswith("127."):
                    return bytes(int(part) for part in text.split("."))
    except OSError:
        pass
    return b""


def _machine_id() -> bytes:
    """Return six bytes that stay the same on this machine (machine-id(5))."""
    try:
        with open("/etc/machine-id") as file:
            return bytes(int(file.read(2), 16) for _ in range(_MAC_BYTES))
    except (OSError, ValueError):
        return bytes(_MAC_BYTES)
