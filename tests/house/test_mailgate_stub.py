"""mailgate.pyi says what the C module offers: it is what ci/mailgate_stub.py makes of gate_module.c now."""

import ast
import runpy
from pathlib import Path

import pytest

_MAKER = runpy.run_path(str(Path(__file__).resolve().parents[2] / "ci" / "mailgate_stub.py"))
_SOURCE = _MAKER["SOURCE"].read_text()


def test_the_stub_is_up_to_date_and_python():
    text = _MAKER["STUB"].read_text()
    assert text == _MAKER["stub"](_SOURCE), "run `python3 ci/mailgate_stub.py`"
    names = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert {"start", "put", "read_into", "Events"} <= names


def test_what_is_in_the_table_only_is_noticed():
    with pytest.raises(ValueError, match="strict"):
        _MAKER["stub"](_SOURCE.replace("/// def strict(", "/// def lax("))
