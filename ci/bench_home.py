"""The home in which the router is measured: a device, a router, and an internet.

The router translates addresses and has a firewall, as any at home.  The internet takes packets and drops them, but for
what goes to the mail servers of `serve_mail`.  What is offered comes from flood.py on one core, the gateway has the
other; both go before all else on the machine, which may be shared.

A flood is sent, routed and received on one core: the kernel hands each packet through all the namespaces before it
takes the next.  So what is compared is the CPU time of that, of which nobody else can take a part.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bench_bot
import flood
from measurement import RUNS, Broken, NotRun

from spamgate_tools.compiled import search_path
from spamgate_tools.control import Control
from spamgate_tools.errors import UserError
from spamgate_tools.gateway import HEAP_KB
from spamgate_tools.lab.host import Host, needed
from spamgate_tools.lab.mx import MailServers, Server
from spamgate_tools.lab.network import GUEST, LAN, Network
from spamgate_tools.lab.router import Router
from spamgate_tools.lab.waiting import wait_until
from spamgate_tools.runtime import find_micropython

HERE = Path(__file__).resolve().parent

FLOOD = 20000  # small packets at a time
BURST_S = 1
IPERF_S = 1
IPERF_PORT = 5202
QUIET_S = 0.5  # after a burst all has been seen by then
NETWORKS = 100  # with a mail server each

_LATE = 1.05  # so much longer a burst may take
_MOST_OF = 0.99
_CALM = 5000  # packets a second
_PATIENCE_S = 60
_MX = "mx{}.example"  # a mail server's name, by which it greets

_SINK = f"""
table inet sink {{
 chain received {{
  type filter hook prerouting priority raw
  udp dport {{ 53, {flood.SMALL_PORT} }} drop
  tcp sport {flood.MAIL_PORT}-{flood.MAIL_PORT + 99} drop
 }}
}}
"""
# As home routers have it: who is inside may call out and the router, nobody may call in.
_FIREWALL = f"""
table inet home_firewall {{
 set inside {{ type ifname; elements = {{ "lo", "{LAN}", "{GUEST}" }}; }}
 chain forwarded {{
  type filter hook forward priority filter; policy drop;
  ct state {{ established, related }} accept
  iifname @inside accept
 }}
 chain received {{
  type filter hook input priority filter; policy drop;
  ct state {{ established, related }} accept
  iifname @inside accept
  meta l4proto ipv6-icmp accept
 }}
}}
"""


class Sender:
    """flood.py at work on a device."""

    def __init__(self, device: Host, router_mac: str, kind: str, core: int) -> None:
        words = ["taskset", "-c", str(core), sys.executable, str(HERE / "flood.py"), kind, router_mac, device.address4]
        pipe = subprocess.PIPE
        self._process = device.popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self._answer()

    def send(self, count: int, rate: int = 0) -> dict[str, float]:
        """Send so many packets, at `rate` a second or as fast as they go."""
        assert self._process.stdin
        self._process.stdin.write(f"{count} {rate}\n")
        self._process.stdin.flush()
        return json.loads(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout and self._process.stderr
        line = self._process.stdout.readline()
        if not line:
            raise Broken(f"flood.py ended: {self._process.stderr.read()[-300:]}")
        return line


class BenchHome:
    """The namespaces, and what is measured in them."""

    def __init__(self, net: Network, cores: list[int]) -> None:
        self.net = net
        self._gateway_core, self._core = cores[:2]
        self._device = net.host("device")
        self._router = Router(net, [flood.RESOLVER])
        net.router.run(["nft", "-f", "-"], input=_FIREWALL)
        net.internet.run(["nft", "-f", "-"], input=_SINK)

    @contextmanager
    def gateway(self, **settings: int) -> Iterator[None]:
        """Run the gateway, on a core of its own."""
        self._router = Router(self.net, [flood.RESOLVER], settings)
        self._router.start_gateway()
        assert self._router.gateway
        try:
            os.sched_setaffinity(self._router.gateway.pid, {self._gateway_core})
            flood.go_first(self._router.gateway.pid)
            yield
        finally:
            self._router.stop_gateway()

    def compare(self, measure: Callable[[], float], runs: int = RUNS) -> float:
        """Return the median of what is measured with the gateway, by what is measured without, in turn."""
        ratios = []
        for _ in range(runs):
            without = measure()
            with self.gateway():
                ratios.append(measure() / without)
        return round(statistics.median(ratios), 3)

    # --- forwarding ------------------------------------------------------------------------------

    def flood(self, kind: str) -> Sender:
        """Let the device send what flood.py calls `kind`."""
        return Sender(self._device, self.net.router.mac, kind, self._core)

    def small_pps(self, sender: Sender) -> float:
        """Return how many small packets the internet receives for a second of the core that all happens on."""
        received, deferred_s = self._received(), _deferred_s(self._core)
        said = sender.send(FLOOD)
        received, deferred_s = self._received() - received, _deferred_s(self._core) - deferred_s
        if received < said["sent"] * _MOST_OF:
            raise Broken(f"of {said['sent']} small packets {received} were forwarded")
        return received / (said["cpu_s"] + deferred_s)

    def serve_iperf(self) -> None:
        """Let the internet take what iperf3 sends."""
        words = ["taskset", "-c", str(self._gateway_core), "chrt", "-f", "1", "iperf3", "-s", "-p", str(IPERF_PORT)]
        self.net.internet.serve(words, "iperf3.log", IPERF_PORT, "tcp")

    def throughput(self) -> float:
        """Return the bits a second of one TCP connection through the router."""
        client = ["iperf3", "-J", "-t", str(IPERF_S), "-p", str(IPERF_PORT), "-c", flood.TARGET]
        said = self._device.run(["taskset", "-c", str(self._core), "chrt", "-f", "1", *client]).stdout
        return json.loads(said)["end"]["sum_received"]["bits_per_second"]

    # --- observing -------------------------------------------------------------------------------

    def lost(self, sender: Sender, rate: int) -> int:
        """Offer packets at this rate for a while; return how many the gateway did not see, or not well."""
        before = self._status()
        said = sender.send(rate * BURST_S, rate)
        if said["seconds"] > BURST_S * _LATE:
            raise Broken(f"flood.py did not keep the pace of {rate} packets a second")
        time.sleep(QUIET_S)
        after = self._status()
        seen = after["packets"] - before["packets"]
        return abs(rate * BURST_S - seen) + sum(after[key] - before[key] for key in ("lost", "malformed"))

    def observed(self, count: int) -> list[tuple[int, int]]:
        """Let the plane alone see packets, several times; return how many, and the bytes it allocated."""
        log = self.net.router.folder / "heap.log"
        process = self._micropython("bench_heap.py", log, count, RUNS)
        wait_until(lambda: log.exists() and b"\n" in log.read_bytes(), _PATIENCE_S, "bench_heap.py")
        sender = self.flood("mix")
        for _ in range(_PATIENCE_S):
            sender.send(_CALM, _CALM)
            if process.poll() is not None:
                break
        return _last_words(log)["rows"]

    # --- having its way --------------------------------------------------------------------------

    def serve_mail(self) -> None:
        """Let the internet have a mail server in each of many networks."""
        self.net.internet.ip(f"route add local {bench_bot.WORLD} dev lo")
        names = [_MX.format(number) for number in range(NETWORKS)]
        addresses = [bench_bot.SERVER.format(number) for number in range(NETWORKS)]
        servers = [Server(name, (address,)) for name, address in zip(names, addresses, strict=True)]
        MailServers(self.net.internet, servers).start()

    def reaction_ms(self) -> float:
        """Let a new device mail as bots do; return how long after the SYN of the verdict the first refused one left."""
        bot = self.net.host(f"bot{len(self.net.hosts)}")
        words = [sys.executable, str(HERE / "bench_bot.py"), str(NETWORKS)]
        said = json.loads(bot.run(["taskset", "-c", str(self._core), *words]).stdout)
        verdicts = [event for event in self._router.events.read() if event.get("to") == "throttled"]
        if [event["device"] for event in verdicts] != [bot.mac]:
            raise Broken(f"{bot.mac} was not throttled: {verdicts}, {said}")
        refused = _first_refused(said["greetings"])
        return said["opened_ms"][refused] - said["opened_ms"][_brought_by(verdicts[0])]

    def in_micropython(self, program: str, *words: int) -> dict[str, Any]:
        """Run a program of the bench on the router to its end, and return what it printed."""
        log = self.net.router.folder / "program.log"
        self._micropython(program, log, *words).wait(_PATIENCE_S)
        return _last_words(log)

    def _micropython(self, program: str, log: Path, *words: int) -> "subprocess.Popen[bytes]":
        config = self.net.router.folder / "bench.json"
        config.write_text(json.dumps(self._router.configuration()))
        micropython = [*find_micropython(), "-X", f"heapsize={HEAP_KB}k"]
        command = ["taskset", "-c", str(self._gateway_core), *micropython, str(HERE / program), str(config)]
        environment = {**os.environ, "MICROPYPATH": str(search_path(micropython[:1]))}
        return self.net.router.popen([*command, *map(str, words)], log=log.name, env=environment)

    def _received(self) -> int:
        return int(self.net.internet.run(["cat", "/sys/class/net/eth0/statistics/rx_packets"]).stdout)

    def _status(self) -> dict[str, int]:
        with Control(str(self._router.control)) as control:
            return control.ask("status")[0].fields


@contextmanager
def home(*programs: str) -> Iterator[BenchHome]:
    """Lend a home, and remove it; NotRun where there cannot be one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise NotRun("needs two cores")
    if os.geteuid():
        raise NotRun("needs root, for network namespaces and scheduling")
    try:
        needed("ip", "nft", "taskset", "chrt", *programs)
        find_micropython()
        net = Network("bench")
    except UserError as missing:
        raise NotRun(str(missing)) from None
    try:
        with net:
            yield BenchHome(net, cores)
    except (UserError, subprocess.SubprocessError) as wrong:
        raise Broken(str(wrong)) from None


