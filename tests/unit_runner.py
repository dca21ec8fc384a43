"""Run one unit test file in an interpreter of its own and believe only a printed result."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_TESTS = Path(__file__).resolve().parent
_TIMEOUT_S = 120
_RESULT = re.compile(r"RESULT ran=(\d+) failed=(\d+) skipped=(\d+)")

HEAP = "768k"  # for our code, the test file and unittest together, all compiled on the spot


@dataclass
class Outcome:
    """What a test file came to; `problem` is empty when it passed."""

    ran: int
    failed: int
    skipped: int
    problem: str
    output: str


def run_file(interpreter: list[str], path: Path) -> Outcome:
    """Run `path` with tests/run_unit.py under `interpreter` (a command with its options)."""
    command = [*interpreter, str(_TESTS / "run_unit.py"), str(path)]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as late:
        return Outcome(0, 0, 0, f"still running after {_TIMEOUT_S} s", _text(late.stdout))
    return _judge(done.returncode, _text(done.stdout), _text(done.stderr))


def _text(output: bytes | None) -> str:
    return (output or b"").decode("utf-8", "replace")


def _judge(returncode: int, stdout: str, stderr: str) -> Outcome:
    """Only a last line with the counts is a result: a file that dies or stops early has failed."""
    lines = stdout.rstrip().splitlines()
    found = _RESULT.fullmatch(lines[-1]) if lines else None
    output = stdout + stderr
    if found is None:
        return Outcome(0, 0, 0, f"printed no result (exit {returncode})", output)
    ran, failed, skipped = (int(count) for count in found.groups())
    problem = ""
    if failed:
        problem = f"{failed} of {ran} tests failed"
    elif not ran:
        problem = "no test in this file"
    elif returncode:
        problem = f"exit {returncode} after the result"
    return Outcome(ran, failed, skipped, problem, output)
