"""For tests and benches: a simulated line, and a board in MicroPython at its far end."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from spamgate_tools.compiled import search_path
from spamgate_tools.runtime import find_micropython

_TESTS = Path(__file__).resolve().parent
_SIMULATOR = _TESTS / "line_simulator.py"
_BOARD = _TESTS / "programs" / "link_board.py"
_HEAP = "150k"


class Line(NamedTuple):
    """The names of both ends, and the process between them."""

    host: str
    board: str
    process: subprocess.Popen

    def end(self) -> dict[str, int]:
        """Stop, and return what was carried and dropped."""
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
        assert self.process.stdout
        said = self.process.stdout.readline()
        self.process.wait(30)
        return json.loads(said or "{}")


@contextmanager
def simulated_line(**options: float | bool | None) -> Iterator[Line]:
    """Lend a line; the options are those of the simulator."""
    words = [sys.executable, str(_SIMULATOR)]
    for name, value in options.items():
        if value is True:
            words.append(f"--{name.replace('_', '-')}")
        elif value:
            words += [f"--{name.replace('_', '-')}", str(value)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        host, board = process.stdout.readline().split()
        yield Line(host, board, process)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


@contextmanager
def link_board(end: str, folder: Path, *words: str, heap: str = _HEAP) -> Iterator[subprocess.Popen]:
    """Run a board that keeps its files in `folder` at this end of a line."""
    micropython = find_micropython()
    environment = {**os.environ, "MICROPYPATH": str(search_path(micropython))}
    with open(end, "r+b", buffering=0) as terminal:
        process = subprocess.Popen(
            [*micropython, "-X", f"heapsize={heap}", str(_BOARD), str(folder), *words],
            env=environment,
            stdin=terminal,
            stdout=terminal,
            stderr=subprocess.PIPE,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()
