"""`spamgate boards` as its users meet it, and which port `spamgate flash` takes when none is named."""

import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from serial.tools import list_ports

from spamgate_tools.boards.catalogue import all_boards
from spamgate_tools.boards.ports import only_port
from spamgate_tools.cli import spamgate
from spamgate_tools.errors import UserError

_ADAPTER = SimpleNamespace(device="/dev/ttyUSB0", description="CP2102", vid=0x10C4)
_ON_CHIP = SimpleNamespace(device="/dev/ttyACM0", description="USB JTAG", vid=0x303A)
_BUILT_IN = SimpleNamespace(device="/dev/ttyS0", description="n/a", vid=None)


def _said(*words: str) -> str:
    done = CliRunner().invoke(spamgate, ["boards", *words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_every_board_is_listed_with_what_its_lists_can_hold(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = _said()
    for board in all_boards():
        assert board.name in text
    assert "299,000 (4 MB), 1,031,000 (8 MB)" in text
    assert max(map(len, text.splitlines())) <= 80


def test_one_board_is_told_with_its_partitions():
    text = _said("olimex-esp32-poe")
    assert "0x260000    832 KB  list_a" in text and "0x550000   2752 KB  list_b" in text
    assert "none is recorded: give --sha256 with --download" in text


def test_boards_are_told_to_programs():
    lines = [json.loads(line) for line in _said("--json").splitlines()]
    assert [line["name"] for line in lines] == [board.name for board in all_boards()]
    (one,) = [json.loads(line) for line in _said("esp32-generic-c3", "--json").splitlines()]
    assert (one["type"], one["chip"], one["plane"]) == ("board", "esp32c3", "dns")
    assert [layout["flash_bytes"] for layout in one["layouts"]] == [4 << 20, 8 << 20]


def test_the_only_board_on_usb_is_taken_and_a_choice_is_not_made(monkeypatch):
    monkeypatch.setattr(list_ports, "comports", lambda: [_BUILT_IN])
    with pytest.raises(UserError, match="no board is connected over USB; connect the board with a cable that carries"):
        only_port()
    assert "nothing is connected over USB" in _said("--ports")
    monkeypatch.setattr(list_ports, "comports", lambda: [_BUILT_IN, _ADAPTER])
    assert only_port() == "/dev/ttyUSB0"
    monkeypatch.setattr(list_ports, "comports", lambda: [_ADAPTER, _ON_CHIP])
    with pytest.raises(UserError, match=r"2 boards are connected: /dev/ttyACM0 \(USB JTAG\), .*name one with --port"):
        only_port()
    assert _said("--ports").splitlines() == ["/dev/ttyACM0  USB JTAG", "/dev/ttyUSB0  CP2102"]
