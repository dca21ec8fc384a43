"""Measure lists of a million names: what a name takes, how fast it is found, how a list is built and changed.

The names are made up from a seed; `spamgate blocklist build` makes the lists of them, once for all measurements here,
and MicroPython looks them up in a heap of 128 KB.  `beside()` prints what else was seen in the same run, and what
dnsmasq and unbound need for the same names (bench_list_peers.py).
"""

import json
import math
import os
import random
import statistics
import string
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from measurement import RUNS, Broken, NotRun

from spamgate.wire.list_delta_writer import make_delta
from spamgate.wire.list_manifest import DELTA_HEAD_BYTES, HEAD_BYTES
from spamgate_tools.compiled import search_path
from spamgate_tools.errors import UserError
from spamgate_tools.runtime import find_micropython

ROOT = Path(__file__).resolve().parents[1]
NAMES = 1_000_000
_FOLDER = ROOT / "build" / "bench-list"
_LOOKUPS = ROOT / "ci" / "list_lookups.py"
_MICROPYTHON_32 = ROOT / "build" / "micropython-unix32" / "micropython"
_SPAMGATE = Path(sys.executable).with_name("spamgate")
_HEAP = "128k"
_SEED = 5
_CHANGED = 5_000
_PROBES = 10_000_000
_COMPACT_PROBES = 1_000_000
_SAMPLE_S = 0.05
_MB = 1 << 20
_TLDS = ("com", "net", "org", "info", "xyz", "top", "ru", "de", "co.uk", "example")


class Built:
    """A list that the command has made, and what that took."""

    def __init__(self, names: Path, how: str) -> None:
        self.path = names.with_suffix(f".{how}.sgb")
        words = [str(_SPAMGATE), "blocklist", "build", str(names), "--class", how, "-o", str(self.path), "--json"]
        start = time.monotonic()
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process, ThreadPoolExecutor() as pool:
            peak = pool.submit(_peak_bytes, process)
            said = process.communicate()[0]
            self.peak_bytes = peak.result()
        self.seconds = time.monotonic() - start
        if process.returncode:
            raise Broken(f"`{' '.join(words)}` failed")
        self.told = json.loads(said.splitlines()[-1])

    @property
    def bytes_per_name(self) -> float:
        """Bytes of the file, its head included, by names."""
        return round(self.path.stat().st_size / NAMES, 4)


def _peak_bytes(process: subprocess.Popen) -> int:
    """Return the most memory that the process and its helpers had at once."""
    peak = 0
    words = ["ps", "-o", "rss=", "--pid", str(process.pid), "--ppid", str(process.pid)]
    while process.poll() is None:
        tree = subprocess.run(words, capture_output=True, check=False)
        peak = max(peak, 1024 * sum(map(int, tree.stdout.split())))
        time.sleep(_SAMPLE_S)
    return peak


