"""Measure the DNS guard against dnsmasq: same namespaces, same upstream, same names, one run after the other.

The servers share one core, dnsperf has the other, with 64 queries outstanding.  dnsmasq is as installed, with its
cache, and blocks the same hundred names; no name that is passed on is asked twice within a cache's reach.  The guard
runs as on a router: MicroPython's bytecode, with time-outs, TCP, EDNS and counts by device.
"""

import json
import os
import re
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from measurement import RUNS, Broken, NotRun

from spamgate_tools.compiled import search_path
from spamgate_tools.errors import UserError
from spamgate_tools.lab.host import Host, needed
from spamgate_tools.lab.leftovers import Run, sweep
from spamgate_tools.lab.waiting import wait_until
from spamgate_tools.runtime import find_micropython

ROOT = Path(__file__).resolve().parents[1]
_PROGRAM = ROOT / "tests" / "programs" / "guard.py"
SERVER = "10.53.0.1"
ASKER = "10.53.0.2"
UPSTREAM = "127.0.0.53"
GUARD_PORT = 5300
HEAP = "512k"
COUNTING_HEAP = "256m"  # nothing is ever collected in it
OUTSTANDING = 64
SECONDS = 1
NAMES = 20000
LISTED = 100

_UNBOUND = f"""
server:
  interface: {UPSTREAM}
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  num-threads: 1
  module-config: "iterator"
  root-hints: ""
  local-zone: "passed.example." redirect
  local-data: "passed.example. 300 A 192.0.2.80"
remote-control:
  control-enable: no
"""
_DNSMASQ = f"""
no-resolv
no-hosts
server={UPSTREAM}
listen-address={SERVER}
bind-interfaces
user=root
pid-file=
"""


def dns_blocked_vs_dnsmasq() -> float:
    """Blocked queries a second that the guard answers, by those of dnsmasq."""
    with _servers() as servers:
        return servers.compare("blocked", "NXDOMAIN")


def dns_forwarded_vs_dnsmasq() -> float:
    """Forwarded queries a second that the guard answers, by those of dnsmasq."""
    with _servers() as servers:
        return servers.compare("passed", "NOERROR")


def heap_bytes_per_query() -> float:
    """Bytes of heap that the guard allocates for a forwarded query and its answer, receiving included."""
    with _servers() as servers:
        return servers.allocated("passed")


MEASUREMENTS: dict[str, Callable[[], float]] = {
    "dns_blocked_vs_dnsmasq": dns_blocked_vs_dnsmasq,
    "dns_forwarded_vs_dnsmasq": dns_forwarded_vs_dnsmasq,
    "heap_bytes_per_query": heap_bytes_per_query,
}


