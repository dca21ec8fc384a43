"""One run of the lab: everything is started, watched for so many seconds, ended, and summed up."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from spamgate_tools.errors import UserError
from spamgate_tools.lab.accounts import RESOLVER4
from spamgate_tools.lab.books import Books
from spamgate_tools.lab.home import Home
from spamgate_tools.lab.host import needed
from spamgate_tools.lab.internet import Internet
from spamgate_tools.lab.lwip_program import built_lwip_micropython
from spamgate_tools.lab.network import Network
from spamgate_tools.lab.postfix import not_possible
from spamgate_tools.lab.rootless import is_alone
from spamgate_tools.lab.router import Router, has_dnsmasq
from spamgate_tools.lab.router_lwip import LwipRouter
from spamgate_tools.lab.summary import summarize

LEAST_S, MOST_S = 10, 86400
LINUX, LWIP = "linux", "lwip"

_KEEP = "--keep-logs DIR keeps its log"
_PAUSE_S = 0.2
_LAST_MAIL_S = 15.0  # for what is under way at the end: programs' own grace, and a mail server's first retry

Tell = Callable[[dict], None]


class Course:
    """The course of events.  `books` is filled while it runs; `on_event` is told each line of the gateway's log.

    `plane` names what routes and holds back: the kernel (linux) or lwIP in the gateway's own program (lwip).
    """

    def __init__(
        self, seconds: float, seed: int, on_event: Tell, on_step: Callable[[str], None], plane: str = LINUX
    ) -> None:
        self._plane = plane
        self._seconds = seconds
        self._seed = seed
        self._on_event = on_event
        self._on_step = on_step
        self.books = Books()
        self.notes: list[str] = []  # what is not as it would be on a machine that has everything
        self.started = 0.0

    def run(self, on_tick: Callable[[], None], keep_logs: Path | None = None) -> dict:
        """Run it and return the summary; `on_tick` is called a few times a second."""
        self._look_around()
        if keep_logs:
            _make(keep_logs)
        self._on_step("building the network")
        with Network("lab", kernel_routes=self._plane == LINUX) as net:
            try:
                self._start(net)
                self._watch(on_tick)
                self._end(on_tick)
            finally:
                if keep_logs:
                    _copy(net.folder, keep_logs)
            return summarize(self.books, time.time() - self.started)

    def _look_around(self) -> None:
        """See what this machine has."""
        if not shutil.which("unbound"):
            needed("dnsmasq")
        needed("openssl")
        self._has_dnsmasq = has_dnsmasq()
        problem = "Postfix needs several users, and so real root" if is_alone() else not_possible()
        self._has_postfix = not problem
        if problem:
            self.notes.append(f"{problem}: scripted mail servers take its place")
        if self._plane == LWIP:
            built_lwip_micropython(self._on_step)
            self.notes.append("the router answers no DHCP here: lwIP has no server; requests tell names all the same")
            if not self._has_dnsmasq:
                self.notes.append("dnsmasq is not installed: no Pi-hole, all devices ask the gateway")
        elif not self._has_dnsmasq:
            self.notes.append("dnsmasq is not installed: no DHCP server and no Pi-hole, devices ask outside")

    def _start(self, net: Network) -> None:
        self._internet = Internet(net.internet, self._has_postfix, self.notes.append)
        has_resolver = self._has_dnsmasq or self._plane == LWIP
        self._home = Home(net, self._internet, has_resolver, self._has_dnsmasq, self._has_postfix)
        self._home.enter(self.books)
        make = LwipRouter if self._plane == LWIP else Router
        self._router = make(net, [RESOLVER4], self._home.settings(), self._home.leases())
        self._on_step("starting the internet")
        self._internet.start()
        self._on_step("starting the router")
        self._router.start()
        self._router.start_gateway()
        self._on_step("starting the devices")
        self._home.start_servers()
        self._home.start_programs(self._seconds, self._seed)
        self._on_step("")

    def _watch(self, on_tick: Callable[[], None]) -> None:
        self.started = time.time()
        deadline = time.monotonic() + self._seconds
        while time.monotonic() < deadline:
            self._tick(on_tick)
            self._check()

    def _tick(self, on_tick: Callable[[], None]) -> None:
        time.sleep(_PAUSE_S)
        self._collect()
        on_tick()

    def _collect(self) -> None:
        """Enter everything that was said since the last time; connections before the verdicts they lead to."""
        books = self.books
        for event in self._router.sightings.read():
            books.referee(event)
        for event in self._home.reports():
            books.device(event)
        for event in self._internet.events():
            books.server(event)
        for event in self._router.events.read():
            books.gateway(event)
            self._on_event(event)

    def _check(self) -> None:
        gateway = self._router.gateway
        if gateway and gateway.poll() is not None:
            raise UserError(f"the gateway ended by itself: {self._router.last_words()}", _KEEP)
        failed = self._home.failures()
        if failed:
            raise UserError(f"a device's program failed: {failed[0]}", _KEEP)

    def _end(self, on_tick: Callable[[], None]) -> None:
        """Let what is under way arrive, then stop the gateway."""
        self._on_step("letting the last mail arrive")
        deadline = time.monotonic() + _LAST_MAIL_S
        while time.monotonic() < deadline and not (self._home.is_over() and not self.books.undelivered()):
            self._tick(on_tick)
        self._on_step("stopping")
        self._router.stop_gateway()
        self._collect()
        if self._home.postfix:
            self.books.bounces("mail-server", len(self._home.postfix.bounces()))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--keep-logs {folder}: {error.strerror}", "name a folder that can be written") from None


def _copy(folder: Path, target: Path) -> None:
    """Keep what programs wrote; sockets and queues are no logs."""
    for file in folder.rglob("*"):
        if file.suffix in (".jsonl", ".log", ".json", ".conf", ".out") and file.is_file():
            kept = target / file.relative_to(folder)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, kept)
