"""A home whose gateway is killed, starved and attacked: what the tests about its life share.

Where a test is about what a verdict does, not about how it comes, the gateway finds it in its state file, as after a
restart (`remember`).
"""

import contextlib
import ipaddress
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from e2e.mail_home import DOMAINS, MailHome

from spamgate.core.devices import CONFIRMED, GRANT_MAIL_SERVER, GRANT_NONE
from spamgate.core.engine import Engine
from spamgate.core.identity import Identity
from spamgate.core.router_limits import RouterLimits
from spamgate.core.snapshot import record
from spamgate.core.states import STATE_NAMES
from spamgate.hal.steady_clock import wall_s
from spamgate.hal.storage import Storage
from spamgate.store.state import StateFile
from spamgate_tools.control import Control, Line
from spamgate_tools.errors import UserError
from spamgate_tools.lab.accounts import LARGE_PROVIDERS, PROVIDERS
from spamgate_tools.lab.host import Host
from spamgate_tools.lab.lines import Follower
from spamgate_tools.lab.mx import exchangers
from spamgate_tools.lab.network import LAN
from spamgate_tools.lab.waiting import wait_until

MX = [provider.exchanges[0].address4 for provider in PROVIDERS]
MX6 = [provider.exchanges[0].address6 for provider in PROVIDERS]
NORTH = LARGE_PROVIDERS[0].exchanges[0]

_CALLERS = Path(__file__).with_name("callers.py")
_SOON_S = 40.0
_REPLY_MS = 2  # nothing here depends on how slow servers are


class Home(MailHome):
    """A MailHome with a gateway that can be killed and started anew."""

    def __init__(self, name: str, devices: Iterable[str], plane: str = "linux") -> None:
        super().__init__(name, devices, lambda authority: exchangers(authority, reply_ms=_REPLY_MS), plane)
        self._verdicts: list[dict] = []

    @property
    def folder(self) -> Path:
        """The router's folder."""
        return self.net.router.folder

    @property
    def state_folder(self) -> Path:
        """Where the gateway keeps its files."""
        assert self.router
        return Path(self.router.configuration()["state_dir"])

    # --- the gateway ----------------------------------------------------------------------------

    def restart(self) -> float:
        """Start the gateway again; return how long its process took to say so, less what others had its processor."""
        assert self.router
        assert self.router.gateway is None or self.router.gateway.poll() is not None
        events = self.folder / "events.jsonl"
        if events.exists():
            events.rename(self.folder / f"events.{time.monotonic_ns()}")  # else its old "start" would count as new
        self.router.start_gateway()
        assert self.router.gateway
        age_s = _age_s(self.router.gateway.pid)
        self._has_gateway = True
        self._events = Follower(events)
        self.ask("hello")
        return age_s

    def kill(self) -> None:
        """End the gateway as nobody can be asked to."""
        assert self.router and self.router.gateway
        self.router.gateway.kill()
        self.router.gateway.wait(30)
        self._has_gateway = False

    def ask(self, kind: str, **fields: object) -> list[Line]:
        """Ask the gateway through its control socket."""
        assert self.router
        with Control(str(self.router.control)) as control:
            return control.ask(kind, **fields)

    def status(self) -> dict:
        """Return how the gateway is."""
        return self.ask("status")[0].fields

    def log(self, kind: str) -> list[dict]:
        """Return all events of a kind since the last start."""
        return [event for event in Follower(self.folder / "events.jsonl").read() if event.get("type") == kind]

    def seen_state(self, device: str) -> str:
        """Return the state that the gateway says a device is in."""
        mac = self.devices[device].mac
        rows = [line.fields for line in self.ask("devices")]
        return next((row["state"] for row in rows if row["device"].startswith(mac)), "unknown")

    def table(self) -> str:
        """Return the gateway's table as the kernel has it, or nothing."""
        return self.net.router.run(["nft", "list", "table", "inet", "spamgate"], check=False).stdout

    def remember(
        self, states: dict[str, str], confirmed: Iterable[str] = (), granted: Iterable[str] = (), ahead_s: int = 0
    ) -> None:
        """Write a state file in which these devices are in these states, by a clock that is ahead."""
        for name in ("state.a", "state.b"):
            (self.state_folder / name).unlink(missing_ok=True)
        records = self._records(wall_s() + ahead_s, states, set(confirmed), set(granted))
        assert StateFile(Storage(str(self.state_folder))).save(records)

    def _records(self, now_s: int, states: dict[str, str], confirmed: set[str], granted: set[str]) -> list[str]:
        engine = Engine(RouterLimits(), lambda *_: None)
        engine.at(now_s, 0)
        lines = []
        for name, state in states.items():
            host = self.devices[name]
            mac = bytes.fromhex(host.mac.replace(":", ""))
            who = Identity()
            who.from_mac(mac, 0)
            device = engine.device(who)
            engine.devices.set_mac(device, mac, 0)
            for address in (host.address4, host.address6, host.global6):
                engine.devices.seen(device, engine.now_s, *_packed(address))
            engine.devices.state[device] = STATE_NAMES.index(state)
            engine.devices.grant[device] = GRANT_MAIL_SERVER if name in granted else GRANT_NONE
            engine.devices.flags[device] |= CONFIRMED if name in confirmed else 0
            engine.board.evidence_s[device] = engine.now_s
            lines.append(json.dumps({**record(engine, device), "ticket": f"{device:06X}"}))
        return lines

    def wait_for_saved(self, device: str, state: str, files: int = 1) -> None:
        """Wait until so many state files have the device in this state; "granted" is that of a mail server."""

        def is_so(row: dict) -> bool:
            if state == "granted":
                return bool(row["grant"] == GRANT_MAIL_SERVER)
            return STATE_NAMES[row["state"][1]] == state

        def is_saved() -> bool:
            kept = [_kept(file, self.devices[device].mac) for file in self.state_folder.glob("state.?")]
            return sum(is_so(row) for row in kept if row) >= files

        soon(is_saved, f"{device} {state} on disk", self)

    # --- devices --------------------------------------------------------------------------------

    def start(self, host: Host | str, kind: str, *arguments: object) -> subprocess.Popen:
        """Start a program of callers.py on a device."""
        return self._host(host).popen(_words(kind, arguments), stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)

    def do(self, host: Host | str, kind: str, *arguments: object) -> dict:
        """Run a program of callers.py on a device and return what it tells."""
        return json.loads(self._host(host).run(_words(kind, arguments)).stdout)

    def says(self, host: Host | str, address: str, port: int = 25) -> str:
        """Return the code that a device is greeted with at a server, or the error's name."""
        return self.do(host, "call", address, port)["said"]

    def mail_around(self, host: Host | str, count: int = 6, source: str = "") -> list[str]:
        """Do as a bot: ask for the mail servers of unrelated domains, mail each in turn, and return what they say."""
        said = []
        for domain, server in list(zip(DOMAINS, MX, strict=True))[:count]:
            self.dig(host, "MX", domain, source)
            said.append(str(self.do(host, "mail", server, f"{domain}.spam@bot.example", 0, source)["said"]))
        return said

    def dig(self, host: Host | str, kind: str, name: str, source: str = "") -> None:
        """Ask the home's resolver."""
        words = ["dig", "+tries=1", "+time=2", f"@{self.net.gateway(LAN)}", name, kind]
        self._host(host).run(words + (["-b", source] if source else []), check=False)

    def throttle(self, device: str, source: str = "") -> None:
        """Let a device mail until it is throttled."""
        said = self.mail_around(device, source=source)
        self.wait_for(device, "throttled", _SOON_S)
        assert said[-1] == "421", f"{said}\n{self.story()}"

    def _host(self, host: Host | str) -> Host:
        return self.devices[host] if isinstance(host, str) else host


