"""`spamgate lab` as its users meet it: as root and without, and stopped in the middle."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from spamgate_tools.errors import UserError
from spamgate_tools.lab.host import needed

SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
SECONDS = 30
BOTS = {"parallel-mx", "name-guesser", "hard-coded-resolver", "ipv6-rotator", "one-connection"}
PATIENCE_S = SECONDS + 150

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="not run: needs root, also to become somebody else")


@pytest.fixture(autouse=True)
def _programs():
    try:
        needed("ip", "nft", "openssl", "dnsmasq", "unshare")
    except UserError as missing:
        pytest.skip(f"not run: {missing}")


@pytest.fixture
def nobody():
    """Options of subprocess for a user without rights, who has a cache of his own."""
    cache = tempfile.mkdtemp(prefix="spamgate-nobody-")
    shutil.chown(cache, "nobody", "nogroup")
    options = {"user": "nobody", "group": "nogroup", "extra_groups": [], "cwd": "/"}
    options["env"] = {**os.environ, "HOME": cache, "XDG_CACHE_HOME": cache}
    try:
        subprocess.run([SPAMGATE, "--version"], capture_output=True, check=True, **options)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not run: the user nobody cannot run this Python")
    if subprocess.run(["unshare", "-Urnm", "true"], capture_output=True, check=False, **options).returncode:
        pytest.skip("not run: this system does not let users make namespaces")
    yield options
    shutil.rmtree(cache)


def _lab(*words: str, **options) -> list[dict]:
    """Run it and return its lines; the summary is the last."""
    command = [SPAMGATE, "lab", "--seconds", str(SECONDS), "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, **options)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (done.stderr, lines[-1:])
    return lines


def _check(lines: list[dict]) -> None:
    summary = lines[-1]
    assert list(summary) == ["type", "seconds", "bots", "legitimate", "wrong"]
    assert summary["type"] == "summary"
    assert {bot["kind"] for bot in summary["bots"]} == BOTS
    for bot in summary["bots"]:
        assert bot["messages_accepted"] <= (2 if bot["kind"] == "parallel-mx" else 5), bot
        assert bot["state"] in ("throttled", "quarantined"), bot
        assert bot["seconds_to_throttle"] < SECONDS
    mail = summary["legitimate"]
    assert mail["sent"] == mail["delivered"] > 10
    assert (mail["bounced"], mail["late"], summary["wrong"]) == (0, 0, [])
    throttled = [line for line in lines if line["type"] == "verdict" and line["to"] == "throttled"]
    assert {(line["device"], line["name"]) for line in throttled} == {
        (bot["device"], bot["name"]) for bot in summary["bots"]
    }


def _left(pid: int) -> list[str]:
    spaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.split()
    return [name for name in [*spaces, *os.listdir("/run/spamgate-lab")] if name.startswith(f"lab-{pid}-")]


def test_as_root_every_bot_is_contained_and_nobody_else_notices(tmp_path):
    _check(_lab("--keep-logs", str(tmp_path / "logs")))
    assert (tmp_path / "logs" / "router" / "events.jsonl").stat().st_size
    assert (tmp_path / "logs" / "mail-server" / "mail-server.jsonl").stat().st_size


def test_without_root_too(nobody):
    _check(_lab("--seed", "2", **nobody))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_it_leaves_nothing(number):
    process = subprocess.Popen(
        [SPAMGATE, "lab", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert json.loads(process.stdout.readline())["type"] == "start"
    time.sleep(1)
    process.send_signal(number)
    _, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint.strip()) == (2, "spamgate: stopped")
    assert _left(process.pid) == []


def test_a_folder_for_logs_that_cannot_be_made_is_named():
    done = subprocess.run(
        [SPAMGATE, "lab", "--keep-logs", "/proc/nowhere"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "--keep-logs /proc/nowhere" in done.stderr
