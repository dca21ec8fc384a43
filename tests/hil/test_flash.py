"""Flashing, as `spamgate flash` does it: what was written is there, whole, and can be written again.

More of it, on mocks of three chips and with faults, is in tests/e2e/test_flash.py.
"""

import pytest
from esp_images import made_image
from hil.bench import application
from hil.rig import Rig

from spamgate_tools.boards.catalogue import FILES, find_board
from spamgate_tools.boards.flasher import Bootloader, flash_board
from spamgate_tools.boards.image import read_files
from spamgate_tools.boards.stock_image import read_image


@pytest.mark.needs("bootloader")
def test_what_was_flashed_reads_back_and_can_be_flashed_again(rig: Rig) -> None:
    board = find_board(rig.board)
    files = application(rig)
    stock = read_image(made_image(board.chip), "made for the tests")
    for serial in (b"first", b"second"):
        given = {**files, "identity.json": b'{"serial": "%s"}' % serial}
        report = flash_board(rig.port, board, stock, given)
        assert (report.board, report.chip) == (board.name, board.chip)
        layout = board.layout_for(report.flash_bytes)
        assert layout
        place = layout.part(FILES)
        with Bootloader(rig.port) as bootloader:
            assert read_files(bootloader.read(place.offset, place.size_bytes), place) == given
