"""`spamgate lab` on both planes side by side, with the same seed and the same bars; and the table that compares them.

SPAMGATE_WRITE_TABLE=1 runs both for a minute and writes what came out: into tests/golden/lab_planes.json as it is, and
into firmware/README.md as a table.  Without it the table there must be the one that such a run made.
"""

import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.lab_table import GOLDEN, README, in_readme, rendered, write
from e2e.mail_home import require

from spamgate_tools.lab import lwip_program, postfix
from spamgate_tools.lab.summary import faults

SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
PLANES = ("linux", "lwip")
WRITES = os.environ.get("SPAMGATE_WRITE_TABLE") == "1"
SEED = 3
SECONDS = 60 if WRITES else 20
PATIENCE_S = SECONDS + 150
BOTS = {"parallel-mx", "name-guesser", "hard-coded-resolver", "ipv6-rotator", "one-connection"}


@pytest.fixture(scope="module")
def runs():
    """The lines of both labs, which run at the same time."""
    require(postfix.not_possible(), lwip_program.why_not())
    command = [SPAMGATE, "lab", "--json", "--seconds", str(SECONDS), "--seed", str(SEED), "--plane"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    labs = {plane: subprocess.Popen([*command, plane], **pipes) for plane in PLANES}
    try:
        said = {plane: lab.communicate(timeout=PATIENCE_S) for plane, lab in labs.items()}
    finally:
        for lab in labs.values():
            lab.terminate()
    return {plane: [json.loads(line) for line in lines.splitlines()] or pytest.fail(complaint)
            for plane, (lines, complaint) in said.items()}


@pytest.mark.parametrize("plane", PLANES)
def test_every_bot_is_contained_and_nobody_else_notices(runs, plane):
    summary = runs[plane][-1]
    assert faults(summary) == []
    assert {bot["kind"] for bot in summary["bots"]} == BOTS
    mail = summary["legitimate"]
    assert mail["sent"] == mail["delivered"] > 8
    assert (mail["bounced"], mail["late"], summary["wrong"]) == (0, 0, [])


def test_both_planes_name_the_same_devices(runs):
    named = {plane: _named(lines) for plane, lines in runs.items()}
    assert named["lwip"] == named["linux"]
    assert {line["plane"] for lines in runs.values() for line in lines if line["type"] == "start"} == set(PLANES)


def _named(lines):
    stopped = [line for line in lines if line["type"] == "verdict" and line["to"] in ("throttled", "quarantined")]
    return {(line["device"], line["name"]) for line in stopped}


def test_the_readme_has_the_table_of_such_a_run(runs):
    if WRITES:
        about = {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "machine": _machine()}
        write({**about, "seed": SEED, **{plane: lines[-1] for plane, lines in runs.items()}})
    kept = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert in_readme() == rendered(kept), f"{README} has another table than {GOLDEN}"
    for plane in PLANES:
        assert faults(kept[plane]) == []
        assert _who(kept[plane]) == _who(runs[plane][-1])


def _who(summary):
    return {(bot["name"], bot["kind"], bot["device"]) for bot in summary["bots"]}


def _machine():
    return f"{len(os.sched_getaffinity(0))} shared {platform.machine()} cores"
