"""The mail gate's core in C, every function, under AddressSanitizer and UBSan; and how its two threads share it."""

import subprocess
from pathlib import Path

import pytest
from c_programs import CORE, PLAIN, SANITIZED, SOURCES, WARNINGS, Build, checked, compiled, linked, run

_PARTS = ("read4", "read6", "table", "budget", "pace", "flow", "ring")
_HELPERS = ("check.c", "frames.c")
_RACES = Build("clang", ("-g", "-O1", "-fsanitize=thread"), ours=WARNINGS)


def _program(build: Build, name: str, *libraries: str) -> Path:
    sources = [*CORE, *(SOURCES / helper for helper in _HELPERS), SOURCES / f"test_{name}.c"]
    return linked(build, f"test_{name}", compiled(build, sources, with_lwip=False), *libraries)


@pytest.mark.parametrize("part", _PARTS)
def test_part(part, record_property):
    record_property("tests", checked(_program(SANITIZED, part)))


def test_the_core_is_strict_c99():
    warnings = (*WARNINGS, "-pedantic", "-Wshadow", "-Wconversion", "-Wno-sign-conversion")
    strict = Build("gcc", ("-O2",), ours=("-std=c99", *warnings))
    assert len(compiled(strict, CORE, with_lwip=False)) == len(CORE)


def _in_order(program: Path) -> tuple[str, ...]:
    """Return what lays addresses out in order, where at random ThreadSanitizer finds no room for its own."""
    said = subprocess.run([program, "nothing"], capture_output=True, text=True, check=False).stderr
    return ("setarch", "-R") if "unexpected memory mapping" in said else ()


def test_two_threads_race_for_nothing():
    program = _program(_RACES, "threads", "-lpthread")
    assert "0 failed" in run([*_in_order(program), program])


def test_two_threads_at_full_speed():
    program = _program(PLAIN, "threads", "-lpthread")
    assert "0 failed" in run([program])
