"""The home's router: DHCP and DNS by dnsmasq, and the gateway, which is the real firmware in MicroPython.

The referee listens beside it, so that the lab does not have to believe the gateway.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spamgate_tools.compiled import search_path
from spamgate_tools.errors import UserError
from spamgate_tools.gateway import heap_kb
from spamgate_tools.lab.lines import Follower
from spamgate_tools.lab.network import GUEST, HOME_NETWORKS, LAN, PORT, WAN, Network
from spamgate_tools.lab.waiting import wait_until
from spamgate_tools.runtime import find_micropython

_START_S = 40.0
_STOP_S = 15.0
_EVENTS = "events.jsonl"
_GATEWAY_LOG = "gateway.log"
_DNSMASQ = """no-resolv
no-hosts
no-daemon
bind-interfaces
listen-address=127.0.0.1
dhcp-authoritative
no-ping
cache-size=1000
"""


def has_dnsmasq() -> bool:
    """Is there a program that answers DNS in the home?  Else its devices ask the internet's resolver."""
    return shutil.which("dnsmasq") is not None


class Router:
    """What runs on the network's router.

    `upstreams` are the resolvers that it asks, `leases` addresses kept for MACs that no host of the network has,
    `settings` what differs from the gateway's usual settings.
    """

    def __init__(
        self,
        net: Network,
        upstreams: Sequence[str],
        settings: Mapping[str, Any] | None = None,
        leases: Mapping[str, str] | None = None,
    ) -> None:
        self._net = net
        self._host = net.router
        self._upstreams = upstreams
        self._settings = settings or {}
        self._leases = leases or {}
        self.gateway: subprocess.Popen[Any] | None = None
        self.events = Follower(self.events_file)
        self.sightings = Follower(self._host.folder / "referee.jsonl")
        self.control = self._host.folder / "control"

    @property
    def events_file(self) -> Path:
        """Where the gateway's events are."""
        return self._host.folder / _EVENTS

    # --- what any router has --------------------------------------------------------------------

    def start(self) -> None:
        """Start what serves the home, and the referee; all hosts must be there already."""
        self._host.use_resolver(*self._upstreams)
        referee = [sys.executable, "-m", "spamgate_tools.lab.referee", PORT]
        self._host.popen(referee, log="referee.jsonl")
        self._serve_home()
        wait_until(self._is_watched, _START_S, f"the referee (see {self._host.folder}/referee.jsonl)")

    def _is_watched(self) -> bool:
        return any("ready" in event for event in self.sightings.read())

    def _serve_home(self) -> None:
        """Start DHCP and DNS, where dnsmasq is installed."""
        if not has_dnsmasq():
            return
        file = self._host.folder / "dnsmasq.conf"
        file.write_text(_DNSMASQ + "".join(f"{line}\n" for line in self._dnsmasq_lines()))
        self._host.serve(["dnsmasq", f"--conf-file={file}"], "dnsmasq.log", 53)

    def _dnsmasq_lines(self) -> list[str]:
        lines = [f"interface={lan}" for lan in (LAN, GUEST)]
        lines += [f"server={upstream}" for upstream in self._upstreams]
        lines += ["dhcp-range=192.168.77.0,static", "dhcp-range=192.168.78.0,static"]
        lines.append(f"dhcp-leasefile={self._host.folder}/leases")
        homes = {host.mac: host.address4 for host in self._net.hosts.values() if host.mac and host.gateway4}
        return lines + [f"dhcp-host={mac},{address}" for mac, address in {**homes, **self._leases}.items()]

    # --- the gateway ----------------------------------------------------------------------------

    def configuration(self) -> dict[str, Any]:
        """Return the gateway's settings."""
        folder = self._host.folder
        state = folder / "state"
        state.mkdir(exist_ok=True)
        return {
            "lan": [LAN, GUEST],
            "wan": [WAN],
            "home_networks": list(HOME_NETWORKS),
            "state_dir": str(state),
            "event_log": str(self.events_file),
            "control": str(self.control),
            "guard_upstreams": list(self._upstreams),
            **self._settings,
        }

    def start_gateway(self) -> None:
        """Start the firmware and wait until it says so in its event log."""
        file = self._host.folder / "gateway.json"
        settings = self.configuration()
        file.write_text(json.dumps(settings))
        micropython = find_micropython()
        heap = f"heapsize={heap_kb(settings)}k"
        words = [*micropython, "-X", heap, "-m", "spamgate.app.gateway", "--config", str(file)]
        place = {"cwd": search_path(micropython), "env": {**os.environ, "MICROPYPATH": "."}}
        self.gateway = self._host.popen(words, log=_GATEWAY_LOG, **place)
        started = Follower(self.events_file)
        wait_until(lambda: self._has_started(started), _START_S, f"the gateway's start ({self.last_words()})")

    def _has_started(self, events: Follower) -> bool:
        assert self.gateway
        if self.gateway.poll() is not None:
            raise UserError(f"the gateway ended with exit code {self.gateway.returncode}: {self.last_words()}")
        return any(event.get("type") == "start" for event in events.read())

    def last_words(self) -> str:
        """Return the last line that the gateway wrote besides its event log."""
        return self._host.last_words(_GATEWAY_LOG)

    def stop_gateway(self) -> None:
        """End the gateway as its service manager does, and wait for its end."""
        if self.gateway is None or self.gateway.poll() is not None:
            return
        self.gateway.send_signal(signal.SIGINT)
        try:
            self.gateway.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.gateway.kill()
            self.gateway.wait()
