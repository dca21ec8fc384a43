"""Modules that are put into one, under shorter names, still say the same; what cannot be taken is refused."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from spamgate_tools.boards.application import application_files
from spamgate_tools.boards.bundle import BundleError, bundle
from spamgate_tools.compiled import SOURCE
from spamgate_tools.errors import UserError
from spamgate_tools.mpy import compiled, machine_of
from spamgate_tools.replay import Replay
from spamgate_tools.runtime import find_micropython
from spamgate_tools.sample_home import Sample

_SEED = 3


@pytest.fixture
def program(tmp_path):
    """Return what makes a program out of texts by module name, and its linked texts by file name."""

    def make(**texts: str) -> dict[str, str]:
        package = tmp_path / "spamgate"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
        for name, text in texts.items():
            (package / f"{name}.py").write_text(text)
        return bundle("spamgate.main", tmp_path)

    return make


def _run(texts: dict[str, str], folder: Path) -> str:
    """Run the linked program's `main` with the Python at hand."""
    for name, text in texts.items():
        (folder / name).write_text(text)
    code = "import sys; sys.path.insert(0, sys.argv[1]); import spamgate; spamgate.main()"
    words = ["python3", "-c", code, str(folder)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_the_linked_replay_says_what_the_modules_say(tmp_path):
    """The whole reading and judging side of the firmware, linked: not a byte may differ."""
    try:
        micropython = find_micropython()
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    capture = tmp_path / "home.pcap"
    capture.write_bytes(Sample(_SEED).capture)
    for name, data in application_files("spamgate.app.replay").items():
        (tmp_path / name).write_bytes(data)
    code = f"import sys, spamgate; sys.exit(spamgate.main(['--heap-kb', '512', {str(capture)!r}]))"
    words = [*micropython, "-X", "heapsize=512k", "-c", code]
    environment = {**os.environ, "MICROPYPATH": str(tmp_path)}
    linked = subprocess.run(words, capture_output=True, env=environment, check=True).stdout
    run = Replay([str(capture)], runtime="cpython", heap_kb=512)
    assert linked == b"".join(run.lines()) and len(linked.splitlines()) > 5
    run.finish()


def test_two_modules_may_call_two_things_alike(program, tmp_path):
    texts = program(
        one="def _name(): return 'one'\ndef first(): return _name()\n",
        two="def _name(): return 'two'\ndef second(): return _name()\n",
        main="from spamgate.one import first\nfrom spamgate.two import second\n"
        "def main(): print(first(), second())\n",
    )
    out = tmp_path / "out"
    out.mkdir()
    assert _run(texts, out) == "one two\n"


def test_constants_are_numbers_where_they_are_used(program, tmp_path):
    texts = program(
        sizes="from spamgate.compat import const\nKB = const(1 << 10)\n_HALF = const(KB - 512)\nTWO = KB * 2\n",
        compat="def const(value): return value\n",
        main="from spamgate import sizes\nfrom spamgate.sizes import KB, TWO\n"
        "def main():\n    print(KB + TWO, sizes.TWO, sizes._HALF)\n",
    )
    assert "1024 + 2048" in texts["spamgate.py"] and "TWO" not in texts["spamgate.py"]
    out = tmp_path / "out"
    out.mkdir()
    assert _run(texts, out) == "3072 2048 512\n"


def test_what_functions_import_stays_a_module_and_can_be_named_in_a_text(program, tmp_path):
    texts = program(
        late="from spamgate.early import Base\nclass Late(Base):\n    def _said(self): return 'late'\n",
        early="class Base:\n    def said(self): return self._said()\n    def _said(self): return 'early'\n",
        main="import sys\nfrom spamgate.early import Base\n"
        "def main():\n    from spamgate.late import Late\n"
        "    print(Base().said(), Late().said(), 'spamgate.late' in sys.modules)\n",
    )
    assert sorted(texts) == ["late.py", "spamgate.py"]
    out = tmp_path / "out"
    out.mkdir()
    assert _run(texts, out) == "early late True\n"


def test_names_that_texts_say_or_python_brings_stay(program, tmp_path):
    texts = program(
        main="class Thing:\n    def __init__(self): self.colour = 1; self.hue = 2; self.append = 3\n"
        "def main():\n    thing = Thing()\n    print(getattr(thing, 'colour'), thing.hue, thing.append, [].append)\n",
    )
    assert "self.colour" in texts["spamgate.py"] and "self.append" in texts["spamgate.py"]
    assert "hue" not in texts["spamgate.py"]
    out = tmp_path / "out"
    out.mkdir()
    assert _run(texts, out).startswith("1 2 3 <built-in")


def test_checkers_annotations_and_docstrings_are_left_out(program):
    text = program(
        main='"""What."""\nTYPE_CHECKING = False\nif TYPE_CHECKING:\n    from typing import Any\n'
        'def main(one: "Any" = 1) -> None:\n    """Why."""\n    count: int = one\n    print(count)\n',
    )["spamgate.py"]
    assert "Any" not in text and "Why" not in text and "->" not in text and "TYPE" not in text


@pytest.mark.parametrize(
    "text",
    [
        "COUNT = [0]\ndef main():\n    global COUNT\n    COUNT = 1\n",
        "import spamgate.other\ndef main(): pass\n",
        "try:\n    import json\nexcept ImportError:\n    json = None\ndef main(): pass\n",
    ],
    ids=["global", "import by its path", "import in a try"],
)
def test_what_the_linker_does_not_understand_it_refuses(program, text):
    with pytest.raises(BundleError):
        program(other="", main=text)


def test_machine_code_is_made_of_the_same_functions(tmp_path):
    """What a board is given says of a list what the sources say, with machine code and without."""
    try:
        micropython = find_micropython()
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    mpy = subprocess.run([*micropython, "-c", _ASK_MPY], capture_output=True, text=True, check=True).stdout
    said = set()
    for machine in {"", machine_of(int(mpy))}:
        folder = tmp_path / f"for-{machine}"
        package = folder / "spamgate"
        package.mkdir(parents=True)
        texts = bundle("spamgate.probe", _with_probe(tmp_path / "source"))
        assert ("@micropython.viper" in texts["spamgate.py"]) and "ptr8" in texts["spamgate.py"]
        (package / "__init__.mpy").write_bytes(compiled(texts["spamgate.py"], "spamgate.py", machine))
        words = [*micropython, "-c", "import spamgate; spamgate.main()"]
        done = subprocess.run(words, capture_output=True, text=True, env={"MICROPYPATH": str(folder)}, check=True)
        said.add(done.stdout)
    assert said == {"1 2 0\n"}


_ASK_MPY = "import sys; print(sys.implementation._mpy)"
_PROBE = r'''
from spamgate.wire.list_file import ListFile
from spamgate.wire.list_writer import ListWriter, NameHasher


def main():
    body = ListWriter(40, most_labels=2).body([NameHasher().full(b"\3bad\7example")])

    def read_into(offset, buf):
        part = body[offset : offset + len(buf)]
        buf[: len(part)] = part
        return len(part)

    it = ListFile(read_into)
    print(it.how(b"\3bad\7example\0"), it.how(b"\3www\3bad\7example\0"), it.how(b"\4good\7example\0"))
'''


def _with_probe(folder: Path) -> Path:
    """Return a folder with the firmware and one program more."""
    if not folder.exists():
        shutil.copytree(SOURCE, folder / "spamgate")
        (folder / "spamgate" / "probe.py").write_text(_PROBE)
    return folder
