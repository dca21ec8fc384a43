"""Flashing a router's own firmware, with the application twice, on mocks of the ROM bootloader: real esptool, no chip.

The images are made for the tests (esp_images.py); nothing that is written is run.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from esp_images import made_image, made_router
from mock_board import MockBoard
from signed_list import made_body, public_key, write_list

from spamgate_tools.boards import find_image
from spamgate_tools.boards.catalogue import FILES, LISTS, all_boards, board_for_chip, find_board
from spamgate_tools.boards.flash_error import NO_FIT, WRONG_IMAGE
from spamgate_tools.boards.flasher import Bootloader, FlashError, flash_board
from spamgate_tools.boards.image import read_files
from spamgate_tools.boards.partitions import TABLE_OFFSET, read_table
from spamgate_tools.boards.stock_image import boot_offset, read_image
from spamgate_tools.errors import UserError

_ROUTERS = [board for board in all_boards() if board.frozen_program]
_CASES = [(board, layout.flash_bytes) for board in _ROUTERS for layout in board.layouts]
_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
_FILES = {"settings.json": b'{"ap_name": "Inside"}', "identity.json": b"{}"}


def _image(board, size_bytes=60_000):
    return read_image(made_router(board, size_bytes), f"{board.name}.bin")


def _ids(value):
    return getattr(value, "name", None) or f"{value >> 20}MB"


@pytest.mark.parametrize(("board", "flash_bytes"), _CASES, ids=_ids)
def test_what_lies_in_flash_is_the_image_the_boards_table_and_the_files(board, flash_bytes, tmp_path):
    with MockBoard(tmp_path, board.chip, flash_mb=flash_bytes >> 20) as mock:
        report = flash_board(mock.port, board, _image(board), _FILES)
        flash = mock.flash()
    layout = board.layout_for(flash_bytes)
    assert (report.board, report.flash_bytes, layout.flash_bytes) == (board.name, flash_bytes, flash_bytes)
    assert read_table(flash[TABLE_OFFSET:]) == layout.partitions
    start, image = boot_offset(board.chip), made_router(board)
    assert flash[0x10000 : start + len(image)] == image[0x10000 - start :]
    written = read_image(flash[start : start + len(image)], "flash")  # the bootloader's header and digest are right
    assert (written.application.label, written.version) == ("ota_0", "v1.25.0")
    for label in ("otadata", "ota_1", *LISTS):  # the first application starts, and there is nothing to go back to
        place = layout.part(label)
        assert not flash[place.offset : place.end].strip(b"\xff"), label
    place = layout.part(FILES)
    assert read_files(flash[place.offset : place.end], place) == _FILES


def test_the_second_application_and_its_choice_go_and_the_lists_stay(tmp_path):
    board = find_board("spamgate-esp32")
    layout = board.layouts[0]
    with MockBoard(tmp_path, "esp32") as mock:
        flash_board(mock.port, board, _image(board), _FILES)
        with Bootloader(mock.port) as bootloader:
            for label in ("otadata", "ota_1", LISTS[1]):
                bootloader.write(layout.part(label).offset, b"of before")
        flash_board(mock.port, board, _image(board), _FILES)
        flash = mock.flash()
    assert [flash[layout.part(label).offset :].startswith(b"of before") for label in ("otadata", "ota_1")] == [
        False
    ] * 2
    assert flash[layout.part(LISTS[1]).offset :].startswith(b"of before")


def test_a_weak_cell_in_the_second_half_is_found_by_the_digest(tmp_path):
    board = find_board("spamgate-esp32-poe")
    with MockBoard(tmp_path, "esp32") as mock:
        mock.fail("damage", board.layouts[0].part(FILES).offset + 77)
        with pytest.raises(FlashError, match="is not what was written"):
            flash_board(mock.port, board, _image(board), _FILES)
        flash_board(mock.port, board, _image(board), _FILES)


def test_images_and_boards_that_do_not_belong_together_are_told_before_anything_is_written(tmp_path):
    router, stock = find_board("spamgate-esp32"), board_for_chip("esp32")
    plain = read_image(made_image("esp32"), "plain.bin")
    with MockBoard(tmp_path, "esp32") as mock:
        with pytest.raises(FlashError, match="plain.bin: Spamgate is not in it") as caught:
            flash_board(mock.port, router, plain, _FILES)
        assert caught.value.kind == WRONG_IMAGE and "ci/esp32_image.sh SPAMGATE_ESP32" in caught.value.hint
        with pytest.raises(FlashError, match="is firmware of a router, not of ESP32_GENERIC") as caught:
            flash_board(mock.port, stock, _image(router), _FILES)
        assert caught.value.kind == WRONG_IMAGE and "--board spamgate-esp32" in caught.value.hint
        with pytest.raises(FlashError, match="bytes at 0x10000 does not fit") as caught:
            flash_board(mock.port, router, _image(router, 0x180000), _FILES)
        assert caught.value.kind == NO_FIT
        assert not mock.flash().strip(b"\xff")


# --- the command ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    (folder / "outside").write_text("secret of outside\n")
    (folder / "inside").write_text("secret of inside\n")
    with MockBoard(folder, "esp32") as mock:
        yield Desk(folder, mock)


class Desk:
    """Where somebody sits with a board and has built an image."""

    def __init__(self, folder, mock):
        self.folder = folder
        self.mock = mock
        (folder / "SPAMGATE_ESP32-v0.1.0.bin").write_bytes(made_router(find_board("SPAMGATE_ESP32")))

    def run(self, *words, status=0):
        command = [_SPAMGATE, "flash", "--port", self.mock.port, "--board", "spamgate-esp32", *words]
        environment = {**os.environ, "COLUMNS": "100", "XDG_CACHE_HOME": str(self.folder / "cache")}
        options = {"cwd": self.folder, "env": environment, "stdin": subprocess.DEVNULL}
        done = subprocess.run(command, **options, capture_output=True, text=True, check=False)
        assert done.returncode == status, done
        assert "secret" not in done.stdout + done.stderr
        return done

    def files(self):
        place = find_board("SPAMGATE_ESP32").layouts[0].part(FILES)
        return read_files(self.mock.flash()[place.offset : place.end], place)


_WIFI = ("--wifi", "Outside", "--wifi-password-file", "outside")
_AP = ("--ap", "Inside", "--ap-password-file", "inside")


def test_a_board_becomes_a_router_with_both_its_networks_and_no_program_beside_its_firmware(desk):
    text = desk.run("--erase", *_WIFI, *_AP).stdout
    assert "MicroPython v1.25.0 from SPAMGATE_ESP32-v0.1.0.bin" in text and "the board confirms them" in text
    assert "connect the devices of the home to its Wi-Fi, Inside" in text and "DNS server" not in text
    files = desk.files()
    assert set(files) == {"settings.json", "identity.json"}
    assert json.loads(files["settings.json"]) == {
        "wifi_name": "Outside",
        "wifi_password": "secret of outside",
        "ap_name": "Inside",
        "ap_password": "secret of inside",
    }
    assert json.loads(desk.run("--json").stdout)["kept"] == ["identity.json", "settings.json"]
    assert json.loads(desk.files()["settings.json"])["ap_name"] == "Inside"


def test_what_is_still_to_be_named_is_said(desk):
    steps = json.loads(desk.run("--erase", "--json").stdout)["next"]
    assert any('--wifi "NAME"' in step for step in steps) and any('--ap "NAME"' in step for step in steps)
    refused = desk.run("--ap-password-file", "inside", status=2).stderr
    assert "--ap-password-file: for which Wi-Fi?" in refused
    (desk.folder / "short").write_text("short\n")
    refused = desk.run("--ap", "Inside", "--ap-password-file", "short", status=2).stderr
    assert "ap_password: this is not a password of 8 to 63 characters" in refused


def test_a_list_goes_into_its_slot_when_it_is_built_for_such_boards(desk):
    (desk.folder / "home.pub").write_text(public_key() + "\n")
    body = made_body(f"evil{number}.example" for number in range(500))
    write_list(desk.folder / "fits.sgb", body, board_class="4MiB-ab")
    write_list(desk.folder / "larger.sgb", body, board_class="4MiB")
    desk.run("--list", "fits.sgb", "--list-key", "home.pub")
    slot = find_board("SPAMGATE_ESP32").layouts[0].part(LISTS[0])
    data = (desk.folder / "fits.sgb").read_bytes()
    assert desk.mock.flash()[slot.offset :].startswith(data)
    refused = desk.run("--list", "larger.sgb", "--list-key", "home.pub", status=2).stderr
    assert "the list is for boards of class 4MiB, not 4MiB-ab" in refused


def test_an_image_built_in_this_checkout_is_found_and_without_one_it_is_said_how(monkeypatch, tmp_path):
    board = find_board("spamgate-esp32-s3")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(find_image.platformdirs, "user_downloads_dir", lambda: str(tmp_path))
    monkeypatch.setattr(find_image, "SOURCE", tmp_path / "firmware" / "spamgate")
    with pytest.raises(UserError, match="no MicroPython image for SPAMGATE_ESP32_S3 is here") as caught:
        find_image.image_here(board)
    assert caught.value.hint.startswith("build it with ci/esp32_image.sh SPAMGATE_ESP32_S3, or name it")
    built = tmp_path / "build" / "images" / board.name
    built.mkdir(parents=True)
    (built / "SPAMGATE_ESP32_S3-v0.1.0.bin").write_bytes(made_router(board))
    (built / "micropython.bin").write_bytes(b"one for updates is not taken")
    assert find_image.image_here(board).name == "SPAMGATE_ESP32_S3-v0.1.0.bin"
