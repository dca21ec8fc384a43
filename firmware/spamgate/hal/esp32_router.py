"""A board with an ESP32 or S3 whose MicroPython has the mail gate in it: the router between the home's Wi-Fi and the
network outside.

Outside is what the settings name, Wi-Fi or a cable, joined as hal/esp32.py joins it; inside is an access point of our
own.  Forwarding, address translation and the gate are C (firmware/mailgate); a device is whoever has the MAC that its
frames bear.  Tried with tests/fakes/esp32.py; never run on a chip.
"""

import mailgate  # type: ignore[import-not-found,import-untyped,unused-ignore]  # in C

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.hal import esp32
from spamgate.hal.esp32_home import AccessPoint
from spamgate.hal.esp32_net import parse_address

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

_AGAIN_MS = const(5000)
_NEVER = const(-1)


class Hardware(esp32.Hardware):
    """See hal/contract.py, `InPath`; `address` is that outside, from which the time is asked."""

    def __init__(self, folder: str = "/") -> None:
        self._outside = self._inside = ""
        super().__init__(folder)
        self.gate = mailgate
        self.lan: "list[str]" = []
        self.wan: "list[str]" = []
        self.lan_mac = self.unique_id
        self._home: "Any" = None
        self._has_gate = False
        self._tried_ms = _NEVER

    @property
    def trouble(self) -> str:
        """Why there is no way outside; else why there is no Wi-Fi for the home, or no way from it."""
        return self._outside or self._inside

    @trouble.setter
    def trouble(self, text: str) -> None:
        self._outside = text

    def read_settings(self, text: str) -> "Any":
        """Return the settings that the text asks for."""
        from spamgate.store.lwip_settings import read_lwip_settings

        return read_lwip_settings(text)

    def join(self, settings, report: "Callable[[str], None]") -> None:
        """Begin to join the network outside, and to make that inside; `settings` has `ap_name`, `ap_password` too."""
        super().join(settings, report)
        self._home = AccessPoint(settings)

    def tick(self, now_ms: int) -> None:
        """Do what is due, inside first: it must be there for the owner when there is no outside."""
        if self._home:
            self._keep_home(now_ms)
        super().tick(now_ms)

    def stations(self) -> "list[bytes]":
        """Return the MAC address of each device on our Wi-Fi."""
        return self._home.stations() if self._home else []

    def lived(self) -> None:
        """As hal/contract.py has it; and the bootloader need not go back to the firmware before this one."""
        super().lived()
        from esp32 import Partition  # type: ignore[import-not-found]  # MicroPython's

        try:
            Partition.mark_app_valid_cancel_rollback()
        except OSError:
            pass  # it was not on trial

    def _keep_home(self, now_ms: int) -> None:
        home = self._home
        nic = self._joiner.nic
        outside = nic.ifconfig() if nic and self.address else None
        self.wan = [_network(outside)] if outside else []
        lan = [home.text] if home.tick(now_ms, outside) else []
        if lan != self.lan:
            self.lan = lan
            self._tried_ms = _NEVER
            if lan:
                self.lan_mac = home.mac()
                self.report("own Wi-Fi at " + lan[0])
        trouble = home.trouble
        if lan and not self._has_gate:
            trouble = self._start_gate(now_ms)
        if trouble != self._inside:
            self._inside = trouble
            if trouble:
                self.report(trouble)

    def _start_gate(self, now_ms: int) -> str:
        """Forward, and judge what is forwarded: once, the C side stays with the access point; return why not."""
        if self._tried_ms != _NEVER and elapsed(now_ms, self._tried_ms) < _AGAIN_MS:
            return self._inside
        self._tried_ms = now_ms
        try:
            mailgate.start()
        except OSError as error:
            return "nothing is forwarded: the gate does not start (error %s)" % error.args[0]
        self._has_gate = True
        return ""


def _network(ifconfig: "tuple[str, str, str, str]") -> str:
    """Return our address and the bits of its network, of what ifconfig() tells: "192.168.1.7/24"."""
    bits = 0
    for byte in parse_address(ifconfig[1]):
        while byte & 0x80:
            bits += 1
            byte = byte << 1 & 0xFF
    return "%s/%d" % (ifconfig[0], bits)
