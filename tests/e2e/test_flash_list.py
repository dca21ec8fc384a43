"""A board's first list: `spamgate flash` and `provision` put it into a slot, on a mock of the ROM bootloader."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from esp_images import made_image
from mock_board import MockBoard
from signed_list import made_body, public_key, write_list

from spamgate_tools.blocklist.signed_file import read_signed
from spamgate_tools.boards.catalogue import FILES, LISTS, find_board
from spamgate_tools.boards.image import read_files
from spamgate_tools.cli import spamgate
from spamgate_tools.errors import UserError

_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
_LAYOUT = find_board("ESP32_GENERIC").layouts[0]
_SLOT = _LAYOUT.part(LISTS[0])
_BODY = made_body(f"evil{number}.example" for number in range(500))


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with an image, a list and its key, and a board."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "esp32.bin").write_bytes(made_image("esp32"))
    (folder / "home.pub").write_text(public_key() + "\n")
    (folder / "other.pub").write_text(public_key(1) + "\n")
    write_list(folder / "home.sgb", _BODY)
    with MockBoard(folder, "esp32", mac="24:0a:c4:00:00:0b") as board:
        yield Desk(folder, board)


class Desk:
    """Where somebody sits with a board."""

    def __init__(self, folder: Path, board: MockBoard) -> None:
        self.folder = folder
        self.board = board

    def told(self, *words: str) -> list[dict]:
        """Return what a command prints; it must end well."""
        options = {"cwd": self.folder, "env": {**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache")}}
        done = subprocess.run([_SPAMGATE, *words, "--json"], **options, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done
        return [json.loads(line) for line in done.stdout.splitlines()]

    def refusal(self, *words: str) -> str:
        """Return why it is refused to flash so."""
        paths = [str(self.folder / word) if (self.folder / word).exists() else word for word in words]
        command = ["flash", "--port", self.board.port, "--image", str(self.folder / "esp32.bin"), *paths]
        with pytest.raises(UserError) as caught:
            spamgate.main(command, standalone_mode=False)
        return str(caught.value)

    def slot(self) -> bytes:
        """Return what lies in the first slot."""
        return self.board.flash()[_SLOT.offset : _SLOT.end]

    def settings(self) -> dict:
        """Return the board's settings."""
        place = _LAYOUT.part(FILES)
        return json.loads(read_files(self.board.flash()[place.offset : place.end], place)["settings.json"])


def test_a_board_is_flashed_with_a_list_and_the_key_to_trust(desk):
    words = ("--port", desk.board.port, "--image", "esp32.bin", "--list", "home.sgb", "--list-key", "home.pub")
    (plan,) = desk.told("flash", *words, "--dry-run")
    data = (desk.folder / "home.sgb").read_bytes()
    assert plan["list"]["names"] == 500 and not desk.slot().strip(b"\xff")
    (told,) = desk.told("flash", *words)
    assert told["list"] == plan["list"] and told["list"]["bytes"] == len(data)
    assert desk.slot().startswith(data) and desk.settings()["list_key"] == public_key()
    desk.told("flash", "--port", desk.board.port, "--image", "esp32.bin")  # anew, without one: list and key stay
    assert desk.slot().startswith(data) and desk.settings()["list_key"] == public_key()


def test_a_tray_is_provisioned_with_a_list(desk):
    desk.board.erase()
    write_list(desk.folder / "tray.sgb", _BODY, 3)
    words = ("--image", "esp32.bin", "--list", "tray.sgb", "--list-key", "home.pub", "--inventory", "inventory.sqlite")
    end = desk.told("provision", desk.board.port, *words)[-2]
    version = read_signed(desk.folder / "tray.sgb").manifest["version"]
    assert (end["step"], end["list_version"]) == ("done", version)
    assert desk.slot().startswith((desk.folder / "tray.sgb").read_bytes())
    assert desk.settings()["list_key"] == public_key()


def test_what_the_board_would_refuse_is_refused_before_anything_is_written(desk):
    desk.board.erase()
    now = int(time.time())
    write_list(desk.folder / "old.sgb", _BODY, 60, expires=now - 1)
    write_list(desk.folder / "large.sgb", _BODY + bytes(_SLOT.size_bytes))
    write_list(desk.folder / "router.sgb", _BODY, board_class="router")
    write_list(desk.folder / "work.sgb", _BODY, id="work")
    (desk.folder / "half.sgb").write_bytes((desk.folder / "home.sgb").read_bytes()[:-1])
    (desk.folder / "no.sgb").write_bytes(b"no list")
    for name, key, says in (
        ("home.sgb", "", "signed by whom? name the public key with --list-key"),
        ("home.sgb", "other.pub", "is not signed by this key"),
        ("old.sgb", "home.pub", "the list expired"),
        ("large.sgb", "home.pub", "ESP32_GENERIC has room for 851968"),
        ("router.sgb", "home.pub", "is for boards of class router"),
        ("work.sgb", "home.pub", "the list is 'work'"),
        ("half.sgb", "home.pub", "is not whole"),
        ("no.sgb", "home.pub", "not a list"),
        ("home.sgb", "no.sgb", "holds no public key"),
    ):
        words = ("--list", name) + (("--list-key", key) if key else ())
        assert says in desk.refusal(*words).replace("; ", " "), name
    assert not desk.board.flash().strip(b"\xff")
