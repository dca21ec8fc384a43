"""A list for many boards at once: all get it that can, each that cannot is named with its cause, and stops no other.

The boards are Linux processes with 32-bit objects, their lines ptys.
"""

import json
import os
import pty
import subprocess
import sys
import tty
from pathlib import Path
from typing import NamedTuple

import pytest
from e2e import board_process
from e2e.board_process import BoardProcess
from free_ports import free_ports
from signed_list import made_body, public_key, write_list

from spamgate_tools.blocklist.signed_file import read_signed
from spamgate_tools.boards.ports import Port
from spamgate_tools.commands import blocklist_push
from spamgate_tools.errors import UserError
from spamgate_tools.provision import tray

_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
_HEAP = "200k"  # of boards with PSRAM: all at once
_GOOD = 3
_LIMIT_S = 120
_OLD, _NEW = 9, 5  # minutes since the lists were made


class _Desk(NamedTuple):
    """Where a board runs that shares our network."""

    name: str
    folder: Path
    address4: str = "127.0.0.1"

    def popen(self, command: list[str], **options: object) -> subprocess.Popen:
        """Start a program here."""
        return subprocess.Popen(command, **options)


class _Many:
    """Boards that trust our key, one that trusts another, and a port behind which nobody is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.boards: list[BoardProcess] = []
        first_port = free_ports(2 * (_GOOD + 1))
        for number in range(_GOOD + 1):
            desk = _Desk(f"M-{number}", folder / f"board{number}")
            desk.folder.mkdir()
            port = first_port + 2 * number
            key = public_key(0 if number < _GOOD else 1)
            settings = {"guard_port": port, "mail_port": port + 1, "list_key": key}
            self.boards.append(BoardProcess(desk, settings, _HEAP))
        self.good = [board.port for board in self.boards[:_GOOD]]
        self.stranger = self.boards[_GOOD].port
        self._outside, self._inside = pty.openpty()
        tty.setraw(self._inside)
        self.silent = os.ttyname(self._inside)
        self.first = self.list_of(0, _OLD)

    def list_of(self, first: int, age_minutes: int) -> Path:
        """Return the file of a list of 2000 names."""
        body = made_body(f"name{number}.example" for number in range(first, first + 2000))
        return write_list(self.folder / f"list{first}.sgb", body, age_minutes)

    def serving(self) -> list[int]:
        """Return the version in force on each board that trusts our key."""
        rows = [board.ask("lists") for board in self.boards[:_GOOD]]
        return [next((row["version"] for row in told if row.get("state") == "in force"), 0) for told in rows]

    def stop(self) -> None:
        """Take them away."""
        for board in self.boards:
            board.stop()
        os.close(self._outside)
        os.close(self._inside)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    if missing := board_process.missing():
        pytest.skip(f"not run: {missing}")
    many = _Many(tmp_path_factory.mktemp("many"))
    yield many
    many.stop()


class _Ran(NamedTuple):
    code: int
    ends: dict[str, dict]  # by port: the last that was said of it
    numbers: tuple[int, ...]  # ports, done, done before, failed


def _push(file: Path, ports: list[str]) -> _Ran:
    words = [word for port in ports for word in ("--port", port)]
    command = [_SPAMGATE, "blocklist", "push", str(file), *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines and lines[-1]["type"] == "summary" and not done.stderr, done
    numbers = tuple(lines[-1][name] for name in ("ports", "done", "done_before", "failed"))
    return _Ran(done.returncode, {line["port"]: line for line in lines[:-1]}, numbers)


def _steps(ran: _Ran, ports: list[str]) -> set[tuple[str, str]]:
    return {(ran.ends[port]["step"], ran.ends[port]["way"]) for port in ports}


def test_those_that_can_have_it_do_and_each_other_is_named_with_its_cause(many):
    first = many.first
    gone = str(many.folder / "gone")
    one, *rest = many.good
    assert _push(first, [one]).numbers == (1, 1, 0, 0)
    ran = _push(first, [gone, many.silent, many.stranger, one, *rest])
    assert (ran.code, ran.numbers) == (1, (6, 2, 1, 3))
    assert _steps(ran, [one]) == {("done before", "")} and _steps(ran, rest) == {("done", "full")}
    assert {ran.ends[port]["serial"] for port in many.good} == {"M-0", "M-1", "M-2"}
    assert ran.ends[gone]["cause"] == "there is no such port"
    assert "does not answer" in ran.ends[many.silent]["cause"]
    assert "is Spamgate on it?" in ran.ends[many.silent]["hint"]
    assert "is not signed with the key" in ran.ends[many.stranger]["cause"]
    assert ran.ends[many.stranger]["serial"] == "M-3"
    assert all(ran.ends[port]["hint"] for port in (gone, many.silent, many.stranger))
    assert many.serving() == [ran.ends[one]["version"]] * _GOOD


def test_nothing_is_done_twice_and_the_next_version_goes_as_a_delta(many):
    first, former = many.first, many.serving()
    again = _push(first, [*many.good, many.stranger])
    assert (again.code, again.numbers) == (1, (4, 0, 3, 1)), again.ends
    assert {again.ends[port]["sent_bytes"] for port in many.good} == {0}
    second = many.list_of(50, _NEW)
    ran = _push(second, many.good)
    assert (ran.code, ran.numbers) == (0, (3, 3, 0, 0)), ran.ends
    assert _steps(ran, many.good) == {("done", "delta")}
    assert [ran.ends[port]["former"] for port in many.good] == former
    assert {ran.ends[port]["sent_bytes"] < second.stat().st_size / 2 for port in many.good} == {True}
    assert many.serving() == [read_signed(second).manifest["version"]] * _GOOD
    back = _push(first, many.good)
    assert (back.code, back.numbers) == (1, (3, 0, 0, 3))
    assert all("is not newer" in end["cause"] for end in back.ends.values())


def test_all_are_those_on_usb(monkeypatch):
    monkeypatch.setattr(tray, "usb_ports", lambda: [Port("/dev/ttyUSB0", "CP2102"), Port("/dev/ttyUSB1", "")])
    assert blocklist_push._ports((), True) == ["/dev/ttyUSB0", "/dev/ttyUSB1"]
    assert blocklist_push._ports(("/dev/a", "/dev/b", "/dev/a"), False) == ["/dev/a", "/dev/b"]
    monkeypatch.setattr(tray, "usb_ports", list)
    for named, to_all, says in (((), True, "no port has a board"), ((), False, "which"), (("/dev/a",), True, "which")):
        with pytest.raises(UserError, match=says):
            blocklist_push._ports(named, to_all)
