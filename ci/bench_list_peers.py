"""What dnsmasq, unbound and our guard need to block the million names of bench_list.py, one after the other.

Each serves in a namespace on one core, and dnsperf asks it for listed names from another.  Memory a name is what the
process has with the names less what it has with one, by their number; the start ends with the first right answer.
"""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

from bench_list import NAMES, ROOT, built, names_file
from measurement import Broken, NotRun

from spamgate_tools.compiled import search_path
from spamgate_tools.errors import UserError
from spamgate_tools.lab.host import Host, needed
from spamgate_tools.lab.leftovers import Run, sweep
from spamgate_tools.runtime import find_micropython

_GUARD = ROOT / "tests" / "programs" / "guard.py"
_ADDRESS = "127.0.0.1"
_PORT = 5300
_GUARD_HEAP = "512k"
_SECONDS = 3
_ASKED = 20_000
_OUTSTANDING = 64
_PATIENCE_S = 300
_ONE = "one.listed.example"
_DNSMASQ = f"port={_PORT}\nlisten-address={_ADDRESS}\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\npid-file=\n"
_UNBOUND = f"""server:
  interface: {_ADDRESS}@{_PORT}
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  num-threads: 1
  module-config: "iterator"
  root-hints: ""
remote-control:
  control-enable: no
"""


class Need(NamedTuple):
    """What a server needs for the names."""

    bytes_per_name: float
    start_s: float
    answers_per_s: float


class Bench:
    """A namespace for the servers, and what asks them."""

    def __init__(self, run: Run, cores: list[int]) -> None:
        self._host = Host("servers", f"{run.name}-servers", run.folder / "servers")
        self._pinned = ["taskset", "-c", str(cores[0])]
        self._asking = ["taskset", "-c", str(cores[-1])]
        names = names_file().read_text().split("\n")[:-1]
        self._file("queries").write_text("".join(f"{name} A\n" for name in names[:: NAMES // _ASKED]))
        for number, listed in (("one", [_ONE]), ("all", [_ONE, *names])):
            self._file(f"dnsmasq.{number}").write_text(_DNSMASQ + "".join(f"local=/{name}/\n" for name in listed))
            zones = "".join(f'  local-zone: "{name}." always_nxdomain\n' for name in listed)
            self._file(f"unbound.{number}").write_text(_UNBOUND.replace("remote-control", zones + "remote-control"))
        settings = {"lan": ["lo"], "guard_port": _PORT, "guard_upstreams": ["127.0.0.53"], "guard_block": [_ONE]}
        self._file("settings").write_text(json.dumps(settings))

    def dnsmasq(self) -> Need:
        return self._need(*(["dnsmasq", "-k", f"--conf-file={self._file(f'dnsmasq.{how}')}"] for how in ("one", "all")))

    def unbound(self) -> Need:
        return self._need(*(["unbound", "-d", "-c", str(self._file(f"unbound.{how}"))] for how in ("one", "all")))

    def guard(self) -> Need:
        micropython = find_micropython()
        program = ["env", f"MICROPYPATH={search_path(micropython)}", *micropython, "-X", f"heapsize={_GUARD_HEAP}"]
        words = [str(self._file("settings")), _ADDRESS]
        return self._need(
            [*program, str(_GUARD), *words], [*program, str(_GUARD), "--list", str(built("exact").path), *words]
        )

    def _need(self, with_one: list[str], with_all: list[str]) -> Need:
        with self._served(with_one) as (pid, _):
            least = _resident_bytes(pid)
        with self._served(with_all) as (pid, start_s):
            rate = self._rate()
            return Need((_resident_bytes(pid) - least) / NAMES, start_s, rate)

    @contextmanager
    def _served(self, words: list[str]) -> Iterator[tuple[int, float]]:
        """Yield process and seconds of the start of a server that answers."""
        start = time.monotonic()
        process = self._host.popen([*self._pinned, *words], log="log")
        try:
            while "NXDOMAIN" not in self._ask():
                if process.poll() is not None or time.monotonic() - start > _PATIENCE_S:
                    raise Broken(f"{words[0]} does not answer: {self._host.last_words('log')}")
            yield process.pid, time.monotonic() - start
        finally:
            process.kill()
            process.wait()

    def _ask(self) -> str:
        words = ["dig", f"@{_ADDRESS}", "-p", str(_PORT), "+tries=1", "+time=1", _ONE]
        return str(self._host.run(words, check=False).stdout)

    def _rate(self) -> float:
        words = [*self._asking, "dnsperf", "-s", _ADDRESS, "-p", str(_PORT), "-d", str(self._file("queries"))]
        said = str(self._host.run([*words, "-q", str(_OUTSTANDING), "-l", str(_SECONDS)]).stdout)
        rate = re.search(r"Queries per second:\s+([\d.]+)", said)
        right = re.search(r"NXDOMAIN \d+ \(([\d.]+)%\)", said)
        if not rate or not right or float(right[1]) < 99.9:
            raise Broken(f"a server does not block all: {said[-300:]}")
        return float(rate[1])

    def _file(self, name: str) -> Path:
        return self._host.folder / name


def _resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]


@contextmanager
def _bench(*programs: str) -> Iterator[Bench]:
    cores = sorted(os.sched_getaffinity(0))
    try:
        needed("ip", "taskset", "dnsperf", "dig", *programs)
        sweep()
        run = Run("bench-list")
    except UserError as missing:
        raise NotRun(str(missing)) from None
    try:
        yield Bench(run, cores)
    except UserError as wrong:
        raise Broken(str(wrong)) from None
    finally:
        run.remove()


@cache
def need_of(name: str) -> Need:
    """Return what this server needs: dnsmasq, unbound or guard."""
    with _bench(*([] if name == "guard" else [name])) as bench:
        need: Need = getattr(bench, name)()
        return need


def dnsmasq_bytes_per_name() -> float:
    """Bytes of memory that dnsmasq takes for a name of the same list, in the same run."""
    return round(need_of("dnsmasq").bytes_per_name, 1)


def tell() -> None:
    """Print what each needs."""
    for name in ("dnsmasq", "unbound", "guard"):
        try:
            it = need_of(name)
        except NotRun as reason:
            print(f"  {name}: not run ({reason})")
            continue
        memory = f"{it.bytes_per_name:.2f} bytes of memory a name"
        print(f"  {name}: {memory}, starts in {it.start_s:.2f} s, {it.answers_per_s:,.0f} blocked answers a second")
