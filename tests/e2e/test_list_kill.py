"""A real process that takes lists into files is killed again and again: what serves then is whole, and never older."""

import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from fakes.lists import List, key

from spamgate.wire.pss import encode_key
from spamgate_tools.compiled import search_path
from spamgate_tools.errors import UserError
from spamgate_tools.lab.waiting import wait_until
from spamgate_tools.runtime import find_micropython

_PROGRAM = Path(__file__).resolve().parents[1] / "programs" / "list_updates.py"
_LISTS = 60
_KILLS = 200 if os.environ.get("SPAMGATE_LONG") else 25
_SIZE = 400_000


@pytest.fixture
def command(tmp_path) -> list[str]:
    """Return what takes the lists that this makes."""
    try:
        micropython = find_micropython()
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    for name in ("slots", "lists"):
        (tmp_path / name).mkdir()
    for number in range(_LISTS):
        one = List(_SIZE + 1000 * number, number, 200 - number)
        (tmp_path / "lists" / f"{number:03d}.sgb").write_bytes(one.head + one.body)
    (tmp_path / "key").write_text(encode_key(key().modulus))
    folders = [str(tmp_path / name) for name in ("slots", "lists", "key")]
    return [*micropython, "-X", "heapsize=512k", str(_PROGRAM), *folders]


def _run(command: list[str], seconds: float | None, has_begun: bool = False) -> tuple[list[str], bool]:
    """Run for so long, maybe counted from its first word, then kill; return what it said, and whether it has ended."""
    environment = {**os.environ, "MICROPYPATH": str(search_path(command[:1]))}
    with tempfile.TemporaryFile("w+") as said:
        with subprocess.Popen(command, env=environment, stdout=said, stderr=subprocess.STDOUT) as process:
            if has_begun:
                wait_until(lambda: process.poll() is not None or os.fstat(said.fileno()).st_size > 0, 60, "a word")
            is_done = True
            try:
                process.wait(seconds if seconds is not None else 120)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                is_done = process.wait() == 0
        said.seek(0)
        out = said.read()
    assert not is_done or process.returncode == 0, out
    return out[: out.rfind("\n") + 1].splitlines(), is_done  # the last line may be cut


def test_kills_at_random_moments(command):
    chance = random.Random(1)
    best = 0
    resumed = kills = 0
    began = time.monotonic()
    while kills < _KILLS and time.monotonic() - began < 60:
        lines, is_done = _run(command, chance.uniform(0.02, 0.25), has_begun=kills % 4 > 0)
        assert not [line for line in lines if line.startswith("damaged")], lines
        versions = [int(line.split()[-1]) for line in lines if line.startswith(("start", "in force"))]
        assert versions == sorted(versions) and (not versions or versions[0] >= best), (best, lines)
        best = max([best, *versions])
        resumed += any(line.startswith("from ") and line != "from 0" for line in lines)
        kills += not is_done
        if is_done:
            break
    lines, is_done = _run(command, None)
    assert is_done and not [line for line in lines if line.startswith("damaged")]
    assert lines[-1].split()[-1] == str((1790000000 - 60 * (200 - _LISTS + 1)) // 60)
    assert kills >= 5 and resumed
