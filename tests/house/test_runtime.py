"""MicroPython is found in the stated order, and its absence is explained."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from spamgate_tools import runtime
from spamgate_tools.errors import UserError


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine without any MicroPython: nothing named, no wheel, nothing on the path."""
    monkeypatch.delenv("MICROPYTHON", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
    return tmp_path


def _program(path: Path) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_absence_is_explained(bare):
    with pytest.raises(UserError, match="no MicroPython on this machine; .*MICROPYTHON=/path"):
        runtime.find_micropython()


def test_the_system_one_is_found(bare):
    system = _program(bare / "micropython")
    assert runtime.find_micropython() == [system]


@pytest.mark.skipif(find_spec("micropython_unix") is None, reason="not run: no wheel for this machine")
def test_the_pinned_one_goes_before_the_system_one(bare):
    _program(bare / "micropython")
    pinned = _program(bare / "venv" / "micropython")
    assert runtime.find_micropython() == [pinned]


def test_the_named_one_goes_before_all(bare, monkeypatch):
    _program(bare / "micropython")
    _program(bare / "venv" / "micropython")
    monkeypatch.setenv("MICROPYTHON", named := _program(bare / "mine"))
    assert runtime.find_micropython() == [named]


@pytest.mark.parametrize("named", ["no/such/file", "folder", "text"])
def test_a_name_that_is_no_program_is_refused(bare, monkeypatch, named):
    (bare / "folder").mkdir()
    (bare / "text").write_text("")
    monkeypatch.setenv("MICROPYTHON", os.path.join(bare, named))
    with pytest.raises(UserError, match="is not a program"):
        runtime.find_micropython()
