"""Measure what the project promises in numbers: print a table and write build/bench.json.

The keys are fixed. A measurement that cannot be made here is left out, with the reason under
"not_run". One function a key; each returns a number, or raises NotRun (it does not apply here) or
Broken (it should have worked: the bench goes on and ends with exit 1).
"""

import json
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from shared_data import shared_data  # noqa: E402  (tests/ is not installed)

RUNS = 5  # the median of these is reported: the machine's noise is about 15 %

_OUT = ROOT / "build" / "bench.json"
_SPAMGATE = Path(sys.executable).parent / "spamgate"
_SPAMBOT = Path("pcap_spambot") / "spambot_2010-11-18_part1.pcap"
_PCAP_HEAD_BYTES = 24
_LITTLE_ENDIAN = (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1")  # microseconds, nanoseconds


class NotRun(Exception):
    """A measurement that cannot be made on this machine or not yet; the text is the reason."""


class Broken(NotRun):
    """A measurement that should have worked; the text is what went wrong."""


# --- replay ------------------------------------------------------------------------------------


def replay_pps() -> float:
    """Packets a second of the whole replay program in MicroPython, its start-up not counted."""
    capture = _capture()
    empty = _empty_capture(capture)
    start_up_s = _median_s([_SPAMGATE, "replay", "--json", empty])
    whole_s = _median_s([_SPAMGATE, "replay", "--json", capture])
    return round(packets_in(capture.read_bytes()) / (whole_s - start_up_s))


def _capture() -> Path:
    """Return the real spambot where it is at hand, else the home made from a seed."""
    data = shared_data()
    if data and (data / _SPAMBOT).exists():
        return data / _SPAMBOT
    made = ROOT / "build" / "home.pcap"
    _run(["make", "--silent", "-C", ROOT, made.relative_to(ROOT)])
    return made


def _empty_capture(capture: Path) -> Path:
    """Write a capture without packets: what replaying it takes is start-up."""
    empty = ROOT / "build" / "empty.pcap"
    empty.write_bytes(capture.read_bytes()[:_PCAP_HEAD_BYTES])
    return empty


def packets_in(capture: bytes) -> int:
    """Return the number of records of a classic pcap file, read without our own readers."""
    record = struct.Struct(("<" if capture[:4] in _LITTLE_ENDIAN else ">") + "8xI4x")
    at, count = _PCAP_HEAD_BYTES, 0
    while at + record.size <= len(capture):
        at += record.size + record.unpack_from(capture, at)[0]
        count += 1
    return count


# --- what later issues measure -------------------------------------------------------------------


def _later() -> float:
    raise NotRun("comes with a later issue")


MEASUREMENTS: dict[str, Callable[[], float]] = {
    "replay_pps": replay_pps,
    "forward_small_ratio": _later,
    "forward_iperf_ratio": _later,
    "observe_pps": _later,
    "set_change_us": _later,
    "packet_to_enforced_ms": _later,
    "dns_blocked_vs_dnsmasq": _later,
    "dns_forwarded_vs_dnsmasq": _later,
    "heap_bytes_per_packet": _later,
    "heap_bytes_per_query": _later,
    "list_exact_bytes_per_name": _later,
    "list_compact_bytes_per_name": _later,
    "list_lookups_per_s": _later,
    "list_build_s": _later,
    "list_device_ram_bytes": _later,
    "dnsmasq_bytes_per_name": _later,
    "delta_bytes_1pct": _later,
    "link_efficiency_115200": _later,
    "link_efficiency_921600": _later,
    "link_vs_mpremote": _later,
}


# --- running and reporting ---------------------------------------------------------------------


def _median_s(command: list[str | Path]) -> float:
    return statistics.median(_seconds(command) for _ in range(RUNS))


def _seconds(command: list[str | Path]) -> float:
    start_s = time.perf_counter()
    _run(command)
    return time.perf_counter() - start_s


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


def main() -> int:
    """Measure all, write and show; return 1 when something that should have worked did not."""
    _OUT.parent.mkdir(exist_ok=True)
    results, not_run = measure(MEASUREMENTS)
    reasons = {key: str(reason) for key, reason in not_run.items()}
    _OUT.write_text(json.dumps({**results, "not_run": reasons}, indent=2) + "\n")
    show(results, not_run)
    print(f"written to {_OUT.relative_to(ROOT)}")
    return int(any(isinstance(reason, Broken) for reason in not_run.values()))


if __name__ == "__main__":
    sys.exit(main())
