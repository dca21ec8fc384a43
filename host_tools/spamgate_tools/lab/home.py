"""The lab's household at work: its hosts on the network, its own servers, its devices' programs and their reports."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from spamgate_tools.lab.accounts import RESOLVER4
from spamgate_tools.lab.books import Books
from spamgate_tools.lab.host import Host
from spamgate_tools.lab.internet import Internet
from spamgate_tools.lab.lines import Follower
from spamgate_tools.lab.network import Network
from spamgate_tools.lab.postfix import Postfix
from spamgate_tools.lab.residents import MAIL_SERVER, PI_HOLE, REPEATER, RESIDENTS, Resident

_PROGRAM = "spamgate_tools.lab.devices"
_PROGRAM_BESIDE_POSTFIX = ["spamgate_tools.lab.newsletter", "newsletter"]
_PI_HOLE = """no-resolv
no-hosts
no-daemon
interface=eth0
bind-interfaces
"""


class Home:
    """The household on a network; `has_dnsmasq` and `has_postfix` say which servers of its own can run.

    `has_resolver`: the router answers DNS.
    """

    def __init__(
        self, net: Network, internet: Internet, has_resolver: bool, has_dnsmasq: bool, has_postfix: bool
    ) -> None:
        self._net = net
        self._internet = internet
        self._has_resolver = has_resolver
        self._has_dnsmasq = has_dnsmasq
        self._hosts: dict[str, Host] = {}
        self._reports: list[Follower] = []
        self._programs: dict[str, subprocess.Popen[Any]] = {}
        for resident in RESIDENTS:
            self._move_in(resident)
        self.postfix = Postfix(self._hosts[MAIL_SERVER]) if has_postfix else None

    def _move_in(self, resident: Resident) -> None:
        name = resident.member.name
        if resident.behind:
            host = self._hosts[REPEATER]
            host.add_address(f"{resident.address}/24")
        else:
            host = self._net.host(name, lan=resident.lan, dhcp_name=name)
            host.use_resolver(self._resolver(resident))
        self._hosts[name] = host

    def enter(self, books: Books) -> None:
        """Open an account for every device, under the identity that the gateway will give it."""
        for resident in RESIDENTS:
            mac = self._hosts[resident.member.name].mac
            books.open(resident.member, f"{mac}/{resident.address}" if resident.behind else mac)

    def settings(self) -> dict[str, dict[str, str]]:
        """Return what the owner tells the gateway of his devices."""
        macs = {name: host.mac for name, host in self._hosts.items()}
        grants = {macs[resident.member.name]: resident.grant for resident in RESIDENTS if resident.grant}
        return {"grants": grants, "aliases": {macs[name]: name for name in (PI_HOLE, REPEATER)}}

    def leases(self) -> dict[str, str]:
        """Return the addresses kept for those behind the repeater, by the MAC in their DHCP packets."""
        return {resident.own_mac: resident.address for resident in RESIDENTS if resident.behind}

    # --- its servers and programs ---------------------------------------------------------------

    def start_servers(self) -> None:
        """Start what serves the home itself."""
        if self._has_dnsmasq:
            self._start_pi_hole()
        if self.postfix:
            self.postfix.start()

    def _start_pi_hole(self) -> None:
        """What a Pi-hole is: dnsmasq on a device of the home."""
        host = self._hosts[PI_HOLE]
        file = host.folder / "dnsmasq.conf"
        file.write_text(f"{_PI_HOLE}server={RESOLVER4}\n")
        host.serve(["dnsmasq", f"--conf-file={file}"], "dnsmasq.log", 53)

    def start_programs(self, seconds: float, seed: int) -> None:
        """Start the devices' programs, which live for so many seconds."""
        for resident in RESIDENTS:
            if resident.program:
                self._start_program(resident, {"seconds": str(seconds), "seed": str(seed)})

    def _start_program(self, resident: Resident, told: dict[str, str]) -> None:
        name = resident.member.name
        host = self._hosts[name]
        report = host.folder / f"{name}.jsonl"
        options = {"name": name, "host-name": name, "report": str(report), **told, "resolver": self._resolver(resident)}
        options |= {"ca": str(self._internet.authority.certificate), **resident.options}
        if resident.behind:
            options |= {"source": resident.address, "chaddr": resident.own_mac}
        words = [word for key, value in options.items() for word in (f"--{key}", value)]
        program = _PROGRAM_BESIDE_POSTFIX if name == MAIL_SERVER and self.postfix else [_PROGRAM, resident.program]
        self._programs[name] = host.popen([sys.executable, "-m", *program, *words], log=f"{name}.log")
        self._reports.append(Follower(report))

    def _resolver(self, resident: Resident) -> str:
        """Return whom it asks: the Pi-hole, the router, or the internet where the home has neither."""
        if resident.asks_pi_hole and self._has_dnsmasq:
            return self._hosts[PI_HOLE].address4
        return self._net.gateway(resident.lan) if self._has_resolver else RESOLVER4

    # --- what they say --------------------------------------------------------------------------

    def reports(self) -> Iterator[dict[str, Any]]:
        """Yield what the devices reported since the last call."""
        for report in self._reports:
            yield from report.read()

    def is_over(self) -> bool:
        """Have all programs ended?"""
        return all(program.poll() is not None for program in self._programs.values())

    def failures(self) -> list[str]:
        """Return which programs failed, with their last words."""
        failed = [name for name, program in self._programs.items() if program.poll()]
        return [f"{name}: {self._hosts[name].last_words(f'{name}.log')}" for name in failed]
