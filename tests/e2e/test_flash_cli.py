"""`spamgate flash` and `backup` as their users meet them, on a mock of the ROM bootloader, with images made for it."""

import contextlib
import fnmatch
import hashlib
import http.server
import json
import os
import shlex
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from esp_images import BANNER, LABEL, made_image
from mock_board import MockBoard

from spamgate_tools.boards.catalogue import FILES, LISTS, find_board
from spamgate_tools.boards.flasher import Bootloader
from spamgate_tools.boards.image import read_files, write_files
from spamgate_tools.cli import spamgate
from spamgate_tools.errors import UserError

_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
_IMAGE = "ESP32_GENERIC-20250809-v1.26.0.bin"
_LAYOUT = find_board("ESP32_GENERIC").layouts[0]
_PASSWORD = "a secret of the home"


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A board and a folder with an image and a password."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / _IMAGE).write_bytes(made_image("esp32"))
    (folder / "ESP32_GENERIC-20240222-v1.22.2.bin").write_bytes(b"an older one is not taken")
    (folder / "password").write_text(_PASSWORD + "\n")
    with MockBoard(folder, "esp32", mac="24:0a:c4:00:00:09") as board:
        yield Desk(folder, board)


class Desk:
    """Where somebody sits with a board."""

    def __init__(self, folder: Path, board: MockBoard) -> None:
        self.folder = folder
        self.board = board

    def run(self, *words: str, status: int = 0) -> subprocess.CompletedProcess:
        """Run a command on the board; its status must be as expected, and nothing but one line on stderr."""
        command = [_SPAMGATE, words[0], "--port", self.board.port, *words[1:]]
        environment = {**os.environ, "COLUMNS": "100", "XDG_CACHE_HOME": str(self.folder / "cache")}
        options = {"cwd": self.folder, "env": environment, "stdin": subprocess.DEVNULL}
        done = subprocess.run(command, **options, capture_output=True, text=True, check=False)
        assert done.returncode == status, done
        assert len(done.stderr.splitlines()) == (status == 2), done.stderr
        assert _PASSWORD not in done.stdout + done.stderr
        return done

    def told(self, *words: str, status: int = 0) -> dict:
        """Return the one JSON object that a command prints."""
        return json.loads(self.run(*words, "--json", status=status).stdout)

    def refusal(self, *words: str) -> str:
        """Return why a command is refused, without a process for it."""
        with contextlib.chdir(self.folder), pytest.raises(UserError) as caught:
            spamgate.main([words[0], "--port", self.board.port, *words[1:]], standalone_mode=False)
        return str(caught.value)

    def files(self) -> dict[str, bytes]:
        """Return what is in the board's file system."""
        place = _LAYOUT.part(FILES)
        return read_files(self.board.flash()[place.offset : place.end], place)

    def erase(self) -> None:
        """Make it a bare board again."""
        self.board.erase()


def test_the_readme_takes_three_commands_from_the_box_to_a_guard(desk):
    """The first makes this very environment, the second fetches the image; the third is run here as it stands."""
    desk.erase()
    text = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    block = text.split("## Put it on an ESP32", 1)[1].split("```text\n", 1)[1].split("```", 1)[0]
    commands = [shlex.split(line[2:]) for line in block.splitlines() if line.startswith("$ ")]
    assert len(commands) <= 3 and commands[0] == ["make", "setup"]
    assert fnmatch.fnmatch(commands[1][-1].rsplit("/")[-1], find_board("ESP32_GENERIC").facts["image"]["pattern"])
    assert commands[2][0] == ".venv/bin/spamgate"
    desk.run(*commands[2][1:], "--wifi-password-file", "password")
    assert json.loads(desk.files()["settings.json"])["wifi_name"] == "My home"


def test_a_bare_board_becomes_a_guard_and_stays_the_same_guard(desk):
    desk.erase()
    text = desk.run("flash", "--wifi", "My home", "--wifi-password-file", "password").stdout
    assert f"MicroPython v1.26.0 from {_IMAGE}" in text and "the board confirms them" in text
    assert "hello: not waited for: this line cannot restart the board" in text
    assert f"spamgate devices --port {desk.board.port}" in text
    files = desk.files()
    assert json.loads(files["settings.json"]) == {"wifi_name": "My home", "wifi_password": _PASSWORD}
    assert json.loads(files["identity.json"]) == {"board": "ESP32_GENERIC"}
    assert b"main()" in files["main.py"]
    (desk.folder / "more.json").write_text('{"hostname": "guard-1"}')
    again = desk.told("flash", "--settings", "more.json")
    assert again["kept"] == ["identity.json", "settings.json"] and again["hello"] is None
    settings = json.loads(desk.files()["settings.json"])
    assert settings == {"wifi_name": "My home", "wifi_password": _PASSWORD, "hostname": "guard-1"}
    erased = desk.told("flash", "--erase")
    assert erased["kept"] == [] and json.loads(desk.files()["settings.json"]) == {}
    assert any('--wifi "NAME"' in step for step in erased["next"])


