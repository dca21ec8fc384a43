"""What a board's program takes of flash and heap stays within what its board.json says, measured on 32 bit."""

import subprocess
from pathlib import Path

import pytest

from spamgate_tools.boards.application import application_files
from spamgate_tools.boards.catalogue import all_boards

_ROOT = Path(__file__).resolve().parents[2]
_MICROPYTHON = _ROOT / "build" / "micropython-unix32" / "micropython"
_BOARDS = [board for board in all_boards() if "code_heap_kb" in board.facts]  # else it lies in flash, or has room
# What the hardware's modules bring is not measured: empty ones stand for them.
_MEASURE = """
import gc, sys
class Module:
    def __getattr__(self, name): return None
for name in ("machine", "network", "esp32", "uctypes"): sys.modules[name] = Module()
gc.collect(); free = gc.mem_free()
import spamgate
gc.collect(); print(free - gc.mem_free())
"""


@pytest.mark.parametrize("board", _BOARDS, ids=lambda board: board.name)
def test_the_programs_files_keep_their_budget(board):
    files = application_files(str(board.facts["entry"]))
    assert sum(map(len, files.values())) <= board.facts["program_kb"] * 1024


@pytest.mark.parametrize("board", _BOARDS, ids=lambda board: board.name)
def test_the_program_leaves_of_the_heap_what_its_tables_and_the_link_need(board, tmp_path):
    if not _MICROPYTHON.exists():
        pytest.skip("not run: no 32-bit MicroPython, which ci/micropython.sh unix32 builds")
    for name, data in application_files(str(board.facts["entry"])).items():
        (tmp_path / name).write_bytes(data)
    words = [str(_MICROPYTHON), "-X", "heapsize=300k", "-c", _MEASURE]
    environment = {"MICROPYPATH": str(tmp_path)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= board.facts["code_heap_kb"] * 1024
