"""`spamgate gateway` as its users meet it: settings put together, what is missing said, the real firmware started."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from spamgate_tools import gateway
from spamgate_tools.errors import UserError
from spamgate_tools.gateway import merge_settings, read_config, run_gateway

_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))


@pytest.fixture
def alone():
    """The words before a command that give it a network of its own."""
    words = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    missing = [name for name in ("unshare", "nft") if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")]
    if missing or subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip(f"not run: {' and '.join(missing) or 'no network namespace'} here")
    return words


@pytest.fixture
def place():
    """A folder whose name is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="sg-") as folder:
        yield Path(folder)


def _fault(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def test_options_come_before_the_file_and_paths_are_made_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = {"lan": ["eth0"], "wan": ["eth1"], "state_dir": "/x", "guard": "all"}
    options = {"lan": ("a", "b"), "wan": (), "state_dir": "here", "event_log": None, "control": None}
    merged = merge_settings(config, options)
    assert merged == {"lan": ["a", "b"], "wan": ["eth1"], "state_dir": str(tmp_path / "here"), "guard": "all"}
    assert merge_settings({}, {"event_log": "-"}) == {"event_log": "-"}
    assert merge_settings({}, {"event_log": "log", "control": "c"})["event_log"] == str(tmp_path / "log")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b'{"lan": ["a"],\n "wan" ["b"]}', ", line 2, column 8: Expecting ':' delimiter"),
        (b"", ", line 1, column 1: Expecting value"),
        (b"[]", ": is no JSON object; write"),
        (b"\xff\xfe{", ": is no JSON text"),
        (b"[" * 100000, ": is no JSON text"),
    ],
)
def test_a_file_that_is_no_settings_says_where(tmp_path, text, says):
    path = tmp_path / "settings.json"
    path.write_bytes(text)
    with pytest.raises(UserError) as fault:
        read_config(str(path))
    assert str(fault.value).startswith(f"{path}{says}")


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "none.json"
    assert f"spamgate: {path}: cannot be read: No such file" in _fault(_SPAMGATE, "gateway", "--config", str(path))


def test_a_machine_without_nft_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(gateway, "_SYSTEM_FOLDERS", "")
    with pytest.raises(UserError, match="nft is not installed; install it: `apt install nftables`"):
        run_gateway({"lan": ["lo"]})


def test_who_lacks_permission_is_told_to_be_root():
    drop = ["setpriv", "--bounding-set=-net_admin,-net_raw"] if os.geteuid() == 0 else []
    text = _fault(*drop, _SPAMGATE, "gateway", "--lan", "lo")
    assert "no permission to watch and hold back (CAP_NET_ADMIN, CAP_NET_RAW); run it as root" in text


def test_the_firmware_refuses_settings_in_one_line(alone, place):
    path = place / "settings.json"
    path.write_text('{"lan": ["lo"], "budget": 3}')
    control = str(place / "control")
    text = _fault(*alone, _SPAMGATE, "gateway", "--config", str(path), "--socket", control)
    assert text == 'error: settings: "budget" is not a key; did you mean budget_per_day?\n'


def test_it_runs_until_it_is_stopped_and_leaves_nothing(alone, place):
    command = [*alone, _SPAMGATE, "gateway", "--lan", "lo", "--json", "--monitor-only"]
    command += ["--state", str(place / "state"), "--socket", str(place / "run" / "control")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert select.select([process.stdout], [], [], 30)[0], "it has not started"
        start = json.loads(process.stdout.readline())
        ask = [_SPAMGATE, "devices", "--socket", str(place / "run" / "control")]
        asked = subprocess.run(ask, capture_output=True, text=True, timeout=60, check=False)
        process.send_signal(signal.SIGINT)
        rest, complaints = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (start["type"], start["monitor_only"]) == ("start", True)
    assert (asked.returncode, asked.stdout) == (0, "The gateway has not seen any device yet.\n")
    assert (process.returncode, complaints) == (0, b"")
    assert json.loads(rest.splitlines()[-1])["type"] == "stop"
    assert (place / "run" / "control").stat().st_mode & 0o777 == 0o700, "its socket is its own user's alone"
