"""The verbs that talk to a running gateway, as their users meet them; a real control socket in MicroPython answers."""

import io
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import threading
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

from spamgate_tools.cli import main
from spamgate_tools.errors import UserError
from spamgate_tools.runtime import find_micropython

_ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = _ROOT / "tests" / "programs" / "control.py"
_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
_VERBS = ("gateway", "devices", "explain", "release", "grant", "confirm", "monitor", "trace")
_TV = "02:00:00:00:00:01"
_CAM = "02:00:00:00:00:03"
_T = 1763841600


@pytest.fixture
def home(tmp_path):
    """The path of the control socket of a gateway with four devices."""
    try:
        micropython = find_micropython()
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    path = str(tmp_path / "control")
    environment = {**os.environ, "MICROPYPATH": str(_ROOT / "firmware")}
    command = [*micropython, "-X", "heapsize=512k", str(_PROGRAM), path]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"ready\n"
        yield path
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(autouse=True)
def width(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")


class _Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def _run(*words: str) -> _Done:
    """Run the command in this process: a new one for each would take half a minute."""
    out, complaints, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(complaints):
        patch.setattr(sys, "argv", ["spamgate", *words])
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return _Done(code, out.getvalue(), complaints.getvalue())


def _good(*words: str) -> str:
    done = _run(*words)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def _fault(*words: str) -> str:
    done = _run(*words)
    assert done.returncode == 2, done
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("spamgate: "), done.stderr
    return done.stderr


@pytest.mark.parametrize("verb", _VERBS)
def test_help_has_an_example(verb):
    done = _run(verb, "--help")
    assert done.returncode == 0
    assert "Example" in done.stdout and f"spamgate {verb}" in done.stdout and "--json" in done.stdout


def test_devices_shows_all_and_why_suspects_are_suspects(home):
    text = _good("devices", "--socket", home)
    lines = text.splitlines()
    assert [line.split()[0] for line in lines[3:7]] == [_TV, _CAM, "02:00:00:00:00:04", "02:00:00:00:00:02"]
    assert f"[red]tv[/red] ({_TV}): quarantined since 2025-11-22 20:00:00 UTC" in text
    assert "  - connected straight to a domain's own mail server (50 times)" in text
    assert "  - from_the_future" in text
    assert text.rstrip().endswith("send spam; 2 of 4 devices.")


def test_devices_as_json_is_what_the_gateway_said(home):
    lines = _good("devices", "--json", "--socket", home).splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["device"] * 4
    assert '"first_smtp":1763841600.000000,' in lines[0]


def test_the_socket_may_be_named_by_a_variable(home):
    environment = {**os.environ, "SPAMGATE_SOCKET": home}
    done = subprocess.run([_SPAMGATE, "devices", "--json"], env=environment, capture_output=True, check=False)
    assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (0, 4, b"")


def test_explain_says_in_words_why_when_with_whom_and_what_to_do(home):
    text = _good("explain", "cam", "--socket", home)
    assert text.splitlines() == [
        f"cam ({_CAM}): throttled since 2025-11-22 20:00:00 UTC",
        "  a few of its connections a day pass; the rest are told to try again later (421)",
        "",
        "  addresses 192.168.77.9",
        "  port 25   3 connections to 3 servers since 2025-11-22 20:00:00 UTC; 1 message accepted",
        "  granted   none",
        "  ticket    4F2A11",
        "",
        "why:",
        "  - connected straight to a domain's own mail server (3 times, last 2025-11-22 20:00:09 UTC, to ",
        "198.51.100.9)",
        "  - from_the_future (2025-11-22 20:00:00 UTC)",
        "",
        "you can say:",
        f"  spamgate release {_CAM}            it is clean now, or never was guilty",
        f"  spamgate grant {_CAM} mail-server  it is a mail server of yours",
    ]
    assert "spamgate confirm" in _good("explain", _TV, "--socket", home)


def test_explain_of_an_innocent_device(home):
    text = _good("explain", "02:00:00:00:00:02", "--socket", home)
    assert "normal since" in text and "nothing speaks against it" in text and "never used" in text
    assert "you can say" not in text


def test_explain_as_json_is_what_the_gateway_said(home):
    lines = [json.loads(line) for line in _good("explain", "cam", "--json", "--socket", home).splitlines()]
    assert [line["type"] for line in lines] == ["verdict", "device", "explain"]


@pytest.mark.parametrize("words", [("explain",), ("release",), ("confirm",), ("grant", "mail-server")])
def test_a_device_that_is_not_there_is_named_with_those_that_are(home, words):
    text = _fault(words[0], "fridge", *words[1:], "--socket", home)
    assert text == f"spamgate: fridge: no such device; known are {_TV}\n"


def test_orders_are_carried_out_and_answered(home):
    assert _good("release", "cam", "--socket", home) == f"{_CAM} is released now\n"
    assert _good("confirm", _TV, "--socket", home) == f"{_TV} is quarantined now\n"
    text = _good("grant", "nas", "mail-server", "--socket", home)
    assert text == "02:00:00:00:00:04 is released now, granted: mail-server\n"
    assert "granted   mail-server" in _good("explain", "nas", "--socket", home)
    told = json.loads(_good("release", "--json", "nas", "--socket", home))
    assert (told["type"], told["action"], told["state"]) == ("action", "release", "released")


def test_what_the_gateway_refuses_is_said_with_what_to_do(home):
    text = _fault("confirm", "cam", "--socket", home)
    assert text == "spamgate: cam is not quarantined; only a quarantine can be confirmed\n"


def test_a_grant_that_is_none_is_refused(home):
    done = _run("grant", "nas", "everything", "--socket", home)
    assert done.returncode == 2
    assert "mail-server" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--time", str(_T), "--port", "40001"), 0, f"{_TV}\n"),
        (("--time", f"{_T + 30}.75", "--port", "40001"), 0, f"{_TV}\n"),
        (("--time", "2025-11-22T20:00:00Z", "--port", "40001"), 0, f"{_TV}\n"),
        (("--time", "2025-11-22 20:00:00", "--port", "40001"), 0, f"{_TV}\n"),
        (("--time", "2025-11-22T21:00:30+01:00", "--port", "40001"), 0, f"{_TV}\n"),
        (("--time", str(_T), "--port", "40002"), 1, "unknown\n"),
        (("--time", str(_T + 61), "--port", "40001"), 1, "unknown\n"),
        (("--time", str(_T + 61), "--port", "40001", "--skew", "61"), 0, f"{_TV}\n"),
        (("--time", str(_T)), 1, f"unknown\ncould have been: {_TV}, 02:00:00:00:00:02\n"),
        (("--time", str(_T), "--port", "1", "--ip", "192.0.2.9"), 1, "unknown\ncould have been: "),
    ],
)
def test_trace_names_the_device_or_says_unknown(home, words, code, says):
    done = _run("trace", *words, "--socket", home)
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.startswith(says) and done.stdout.count("\n") == says.count("\n") + (not says.endswith("\n"))


