"""Measure the engine alone, for 1 to 1,000 devices: CPU time for a fact, bytes for a device, and what is not flat.

The numbers of the report are those of MicroPython in a heap of 4 MB, where a thousand devices have room; `beside()`
prints them for all interpreters at hand.
"""

import json
import os
import statistics
import subprocess
import sys
from functools import cache
from pathlib import Path

from measurement import RUNS, Broken, NotRun
from rich.console import Console
from rich.table import Table

from spamgate_tools.compiled import search_path
from spamgate_tools.errors import UserError
from spamgate_tools.runtime import find_micropython

ROOT = Path(__file__).resolve().parents[1]
DEVICES = (1, 10, 100, 1000)
_PACE = ROOT / "ci" / "engine_pace.py"
_MICROPYTHON_32 = ROOT / "build" / "micropython-unix32" / "micropython"
_HEAP = "4m"
_FACTS = 200_000
_MICROPYTHON = "MicroPython"


def engine_event_us_1() -> float:
    """CPU time in microseconds that the engine takes for a fact, with one device, in MicroPython."""
    return paces(_MICROPYTHON, 1)["fact_us"]


def engine_event_us_10() -> float:
    """The same with 10 devices."""
    return paces(_MICROPYTHON, 10)["fact_us"]


def engine_event_us_100() -> float:
    """The same with 100 devices."""
    return paces(_MICROPYTHON, 100)["fact_us"]


def engine_event_us_1000() -> float:
    """The same with 1,000 devices."""
    return paces(_MICROPYTHON, 1000)["fact_us"]


def engine_bytes_per_device() -> float:
    """Bytes that the engine's tables take for one more device, in MicroPython on 64 bit."""
    return _bytes_per_device(_MICROPYTHON)


def _bytes_per_device(interpreter: str) -> int:
    first, last = DEVICES[0], DEVICES[-1]
    return round((paces(interpreter, last)["bytes"] - paces(interpreter, first)["bytes"]) / (last - first))


@cache
def paces(interpreter: str, devices: int) -> dict[str, float]:
    """Return the median of each of the program's numbers."""
    command = _interpreters().get(interpreter)
    if not command:
        raise NotRun(f"no {interpreter} at hand")
    rows = [_run([*command, str(_PACE), str(devices), str(_FACTS)]) for _ in range(RUNS)]
    return {key: round(statistics.median(row[key] for row in rows), 2) for key in rows[0]}


@cache
def _interpreters() -> dict[str, list[str]]:
    """Return the commands of the interpreters there are, by name."""
    found = {"CPython": [sys.executable]}
    try:
        found[_MICROPYTHON] = [*find_micropython(), "-X", f"heapsize={_HEAP}"]
    except UserError:
        pass
    if _MICROPYTHON_32.exists():
        found["MicroPython, 32 bit"] = [str(_MICROPYTHON_32), "-X", f"heapsize={_HEAP}"]
    return found


def _run(command: list[str]) -> dict[str, float]:
    environment = dict(os.environ)
    if command[0] != sys.executable:
        environment["MICROPYPATH"] = str(search_path(command[:1]))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Broken((done.stderr.strip().splitlines() or ["engine_pace.py failed"])[-1])
    return json.loads(done.stdout)


def beside() -> None:
    """Print what was measured for each interpreter."""
    title = f"the engine by devices: microseconds of CPU time, median of {RUNS} runs"
    columns = ("", "devices", "a fact", "a suspect's question", "longest at()", "newcomer, full", "KB", "bytes/device")
    table = Table(*columns, title=title)
    for interpreter in _interpreters():
        for devices in DEVICES:
            row = paces(interpreter, devices)
            numbers = [row[key] for key in ("fact_us", "evidence_us", "longest_at_us", "newcomer_us")]
            each = str(_bytes_per_device(interpreter)) if devices == DEVICES[-1] else ""
            table.add_row(interpreter, f"{devices:,}", *map(str, numbers), f"{row['bytes'] / 1024:,.0f}", each)
    Console(width=120).print(table)


if __name__ == "__main__":
    beside()
