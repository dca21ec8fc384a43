"""Measure the link over a simulated serial line: how much of the line's rate is content, and how mpremote compares.

Both put the same incompressible file on the same simulated line, whose far end has a ring of 260 bytes that drops what
does not fit, as a stock ESP32's UART; the board is MicroPython in a process.  What is measured is all of a transfer:
asking, sending, checking, the answer.  Line, board and host run before other programs where that is allowed: a real
line does not wait for them.
"""

import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from measurement import RUNS, Broken, NotRun

from spamgate_tools.errors import UserError
from spamgate_tools.link.client import Client
from spamgate_tools.link.transports import SerialTransport
from spamgate_tools.runtime import find_micropython

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from simulated_line import link_board, simulated_line  # noqa: E402  (tests/ is not installed)

_RING = 260
_UART_WINDOW = 250
_USB_WINDOW = 1024
_BITS = 10
_SLOW = 115200
_FAST = 921600
_SLOW_BYTES = 32_000
_FAST_BYTES = 160_000
_MPREMOTE = Path(sys.executable).with_name("mpremote")
_PROMPT_S = 0.5
_PATIENCE_S = 120


def link_efficiency_115200() -> float:
    """Content by line rate of a file put over the link at 115200 baud, to a ring of 260 bytes that drops."""
    return _median(lambda: _efficiency(_SLOW, _SLOW_BYTES, _UART_WINDOW, ring=_RING))


def link_efficiency_921600() -> float:
    """The same at 921600 baud, with 2 ms there and back."""
    return _median(lambda: _efficiency(_FAST, _FAST_BYTES, _UART_WINDOW, ring=_RING, round_trip_ms=2))


def link_efficiency_flow_controlled() -> float:
    """The same at 921600 baud on a line that holds the host back when the ring is full, as USB and TCP do."""
    return _median(lambda: _efficiency(_FAST, _FAST_BYTES, _USB_WINDOW, ring=_RING, flow_control=True))


def link_vs_mpremote() -> float:
    """Rate of the link by that of `mpremote fs cp`: the same file and line, 115200 baud, a ring that drops."""
    return _median(lambda: _mpremote_s(_SLOW_BYTES) / _put_s(_SLOW, _SLOW_BYTES, _UART_WINDOW, ring=_RING))


MEASUREMENTS: dict[str, Callable[[], float]] = {
    "link_efficiency_115200": link_efficiency_115200,
    "link_efficiency_921600": link_efficiency_921600,
    "link_efficiency_flow_controlled": link_efficiency_flow_controlled,
    "link_vs_mpremote": link_vs_mpremote,
}


def _median(measure: Callable[[], float]) -> float:
    try:
        with _undisturbed():
            return round(statistics.median(measure() for _ in range(RUNS)), 3)
    except UserError as wrong:
        raise Broken(str(wrong)) from None


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Run before other programs, with what is started from here."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        pass
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _efficiency(baud: int, size: int, window: int, **line: float | bool) -> float:
    return size / _put_s(baud, size, window, **line) / (baud / _BITS)


def _put_s(baud: int, size: int, window: int, **options: float | bool) -> float:
    """Return the seconds that putting a file takes."""
    _needs_micropython()
    with tempfile.TemporaryDirectory() as scratch, simulated_line(baud=baud, **options) as line:
        source, folder = _file(scratch, size)
        with link_board(line.board, folder, str(window)), Client(SerialTransport(line.host, baud)) as client:
            began = time.perf_counter()
            client.put(source, "put.bin")
            took_s = time.perf_counter() - began
        _check(source, folder / "put.bin")
    return took_s


def _mpremote_s(size: int) -> float:
    """Return the seconds that mpremote takes, less those that it takes for nothing."""
    micropython = _needs_micropython()
    with tempfile.TemporaryDirectory() as scratch, simulated_line(baud=_SLOW, ring=_RING) as line:
        source, folder = _file(scratch, size)
        with open(line.board, "r+b", buffering=0) as terminal:
            command = [*micropython, "-X", "heapsize=150k"]
            prompt = subprocess.Popen(
                command, stdin=terminal, stdout=terminal, stderr=terminal, cwd=folder, start_new_session=True
            )
        try:
            time.sleep(_PROMPT_S)
            nothing_s = _run([str(_MPREMOTE), "connect", line.host, "resume", "exec", "1"])
            took_s = _run([str(_MPREMOTE), "connect", line.host, "resume", "fs", "cp", str(source), ":put.bin"])
        finally:
            prompt.kill()
            prompt.wait()
        _check(source, folder / "put.bin")
    return took_s - nothing_s


def _run(command: list[str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    if done.returncode:
        raise Broken(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout).strip()[-300:]}")
    return time.perf_counter() - began


def _file(scratch: str, size: int) -> tuple[Path, Path]:
    source, folder = Path(scratch) / "source", Path(scratch) / "board"
    source.write_bytes(secrets.token_bytes(size))
    folder.mkdir()
    return source, folder


def _check(source: Path, put: Path) -> None:
    if not put.exists() or put.read_bytes() != source.read_bytes():
        raise Broken(f"{put.name} did not arrive whole")


def _needs_micropython() -> list[str]:
    try:
        return find_micropython()
    except UserError as missing:
        raise NotRun(str(missing)) from None


def main() -> int:
    """Measure these alone and show them; return 1 when something that should have worked did not."""
    import bench

    bench.MEASUREMENTS = MEASUREMENTS
    results, not_run = bench.measure(MEASUREMENTS)
    bench.show(results, not_run)
    return int(any(isinstance(reason, Broken) for reason in not_run.values()))


if __name__ == "__main__":
    sys.exit(main())
