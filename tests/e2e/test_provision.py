"""A tray of 32 mock boards, the real esptool, three of them faulty; loss of power, strangers, and where keys may be."""

import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
import tty
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from e2e.tray import Tray
from esp_images import made_image
from free_ports import free_ports

from spamgate_tools.boards.application import board_files
from spamgate_tools.boards.catalogue import find_board
from spamgate_tools.boards.image import read_files
from spamgate_tools.errors import UserError
from spamgate_tools.provision.bench import PASSED
from spamgate_tools.provision.esp import prove
from spamgate_tools.provision.identity import Identity

_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
_BAD = (5, 11, 23)
_LIMIT_S = 120


class _Ran(NamedTuple):
    code: int
    ends: dict[int, dict]  # by number of the port: the last that was said of it
    summary: dict
    output: str


class _Bench:
    """A folder with ports, an image and an inventory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inventory = folder / "inventory.sqlite"
        self.image = folder / "esp32.bin"
        self.image.write_bytes(made_image("esp32"))
        (folder / "settings.json").write_text('{"wifi_name": "home", "wifi_password": "do not tell"}')

    def port(self, number: int) -> str:
        return str(self.folder / f"port{number:02}")

    def tray(self, numbers, *faults: str) -> Tray:
        return Tray({self.port(number): ["--mac", _mac(number), *faults] for number in numbers})

    def command(self, numbers, *words: str) -> list[str]:
        ports = [self.port(number) for number in numbers]
        fixed = ("--image", str(self.image), "--settings", str(self.folder / "settings.json"), "--json")
        return [_SPAMGATE, "provision", *ports, *fixed, "--inventory", str(self.inventory), *words]

    def run(self, numbers, *words: str) -> _Ran:
        command = self.command(numbers, *words)
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert lines and lines[-1]["type"] == "summary", done
        ends = {int(line["port"][-2:]): line for line in lines[:-1]}
        return _Ran(done.returncode, ends, lines[-1], done.stdout + done.stderr)

    def records(self) -> dict[str, sqlite3.Row]:
        db = sqlite3.connect(self.inventory)
        db.row_factory = sqlite3.Row
        rows = db.execute("SELECT * FROM board").fetchall()
        db.close()
        assert len({row["serial"] for row in rows}) == len({row["link_key"] for row in rows}) == len(rows)
        return {row["mac"]: row for row in rows}


@pytest.fixture
def bench(tmp_path):
    return _Bench(tmp_path)


@pytest.fixture
def deaf(bench):
    """A port behind which nobody answers."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.symlink(os.ttyname(slave), bench.port(_BAD[2]))
    yield
    os.close(master)
    os.close(slave)


def _mac(number: int) -> str:
    return f"24:0a:c4:00:00:{number:02x}"


def _identity(flash: bytes) -> dict:
    """Return what littlefs-python finds in a flash."""
    place = find_board("ESP32_GENERIC").layouts[0].part("vfs")
    files = read_files(flash[place.offset : place.end], place)
    assert json.loads(files["settings.json"])["wifi_name"] == "home"
    return json.loads(files["identity.json"])


def test_32_boards_of_which_3_are_bad(bench, deaf):
    everyone = range(1, 33)
    good = [number for number in everyone if number not in _BAD]
    labels = bench.folder / "labels"
    worn, torn, silent = _BAD
    weak = bench.tray([worn], "--damage", str(0x20010), "--always")
    cut = bench.tray([torn], "--cut", "60000", "--always")
    with bench.tray(good):
        with weak, cut:
            first = bench.run(everyone, "--labels", str(labels))
            made = bench.records()
            second = bench.run(everyone, "--labels", str(labels))
        assert (first.code, second.code) == (1, 1)
        assert _numbers(first.summary) == (32, 29, 0, 3)
        assert {number for number, end in first.ends.items() if end["step"] == "failed"} == set(_BAD)
        assert "what lies in flash at 0x20010 is not what was written" in first.ends[worn]["cause"]
        assert "the board went away" in first.ends[torn]["cause"]
        assert "no bootloader answers" in first.ends[silent]["cause"]
        assert all(first.ends[number]["hint"] for number in _BAD)
        done = {mac for mac, row in made.items() if row["state"] == "done"}
        assert done == {_mac(number) for number in good}
        assert {path.stem for path in labels.iterdir()} == {made[mac]["serial"] for mac in done}

        assert _numbers(second.summary) == (32, 0, 29, 3)
        _nothing_was_done_again(made, bench.records(), done)

        with bench.tray(_BAD):
            third = bench.run(everyone, "--labels", str(labels))
    after = bench.records()
    assert third.code == 0 and _numbers(third.summary) == (32, 3, 29, 0)
    _nothing_was_done_again(made, after, done)
    assert Counter(row["state"] for row in after.values()) == {"done": 32}
    assert all(after[mac]["serial"] == row["serial"] for mac, row in made.items())
    assert len(list(labels.iterdir())) == 32
    _no_key_is_told(after, first.output + second.output + third.output, labels)


def _numbers(summary: dict) -> tuple[int, ...]:
    return tuple(summary[name] for name in ("ports", "done", "done_before", "failed"))


def _nothing_was_done_again(before, after, macs) -> None:
    for mac in macs:
        assert tuple(before[mac]) == tuple(after[mac]) and after[mac]["attempts"] == 1


def _no_key_is_told(records, output: str, labels: Path) -> None:
    told = output + "".join(path.read_text() for path in labels.iterdir())
    assert "do not tell" not in told
    assert not [row["serial"] for row in records.values() if row["link_key"].hex() in told]


