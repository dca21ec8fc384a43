"""Flashing, end to end, of boards that are mocks of the ROM bootloader: what is written, and what goes wrong.

The images are made for the tests (esp_images.py), but for one real one.  Nothing that is written is run.
"""

import os
import pty
import random
import time

import pytest
from esp_images import LABEL, made_image
from mock_board import MockBoard
from real_image import real_image

from spamgate_tools.boards.catalogue import FILES, LISTS, board_for_chip, find_board
from spamgate_tools.boards.flash_error import (
    BUSY,
    CUT,
    DIFFERENT,
    NO_ANSWER,
    NO_FIT,
    NO_PORT,
    NOISE,
    SILENT,
    WRONG_CHIP,
    WRONG_IMAGE,
)
from spamgate_tools.boards.flasher import Bootloader, FlashError, flash_board
from spamgate_tools.boards.image import read_files
from spamgate_tools.boards.partitions import TABLE_OFFSET, read_table
from spamgate_tools.boards.stock_image import boot_offset, read_image

CHIPS = {"esp32": 4, "esp32s3": 8, "esp32c3": 4}  # MB of flash
SEED = int(os.environ.get("SPAMGATE_SEED") or 1)
CUTS = 50 if os.environ.get("SPAMGATE_LONG") else 5
FLIPS = 50 if os.environ.get("SPAMGATE_LONG") else 3
CONTENT = {"main.py": b"x = 1\n", "settings.json": b'{"wifi_name": "home"}', "spamgate/app/board.mpy": b"M" * 9000}
NEAR_END = 4096  # bytes on the line after which nothing is left that could fail


def stock(chip):
    return read_image(made_image(chip), f"{chip}.bin")


def flash(board, chip):
    return flash_board(board.port, board_for_chip(chip), stock(chip), CONTENT)


def check_flash(flash, chip, image, content=CONTENT):
    """What lies in flash is the image's programs, our partition table, and the files."""
    layout = board_for_chip(chip).layout_for(len(flash))
    assert read_table(flash[TABLE_OFFSET:]) == layout.partitions
    place = layout.part(FILES)
    assert read_files(flash[place.offset : place.end], place) == content
    start = boot_offset(chip)
    application = slice(0x10000, start + len(image))
    assert flash[application] == image[0x10000 - start :]
    written = read_image(flash[start : start + len(image)], "flash")  # with its new size in the header, and its digest
    assert (written.chip, written.application.offset) == (chip, 0x10000)
    assert [it.label for it in written.partitions] == ["nvs", "phy_init", "factory", "vfs", *LISTS]


@pytest.mark.parametrize("chip", CHIPS)
def test_firmware_application_and_settings_read_back_as_written(chip, tmp_path):
    told = []
    with MockBoard(tmp_path, chip, mac="24:0a:c4:00:00:07", flash_mb=CHIPS[chip]) as board:
        with Bootloader(board.port, lambda *it: told.append(it)) as bootloader:
            report = bootloader.install(board_for_chip(chip), stock(chip), CONTENT)
        assert (report.chip, report.mac, report.flash_bytes) == (chip, "24:0a:c4:00:00:07", CHIPS[chip] << 20)
        data = board.flash()
        check_flash(data, chip, made_image(chip))
        with Bootloader(board.port) as bootloader:  # and over the line it reads the same
            for offset in (boot_offset(chip), TABLE_OFFSET, 0x10000, 0x200000):
                assert bootloader.read(offset, 0x10000) == data[offset : offset + 0x10000]
    assert [it[0] for it in told[:2]] == ["connect", "connect"] and told[-1] == ("verify", 1, 1)
    writing = [done / total for stage, done, total in told if stage == "write"]
    assert writing == sorted(writing) and writing[-1] == 1


@pytest.mark.parametrize("chip", CHIPS)
def test_lists_stay_where_they_are_until_all_is_erased(chip, tmp_path):
    with MockBoard(tmp_path, chip, flash_mb=CHIPS[chip]) as board:
        flash(board, chip)
        place = board_for_chip(chip).layout_for(CHIPS[chip] << 20).part(LISTS[1])
        with Bootloader(board.port) as bootloader:
            bootloader.write(place.offset, LABEL)
        flash(board, chip)
        assert board.flash()[place.offset :].startswith(LABEL)
        flash_board(board.port, board_for_chip(chip), stock(chip), CONTENT, erase=True)
        data = board.flash()
        assert not data[place.offset : place.end].strip(b"\xff")
        check_flash(data, chip, made_image(chip))


@pytest.mark.parametrize("chip", CHIPS)
def test_a_weak_cell_is_found_and_named_and_the_next_attempt_succeeds(chip, tmp_path):
    with MockBoard(tmp_path, chip, flash_mb=CHIPS[chip]) as board:
        for address in (boot_offset(chip) + 5, TABLE_OFFSET + 40, 0x12345, 0x200000 + 77, 0x25FFFF):
            board.fail("damage", address)
            with pytest.raises(FlashError, match=f"in flash at {address:#x} is not what was written") as caught:
                flash(board, chip)
            assert caught.value.kind == DIFFERENT and board.port in caught.value.cause and caught.value.hint
            flash(board, chip)
            check_flash(board.flash(), chip, made_image(chip))


