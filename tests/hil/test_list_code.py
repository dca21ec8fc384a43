"""A board's processor reads a list as the document of its form says, with the machine code that is made for it."""

import shutil
from pathlib import Path

import pytest
from hil.bench import Bench

from spamgate_tools.boards.bundle import bundle
from spamgate_tools.boards.catalogue import find_board
from spamgate_tools.compiled import SOURCE
from spamgate_tools.mpy import compiled

_TESTS = Path(__file__).resolve().parents[1]
_GOLDEN = ("list.sgb", "list.json")


@pytest.mark.needs("application", "repl")
def test_a_list_is_read_right(bench: Bench, tmp_path) -> None:
    shutil.copytree(SOURCE, tmp_path / "source" / "spamgate")
    shutil.copy(_TESTS / "programs" / "list_probe.py", tmp_path / "source" / "spamgate" / "probe.py")
    machine = str(find_board(bench.rig.board).facts.get("native", ""))
    program = tmp_path / "probe.mpy"
    text = bundle("spamgate.probe", tmp_path / "source")["spamgate.py"]
    program.write_bytes(compiled(text, program.name, machine))
    files = [_TESTS / "golden" / name for name in _GOLDEN] + [program]
    words: list[str] = []
    for path in files:
        words += ["fs", "cp", str(path), f":{path.name}", "+"]
    words += ["exec", "import probe; probe.main()", "+", "fs", "rm", *(f":{path.name}" for path in files), "+", "reset"]
    assert "wrong: 0" in bench.mpremote(*words).splitlines()
    assert bench.answers_within(60)
