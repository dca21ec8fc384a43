"""A board's flash lasts: what journal and state cost it in erases, counted under the real LittleFS of MicroPython."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from spamgate_tools.errors import UserError
from spamgate_tools.runtime import find_micropython

_ROOT = Path(__file__).resolve().parents[2]
_DAYS = 20
_ENDURED = 100_000  # erases of a block that makers of NOR flash promise (W25Q32JV, 9.5)
_YEARS = 20
_VERDICTS_A_DAY = 10  # a home with a bot on its worst day, every day
_NOTICES_A_DAY = 96  # a network that comes and goes every quarter of an hour


def test_journal_and_state_leave_the_flash_alive_for_twenty_years():
    try:
        micropython = find_micropython()
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    program = str(_ROOT / "tests" / "programs" / "wear.py")
    words = [*micropython, "-X", "heapsize=4m", program, str(_DAYS), str(_VERDICTS_A_DAY), str(_NOTICES_A_DAY)]
    environment = {**os.environ, "MICROPYPATH": str(_ROOT / "firmware")}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["known"] == 15
    assert 0 < found["erased"] / _DAYS * 365 * _YEARS < _ENDURED * found["blocks"]
    assert found["most"] / _DAYS * 365 * _YEARS < _ENDURED, found
