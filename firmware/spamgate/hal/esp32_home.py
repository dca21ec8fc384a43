"""The home's own Wi-Fi, made by an ESP32: an access point whose DHCP server names the board as router and resolver.

Its channel is that of the uplink where that is Wi-Fi too: the chip has one radio.  An open network is never made.
"""

import network  # type: ignore[import-not-found]  # MicroPython's

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.hal.esp32_net import parse_address

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

_AGAIN_MS = const(5000)
_NEVER = const(-1)
_MOST_STATIONS = const(10)  # what the chip's access point is good for
_MASK = "255.255.255.0"
_BITS = const(24)
# The first whose network is not the uplink's: with the same on both sides nothing could be forwarded
_ADDRESSES = ("192.168.4.1", "10.77.4.1", "172.27.4.1")
_FAILURES = (OSError, RuntimeError)  # what the port raises for errors of the radio


class AccessPoint:
    """One network.  `text` is our address in it; `trouble` says why it is not up."""

    def __init__(self, settings) -> None:
        self.nic: "Any" = None
        self.trouble = ""
        self._name = settings.ap_name
        self._password = settings.ap_password
        self._own = _ADDRESSES[0]
        self._is_up = False
        self._tried_ms = _NEVER
        if not self._name:
            self.trouble = "no Wi-Fi for the home is named: set ap_name"
        elif not self._password:
            self.trouble = "Wi-Fi %s has no password, and an open one is not made: set ap_password" % self._name

    @property
    def text(self) -> str:
        """Our address in it and the bits of the network."""
        return "%s/%d" % (self._own, _BITS)

    def tick(self, now_ms: int, uplink: "tuple[str, str, str, str] | None") -> bool:
        """Come up, stay up, and keep out of the network of the uplink, told by its ifconfig(); return whether up."""
        if not self._name or not self._password:
            return False
        if uplink and not _is_apart(self._own, uplink):
            self._close()  # who comes again asks for an address again
            self._own = next(text for text in _ADDRESSES if _is_apart(text, uplink))
            self._tried_ms = _NEVER
        if self._is_up and not self.nic.active():
            self._is_up = False
        if not self._is_up and (self._tried_ms == _NEVER or elapsed(now_ms, self._tried_ms) >= _AGAIN_MS):
            self._tried_ms = now_ms
            self._open()
        return self._is_up

    def mac(self) -> bytes:
        """Return our MAC address in it."""
        mac: bytes = self.nic.config("mac")
        return mac

    def stations(self) -> "list[bytes]":
        """Return the MAC address of each device that is in."""
        try:
            return [station[0] for station in self.nic.status("stations")] if self._is_up else []
        except _FAILURES:
            return []

    def _open(self) -> None:
        try:
            if self.nic is None:
                self.nic = network.WLAN(network.WLAN.IF_AP)
            self._switch_on(self.nic)
            self.nic.ifconfig((self._own, _MASK, self._own, self._own))
            self._is_up = True
            self.trouble = ""
        except _FAILURES as error:
            self.trouble = "Wi-Fi %s cannot be made: %s" % (self._name, error)
            self._close()

    def _switch_on(self, nic) -> None:
        """Name it before it is on: with the name that the chip gives it, it would be open to all for a moment."""
        try:
            self._configure(nic)
            nic.active(True)
        except _FAILURES:  # where the port takes options of what is on only
            nic.active(True)
            self._configure(nic)

    def _configure(self, nic) -> None:
        security = network.WLAN.SEC_WPA2
        nic.config(ssid=self._name, key=self._password, security=security, max_clients=_MOST_STATIONS)

    def _close(self) -> None:
        self._is_up = False
        try:
            if self.nic:
                self.nic.active(False)
        except _FAILURES:
            pass  # it was not on


def _is_apart(own: str, uplink: "tuple[str, str, str, str]") -> bool:
    """Have our network and the uplink's nothing in common?"""
    ours, theirs, mask = parse_address(own), parse_address(uplink[0]), parse_address(uplink[1])
    if not theirs or not mask:
        return True
    for at in range(_BITS // 8):
        if (ours[at] ^ theirs[at]) & mask[at]:
            return True
    return False
