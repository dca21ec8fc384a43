"""Run the firmware's replay program over captures, in MicroPython or CPython, and hand on what it writes.

Both runtimes run the same source, so their events are equal to the byte.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence

from spamgate_tools.compiled import SOURCE, search_path
from spamgate_tools.errors import UserError
from spamgate_tools.runtime import find_micropython

DEFAULT_HEAP_KB = 512  # what a router-class board can spare, on the 64-bit build
RUNTIMES = ("micropython", "cpython")

_PROGRAM = "spamgate.app.replay"

Progress = Callable[[int, int], None]


class Replay:
    """One run: iterate over `lines()` (bytes, with their line end), then call `finish()`."""

    def __init__(
        self,
        captures: Sequence[str],
        networks: Sequence[str] = (),
        runtime: str = RUNTIMES[0],
        heap_kb: int = DEFAULT_HEAP_KB,
        on_progress: Progress | None = None,
    ) -> None:
        self._heap_kb = heap_kb
        self._on_progress = on_progress
        self._complaints: list[str] = []
        command, environment = program(runtime, heap_kb)
        for network in networks:
            command += ["--lan", network]
        if on_progress:
            command.append("--progress")
        self._process = subprocess.Popen(
            [*command, *(_plain(capture) for capture in captures)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def lines(self) -> Iterator[bytes]:
        """Yield the events as they come, one JSON object a line."""
        assert self._process.stdout
        try:
            with self._process.stdout as stdout:
                yield from stdout
        except BaseException:  # stopped, or nobody listens any more
            self._process.kill()
            raise

    def finish(self) -> None:
        """Wait for the end; UserError says what went wrong, after all events before it were handed on."""
        code = self._process.wait()
        self._listener.join()
        if code == 0:
            return
        last = self._complaints[-1] if self._complaints else f"ended with exit code {code}"
        if last.startswith("error: "):
            raise UserError(last.removeprefix("error: "))
        if "MemoryError" in last:
            hint = "give it more with --heap-kb"
            raise UserError(f"the engine ran out of its {self._heap_kb} KB heap ({last})", hint)
        raise UserError(f"the engine stopped: {last}", "please report this line with the capture's kind and size")

    def _listen(self) -> None:
        """Keep standard error flowing: progress to the caller, the rest kept for the error line."""
        assert self._process.stderr
        for raw in self._process.stderr:
            words = raw.decode("utf-8", "replace").split()
            if words[:1] == ["progress"] and self._on_progress:
                self._on_progress(int(words[1]), int(words[2]))
            elif words:
                self._complaints = [*self._complaints[-9:], " ".join(words)]


def program(runtime: str, heap_kb: int) -> tuple[list[str], dict[str, str]]:
    """Return the command that starts the replay program, and the environment in which it finds the firmware."""
    options = ["-m", _PROGRAM, "--heap-kb", str(heap_kb)]
    if runtime == "cpython":
        return [sys.executable, *options], {**os.environ, "PYTHONPATH": str(SOURCE.parent)}
    micropython = find_micropython()
    command = [*micropython, "-X", f"heapsize={heap_kb}k", *options]
    return command, {**os.environ, "MICROPYPATH": str(search_path(micropython))}


def _plain(capture: str) -> str:
    """Return a path that cannot be taken for an option; - is standard input."""
    if capture == "-":
        return "/dev/stdin"
    return capture if not capture.startswith("-") else os.path.join(".", capture)
