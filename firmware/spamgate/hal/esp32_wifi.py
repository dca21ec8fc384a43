"""Wi-Fi of an ESP32: joins the home's network as a station, and joins again whenever it is lost.

The port can join again by itself, at once and for ever; that is switched off, so that a wrong password is not tried
twenty times a minute.  What `status` says of an attempt stays until one succeeds, so the time decides, not `status`.
"""

import network  # type: ignore[import-not-found]  # MicroPython's

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

_ATTEMPT_MS = const(20000)
_FIRST_PAUSE_MS = const(1000)
_LONGEST_PAUSE_MS = const(60000)
_MOST_HOSTNAME = const(32)
_FAILURES = (OSError, RuntimeError)  # what the port raises for errors of the radio

_IDLE = const(0)
_TRYING = const(1)
_PAUSING = const(2)
_UP = const(3)


class Station:
    """One station.  `nic` has the addresses once `tick` says that we are in; `trouble` says why not."""

    def __init__(self, settings) -> None:
        self.nic: "Any" = None
        self.trouble = "joining Wi-Fi " + settings.wifi_name
        self._name = settings.wifi_name
        self._password = settings.wifi_password
        self._stage = _IDLE
        self._since_ms = 0
        self._pause_ms = _FIRST_PAUSE_MS
        network.hostname(settings.hostname[:_MOST_HOSTNAME])
        if not self._name:
            self.trouble = "no Wi-Fi is named: set wifi_name"

    def tick(self, now_ms: int) -> bool:
        """Go on; return whether we are in, with an address."""
        if not self._name:
            return False
        stage = self._stage
        if stage == _IDLE:
            self._attempt(now_ms)
        elif self.nic and self.nic.isconnected():
            self._stage = _UP
            self._pause_ms = _FIRST_PAUSE_MS
            return True
        elif stage == _UP:
            self.trouble = "Wi-Fi %s is lost" % self._name
            self._attempt(now_ms)
        elif stage == _TRYING and elapsed(now_ms, self._since_ms) >= _ATTEMPT_MS:
            self.trouble = self._reason()
            self._pause(now_ms)
        elif stage == _PAUSING and elapsed(now_ms, self._since_ms) >= self._pause_ms:
            self._pause_ms = min(self._pause_ms * 2, _LONGEST_PAUSE_MS)
            self._attempt(now_ms)
        return False

    def _attempt(self, now_ms: int) -> None:
        self._stage = _TRYING
        self._since_ms = now_ms
        try:
            if self.nic is None:
                self._switch_on()
            if not self.nic.isconnected():
                self.nic.connect(self._name, self._password or None)
        except _FAILURES as error:
            self.trouble = "Wi-Fi %s: %s" % (self._name, error)
            self._pause(now_ms)

    def _switch_on(self) -> None:
        """Make the radio ours: a soft reset leaves it as it was, maybe in another network.  Takes some 100 ms, once."""
        nic = network.WLAN()
        nic.active(True)
        if not nic.isconnected() or nic.config("ssid") != self._name:
            _leave(nic)
            nic.config(reconnects=0)
            nic.config(pm=network.WLAN.PM_NONE)  # else an answer waits for the next beacon
        self.nic = nic

    def _pause(self, now_ms: int) -> None:
        self._stage = _PAUSING
        self._since_ms = now_ms
        if self.nic:
            _leave(self.nic)

    def _reason(self) -> str:
        status = self.nic.status()
        if status == network.STAT_NO_AP_FOUND:
            return "no Wi-Fi %s in reach" % self._name
        if status in (network.STAT_WRONG_PASSWORD, network.STAT_HANDSHAKE_TIMEOUT):
            return "Wi-Fi %s refuses the password" % self._name
        if status == network.STAT_CONNECTING:
            return "Wi-Fi %s gives no address" % self._name
        return "Wi-Fi %s does not let us in (status %s)" % (self._name, status)


def _leave(nic) -> None:
    try:
        nic.disconnect()
    except _FAILURES:
        pass  # it was in no network, and joined none
