"""Measure what the project promises in numbers: print a table and write build/bench.json.

The keys are fixed. A measurement that cannot be made here is left out, with the reason under
"not_run". One function a key; each returns a number, or raises NotRun (it does not apply here) or
Broken (it should have worked: the bench goes on and ends with exit 1).
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bench_engine
import bench_guard
import bench_link
import bench_list
import bench_list_peers
import bench_mailgate
import bench_router
from measurement import RUNS, Broken, NotRun
from rich.console import Console
from rich.table import Table

from spamgate_tools.errors import UserError
from spamgate_tools.replay import program

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from shared_data import shared_data  # noqa: E402  (tests/ is not installed)

_OUT = ROOT / "build" / "bench.json"
_HEAP_KB = 256  # the smallest the program is made for
_SPAMBOT = Path("pcap_spambot") / "spambot_2010-11-18_part1.pcap"


# --- replay ------------------------------------------------------------------------------------


def replay_pps() -> float:
    """Packets a second of the replay program in MicroPython, in the smallest heap it is made for."""
    try:
        command, environment = program("micropython", _HEAP_KB)
    except UserError as missing:
        raise NotRun(str(missing)) from None
    command += ["--stats", str(_capture())]
    return statistics.median(_replayed_pps(command, environment) for _ in range(RUNS))


def _replayed_pps(command: list[str], environment: dict[str, str]) -> int:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Broken(done.stderr.strip().splitlines()[-1])
    stats = json.loads(done.stderr.splitlines()[-1])
    return round(stats["packets"] * 1000000 / stats["elapsed_us"])


def _capture() -> Path:
    """Return the real spambot where it is at hand, else the home made from a seed."""
    data = shared_data()
    if data and (data / _SPAMBOT).exists():
        return data / _SPAMBOT
    made = ROOT / "build" / "home.pcap"
    _run(["make", "--silent", "-C", ROOT, made.relative_to(ROOT)])
    return made


MEASUREMENTS: dict[str, Callable[[], float]] = {
    "replay_pps": replay_pps,
    "forward_small_ratio": bench_router.forward_small_ratio,
    "forward_iperf_ratio": bench_router.forward_iperf_ratio,
    "observe_pps": bench_router.observe_pps,
    "set_change_us": bench_router.set_change_us,
    "packet_to_enforced_ms": bench_router.packet_to_enforced_ms,
    "mailgate_forward_ratio": bench_mailgate.mailgate_forward_ratio,
    "dns_blocked_vs_dnsmasq": bench_guard.dns_blocked_vs_dnsmasq,
    "dns_forwarded_vs_dnsmasq": bench_guard.dns_forwarded_vs_dnsmasq,
    "heap_bytes_per_packet": bench_router.heap_bytes_per_packet,
    "heap_bytes_per_query": bench_guard.heap_bytes_per_query,
    "list_exact_bytes_per_name": bench_list.list_exact_bytes_per_name,
    "list_compact_bytes_per_name": bench_list.list_compact_bytes_per_name,
    "list_lookups_per_s": bench_list.list_lookups_per_s,
    "list_build_s": bench_list.list_build_s,
    "list_device_ram_bytes": bench_list.list_device_ram_bytes,
    "dnsmasq_bytes_per_name": bench_list_peers.dnsmasq_bytes_per_name,
    "delta_bytes_1pct": bench_list.delta_bytes_1pct,
    "link_efficiency_115200": bench_link.link_efficiency_115200,
    "link_efficiency_921600": bench_link.link_efficiency_921600,
    "link_vs_mpremote": bench_link.link_vs_mpremote,
    "engine_event_us_1": bench_engine.engine_event_us_1,
    "engine_event_us_10": bench_engine.engine_event_us_10,
    "engine_event_us_100": bench_engine.engine_event_us_100,
    "engine_event_us_1000": bench_engine.engine_event_us_1000,
    "engine_bytes_per_device": bench_engine.engine_bytes_per_device,
}


# --- running and reporting ---------------------------------------------------------------------


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Broken(f"`{' '.join(map(str, command))}` failed: {done.stderr.strip()[-300:]}")


def measure(measurements: dict[str, Callable[[], float]]) -> tuple[dict[str, float], dict[str, NotRun]]:
    """Return the results by key, and the reason for each that is missing."""
    results: dict[str, float] = {}
    not_run: dict[str, NotRun] = {}
    for key, function in measurements.items():
        try:
            results[key] = function()
        except NotRun as reason:
            not_run[key] = reason
    return results, not_run


def show(results: dict[str, float], not_run: dict[str, NotRun]) -> None:
    """Print what was measured, then why the rest was not."""
    table = Table("measurement", "value", "what it is", title=f"median of {RUNS} runs")
    for key, value in results.items():
        table.add_row(key, f"{value:,}", (MEASUREMENTS[key].__doc__ or "").rstrip("."))
    console = Console()
    console.print(table)
    for reason in dict.fromkeys(map(str, not_run.values())):
        keys = [key for key, why in not_run.items() if str(why) == reason]
        console.print(f"not run ({reason}): {', '.join(keys)}", highlight=False, markup=False)


def _tell_of(subject: str, key: str, tell: Callable[[], None], not_run: dict[str, NotRun]) -> None:
    """Print what was seen besides, where what `key` stands for could be measured."""
    if key in not_run:
        return
    try:
        tell()
    except NotRun as reason:
        not_run[subject] = reason


def main() -> int:
    """Measure all, write and show; return 1 when something that should have worked did not."""
    _OUT.parent.mkdir(exist_ok=True)
    results, not_run = measure(MEASUREMENTS)
    reasons = {key: str(reason) for key, reason in not_run.items()}
    _OUT.write_text(json.dumps({**results, "not_run": reasons}, indent=2) + "\n")
    show(results, not_run)
    _tell_of("lists", "list_lookups_per_s", bench_list.beside, not_run)
    _tell_of("engine", "engine_event_us_1", bench_engine.beside, not_run)
    print(f"written to {_OUT.relative_to(ROOT)}")
    return int(any(isinstance(reason, Broken) for reason in not_run.values()))


if __name__ == "__main__":
    sys.exit(main())
