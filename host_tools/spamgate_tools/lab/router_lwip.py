"""The home's router whose gateway is a board's program, and routes by lwIP: the kernel only hands it frames.

The gateway itself is the home's resolver.  Nobody answers DHCP: an ESP32 has its system's server, the host build none.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from spamgate_tools.compiled import search_path
from spamgate_tools.errors import UserError
from spamgate_tools.lab.gateway_line import GatewayLine
from spamgate_tools.lab.lwip_program import find_lwip_micropython
from spamgate_tools.lab.network import GUEST, HOME_NETWORKS, LAN, NEXT_HOPS, WAN, WAN_ADDRESSES, lan_addresses
from spamgate_tools.lab.router import Router
from spamgate_tools.link.client import Client

_ENTRY = "spamgate.app.board_lwip_host"
_HEAP_KB = 512
_SETTINGS = "settings.json"
_IDENTITY = "identity.json"
_LOG = "gateway.log"
_START_S = 40.0


class LwipRouter(Router):
    """What runs on a router of a network with `kernel_routes=False`; `leases` mean nothing here."""

    line: GatewayLine

    @property
    def events_file(self) -> Path:
        """Where the gateway's events are: its journal."""
        return self._flash / "events.jsonl"

    @property
    def _flash(self) -> Path:
        return self._host.folder / "flash"

    def configuration(self) -> dict[str, Any]:
        """Return the board's settings."""
        hops = [address.partition("/")[0] for address in NEXT_HOPS]
        return {
            "lan": [" ".join((lan, *lan_addresses(lan))) for lan in (LAN, GUEST)],
            "wan": " ".join((WAN, *WAN_ADDRESSES, "via", *hops)),
            "home_networks": list(HOME_NETWORKS),
            "guard_upstreams": list(self._upstreams),
            "time_server": "",
            "journal_kb": 256,
            **self._settings,
        }

    def start_gateway(self) -> None:
        """Start the firmware and wait until it answers over its line."""
        self._flash.mkdir(exist_ok=True)
        (self._flash / _SETTINGS).write_text(json.dumps(self.configuration()))
        (self._flash / _IDENTITY).write_text(json.dumps({"serial": "lab", "board": "UNIX_LWIP"}))
        micropython = find_lwip_micropython()
        words = [*micropython, "-X", f"heapsize={_HEAP_KB}k", "-m", _ENTRY]
        environment = {**os.environ, "MICROPYPATH": str(search_path(micropython))}
        streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with (self._host.folder / _LOG).open("ab") as log:
            self.gateway = self._host.popen(words, cwd=self._flash, env=environment, stderr=log, **streams)
        self.line = GatewayLine(self.gateway, self._host.folder / _LOG)
        self._hear_of_start()

    def _hear_of_start(self) -> None:
        """Ask for its journal, which is written down by that: its first lines say how it started."""
        try:
            with Client(self.line.session(), _START_S) as client:
                events = list(client.request("journal", since=0))
        except UserError as error:
            raise UserError(f"the gateway did not start ({error}); its last words: {self.last_words()}") from None
        wrong = self.last_words()
        if not any(event.get("type") == "start" for event in events) or wrong.startswith(_SETTINGS):
            raise UserError(f"the gateway did not start as it was told: {wrong}")

    def ask(self, name: str, **fields: object) -> list[dict]:
        """Return the answer to one request, in a session of its own."""
        with Client(self.line.session()) as client:
            return list(client.request(name, **fields))

    def _serve_home(self) -> None:
        """The gateway does."""
