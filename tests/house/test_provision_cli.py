"""`spamgate provision` and `spamgate inventory` as a technician meets them; the boards are in memory."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest
from esp_images import made_image
from fakes.bench import FakeBench, FakeBoard
from rich.console import Console

from spamgate_tools.cli import main
from spamgate_tools.errors import UserError
from spamgate_tools.provision import esp
from spamgate_tools.provision.inventory import Inventory, Order
from spamgate_tools.provision.station import LOOKING, MADE, WRITING, Place
from spamgate_tools.provision.table import ending, view
from spamgate_tools.side_by_side import FAILED

_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))


class _Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(autouse=True)
def bench(monkeypatch, tmp_path):
    """Three boards in memory; the real bench still checks what it is given."""
    boards = FakeBench({f"port{number}": FakeBoard(number) for number in (1, 2, 3)})
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "esp32.bin").write_bytes(made_image("esp32"))
    monkeypatch.setattr(esp.EspBench, "at", lambda self, port: boards.at(port))
    monkeypatch.setattr(esp.EspBench, "test", lambda self, port, identity: boards.test(port, identity))
    return boards


def _run(*words: str) -> _Done:
    out, complaints, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(complaints):
        patch.setattr(sys, "argv", ["spamgate", *words])
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return _Done(code, out.getvalue(), complaints.getvalue())


def _provision(*words: str) -> _Done:
    return _run("provision", "--image", "esp32.bin", *words)


def _fault(*words: str) -> str:
    done = _run(*words)
    assert done.returncode == 2, done
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("spamgate: "), done.stderr
    return done.stderr


@pytest.mark.parametrize("verb", ["provision", "inventory"])
def test_help_has_an_example(verb):
    done = _run(verb, "--help")
    assert done.returncode == 0
    assert "Example" in done.stdout and f"spamgate {verb}" in done.stdout and "--json" in done.stdout


def test_each_port_ends_with_a_line_and_all_with_the_sums(bench):
    bench.boards["port2"].trouble = {"write": UserError("port2: the board went away", "connect it again")}
    done = _provision("port1", "port2", "port3", "--prefix", "P-")
    assert done.returncode == 1 and not done.stderr
    lines = sorted(done.stdout.splitlines())
    assert lines[0].startswith("3 ports: 2 done, 1 failed; ")
    assert lines[2].split()[0] == "port2:" and lines[2].endswith("FAILED: the board went away; connect it again")
    assert lines[1].startswith("port1: P-000") and lines[1].endswith("ESP32_GENERIC done, self-test passed")


def test_json_tells_each_step_and_the_sums():
    done = _provision("port1", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line.get("step") for line in lines] == ["looking", "writing", "testing", "done", None]
    assert lines[-2]["mac"] == "24:0a:c4:00:00:01" and lines[-2]["self_test"] == "passed"
    seconds = lines[-1].pop("seconds")
    assert seconds >= 0
    assert lines[-1] == {"type": "summary", "ports": 1, "done": 1, "done_before": 0, "failed": 0}


def test_the_same_again_is_done_before():
    assert _provision("port1", "port2").returncode == 0
    again = _provision("port1", "port2")
    assert again.returncode == 0 and "2 ports: 2 done before" in again.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--image", "none.bin", "port1"), "none.bin: cannot be read: No such file or directory"),
        (("--image", "esp32.bin", "--image", "esp32.bin", "port1"), "a second image for chip esp32"),
        (("--image", "esp32.bin", "--board", "nothing", "port1"), "nothing: there is no such board"),
        (("--image", "esp32.bin", "--board", "ESP32_GENERIC_C3", "port1"), "no image for its chip esp32c3"),
        (("--image", "esp32.bin", "--prefix", "a/b", "port1"), "--prefix: no serial: 'a/b0001'"),
        (("--image", "esp32.bin", "--csv", "none.csv", "port1"), "none.csv: cannot be read"),
        (("--image", "esp32.bin", "--settings", "none.json", "port1"), "none.json: cannot be read"),
        (("--image", "esp32.bin", "--inventory", "/proc/nobody", "port1"), "/proc/nobody: "),
        (("--image", "esp32.bin"), "no port has a board on it"),
    ],
)
def test_what_cannot_work_is_said_before_a_board_is_touched(bench, monkeypatch, words, complaint):
    monkeypatch.setattr("spamgate_tools.commands.provision.plugged_in", list)
    assert complaint in _fault("provision", *words)
    assert bench.boards["port1"].times_written == 0


def test_without_an_image_the_newest_here_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "no MicroPython image for " in _fault("provision", "port1")
    (tmp_path / "esp32.bin").rename(tmp_path / "ESP32_GENERIC-20250809-v1.26.0.bin")
    assert _run("provision", "port1").returncode == 0


def test_labels_are_written_and_trouble_with_them_stops_no_board(tmp_path):
    assert _provision("port1", "--labels", "labels", "--label-format", "txt").returncode == 0
    (label,) = (tmp_path / "labels").iterdir()
    assert "24:0a:c4:00:00:01" in label.read_text()
    (tmp_path / "out" / "P-0001.svg").mkdir(parents=True)
    done = _provision("port2", "port3", "--labels", "out", "--prefix", "P-")
    assert done.returncode == 2 and "2 ports: 2 done" in done.stdout
    assert "label out/P-0001.svg: cannot be written: Is a directory" in done.stderr


def test_inventory_shows_who_was_made_and_keys_only_when_asked(tmp_path):
    assert "there is no inventory" in _fault("inventory")
    _provision("port1", "port2", "--prefix", "P-")
    shown = _run("inventory").stdout
    assert "P-0001" in shown and "P-0002" in shown and "2 boards, 2 done" in shown
    records = [json.loads(line) for line in _run("inventory", "--json").stdout.splitlines()]
    assert [record["serial"] for record in records] == ["P-0001", "P-0002"]
    with_key = json.loads(_run("inventory", "p-0001", "--json", "--keys").stdout)
    assert len(with_key.pop("link_key")) == 64 and with_key == records[0]
    by_mac = _run("inventory", records[1]["mac"].upper().replace(":", "-"), "--label").stdout
    assert "P-0002" in by_mac and "\u2588" in by_mac
    done = _run("inventory", "--labels", "labels")
    assert sorted(done.stdout.splitlines()) == ["labels/P-0001.svg", "labels/P-0002.svg"]
    assert "no board with this serial or MAC" in _fault("inventory", "P-0003")


def test_forgetting_needs_names():
    _provision("port1", "--prefix", "P-")
    assert "name those" in _fault("inventory", "--forget")
    assert "P-0001" in _run("inventory", "P-0001", "--forget").stdout
    assert "0 boards" in _run("inventory").stdout


def test_the_table_shows_those_first_that_need_a_hand_and_fits_the_screen():
    places = [Place(f"/dev/ttyUSB{number}", MADE, serial=f"P-{number:04}") for number in range(30)]
    places += [Place("/dev/ttyUSB30", FAILED, cause="[red]no answer"), Place("/dev/ttyUSB31", WRITING, share=0.42)]
    out = io.StringIO()
    Console(file=out, width=100).print(view(places, 24, "; Ctrl-C ends this"))
    lines = out.getvalue().splitlines()
    assert len(lines) < 24
    failed, writing = lines[3:5]
    assert failed.split()[0] == "/dev/ttyUSB30" and failed.rstrip().endswith("[red]no answer")
    assert writing.split()[0] == "/dev/ttyUSB31" and "####......  42%" in writing
    assert lines[-1].startswith("32 ports: 30 done, 1 writing, 1 failed; Ctrl-C ends this")
    assert "and 16 more" in out.getvalue()
    assert ending(Place("p", LOOKING)) == "p:  looking"


def test_ctrl_c_says_that_boards_are_left_in_the_middle(tmp_path):
    """A board that never answers is at work; the next run takes it up."""
    master, slave = os.openpty()
    command = [_SPAMGATE, "provision", "--image", "esp32.bin", "--wait", os.ttyname(slave), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert json.loads(process.stdout.readline())["step"] == LOOKING
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, complaint = process.communicate(timeout=60)
    os.close(master)
    os.close(slave)
    assert process.returncode == 2
    assert complaint.startswith("spamgate: stopped in the middle of 1 boards; run it again")
    assert json.loads(output.splitlines()[-1])["type"] == "summary"


def test_an_inventory_in_the_users_folder_is_found(tmp_path):
    _provision("port1")
    path = tmp_path / "data" / "spamgate" / "inventory.sqlite"
    with Inventory(path) as inventory:
        assert len(inventory.boards()) == 1
        assert inventory.claim("24:0a:c4:00:00:01", Order("", "")).serial.startswith("SG-")