@pytest.mark.parametrize("chip", CHIPS)
def test_a_cable_pulled_at_any_byte_leaves_a_board_that_can_be_flashed(chip, tmp_path):
    rng = random.Random(f"{SEED} {chip}")
    with MockBoard(tmp_path, chip, flash_mb=CHIPS[chip]) as board:
        flash(board, chip)
        on_line = board.received()
        for _ in range(CUTS):
            cut = rng.randrange(on_line - NEAR_END)
            board.fail("cut", cut)
            with pytest.raises(FlashError) as caught:
                flash(board, chip)
            assert caught.value.kind == CUT, (SEED, cut, caught.value)
            assert "the board went away" in caught.value.cause and "again" in caught.value.hint
            board.plugged_in()
            flash(board, chip)
            check_flash(board.flash(), chip, made_image(chip))


@pytest.mark.parametrize("chip", CHIPS)
def test_a_bit_that_flips_on_the_line_is_healed_or_told(chip, tmp_path):
    rng = random.Random(f"{SEED} flip {chip}")
    with MockBoard(tmp_path, chip, flash_mb=CHIPS[chip]) as board:
        for _ in range(FLIPS):
            flip = rng.randrange(60_000)
            board.fail("flip", flip)
            try:
                flash(board, chip)
            except FlashError as error:
                assert error.kind in (NOISE, SILENT, DIFFERENT, NO_ANSWER), (SEED, flip, error)
                assert error.hint
                flash(board, chip)
            check_flash(board.flash(), chip, made_image(chip))


def test_a_board_that_falls_silent_is_told_and_can_be_flashed(tmp_path):
    with MockBoard(tmp_path, "esp32") as board:
        for mute in (100, 20_000):
            board.fail("mute", mute)
            with pytest.raises(FlashError, match="the board stopped answering") as caught:
                flash(board, "esp32")
            assert caught.value.kind == SILENT and "RESET" in caught.value.hint
            board.received()  # it has noticed that its port was let go
            flash(board, "esp32")
            check_flash(board.flash(), "esp32", made_image("esp32"))


@pytest.mark.parametrize(("chip", "other"), [("esp32", "esp32s3"), ("esp32s3", "esp32c3"), ("esp32c3", "esp32")])
def test_another_chip_than_meant_is_told_before_anything_is_written(chip, other, tmp_path):
    with MockBoard(tmp_path, chip, flash_mb=CHIPS[chip]) as board:
        with pytest.raises(FlashError, match=f"chip is an {chip}, not the {other} of") as caught:
            flash_board(board.port, board_for_chip(other), stock(other), CONTENT)
        assert caught.value.kind == WRONG_CHIP
        with pytest.raises(FlashError, match=f"is for an {other}, and .* has an {chip}") as caught:
            flash_board(board.port, board_for_chip(chip), stock(other), CONTENT)
        assert caught.value.kind == WRONG_IMAGE
        assert not board.flash().strip(b"\xff")
        flash(board, chip)
        check_flash(board.flash(), chip, made_image(chip))


def test_a_flash_that_is_too_small_is_told(tmp_path):
    with MockBoard(tmp_path, "esp32", flash_mb=2) as board:
        with pytest.raises(FlashError, match="flash has 2 MB, too small for ESP32_GENERIC") as caught:
            flash(board, "esp32")
        assert caught.value.kind == NO_FIT and "4 MB" in caught.value.hint


def test_files_that_do_not_fit_are_told(tmp_path):
    with MockBoard(tmp_path, "esp32") as board:
        with pytest.raises(FlashError, match="do not fit the 393216 bytes of vfs") as caught:
            flash_board(board.port, find_board("esp32-generic"), stock("esp32"), {"big": bytes(400_000)})
        assert caught.value.kind == NO_FIT


def test_a_real_micropython_reads_back_as_it_was(tmp_path):
    image = real_image()
    real = read_image(image, "real")
    assert (real.chip, real.version, real.is_too_old) == ("esp32", "v1.16-237-g1613dc8a1-dirty", True)
    with MockBoard(tmp_path, "esp32") as board:
        flash_board(board.port, board_for_chip("esp32"), real, CONTENT)
        check_flash(board.flash(), "esp32", image)


def test_ports_that_are_none_busy_or_silent_are_told_apart(tmp_path):
    master, slave = pty.openpty()
    silent = os.ttyname(slave)
    (tmp_path / "file").write_bytes(b"")
    for port in (str(tmp_path / "nowhere"), str(tmp_path / "file"), str(tmp_path), "nonsense://x"):
        with pytest.raises(FlashError, match="there is no such serial port") as caught:
            Bootloader(port).__enter__()
        assert caught.value.kind == NO_PORT
    began = time.monotonic()
    with pytest.raises(FlashError, match="no bootloader answers") as caught:
        Bootloader(silent).__enter__()
    assert caught.value.kind == NO_ANSWER and "BOOT" in caught.value.hint and time.monotonic() - began < 20
    with MockBoard(tmp_path, "esp32") as board, Bootloader(board.port):
        with pytest.raises(FlashError, match="another program uses this port") as caught:
            Bootloader(board.port).__enter__()
        assert caught.value.kind == BUSY
    os.close(master)
    os.close(slave)
