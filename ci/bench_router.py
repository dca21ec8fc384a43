"""Measure the router: what forwarding costs, what the gateway sees of it, and how soon it has its way.

Each measurement builds a home of network namespaces: a device, a router with address translation, and an internet that
drops what it is sent.  The gateway is the firmware in MicroPython with 512 KB of heap.  What is offered comes from
flood.py on a core of its own; both go before all else on the machine, which is shared with others.
Alone: `python ci/bench_router.py [KEY ...]`.
"""

import statistics
import sys
from collections.abc import Callable

from bench_home import home
from measurement import RUNS, Broken

RATES = (40000, 35000, 30000, 25000, 20000, 15000, 10000)
FLOODS = 24
CHANGES = 300  # of state
PACKETS = 5000


def forward_small_ratio() -> float:
    """Small packets forwarded with Spamgate, by those without: sent, routed and received on one core, by CPU time."""
    with home() as built:
        sender = built.flood("small")
        return built.compare(lambda: _steady([built.small_pps(sender) for _ in range(FLOODS)]), 2 * RUNS + 1)


def _steady(values: list[float]) -> float:
    """Return the upper quartile, but for the beginning: after a pause a core is faster for a while.

    Whoever else uses the processor makes some of the values a third lower.
    """
    return statistics.quantiles(values[len(values) // 3 :], n=4)[2]


def forward_iperf_ratio() -> float:
    """Throughput of one TCP connection (iperf3) with Spamgate, by that without."""
    with home("iperf3") as built:
        built.serve_iperf()
        return built.compare(built.throughput)


def observe_pps() -> float:
    """Packets a second seen without losing one: DNS queries, and one in ten a segment of mail to port 25."""
    with home() as built, built.gateway():
        sender = built.flood("mix")
        for rate in RATES:
            if statistics.median(built.lost(sender, rate) for _ in range(RUNS)) == 0:
                return rate
    return 0


def set_change_us() -> float:
    """Microseconds until the kernel treats a device by its new state: what leads its mail, and what ends its flows."""
    with home() as built:
        said = built.in_micropython("bench_sets.py", CHANGES // 3)
        if said["failures"]:
            raise Broken(f"the kernel refused {said['failures']} changes")
        return statistics.median(said["taken_us"])


def packet_to_enforced_ms() -> float:
    """Milliseconds from the SYN that brings the verdict to the first SYN refused; a bot sends one each 0.2 ms."""
    return round(statistics.median(_reaction_ms() for _ in range(2 * RUNS + 1)), 1)


def _reaction_ms() -> float:
    """Let one bot in; in a home where three were found, newcomers are refused from the outset."""
    with home() as built:
        built.serve_mail()
        with built.gateway(normal_burst=1000, normal_per_minute=10000):  # nobody is refused for his pace
            return built.reaction_ms()


def heap_bytes_per_packet() -> float:
    """Bytes of heap allocated for a packet observed, receiving included."""
    with home() as built:
        return round(statistics.median(allocated / packets for packets, allocated in built.observed(PACKETS)), 3)


MEASUREMENTS: dict[str, Callable[[], float]] = {
    "forward_small_ratio": forward_small_ratio,
    "forward_iperf_ratio": forward_iperf_ratio,
    "observe_pps": observe_pps,
    "set_change_us": set_change_us,
    "packet_to_enforced_ms": packet_to_enforced_ms,
    "heap_bytes_per_packet": heap_bytes_per_packet,
}


def main(keys: list[str]) -> int:
    """Measure these alone, or those named, and show them; return 1 when something that should have worked did not."""
    import bench

    unknown = [key for key in keys if key not in MEASUREMENTS]
    if unknown:
        print(f"{', '.join(unknown)}: not measured here; known are {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    results, not_run = bench.measure({key: MEASUREMENTS[key] for key in keys or MEASUREMENTS})
    bench.show(results, not_run)
    return int(any(isinstance(reason, Broken) for reason in not_run.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
