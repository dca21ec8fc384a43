"""The emulated board (boards/QEMU_MPS2): a bare-metal 32-bit MicroPython with flash, a clock and no network."""

import time

import machine  # type: ignore[import-not-found]  # MicroPython's
import uctypes  # type: ignore[import-not-found]  # MicroPython's

from spamgate.core.compat import const
from spamgate.hal.board import Board
from spamgate.hal.steady_clock import EPOCH_S

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

_KEPT_AT = const(0x20000000)  # SSRAM2 of the MPS2 (ARM AN385, 3.1), which MicroPython does not use
_KEPT_BYTES = const(4)
_EARLIEST_S = 1735689600  # 2025
_LATEST_S = (1 << 31) - 1


class Hardware(Board):
    """See hal/contract.py."""

    def __init__(self, folder: str = "/") -> None:
        super().__init__(folder)
        self.name = self.identity("board") or "QEMU_MPS2"
        self.net = None
        self.unique_id = b"\x02SGqem"  # a locally administered MAC: the machine has none
        self.reset_cause = "unknown"
        self.clock_set = False
        self.trouble = "this board has no network"

    def list_slots(self) -> list:
        """Return both."""
        from spamgate.hal.qemu_slots import Slot

        return [Slot(0), Slot(1)]

    def join(self, settings, report: "Callable[[str], None]") -> None:
        """There is nothing to join."""
        self.report = report

    def tick(self, now_ms: int) -> None:
        """There is nothing to look at."""

    def set_clock(self, unix_s: int) -> bool:
        """Set the time of day; False for a time that cannot be."""
        if not _EARLIEST_S <= unix_s <= _LATEST_S:
            return False
        year, month, day, hour, minute, second, weekday = time.gmtime(unix_s - EPOCH_S)[:7]
        machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))
        self.clock_set = True
        return True

    def watchdog_start(self) -> None:
        """Whoever emulates us watches."""

    def feed(self) -> None:
        """Whoever emulates us watches."""

    def watchdog_rest(self, minutes: int) -> None:
        """Whoever emulates us watches."""

    def reset(self) -> None:
        """Start again from the beginning."""
        machine.reset()

    def _recall(self) -> bytes:
        return bytes(uctypes.bytearray_at(_KEPT_AT, _KEPT_BYTES))

    def _remember(self, data: bytes) -> None:
        uctypes.bytearray_at(_KEPT_AT, _KEPT_BYTES)[: len(data)] = data