def test_trace_as_json(home):
    done = _run("trace", "--json", "--time", str(_T), "--port", "40001", "--socket", home)
    assert (done.returncode, json.loads(done.stdout)["device"]) == (0, _TV)
    done = _run("trace", "--json", "--time", str(_T), "--port", "40000", "--socket", home)
    assert (done.returncode, json.loads(done.stdout)) == (1, {"type": "trace", "device": None, "candidates": []})


@pytest.mark.parametrize("time", ["yesterday", "", "nan", "-1", f"{_T}000", "1e99", "2026-13-01"])
def test_a_time_that_is_none_is_refused_before_anybody_is_asked(time):
    assert f"--time {time}: no" in _fault("trace", "--time", time, "--socket", "/nowhere")


def test_an_address_that_is_none_is_refused():
    assert "--ip 'home' is no" in _fault("trace", "--time", "1", "--ip", "home", "--socket", "/nowhere")


def test_monitor_streams_the_devices_and_then_events(home):
    command = [_SPAMGATE, "monitor", "--json", "--socket", home]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        devices = [json.loads(process.stdout.readline()) for _ in range(4)]
        assert {line["type"] for line in devices} == {"device"}
        _good("release", "cam", "--socket", home)
        events = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        rest, complaints = process.communicate(timeout=60)
    assert [event["type"] for event in events] == ["verdict", "action"]
    assert (process.returncode, rest, complaints) == (0, b"", b"")