@contextmanager
def _servers() -> Iterator["Servers"]:
    """Lend both servers and the upstream, and remove them afterwards."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise NotRun("needs two cores")
    try:
        needed("ip", "taskset", "dnsperf", "dnsmasq", "unbound")
        micropython = find_micropython()
        sweep()
        run = Run("bench-guard")
    except UserError as missing:
        raise NotRun(str(missing)) from None
    try:
        yield Servers(run, cores, micropython)
    except UserError as wrong:
        raise Broken(str(wrong)) from None
    finally:
        run.remove()


class Servers:
    """A namespace with the servers, and one that asks them."""

    def __init__(self, run: Run, cores: list[int], micropython: list[str]) -> None:
        self._servers = Host("servers", f"{run.name}-servers", run.folder / "servers")
        self._asker = Host("asker", f"{run.name}-asker", run.folder / "asker")
        self._pinned = ["taskset", "-c", str(cores[0])]
        self._asking = ["taskset", "-c", str(cores[1])]
        self._micropython = micropython
        self._servers.ip(f"link add eth0 type veth peer name eth0 netns {self._asker.namespace}", "link set eth0 up")
        self._asker.ip("link set eth0 up")
        self._servers.add_address(f"{SERVER}/24")
        self._asker.add_address(f"{ASKER}/24")
        self._write_files()
        self._serve(["unbound", "-d", "-c", str(self._file("unbound.conf"))], 53)

    def compare(self, names: str, rcode: str) -> float:
        """Return the median of the guard's rates by dnsmasq's, measured in turn."""
        self._serve(["dnsmasq", "--keep-in-foreground", f"--conf-file={self._file('dnsmasq.conf')}"], 53)
        self._start_guard(HEAP)
        for port in (53, GUARD_PORT):
            self._rate(names, rcode, port)  # warm
        pairs = [(self._rate(names, rcode, 53), self._rate(names, rcode, GUARD_PORT)) for _ in range(RUNS)]
        return round(statistics.median(guard / dnsmasq for dnsmasq, guard in pairs), 2)

    def allocated(self, names: str) -> float:
        """Return the bytes allocated a query, of a guard that never collects."""
        self._start_guard(COUNTING_HEAP, "--count")
        before = self._report()
        self._asker.run([*self._dnsperf(names, GUARD_PORT), "-n", "1"])
        after = self._report()
        answered = after["answered"] - before["answered"]
        if answered < NAMES * 0.99:
            raise Broken(f"the guard answered {answered} of {NAMES} queries")
        return round((after["heap_bytes"] - before["heap_bytes"]) / answered)

    def _rate(self, names: str, rcode: str, port: int) -> float:
        """Return the answers a second, all of which must have this RCODE."""
        said = self._asker.run([*self._dnsperf(names, port), "-l", str(SECONDS)]).stdout
        rate = re.search(r"Queries per second:\s+([\d.]+)", said)
        right = re.search(rcode + r" \d+ \(([\d.]+)%\)", said)
        if not rate or not right or float(right[1]) < 99.9:
            raise Broken(f"port {port} does not answer {names} names with {rcode}: {said[-300:]}")
        return float(rate[1])

    def _dnsperf(self, names: str, port: int) -> list[str]:
        words = ["dnsperf", "-s", SERVER, "-p", str(port), "-d", str(self._file(names)), "-q", str(OUTSTANDING)]
        return [*self._asking, *words]

    def _start_guard(self, heap: str, *options: str) -> None:
        program = [*self._micropython, "-X", f"heapsize={heap}", str(_PROGRAM), *options]
        path = {"env": {**os.environ, "MICROPYPATH": str(search_path(self._micropython))}}
        self._serve([*program, str(self._file("settings")), SERVER], GUARD_PORT, **path)
        self._report()

    def _serve(self, words: list[str], port: int, **options: dict[str, str]) -> None:
        process = self._servers.popen([*self._pinned, *words], log=f"log-{port}", **options)
        table = Path(f"/proc/{process.pid}/net/udp")
        wait_until(lambda: f":{port:04X} " in table.read_text(), 10, f"{words[0]} at port {port}")

    def _report(self) -> dict[str, int]:
        """Return a report of the guard, begun after this call."""
        log = self._file(f"log-{GUARD_PORT}")
        seen = log.read_text().count("\n")
        wait_until(lambda: log.read_text().count("\n") > seen + 1, 10, f"a report of the guard in {log}")
        return json.loads(log.read_text().splitlines()[seen + 1])

    def _file(self, name: str) -> Path:
        return self._servers.folder / name

    def _write_files(self) -> None:
        listed = [f"site{number}.blocked.example" for number in range(LISTED)]
        settings = {"lan": ["eth0"], "guard_port": GUARD_PORT, "guard_upstreams": [UPSTREAM], "guard_block": listed}
        self._file("unbound.conf").write_text(_UNBOUND)
        self._file("dnsmasq.conf").write_text(_DNSMASQ + "".join(f"local=/{name}/\n" for name in listed))
        self._file("settings").write_text(json.dumps(settings))
        self._file("blocked").write_text("".join(f"{name} A\n" for name in listed))
        self._file("passed").write_text("".join(f"host{number}.passed.example A\n" for number in range(NAMES)))


def main() -> int:
    """Measure these alone and show them; return 1 when something that should have worked did not."""
    import bench

    results, not_run = bench.measure(MEASUREMENTS)
    bench.show(results, not_run)
    return int(any(isinstance(reason, Broken) for reason in not_run.values()))


if __name__ == "__main__":
    sys.exit(main())