def _deferred_s(core: int) -> float:
    """Return the CPU time of the kernel's thread that takes over a core's packets when they are many."""
    for folder in Path("/proc").glob("[0-9]*"):
        if (folder / "comm").read_text() == f"ksoftirqd/{core}\n":
            return int((folder / "schedstat").read_text().split()[0]) / 1e9
    return 0.0


def _first_refused(greetings: list[str]) -> int:
    """Return which connection the router was the first to answer; all before must have reached their servers."""
    for number, greeting in enumerate(greetings):
        if greeting.startswith("421 4.7.0 "):
            return number
        if not greeting.startswith(f"220 {_MX.format(number)} "):
            raise Broken(f"connection {number} was greeted with {greeting or 'nothing'}")
    raise Broken("no connection was refused")


def _brought_by(verdict: dict[str, Any]) -> int:
    """Return which connection's SYN brought the verdict: the last one seen until then, which its evidence names.

    It weighs as a SYN, before any answer: that the line is open is known from the bot's first letter.
    """
    latest = max(row["last"] for row in verdict["evidence"])
    peers = {row["peer"] for row in verdict["evidence"] if row["last"] == latest}
    brought = verdict["smtp_connects"] - 1
    if peers != {bench_bot.SERVER.format(brought)}:
        raise Broken(f"not the SYN of connection {brought} brought the verdict: {verdict}")
    return int(brought)


def _last_words(log: Path) -> dict[str, Any]:
    """Return the object in the last line; where that is none, a program of ours has failed."""
    text = log.read_text()
    try:
        return json.loads(text.splitlines()[-1])
    except (ValueError, IndexError):
        raise Broken(text[-300:] or f"{log.name} is empty") from None