def test_monitor_shows_a_table_and_the_last_events(home):
    screen, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "60"}
    command = [_SPAMGATE, "monitor", "--socket", home]
    process = subprocess.Popen(command, stdout=terminal, stderr=subprocess.PIPE, env=environment)
    try:
        _read_until(screen, b"cam")
        _good("release", "cam", "--socket", home)
        shown = _read_until(screen, f"{_CAM} is released now".encode())
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=60)
    finally:
        process.kill()
        os.close(screen)
        os.close(terminal)
    assert (process.returncode, complaints) == (0, b"")
    assert b"cam (02:00:00:00:00:03): throttled -> released" in shown


def _read_until(screen: int, awaited: bytes) -> bytes:
    shown = b""
    while awaited not in shown:
        assert select.select([screen], [], [], 20)[0], shown
        shown += os.read(screen, 65536)
    return shown


def test_monitor_says_when_the_gateway_ends(tmp_path):
    with _Stranger(tmp_path, b'{"type":"done"}\n{"type":"done"}\n') as path:
        assert "the gateway has ended the connection" in _fault("monitor", "--json", "--socket", path)


class _Stranger:
    """Something else that listens: says `answer` to whoever comes, and goes."""

    def __init__(self, folder: Path, answer: bytes) -> None:
        self._path = str(folder / "stranger")
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def __enter__(self) -> str:
        self._socket.bind(self._path)
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()
        return self._path

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _serve(self) -> None:
        with self._socket.accept()[0] as client:
            client.sendall(self._answer)
            client.recv(4096)


@pytest.mark.parametrize("answer", [b"220 mail ESMTP\r\n", b"[]\n", b'{"type":3}\n', b"\xff\n", b"[" * 5000 + b"\n"])
def test_a_stranger_behind_the_socket_is_recognised(tmp_path, answer):
    with _Stranger(tmp_path, answer) as path:
        assert "is no gateway of Spamgate" in _fault("devices", "--socket", path)


def test_a_gateway_of_another_protocol_is_said(tmp_path):
    answer = b'{"type":"error","text":"protocol 1 is not spoken here","hint":"use its own command"}\n'
    with _Stranger(tmp_path, answer) as path:
        assert _fault("devices", "--socket", path).endswith("protocol 1 is not spoken here; use its own command\n")


@pytest.mark.parametrize("kind", ["nothing", "file", "folder", "dead", "long"])
def test_no_gateway_says_how_to_start_one(tmp_path, kind):
    path = tmp_path / kind
    if kind == "file":
        path.write_text("")
    elif kind == "folder":
        path.mkdir()
    elif kind == "dead":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    elif kind == "long":
        path = tmp_path / ("x" * 120)
    for verb in (("devices",), ("explain", "tv"), ("monitor",), ("trace", "--time", "1")):
        text = _fault(*verb, "--socket", str(path))
        assert "no gateway is running there" in text and "start one with `spamgate gateway" in text


@pytest.mark.skipif(os.geteuid() == 0, reason="not run: root may talk to everyone")
def test_no_permission_says_who_may(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0)
    assert "no permission to talk to the gateway; run this as root" in _fault("devices", "--socket", str(folder / "x"))
