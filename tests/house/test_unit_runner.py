"""A unit test file counts as passed only when it printed a result with tests in it."""

import sys
from pathlib import Path

import pytest
from unit_runner import HEAP, run_file

from spamgate_tools.errors import UserError
from spamgate_tools.runtime import find_micropython

_HEAD = "import unittest\nclass TestIt(unittest.TestCase):\n"


@pytest.fixture(params=["micropython", "cpython"])
def interpreter(request) -> list[str]:
    if request.param == "cpython":
        return [sys.executable]
    try:
        return [*find_micropython(), "-X", "heapsize=" + HEAP]
    except UserError as missing:
        pytest.skip(f"not run: {missing}")


def _outcome(interpreter: list[str], folder: Path, text: str):
    path = folder / "test_sample.py"
    path.write_text(text)
    return run_file(interpreter, path)


def test_a_good_file_passes(interpreter, tmp_path):
    outcome = _outcome(interpreter, tmp_path, _HEAD + " def test_a(self): self.assertEqual(1, 1)\n")
    assert (outcome.problem, outcome.ran, outcome.skipped) == ("", 1, 0)


def test_a_skipped_test_is_counted_as_skipped(interpreter, tmp_path):
    text = _HEAD + " @unittest.skipUnless(False, 'why')\n def test_a(self): pass\n def test_b(self): pass\n"
    outcome = _outcome(interpreter, tmp_path, text)
    assert (outcome.problem, outcome.ran, outcome.skipped) == ("", 2, 1)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (" def test_a(self): self.assertEqual(1, 2)\n", "1 of 1 tests failed"),
        (" def test_a(self): {}['x']\n", "1 of 1 tests failed"),
        (" def setUp(self): 1 / 0\n def test_a(self): pass\n", "1 of 1 tests failed"),
        (" def test_a(self):\n  with self.subTest(n=1): self.fail('no')\n", "1 of 1 tests failed"),
        (" def test_a(self):\n  with self.assertRaises(KeyError): pass\n", "1 of 1 tests failed"),
        (" def test_a(self):\n  with self.assertRaises(KeyError): 1 / 0\n", "1 of 1 tests failed"),
        (" def nothing(self): pass\n", "no test in this file"),
        (" pass\nraise SystemExit(0)\n", "printed no result (exit 0)"),
        (" def test_a(self) pass\n", "printed no result (exit 1)"),
        (" pass\nimport no_such_module\n", "printed no result (exit 1)"),
    ],
    ids=["assert", "error", "set-up", "subtest", "no-raise", "other", "empty", "exit", "syntax", "import"],
)
def test_a_bad_file_fails(interpreter, tmp_path, body, problem):
    assert _outcome(interpreter, tmp_path, _HEAD + body).problem == problem


def test_a_result_printed_by_the_file_itself_is_not_believed(interpreter, tmp_path):
    text = "print('RESULT ran=1 failed=0 skipped=0')\nraise SystemExit(3)\n"
    assert _outcome(interpreter, tmp_path, text).problem
