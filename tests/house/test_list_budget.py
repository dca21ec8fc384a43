"""What a list and a delta cost a board's heap, measured on 32 bit with the modules as boards are given them."""

import subprocess
from pathlib import Path

import pytest

from spamgate_tools.boards.application import application_files

_ROOT = Path(__file__).resolve().parents[2]
_MICROPYTHON = _ROOT / "build" / "micropython-unix32" / "micropython"
_MOST_BYTES = {"reader": 4 * 1024, "merge": 6 * 1024}
_MODULES = {
    "reader": ("wire_list_hash", "wire_list_codes", "wire_list_file"),
    "merge": ("wire_list_blocks", "wire_list_delta"),
}
_MEASURE = """
import gc, sys
import spamgate
for part in {parts}:
    gc.collect(); before = gc.mem_alloc()
    for name in part: __import__(name)
    gc.collect(); print(gc.mem_alloc() - before)
"""


@pytest.fixture(scope="module")
def taken(tmp_path_factory) -> dict[str, int]:
    """Bytes of heap by what is imported."""
    if not _MICROPYTHON.exists():
        pytest.skip("not run: no 32-bit MicroPython, which ci/micropython.sh unix32 builds")
    folder = tmp_path_factory.mktemp("program")
    for name, data in application_files("spamgate.app.board_unix").items():
        (folder / name).write_bytes(data)
    words = [str(_MICROPYTHON), "-X", "heapsize=300k", "-c", _MEASURE.format(parts=tuple(_MODULES.values()))]
    done = subprocess.run(words, capture_output=True, text=True, env={"MICROPYPATH": str(folder)}, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(_MODULES, map(int, done.stdout.split()), strict=True))


@pytest.mark.parametrize("part", _MODULES)
def test_the_code_keeps_its_budget(taken, part):
    assert 0 < taken[part] <= _MOST_BYTES[part]
