"""Measure what the mail gate costs a router of lwIP: packets forwarded with it and without, in turn, in one run.

A device sends to the internet by one TCP connection (iperf3); MicroPython with lwIP routes.  What is compared is the
processor time of that program, of which nobody else can take a part.  Alone: `python ci/bench_mailgate.py`.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measurement import RUNS, Broken, NotRun

from spamgate_tools.errors import UserError
from spamgate_tools.lab.host import needed
from spamgate_tools.lab.lwip_program import find_lwip_micropython
from spamgate_tools.lab.network import LAN, NEXT_HOPS, WAN, WAN_ADDRESSES, Network, lan_addresses
from spamgate_tools.lab.rootless import settle

_PORT = 5203
_SECONDS = 1
_ROUTER = Path(__file__).with_name("bench_lwip_router.py")
_HOPS = [hop.partition("/")[0] for hop in NEXT_HOPS]


class Router:
    """The router's program at work."""

    def __init__(self, net: Network) -> None:
        words = ["lan", LAN, *lan_addresses(LAN), "wan", WAN, *WAN_ADDRESSES, "via", *_HOPS]
        pipe = subprocess.PIPE
        command = [*find_lwip_micropython(), str(_ROUTER), *words]
        self._process = net.router.popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)
        self._hear("ready")

    def switch(self, is_on: bool) -> tuple[int, float]:
        """Switch the gate; return packets forwarded so far, and the processor's seconds."""
        assert self._process.stdin
        self._process.stdin.write("on\n" if is_on else "off\n")
        self._process.stdin.flush()
        forwarded = int(self._hear())
        return forwarded, self._cpu_s()

    def _hear(self, wanted: str = "") -> str:
        assert self._process.stdout
        line = self._process.stdout.readline().strip()
        if not line or wanted not in line:
            raise Broken(f"bench_lwip_router.py said: {line or 'nothing'}")
        return line

    def _cpu_s(self) -> float:
        threads = Path(f"/proc/{self._process.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


@contextmanager
def _home() -> Iterator[Network]:
    if os.geteuid():
        raise NotRun("needs root, for network namespaces")
    try:
        needed("iperf3", "taskset")
        find_lwip_micropython()
        settle()
        net = Network("gate", kernel_routes=False)
    except UserError as missing:
        raise NotRun(str(missing)) from None
    try:
        with net:
            net.host("device")
            net.internet.serve(["iperf3", "-s", "-p", str(_PORT)], "iperf3.log", _PORT, "tcp")
            yield net
    except (UserError, subprocess.SubprocessError) as wrong:
        raise Broken(str(wrong)) from None


def _pace(net: Network, router: Router, is_on: bool) -> float:
    """Return packets forwarded for a second of the router's processor."""
    before, began_s = router.switch(is_on)
    net.hosts["device"].run(["iperf3", "-J", "-t", str(_SECONDS), "-p", str(_PORT), "-c", _HOPS[0]])
    after, ended_s = router.switch(is_on)
    if after - before < 1000:
        raise Broken(f"{after - before} packets were forwarded")
    return (after - before) / (ended_s - began_s)


def mailgate_forward_ratio() -> float:
    """Packets that lwIP forwards with the mail gate, by those without: one TCP connection, by the router's CPU time."""
    with _home() as net:
        router = Router(net)
        _pace(net, router, True)
        ratios = [_pace(net, router, True) / _pace(net, router, False) for _ in range(2 * RUNS + 1)]
    return round(statistics.median(ratios), 3)


def main() -> int:
    """Measure this alone, and show it."""
    import bench

    results, not_run = bench.measure({"mailgate_forward_ratio": mailgate_forward_ratio})
    bench.show(results, not_run)
    return int(any(isinstance(reason, Broken) for reason in not_run.values()))


if __name__ == "__main__":
    sys.exit(main())
