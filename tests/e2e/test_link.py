"""The link as its users meet it: the command, a serial line as bad as lines get, a board in MicroPython at its end."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulated_line import link_board, simulated_line

from spamgate_tools.decode_link import decode_link
from spamgate_tools.errors import UserError
from spamgate_tools.link import client as client_module
from spamgate_tools.link.client import Client
from spamgate_tools.link.transports import SerialTransport
from spamgate_tools.runtime import find_micropython

_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
_LONG = bool(os.environ.get("SPAMGATE_LONG"))
_SEED = 20261122
_RING = 260
_CHUNK = 1024
_CUTS = 100 if _LONG else 10
_BAD_BYTES = (1 << 20) if _LONG else 40_000
_PATIENCE_S = 20.0


@pytest.fixture(autouse=True)
def micropython() -> None:
    try:
        find_micropython()
    except UserError as missing:
        pytest.skip(f"not run: {missing}")


@pytest.fixture
def port(tmp_path: Path) -> Iterator[str]:
    """The port of a board that keeps its files in `tmp_path`."""
    with simulated_line(ring=_RING) as line, link_board(line.board, tmp_path):
        yield line.host


def _run(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([_SPAMGATE, *words], capture_output=True, text=True, timeout=120, check=False)


def _good(*words: str) -> list[dict]:
    done = _run(*words, "--json")
    assert (done.returncode, done.stderr) == (0, ""), done
    return [json.loads(line) for line in done.stdout.splitlines()]


def _noise(size: int, seed: int = _SEED) -> bytes:
    return random.Random(seed).randbytes(size)


def _client(port: str) -> Client:
    return Client(SerialTransport(port), _PATIENCE_S)


# --- the command ---------------------------------------------------------------------------------


def test_verbs_ask_a_board_as_they_ask_a_gateway(port):
    assert [row["type"] for row in _good("devices", "--port", port)] == ["device"] * 3
    assert [row["type"] for row in _good("devices", "--link", port)] == ["device"] * 3
    assert _good("settings", "--port", port) == [{"type": "setting", "name": "hostname", "value": "guard"}]
    _good("settings", "hostname", "porch", "--port", port)
    assert _run("settings", "hostname", "--port", port).stdout == 'hostname = "porch"\n'
    assert _good("metrics", "--port", port)[0]["heap_used"] > 0
    assert _good("clock", "--port", port)[0]["type"] == "clock"


def test_what_a_board_refuses_is_one_line_with_what_to_do(port):
    for words, says in (
        (("settings", "locked", "1"), "spamgate: locked: cannot be set; set another\n"),
        (("journal",), "spamgate: journal: not something this board does\n"),
        (("explain", "tv"), "spamgate: explain: not something this board does\n"),
        (("trace", "--time", "1", "--port", "40000"), "spamgate: trace: not something this board does\n"),
    ):
        option = "--link" if words[0] == "trace" else "--port"
        done = _run(*words, option, port)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", says)


def test_a_file_is_put_and_its_place_is_taken_only_once_it_is_whole(port, tmp_path):
    source = tmp_path / "source"
    for size in (0, 5000):
        source.write_bytes(_noise(size))
        assert _good("put", str(source), "--name", "list.bin", "--port", port) == [
            {"type": "put", "name": "list.bin", "size": size}
        ]
        assert (tmp_path / "list.bin").read_bytes() == _noise(size)
    done = _run("put", str(source), "--name", "a.json", "--port", port)
    assert (done.returncode, done.stderr) == (2, "spamgate: a.json: not a file that may be put here\n")


def test_ports_that_are_none_are_said(tmp_path):
    (tmp_path / "file").write_text("")
    for port, says in (
        (str(tmp_path / "none"), "there is no such port"),
        (str(tmp_path / "file"), "cannot be used as a serial port"),
    ):
        done = _run("devices", "--port", port)
        assert done.returncode == 2 and says in done.stderr and len(done.stderr.splitlines()) == 1, done


def test_nobody_at_the_port_is_said():
    with simulated_line() as line, pytest.raises(UserError, match="does not answer; is Spamgate on it"):
        Client(SerialTransport(line.host), 1.5).open()


def test_a_board_that_crashes_is_heard(port, monkeypatch):
    monkeypatch.setattr(client_module, "ANSWER_S", 5.0)
    with _client(port) as client:
        list(client.request("set", name="count", value='"many"'))
        with pytest.raises(UserError, match="ValueError"):
            list(client.request("devices"))


def test_the_bytes_of_a_session_can_be_decoded(tmp_path):
    class Tapped(SerialTransport):
        taken = b""

        def read(self, timeout_s: float) -> bytes:
            data = super().read(timeout_s)
            Tapped.taken += data
            return data

        def write(self, data: bytes | memoryview) -> int:
            count = super().write(data)
            Tapped.taken += bytes(data[:count])
            return count

    with simulated_line() as line, link_board(line.board, tmp_path), Client(Tapped(line.host)) as client:
        list(client.request("metrics"))
        (tmp_path / "source").write_bytes(_noise(300))
        client.put(tmp_path / "source", "list.bin")
    told = list(decode_link(Tapped.taken))
    (tmp_path / "line.bin").write_bytes(Tapped.taken)
    assert [json.loads(row) for row in _run("decode", "link", str(tmp_path / "line.bin")).stdout.splitlines()] == told
    assert not [row for row in told if "error" in row]
    assert {row["kind"] for row in told} >= {"open", "opened", "confirm", "text", "binary"}
    assert sum(row["bytes"] for row in told if row["kind"] == "binary") == 300
    asked = "".join(row["text"] for row in told if row["kind"] == "text" and row["from"] == "host")
    assert [json.loads(line)["type"] for line in asked.splitlines()] == ["hello", "metrics", "put"]


# --- bad lines -------------------------------------------------------------------------------------


def test_a_file_arrives_whole_over_a_line_that_loses_doubles_and_flips_one_byte_of_a_hundred(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(_noise(_BAD_BYTES))
    with (
        simulated_line(ring=_RING, damage=0.01, seed=_SEED) as line,
        link_board(line.board, tmp_path),
        _client(line.host) as client,
    ):
        client.put(source, "list.bin")
        assert client.channel.resent > _BAD_BYTES / 200
        assert len(list(client.request("devices"))) == 3
    assert (tmp_path / "list.bin").read_bytes() == source.read_bytes()


def test_unplugged_at_random_bytes_it_goes_on_at_the_last_piece_that_was_kept(tmp_path):
    chance = random.Random(_SEED)
    source, part = tmp_path / "source", tmp_path / "list.bin.part"
    source.write_bytes(_noise(_CUTS * 4000))
    kept = 0
    for number in range(_CUTS):
        cut = chance.randrange(300, 6000)
        with simulated_line(ring=_RING, cut=cut) as line, link_board(line.board, tmp_path):
            begun: list[int] = []
            with pytest.raises(UserError), _client(line.host) as client:
                client.put(source, "list.bin", lambda at, _, begun=begun: begun.append(at))
        size = part.stat().st_size if part.exists() else 0
        assert size % _CHUNK == 0 and kept <= size <= kept + cut, (number, cut, kept, size)
        assert part.read_bytes() == source.read_bytes()[:size] if size else True
        assert not begun or kept < begun[0] <= kept + 2000, (number, cut, kept, begun)
        kept = size
    assert kept > _CUTS * 1000
    with simulated_line(ring=_RING) as line, link_board(line.board, tmp_path), _client(line.host) as client:
        client.put(source, "list.bin")
    assert (tmp_path / "list.bin").read_bytes() == source.read_bytes()


def test_a_board_that_loses_power_in_the_middle_goes_on(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(_noise(60_000))
    second = []

    def cut_power(at: int, _: int) -> None:
        if at > 30_000 and not second:
            first.send_signal(signal.SIGKILL)
            first.wait()
            second.append(link_board(line.board, tmp_path))
            second[0].__enter__()

    with (
        simulated_line(baud=921600, ring=_RING) as line,
        link_board(line.board, tmp_path) as first,
        _client(line.host) as client,
    ):
        client.put(source, "list.bin", cut_power)
        assert second, "the power was not cut"
        second[0].__exit__(None, None, None)
    assert (tmp_path / "list.bin").read_bytes() == source.read_bytes()