@cache
def names_file(changed: int = 0) -> Path:
    """Return a file of a million names; so many of them are others than those of the first."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    path = _FOLDER / f"names-{changed}"
    made = random.Random(_SEED)
    found: dict[str, None] = {}
    while len(found) < NAMES + changed:
        label = "".join(made.choices(string.ascii_lowercase + string.digits, k=made.randint(6, 14)))
        below = made.choice(("", "", f"{label[:4]}."))
        found[f"{below}{label}.{made.choice(_TLDS)}"] = None
    path.write_text("\n".join(list(found)[changed:]) + "\n")
    return path


@cache
def built(how: str, changed: int = 0) -> Built:
    """Return the list of these names in this class."""
    return Built(names_file(changed), how)


# --- the measurements --------------------------------------------------------------------------


def list_exact_bytes_per_name() -> float:
    """Bytes a name of a file with a million, where one in a million others is taken for listed."""
    return built("exact").bytes_per_name


def list_compact_bytes_per_name() -> float:
    """The same where one in two thousand others is."""
    return built("compact").bytes_per_name


def list_lookups_per_s() -> float:
    """Names looked for a second of processor time, with two reads from the file each, in a heap of 128 KB."""
    return statistics.median(rates()["two_labels"] for _ in range(RUNS))


def list_build_s() -> float:
    """Seconds that `spamgate blocklist build` takes for a million names."""
    return round(built("exact").seconds, 1)


def list_device_ram_bytes() -> float:
    """Bytes of heap that an open list of a million names takes on a 32-bit build."""
    if not _MICROPYTHON_32.exists():
        raise NotRun("no 32-bit MicroPython, which ci/micropython.sh unix32 builds")
    return on_device("ram", built("exact").path, micropython=[str(_MICROPYTHON_32)])["bytes"]


def delta_bytes_1pct() -> float:
    """Bytes of the delta for 5,000 names that come and 5,000 that go, of a million; merged in MicroPython."""
    return merged(_CHANGED)["bytes"]


MEASUREMENTS: dict[str, Callable[[], float]] = {
    "list_exact_bytes_per_name": list_exact_bytes_per_name,
    "list_compact_bytes_per_name": list_compact_bytes_per_name,
    "list_lookups_per_s": list_lookups_per_s,
    "list_build_s": list_build_s,
    "list_device_ram_bytes": list_device_ram_bytes,
    "delta_bytes_1pct": delta_bytes_1pct,
}


def rates() -> dict[str, float]:
    """Return look-ups a second, by what is looked for."""
    told = on_device("rate", built("exact").path, names_file())
    if told["allocated"]:
        raise Broken(f"looking up took {told['allocated']} bytes of heap")
    return told


@cache
def merged(changed: int) -> dict[str, float]:
    """Make the delta, merge it on the device, compare; return its bytes and what the merge took."""
    base, new = built("exact").path, built("exact", changed).path
    delta = make_delta(base.read_bytes()[HEAD_BYTES:], new.read_bytes()[HEAD_BYTES:])
    if delta is None:
        raise Broken("there is no delta between two lists of as many names")
    file, out = _FOLDER / "delta.sgd", _FOLDER / "merged"
    file.write_bytes(new.read_bytes()[:DELTA_HEAD_BYTES] + delta)
    told = on_device("merge", base, file, out)
    if out.read_bytes() != new.read_bytes()[HEAD_BYTES:]:
        raise Broken("what the device merged is not the list")
    return {**told, "bytes": file.stat().st_size}


def on_device(verb: str, *words: object, micropython: list[str] | None = None) -> dict[str, float]:
    """Return what the device's program says."""
    try:
        command = micropython or find_micropython()
        environment = {**os.environ, "MICROPYPATH": str(search_path(command))}
    except UserError as missing:
        raise NotRun(str(missing)) from None
    command = [*command, "-X", f"heapsize={_HEAP}", str(_LOOKUPS), verb, *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Broken(f"list_lookups.py {verb}: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout)


# --- what else was seen ------------------------------------------------------------------------


def false_hits(how: str, probes: int) -> str:
    """Look for names that no list has, on both cores, and return the rate with its interval of 95 %."""
    path, half = built(how).path, probes // 2
    with ThreadPoolExecutor() as pool:
        parts = list(pool.map(lambda seed: on_device("probe", path, half, seed), (1, 2)))
    count, hits = (sum(int(part[key]) for part in parts) for key in ("probes", "hits"))
    low, high = interval(hits)
    design = 2.0**-20 if how == "exact" else 2.0**-11
    verdict = "as designed" if low / count <= design else "WORSE THAN DESIGNED"
    found = f"{hits} of {count:,} (2^{math.log2(max(hits, 1) / count):.2f})"
    return f"{found}, 95 % within {low / count:.2e} and {high / count:.2e}, designed {design:.2e}: {verdict}"


def interval(hits: int) -> tuple[float, float]:
    """Return the 95 % interval of a Poisson mean of which so many were seen (Wilson and Hilferty's approximation)."""
    low = hits * (1 - 1 / (9 * hits) - 1.96 / (3 * math.sqrt(hits))) ** 3 if hits else 0.0
    above = hits + 1
    return low, above * (1 - 1 / (9 * above) + 1.96 / (3 * math.sqrt(above))) ** 3


def beside() -> None:
    """Print what has no key of its own."""
    exact = built("exact")
    missed = on_device("all", exact.path, names_file())
    speeds, small, large = rates(), merged(_CHANGED), merged(2 * _CHANGED)
    print(f"list of {NAMES:,} names: {int(missed['names']):,} looked for on the device, {int(missed['missed'])} missed")
    print(f"  built in {exact.seconds:.1f} s and {exact.peak_bytes / _MB:.0f} MB")
    print(f"  taken for listed, exact: {false_hits('exact', _PROBES)}")
    print(f"  taken for listed, compact: {false_hits('compact', _COMPACT_PROBES)}")
    print(f"  look-ups a second: {speeds['listed']:,} of listed names, {speeds['below']:,} of names below them")
    for count, told in ((_CHANGED, small), (2 * _CHANGED, large)):
        print(f"  delta of {count:,} and {count:,}: {told['bytes']:,} bytes, merged in {told['seconds']:.2f} s")
    from bench_list_peers import tell

    tell()


def main() -> int:
    """Measure these alone and show them; return 1 when something that should have worked did not."""
    import bench

    results, not_run = bench.measure(MEASUREMENTS)
    bench.show(results, not_run)
    beside()
    return int(any(isinstance(reason, Broken) for reason in not_run.values()))


if __name__ == "__main__":
    sys.exit(main())
