"""A home and an internet for the tests about mail: devices that mail, a router with its gateway, scripted mail servers.

A device comes into a state by what it sends (`infect`), never by being told to be in it.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from spamgate_tools.errors import UserError
from spamgate_tools.lab.accounts import (
    LARGE_PROVIDERS,
    PROVIDERS,
    RESOLVER4,
    RESOLVER6,
    SUBMISSION,
    Authority,
    addresses,
    records,
)
from spamgate_tools.lab.home_server import OWNER, HomeServer
from spamgate_tools.lab.host import needed
from spamgate_tools.lab.letters import letter
from spamgate_tools.lab.lines import Follower
from spamgate_tools.lab.mx import MailServers, Server, exchangers, submission
from spamgate_tools.lab.network import Network
from spamgate_tools.lab.router import Router
from spamgate_tools.lab.router_lwip import LwipRouter
from spamgate_tools.lab.submit import Letter
from spamgate_tools.lab.unbound import Resolver
from spamgate_tools.lab.waiting import wait_until
from spamgate_tools.runtime import find_micropython

IS_LONG = os.environ.get("SPAMGATE_LONG") == "1"
DOMAINS = [provider.domain for provider in PROVIDERS]
LARGE_DOMAINS = [provider.domain for provider in LARGE_PROVIDERS]
PASSWORD = "secret"

_CONTROL_S = 20.0
_BOT_S = 120
_CHAMELEON = Path(__file__).with_name("chameleon.py")


def require(*reasons: str) -> None:
    """Skip the test, with the reason, when something it needs is not here."""
    for reason in (*reasons, _missing_programs()):
        if reason:
            pytest.skip(f"not run: {reason}")


def _missing_programs() -> str:
    if os.geteuid():
        return "it needs root"
    try:
        needed("ip", "nft", "unbound", "dnsmasq", "openssl", "swaks")
        find_micropython()
    except UserError as missing:
        return str(missing)
    return ""


class MailHome:
    """The whole world of a test; leave it as a context and everything is gone.

    `plane` is "linux", or "lwip" where the gateway itself is to route.
    """

    def __init__(
        self,
        name: str,
        devices: Iterable[str],
        servers: Callable[[Authority], list[Server]] = exchangers,
        plane: str = "linux",
    ):
        self.plane = plane
        self.net = Network(name, kernel_routes=plane == "linux")
        self.internet = self.net.internet
        try:
            self._start(devices, servers)
        except BaseException:
            self.net.close()
            raise

    def _start(self, devices: Iterable[str], servers: Callable[[Authority], list[Server]]) -> None:
        self.internet.ip(*(f"addr add {address} dev eth0" + " nodad" * (":" in address) for address in addresses()))
        self.authority = Authority(self.internet.folder / "authority")
        Resolver(self.internet, records(), [RESOLVER4, RESOLVER6]).start()
        scripted = [*servers(self.authority), *submission(self.authority, {OWNER: PASSWORD})]
        self.mail = MailServers(self.internet, scripted)
        self.mail.start()
        self.devices = {device: self.net.host(device, dhcp_name=device) for device in devices}
        self._bots: list[subprocess.Popen] = []
        self._has_gateway = False

    def __enter__(self) -> "MailHome":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        has_ended = self._has_gateway and self.router.gateway.poll() is not None
        words = self.gateway_words() if has_ended else ""
        self.net.close()
        assert kind or not has_ended, words

    # --- the gateway ----------------------------------------------------------------------------

    def start_router(self, has_gateway: bool = True, **settings: object) -> None:
        """Start DNS and DHCP of the home, and the gateway with these settings."""
        make = Router if self.plane == "linux" else LwipRouter
        self.router = make(self.net, (RESOLVER4,), settings)
        self.router.start()
        if has_gateway:
            self.router.start_gateway()
            self._has_gateway = True
            self._events = Follower(self.router.events_file)
            self._verdicts: list[dict] = []

    def verdicts(self, device: str = "") -> list[dict]:
        """Return all changes of state so far, or those of one device."""
        self._verdicts += [event for event in self._events.read() if event.get("type") == "verdict"]
        mac = self.devices[device].mac if device else ""
        return [verdict for verdict in self._verdicts if not mac or verdict["device"].startswith(mac)]

    def state(self, device: str) -> str:
        """Return the state a device is in now."""
        changes = self.verdicts(device)
        return changes[-1]["to"] if changes else "normal"

    def story(self) -> str:
        """Return what happened to the devices, for the message of a failed test."""
        names = {host.mac: name for name, host in self.devices.items()}
        lines = []
        for verdict in self.verdicts():
            kinds = [f"{row['kind']} {row['count']}" for row in verdict["evidence"]]
            who = names.get(verdict["device"], verdict["device"])
            lines.append(f"{verdict['t']:.1f} {who}: {verdict['from']} -> {verdict['to']} {verdict['score']} {kinds}")
        return "\n".join([*lines, self.gateway_words()])

    def gateway_words(self) -> str:
        """Return how the gateway is: running, or ended with what words."""
        gateway = self.router.gateway
        state = "ended" if gateway is None or gateway.poll() is not None else "runs"
        return f"the gateway {state}: {self.router.last_words()}"

    def order(self, request: str, device: str, **fields: str) -> list[dict]:
        """Say something to the gateway, as the owner does, and return its answer."""
        assert self.router.gateway.poll() is None, self.gateway_words()
        mac = self.devices[device].mac
        if isinstance(self.router, LwipRouter):
            return self.router.ask(request, device=mac, **fields)
        asked = {"type": request, "device": mac, **fields}
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(_CONTROL_S)
            control.connect(str(self.router.control))
            control.sendall(json.dumps(asked).encode() + b"\n")
            answer = [json.loads(line) for line in _until_done(control)]
        assert answer[-1]["type"] == "done", answer
        return answer

    # --- who mails ------------------------------------------------------------------------------

    def infect(self, device: str, domain: str) -> None:
        """Let a bot mail this domain from a device, beside what the device does."""
        words = [sys.executable, str(_CHAMELEON), domain]
        self._bots.append(self.devices[device].popen(words, log="bot.log"))

    def infect_by_mx(self, device: str) -> None:
        """Let a bot mail straight to everybody's mail servers, five connections a second."""
        options = ["--report", str(self.devices[device].folder / "bot.jsonl"), "--name", "bot", "--idle", "0"]
        options += ["--seconds", str(_BOT_S), "--domains", ",".join(DOMAINS)]
        words = [sys.executable, "-m", "spamgate_tools.lab.devices", "parallel-mx", *options]
        self._bots.append(self.devices[device].popen(words, log="bot.log"))

    def disinfect(self) -> None:
        """Stop all bots."""
        for bot in self._bots:
            bot.terminate()
        for bot in self._bots:
            bot.wait()
        self._bots.clear()

    def quarantine(self, device: str, domain: str, seconds: float = 40) -> None:
        """Infect a device until the gateway has quarantined it."""
        self.infect(device, domain)
        self.wait_for(device, "quarantined", seconds)
        self.disinfect()

    def wait_for(self, device: str, state: str, seconds: float) -> None:
        """Wait until the device is in a state."""
        try:
            wait_until(lambda: self.state(device) == state, seconds, f"{device} {state}")
        except UserError as late:
            pytest.fail(f"{late}\n{self.story()}")

    def submit_587(self, device: str, name: str, recipient: str) -> subprocess.CompletedProcess:
        """Let a mail client on a device submit a message at the provider: 587, STARTTLS, AUTH."""
        words = ["swaks", "--server", f"{SUBMISSION}:587", "--tls", "--tls-verify", "--auth-user", OWNER]
        words += ["--tls-ca-path", str(self.authority.certificate), "--auth-password", PASSWORD, "--from", OWNER]
        words += ["--to", recipient, "--header", f"Message-Id: <{name}>", "--body", "See you on Sunday?"]
        return self.devices[device].run(words, check=False)

    # --- what arrived ---------------------------------------------------------------------------

    def accepted(self, writer: str = "") -> list[dict]:
        """Return what servers accepted, of all or of one writer (message ids begin with WRITER and a dot)."""
        return [message for message in self.mail.accepted() if message["id"].startswith(f"{writer}." if writer else "")]

    def arrived(self, writer: str) -> list[str]:
        """Return the ids of a writer's messages that servers accepted, each as often as it was."""
        return sorted(message["id"] for message in self.accepted(writer))

    def wait_for_mail(self, writer: str, expected: Iterable[str], seconds: float) -> None:
        """Wait until all these messages have arrived; fails when one is missing."""
        wanted = set(expected)
        try:
            wait_until(lambda: wanted <= set(self.arrived(writer)), seconds, f"{writer}'s mail")
        except UserError:
            pytest.fail(f"after {seconds} s missing: {sorted(wanted - set(self.arrived(writer)))}\n{self.story()}")


def letters(writer: str, domains: Iterable[str], count: int, start: int = 0) -> dict[str, Letter]:
    """Return `count` messages of a writer, to one person each, domains in turn; the keys are the message ids."""
    names = list(domains)
    made = {}
    for number in range(start, start + count):
        recipient = f"person{number}@{names[number % len(names)]}"
        name = f"{writer}.{number}@home.example"
        made[name] = Letter(OWNER, (recipient,), letter(OWNER, [recipient], name, seed=number))
    return made


def wait_for_retries(server: HomeServer, count: int, seconds: float = 60) -> None:
    """Wait until a mail server has put deliveries off so many times."""
    wait_until(lambda: server.attempts() >= count, seconds, f"{count} attempts of {server.program}")


def _until_done(control: socket.socket) -> Iterable[bytes]:
    answer = control.makefile("rb")
    for line in answer:
        yield line
        if json.loads(line)["type"] in ("done", "error"):
            return