def told(process: subprocess.Popen, seconds: float = 60) -> dict:
    """Wait for a program of callers.py and return what it tells at its end."""
    return json.loads(process.communicate(timeout=seconds)[0].splitlines()[-1])


def first_word(process: subprocess.Popen) -> str:
    """Wait until a program of callers.py has begun."""
    assert process.stdout
    return process.stdout.readline().strip()


def soon(condition, what: str, home: Home, seconds: float = _SOON_S) -> None:
    """Wait for something to become true; the test fails with the home's story when it does not."""
    try:
        wait_until(condition, seconds, what)
    except UserError as late:
        pytest.fail(f"{late}\n{home.story()}")


@contextlib.contextmanager
def small_disk(folder: Path, size_kb: int) -> Iterator[None]:
    """Mount a tiny file system over a folder; programs started from now on see it, and it goes with the context."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "spamgate-test", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Leave no byte free in a folder's file system."""
    with contextlib.suppress(OSError), (folder / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def _age_s(pid: int) -> float:
    """Return for how long a process has been there, but for when it stood in line for a processor.

    starttime of proc_pid_stat(5), and the second number of /proc/PID/schedstat, in nanoseconds.
    """
    started = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    stood_s = int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK") - stood_s


def _kept(file: Path, mac: str) -> dict:
    """Return what a state file has of a device; nothing where it is not in it, or is being written."""
    for line in file.read_bytes().splitlines():
        with contextlib.suppress(ValueError):
            row = json.loads(line[line.index(b"{") :])
            if row["mac"] == mac.replace(":", ""):
                return dict(row)
    return {}


def _words(kind: str, arguments: Iterable[object]) -> list[str]:
    return [sys.executable, str(_CALLERS), kind, *map(str, arguments)]


def _packed(address: str) -> tuple[bytes, int, int]:
    packed = ipaddress.ip_address(address).packed
    return packed, 0, len(packed)
