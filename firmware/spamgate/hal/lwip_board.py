"""A board in path made of a Linux process: lwIP within it routes between the interfaces that the settings name.

Of Linux it takes raw frames, the folder that is its flash, and its time.  Its own sockets are lwIP's, as on an ESP32.
"""

import mailgate  # type: ignore[import-not-found,import-untyped,unused-ignore]  # in C

from spamgate.core.compat import const
from spamgate.hal import unix_board
from spamgate.hal.esp32_net import Net, parse_address
from spamgate.hal.resolvers import system_resolvers

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

_MOST_RESOLVERS = const(3)
_VIA = "via"


class Hardware(unix_board.Hardware):
    """See hal/contract.py, `InPath`."""

    def __init__(self, folder: str = ".") -> None:
        unix_board.Hardware.__init__(self, folder)
        self.name = self.identity("board") or "UNIX_LWIP"
        self.net: "Any" = Net()
        self.gate = mailgate
        self.lan: "list[str]" = []
        self.wan: "list[str]" = []
        self.lan_mac = self.unique_id

    def read_settings(self, text: str) -> "Any":
        """Return the settings that the text asks for."""
        from spamgate.store.lwip_settings import read_lwip_settings

        return read_lwip_settings(text)

    def join(self, settings, report: "Callable[[str], None]") -> None:
        """Start lwIP on the interfaces that the settings name."""
        self.report = report
        words: "list[str]" = []
        for text in settings.lan:
            named = text.split()
            words += ["lan"] + named
            self.lan += named[1:]
        if settings.wan:
            named = settings.wan.split()
            words += ["wan"] + named
            self.wan = named[1 : named.index(_VIA) if _VIA in named else len(named)]
        if not settings.lan:
            self.trouble = "no LAN is named: set lan"
            return
        mailgate.start(*words)
        self.lan_mac = _mac_of(settings.lan[0].split()[0]) or self.unique_id
        ours = [text.split("/")[0] for text in self.lan if ":" not in text]
        self.address = parse_address(ours[0]) if ours else b""
        self.resolvers = system_resolvers()[:_MOST_RESOLVERS]

    def tick(self, now_ms: int) -> None:
        """Addresses stay what they are."""


def _mac_of(interface: str) -> bytes:
    """Return the interface's MAC as Linux knows it; nothing where it does not."""
    try:
        with open("/sys/class/net/%s/address" % interface) as file:
            return bytes([int(part, 16) for part in file.readline().strip().split(":")])
    except (OSError, ValueError):
        return b""