def test_what_a_board_holds_is_what_the_inventory_says(bench):
    with bench.tray((1, 2)) as tray:
        assert bench.run((1, 2)).code == 0
        flash = tray.flash()
        assert bench.run((1, 2)).code == 0
        assert tray.flash() == flash
    for number, content in zip((1, 2), flash, strict=True):
        row = bench.records()[_mac(number)]
        identity = _identity(content)
        assert identity == {"board": "ESP32_GENERIC", "serial": row["serial"], "link_key": row["link_key"].hex()}
    assert os.stat(bench.inventory).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("moment", ["looking", "writing"])
def test_after_a_loss_of_power_every_board_goes_on_as_the_same(bench, moment):
    numbers = range(1, 7)
    with bench.tray(numbers) as tray:
        process = subprocess.Popen(bench.command(numbers), stdout=subprocess.PIPE, text=True)
        steps = (json.loads(line)["step"] for line in process.stdout)
        assert moment in steps
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        begun = bench.records()
        again = bench.run(numbers)
        flash = tray.flash()
    assert again.code == 0 and again.summary["done"] + again.summary["done_before"] == 6
    after = bench.records()
    assert len(after) == 6 and Counter(row["state"] for row in after.values()) == {"done": 6}
    for mac, row in begun.items():
        assert (row["serial"], row["link_key"]) == (after[mac]["serial"], after[mac]["link_key"])
    for number, content in zip(numbers, flash, strict=True):
        assert _identity(content)["link_key"] == after[_mac(number)]["link_key"].hex()


def test_a_board_of_another_inventory_is_left_alone_unless_told(bench):
    with bench.tray((1,)) as tray:
        assert bench.run((1,)).code == 0
        before = tray.flash()
        theirs = bench.records()[_mac(1)]["serial"]
        bench.inventory = bench.folder / "other.sqlite"
        refused = bench.run((1,))
        assert refused.code == 1 and f"made by another inventory: it is {theirs}" in refused.ends[1]["cause"]
        assert tray.flash() == before and not bench.records()
        assert bench.run((1,), "--again").code == 0
        assert _identity(tray.flash()[0])["serial"] == bench.records()[_mac(1)]["serial"] != theirs


def test_serials_and_settings_come_from_a_csv_file(bench):
    profiles = bench.folder / "profiles"
    profiles.mkdir()
    (profiles / "attic.json").write_text('{"wifi_name": "attic"}')
    order = bench.folder / "order.csv"
    order.write_text(f"mac;port;serial;profile;site\n{_mac(1)};;A-1;;\n;{bench.port(2)};A-2;attic;Mill Lane 3\n")
    with bench.tray((1, 2, 3)):
        ran = bench.run((1, 2, 3), "--csv", str(order), "--profiles", str(profiles))
    assert {number: end["serial"] for number, end in ran.ends.items()} == {1: "A-1", 2: "A-2", 3: ""}
    assert "no row of" in ran.ends[3]["cause"] and _mac(3) in ran.ends[3]["hint"]
    assert tuple(bench.records()[_mac(2)][name] for name in ("profile", "site")) == ("attic", "Mill Lane 3")


def test_a_board_for_which_there_is_no_image_is_named(bench):
    with Tray({bench.port(1): ["--chip", "esp32c3", "--mac", _mac(1)], bench.port(2): ["--mac", _mac(2)]}):
        ran = bench.run((1, 2))
    assert (ran.ends[1]["step"], ran.ends[2]["step"]) == ("failed", "done")
    assert ran.ends[1]["cause"] == "no image for its chip esp32c3, only for esp32"
    assert list(bench.records()) == [_mac(2)]


def test_boards_that_are_put_in_later_are_made_too(bench):
    process = subprocess.Popen(bench.command((1, 2), "--wait", "--count", "3"), stdout=subprocess.PIPE, text=True)
    ended = (line for line in map(json.loads, process.stdout) if line.get("step") == "done")
    with bench.tray((1,)):
        assert next(ended)["mac"] == _mac(1)
        with bench.tray((2,)):
            assert next(ended)["mac"] == _mac(2)
    time.sleep(4)  # for less it would be the same board that restarts
    with Tray({bench.port(1): ["--mac", _mac(3)]}):
        assert next(ended)["mac"] == _mac(3)
        assert process.wait(_LIMIT_S) == 0
    process.stdout.close()
    assert len(bench.records()) == 3


def test_a_profile_that_boards_would_refuse_is_refused_before_one_is_touched(bench):
    (bench.folder / "settings.json").write_text('{"wifi_nam": "home"}')
    done = subprocess.run(bench.command((1,)), capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'profile \'default\': settings: "wifi_nam" is not a key; did you mean wifi_name?' in done.stderr
    (bench.folder / "settings.json").write_text('{"wifi_password": "secret!"}')
    done = subprocess.run(bench.command((1,)), capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    assert done.returncode == 2 and "wifi_password: this is not a password" in done.stderr


@pytest.fixture
def guard(tmp_path):
    """A board of a Linux process that runs the firmware, and who it was made to be."""
    from hil.rig import RigError
    from hil.rig_pty import PtyRig

    try:
        rig = PtyRig(tmp_path)
    except RigError as missing:
        pytest.skip(f"not run: {missing}")
    identity = Identity("P-0001", _mac(1), "UNIX", bytes(range(32)))
    rig.install(board_files(find_board("UNIX"), {"guard_port": free_ports()}, identity.document()))
    rig.power_on()
    yield rig.port, identity
    rig.close()


def test_a_board_that_runs_proves_who_it_is(guard):
    port, identity = guard
    assert prove(port, identity) == PASSED
    with pytest.raises(UserError, match="self-test: the board says that it is 'P-0001'"):
        prove(port, Identity("P-0002", identity.mac, "UNIX", identity.link_key))
