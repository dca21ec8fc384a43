"""After flashing: what was written to a mock of the chip runs on a real MicroPython, and says hello."""

import os
import pty
import time

import pytest
from esp_images import made_image
from free_ports import free_ports
from hil.rig import RigError
from hil.rig_pty import PtyRig
from mock_board import MockBoard

from spamgate_tools.boards.application import board_files
from spamgate_tools.boards.catalogue import FILES, board_for_chip, find_board
from spamgate_tools.boards.flasher import Bootloader
from spamgate_tools.boards.hello import next_steps, wait_for_hello
from spamgate_tools.boards.image import read_files
from spamgate_tools.boards.stock_image import read_image

_SETTINGS = {"wifi_name": "home", "wifi_password": "a password"}


def test_what_lies_in_flash_says_hello_when_it_is_run(tmp_path):
    board = board_for_chip("esp32")
    settings = {**_SETTINGS, "guard_port": free_ports()}
    written = board_files(find_board("unix"), settings, {"serial": "SG-7"})  # the program for Linux: that can be run
    with MockBoard(tmp_path, "esp32") as mock:
        with Bootloader(mock.port) as bootloader:
            assert not bootloader.can_restart
            bootloader.install(board, read_image(made_image("esp32"), "made"), written)
        flash = mock.flash()
    place = board.layout_for(len(flash)).part(FILES)
    (tmp_path / "pty").mkdir()
    try:
        rig = PtyRig(tmp_path / "pty")
    except RigError as missing:
        pytest.skip(f"not run: {missing}")
    try:
        rig.install(read_files(flash[place.offset : place.end], place))
        rig.power_on()
        hello = wait_for_hello(rig.port, True)
    finally:
        rig.close()
    assert (hello.identity["serial"], hello.identity["board"], hello.why_not) == ("SG-7", "UNIX", "")


def test_a_board_that_says_nothing_is_a_fault_with_what_to_do():
    master, slave = pty.openpty()
    port = os.ttyname(slave)
    began = time.monotonic()
    hello = wait_for_hello(port, True, patience_s=2)
    assert hello.is_fault and "does not answer" in hello.why_not and time.monotonic() - began < 10
    assert next_steps(find_board("esp32-generic"), port, {}, hello)[0] == f"see what it prints: mpremote connect {port}"
    os.close(master)
    os.close(slave)
    gone = wait_for_hello("/dev/nothing", True, patience_s=1)
    assert gone.is_fault and "no such port" in gone.why_not
