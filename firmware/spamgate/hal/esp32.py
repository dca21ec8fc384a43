"""A board with an ESP32, S3 or C3 and MicroPython's own firmware for it (1.25 or later).

Written after that firmware's sources and documentation, tried with tests/fakes/esp32.py; never run on a chip.
"""

import sys
import time

import machine  # type: ignore[import-not-found]  # MicroPython's

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.hal.board import Board
from spamgate.hal.esp32_net import Net, parse_address
from spamgate.hal.steady_clock import EPOCH_S

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

_LOOK_MS = const(2000)
_WATCHDOG_MS = const(60000)
_MS_PER_MINUTE = const(60000)
_ASK_AGAIN_MS = const(14400000)
_FIRST_RETRY_MS = const(15000)
_LONGEST_RETRY_MS = const(3600000)
_NO_TIME = const(-1)
_EARLIEST_S = 1735689600  # 2025: whoever says that it is earlier is wrong
_LATEST_S = (1 << 31) - 1  # 2038: times are kept as seconds since 2004, below 2**30


class Hardware(Board):
    """See hal/contract.py."""

    def __init__(self, folder: str = "/") -> None:
        super().__init__(folder)
        self.name = self.identity("board") or getattr(sys.implementation, "_machine", "ESP32")
        self.net = Net()
        self.unique_id = machine.unique_id()
        self.reset_cause = _reset_cause()
        self.clock_set = False
        self._clock = machine.RTC()
        self._watchdog: "Any" = None
        self._joiner: "Any" = None  # hal/esp32_wifi.py or hal/esp32_ethernet.py
        self._time_server = ""
        self._time_client: "Any" = None  # hal/time_client.py, while it asks
        self._asked_ms = 0
        self._ask_after_ms = 0
        self._retry_ms = _FIRST_RETRY_MS
        self._looked_ms = -1

    def list_slots(self) -> list:
        """Return both, partitions of their own; none where the flash was laid out by others."""
        from spamgate.hal.esp32_slots import esp32_slots

        return esp32_slots()

    def join(self, settings, report: "Callable[[str], None]") -> None:
        """Begin to join the network: over the cable where the settings name one, else Wi-Fi."""
        self.report = report
        if settings.ethernet:
            from spamgate.hal.esp32_ethernet import Ethernet

            self._joiner = Ethernet(settings)
        else:
            from spamgate.hal.esp32_wifi import Station

            self._joiner = Station(settings)
        self._time_server = settings.time_server

    def tick(self, now_ms: int) -> None:
        """Do what is due."""
        joiner = self._joiner
        if joiner is None:
            return
        if not joiner.tick(now_ms):
            self._lose(joiner.trouble)
        elif not self.address or elapsed(now_ms, self._looked_ms) >= _LOOK_MS:
            self._looked_ms = now_ms
            self._look(joiner.nic.ifconfig())
        if self.address and self._time_server:
            self._keep_time(now_ms)

    def set_clock(self, unix_s: int) -> bool:
        """Set the time of day; False for a time that cannot be."""
        if not _EARLIEST_S <= unix_s <= _LATEST_S:
            return False
        year, month, day, hour, minute, second, weekday = time.gmtime(unix_s - EPOCH_S)[:7]
        self._clock.datetime((year, month, day, weekday, hour, minute, second, 0))
        self.clock_set = True
        return True

    def watchdog_start(self) -> None:
        """From now on the board is reset when it is not fed for a minute."""
        self._watchdog = machine.WDT(timeout=_WATCHDOG_MS)
        self._watchdog.feed()

    def feed(self) -> None:
        """Say that all is well."""
        if self._watchdog:
            self._watchdog.feed()

    def watchdog_rest(self, minutes: int) -> None:
        """Leave the REPL to its user for so long.

        This port alone gives a running watchdog a new time when it is made again.  A timer that feeds it would be
        gone after the soft reset with which mpremote begins, and the board reset in the middle of its work.
        """
        if self._watchdog:
            self._watchdog = machine.WDT(timeout=minutes * _MS_PER_MINUTE)
            self._watchdog.feed()

    def reset(self) -> None:
        """Start again from the beginning."""
        machine.reset()

    def _look(self, ifconfig: "tuple[str, str, str, str]") -> None:
        """Learn our address and the resolver; when that is us, as we ask others to use us, ask the router."""
        own, _, router, resolver = ifconfig
        address = parse_address(own)
        if not address:
            return self._lose("the network gives us no address")
        self.resolvers = [text for text in (resolver, router) if text != own and parse_address(text)][:1]
        self.trouble = ""
        if address != self.address:
            self.address = address
            self.report("address " + own)
        return None

    def _lose(self, trouble: str) -> None:
        if self.address or trouble != self.trouble:
            self.address = b""
            self.trouble = trouble
            self.report(trouble)

    def _keep_time(self, now_ms: int) -> None:
        """Ask for the time every few hours, after a failure sooner; what does it is there for these seconds only."""
        if self._time_client is None and elapsed(now_ms, self._asked_ms) < self._ask_after_ms:
            return
        try:
            unix_s = self._ask_time(now_ms)
        except MemoryError:
            unix_s = _NO_TIME
        if not unix_s:
            return
        self._time_client = None
        _forget("time_client")
        self._asked_ms = now_ms
        if self.set_clock(unix_s):
            self._ask_after_ms = _ASK_AGAIN_MS
            self._retry_ms = _FIRST_RETRY_MS
        else:
            self._ask_after_ms = self._retry_ms
            self._retry_ms = min(self._retry_ms * 2, _LONGEST_RETRY_MS)

    def _ask_time(self, now_ms: int) -> int:
        if self._time_client is None:
            from spamgate.hal.time_client import TimeClient

            self._time_client = TimeClient(self.net, self._time_server)
        return self._time_client.tick(now_ms, self.resolvers)

    def _recall(self) -> bytes:
        return self._clock.memory()

    def _remember(self, data: bytes) -> None:
        self._clock.memory(data)


def _reset_cause() -> str:
    """Return why the chip started, as hal/contract.py names it."""
    cause = machine.reset_cause()
    if cause in (machine.PWRON_RESET, machine.DEEPSLEEP_RESET):
        return "power"
    if cause == machine.WDT_RESET:
        return "watchdog"
    if cause == machine.SOFT_RESET:
        return "soft"
    return "reset" if cause == machine.HARD_RESET else "unknown"


def _forget(name: str) -> None:
    """Give back the memory of a module of this package."""
    package = sys.modules["spamgate.hal"]
    sys.modules.pop("spamgate.hal." + name, None)
    if hasattr(package, name):
        delattr(package, name)