def test_settings_that_a_board_kept_and_that_are_no_longer_right_are_told(desk):
    place = _LAYOUT.part(FILES)
    desk.run("flash", "--erase")
    with Bootloader(desk.board.port) as bootloader:
        bootloader.write(place.offset, write_files({"settings.json": b'{"of_old": 1}', "journal": b"j"}, place))
    assert '"of_old" is not a key (the board has it from before); begin anew with --erase' in desk.refusal("flash")
    with Bootloader(desk.board.port) as bootloader:
        bootloader.write(place.offset, write_files({"settings.json": b"{broken", "journal": b"j"}, place))
    assert desk.told("flash")["kept"] == ["journal", "settings.json"]
    files = desk.files()
    assert (json.loads(files["settings.json"]), files["journal"]) == ({}, b"j")


def test_a_dry_run_says_what_it_would_do_and_does_nothing(desk):
    desk.erase()
    text = desk.run("flash", "--dry-run").stdout
    assert "nothing was written" in text and all(label in text for label in LISTS)
    plan = desk.told("flash", "--dry-run", "--erase")
    assert (plan["type"], plan["chip"], plan["mac"], plan["erase"]) == ("plan", "esp32", "24:0a:c4:00:00:09", True)
    assert plan["write"]["offset"] == 0x1000 and "main.py" in plan["files"]
    assert not desk.board.flash().strip(b"\xff")


def test_a_backup_brings_back_what_was_there(desk):
    desk.run("flash", "--erase")
    before = desk.board.flash()
    saved = desk.told("backup", "before.bin")
    kept = desk.folder / "before.bin"
    assert kept.read_bytes() == before and kept.stat().st_mode & 0o777 == 0o600
    assert saved["sha256"] == hashlib.sha256(before).hexdigest() and saved["bytes"] == len(before)
    assert "is there already" in desk.run("backup", "before.bin", status=2).stderr
    desk.erase()
    desk.run("backup", "before.bin", "--restore")
    assert desk.board.flash() == before
    (desk.folder / "half.bin").write_bytes(before[: 1 << 20])
    assert "read from this board" in desk.run("backup", "half.bin", "--restore", status=2).stderr


def test_what_is_wrong_is_one_line_and_leaves_the_board_alone(desk):
    desk.erase()
    (desk.folder / "wrong.json").write_text('{"wifi_nam": "x"}')
    (desk.folder / "s3.bin").write_bytes(made_image("esp32s3"))
    (desk.folder / "cut.bin").write_bytes(made_image("esp32")[:-4000])
    (desk.folder / "old.bin").write_bytes(made_image("esp32", banner=b"MicroPython v1.24.1 on 2024-11-29; " + LABEL))
    cases = (
        (("--settings", "wrong.json"), "did you mean wifi_name?"),
        (("--image", "s3.bin"), "s3.bin: is for an esp32s3, and "),
        (("--image", "cut.bin"), "cut.bin: its application is cut off or damaged; fetch it again"),
        (("--image", "password"), "password: is no image for an ESP32"),
        (("--image", "nowhere.bin"), "nowhere.bin: cannot be read: No such file"),
        (("--image", "old.bin"), "is MicroPython v1.24.1; 1.25 or later is needed; fetch a newer one"),
        (("--board", "esp32-generic-s3"), "its chip is an esp32, not the esp32s3 of ESP32_GENERIC_S3"),
        (("--board", "linux"), "its chip is an esp32, not the any of LINUX"),
        (("--board", "esp8266"), "esp8266: there is no such board; there are ESP32_GENERIC, "),
        (("--wifi-password-file", "password"), "for which Wi-Fi?"),
        (("--sha256", "00"), "give either a file, or an address with its digest"),
    )
    for words, says in cases:
        assert says in desk.refusal("flash", *words), words
    told = desk.told("flash", "--image", "s3.bin", status=2)
    assert (told["type"], told["kind"]) == ("error", "wrong image") and told["hint"]
    assert not desk.board.flash().strip(b"\xff")
    assert desk.told("flash", "--image", "old.bin", "--any-version")["version"] == "v1.24.1"


def test_an_image_is_fetched_only_with_its_digest_and_only_once(desk):
    data = made_image("esp32", banner=BANNER + b"; fetched")
    (desk.folder / "web").mkdir()
    (desk.folder / "web" / "fetched.bin").write_bytes(data)
    asked: list[str] = []
    with _serve(desk.folder / "web", asked) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}/fetched.bin"
        digest = hashlib.sha256(data).hexdigest()
        assert "fetched.bin: no digest is recorded for it" in desk.run("flash", "--download", url, status=2).stderr
        assert not asked
        words = ("flash", "--download", url, "--sha256")
        assert "is no SHA-256" in desk.run(*words, digest[:-1], status=2).stderr
        assert "is not what it should be: its SHA-256 is" in desk.run(*words, "0" * 64, status=2).stderr
        assert len(asked) == 1
        assert desk.told(*words, digest)["image"] == "fetched.bin"
        assert desk.told(*words, digest.upper())["image"] == "fetched.bin"
        assert len(asked) == 2
        server.shutdown()
    gone = ("flash", "--download", url.replace("fetched", "gone"), "--sha256", "1" * 64)
    assert "cannot be fetched: " in desk.run(*gone, status=2).stderr


def _serve(folder: Path, asked: list[str]) -> http.server.HTTPServer:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format, *words):
            asked.append(self.path)

    server = http.server.HTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def test_no_port_says_where_to_look(tmp_path):
    command = [_SPAMGATE, "flash", "--port", "/dev/nothing"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("spamgate: /dev/nothing: there is no such serial port; look at the cable")
