"""What boards/ says of boards holds: layouts fit, numbers agree with upstream's, nothing is forgotten in a build."""

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from esp_images import LABEL, made_image, program
from import_closure import modules
from real_image import real_image

from spamgate.app.board_lists import _BOARD_CLASSES
from spamgate_tools.blocklist.classes import SLOT_BYTES
from spamgate_tools.boards.application import board_files
from spamgate_tools.boards.bundle import bundle
from spamgate_tools.boards.catalogue import FILES, LISTS, all_boards, board_for_chip, find_board
from spamgate_tools.boards.image import make_image, read_files, write_files
from spamgate_tools.boards.partitions import (
    APP,
    DATA,
    TABLE_BYTES,
    TABLE_OFFSET,
    Partition,
    check_layout,
    read_table,
    write_table,
)
from spamgate_tools.boards.stock_image import boot_offset, for_flash_size, read_image
from spamgate_tools.errors import UserError
from spamgate_tools.runtime import find_micropython

_ROOT = Path(__file__).resolve().parents[2]
_FLASHED = [board for board in all_boards() if board.layouts]
_STOCK = [board for board in _FLASHED if not board.frozen_program]
_ROUTERS = [board for board in _FLASHED if board.frozen_program]
_BOARDS = _ROOT / "boards"
_JOURNAL_AND_STATE_BYTES = 100 * 1024  # what must be left free in the file system
_OF_MICROPYTHON = """
    array binascii cryptolib errno esp esp32 gc hashlib io json machine micropython network os select socket struct sys
    termios time uctypes vfs
    mailgate
"""
_LABELS_AB = ["nvs", "otadata", "phy_init", "ota_0", "ota_1", "vfs", "list_a", "list_b"]
_NVS = Partition("nvs", DATA, 2, 0x9000, 0x6000)


@pytest.mark.parametrize("board", _FLASHED, ids=lambda board: board.name)
def test_a_board_says_what_its_chip_says(board):
    assert int(board.data["deploy_options"]["flash_offset"], 16) == boot_offset(board.chip)
    assert board.data["mcu"] == board.chip
    image = board.facts["image"]
    assert image["pattern"].startswith(f"{board.name}-")
    if board.frozen_program:
        assert image["build"] == f"ci/esp32_image.sh {board.name}"
    else:
        assert board.name in board.data["url"]
    for digest in board.facts["image"]["sha256"].values():
        assert re.fullmatch("[0-9a-f]{64}", digest)


@pytest.mark.parametrize("board", _STOCK, ids=lambda board: board.name)
def test_both_lists_and_the_files_have_the_room_that_the_design_gives_them(board):
    slots = {layout.flash_bytes >> 20: (layout.part(FILES), *map(layout.part, LISTS)) for layout in board.layouts}
    sizes = {flash: [it.size_bytes for it in parts] for flash, parts in slots.items()}
    assert sizes == {4: [0x60000, 0xD0000, 0xD0000], 8: [0xA0000, 0x2B0000, 0x2B0000]}
    assert [layout.part(LISTS[0]).size_bytes for layout in board.layouts] == [SLOT_BYTES["4MiB"], SLOT_BYTES["8MiB"]]
    assert [layout.capacity["exact"] for layout in board.layouts] == [299_000, 1_031_000]
    assert [layout.capacity["compact"] for layout in board.layouts] == [524_000, 1_048_000]
    assert board.layout_for(2 << 20) is None
    assert board.layout_for(16 << 20) is board.layouts[-1]


@pytest.mark.parametrize("board", _ROUTERS, ids=lambda board: board.name)
def test_a_router_has_its_application_twice_and_says_how_large_lists_may_be(board):
    for layout in board.layouts:
        assert [it.label for it in layout.partitions] == _LABELS_AB
        otadata, first, second = layout.part("otadata"), layout.part("ota_0"), layout.part("ota_1")
        assert (otadata.type, otadata.subtype, otadata.size_bytes) == (DATA, 0x00, 0x2000)
        assert [(it.type, it.subtype) for it in (first, second)] == [(APP, 0x10), (APP, 0x11)]
        assert first.offset == 0x10000 and first.size_bytes == second.size_bytes >= 0x180000
        ends = [it.end for it in layout.partitions]
        assert [it.offset for it in layout.partitions] == [0x9000, *ends[:-1]] and ends[-1] == layout.flash_bytes
        assert layout.part(LISTS[0]).size_bytes == layout.part(LISTS[1]).size_bytes == SLOT_BYTES[layout.board_class]
    told = {layout.board_class: layout.capacity for layout in board.layouts}
    assert told.pop("8MiB-ab") == {"exact": 777_000, "compact": 1_048_000}
    assert told in ({}, {"4MiB-ab": {"exact": 136_000, "compact": 241_000}})


@pytest.mark.parametrize("board", _ROUTERS, ids=lambda board: board.name)
def test_a_router_is_built_with_the_table_that_it_is_flashed_with(board):
    smallest = board.layouts[0]
    text = (_BOARDS / board.name / "sdkconfig.board").read_text()
    assert f"CONFIG_ESPTOOLPY_FLASHSIZE_{smallest.flash_bytes >> 20}MB=y\n" in text
    common = (_BOARDS / "common" / "sdkconfig.lwip").read_text()
    for option in ("IP_FORWARD", "IPV4_NAPT", "IPV6_FORWARD", "HOOK_IP6_INPUT_NONE", "DHCPS_ADD_DNS"):
        assert f"CONFIG_LWIP_{option}=y\n" in common
    cmake = (_BOARDS / board.name / "mpconfigboard.cmake").read_text()
    named = re.search(r"set\(SPAMGATE_PARTITIONS (.*)\)\n", cmake)[1]
    assert board.facts["layouts"][f"{smallest.flash_bytes >> 20}MB"] == f"common/{named}"
    assert f"set(IDF_TARGET {board.chip})\n" in cmake and "/../common/lwip.cmake)" in cmake


def test_a_board_tells_its_class_of_lists_by_the_size_of_its_slots():
    for board_class, slot_bytes in SLOT_BYTES.items():
        found = next(name for size, name in _BOARD_CLASSES if slot_bytes >= size)
        assert found == board_class


@pytest.mark.parametrize("board", _FLASHED, ids=lambda board: board.name)
def test_what_a_board_is_given_leaves_room_for_journal_and_state(board):
    place = board.layouts[0].part(FILES)
    files = board_files(board, {"wifi_name": "x" * 32}, {"serial": "x" * 32, "link_key": "0" * 64})
    data = write_files({**files, "journal": b"j" * _JOURNAL_AND_STATE_BYTES}, place)
    assert set(read_files(data, place)) == {*files, "journal"}


@pytest.mark.parametrize("entry", sorted({board.facts["entry"] for board in all_boards() if "entry" in board.facts}))
def test_whatever_a_board_imports_late_is_on_it(entry):
    texts = bundle(entry, _ROOT / "firmware")
    there = {Path(name).stem for name in texts}
    wanted = {name for text in texts.values() for name in _imported(ast.parse(text))}
    strangers = wanted - there - set(_OF_MICROPYTHON.split())
    assert not strangers and there <= wanted | {"spamgate"}, (strangers, there - wanted)


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def test_stock_micropython_mounts_what_is_written_and_imports_the_program(tmp_path):
    place = find_board("esp32-generic").layouts[0].part(FILES)
    path = tmp_path / "vfs"
    path.write_bytes(write_files(board_files(find_board("unix"), {}, {}), place))
    command = [*find_micropython(), "-X", "heapsize=2m", str(_ROOT / "tests" / "programs" / "mounted.py"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    files, main, journal = done.stdout.splitlines()
    assert "'settings.json'" in files and main.startswith("<function") and journal.startswith("100000 ")


@pytest.mark.parametrize("board", _FLASHED, ids=lambda board: board.name)
def test_the_manifest_for_frozen_builds_names_every_module_that_can_come_to_be_imported(board):
    frozen = _frozen(_BOARDS / board.name / "manifest.py")
    files = sorted(name for name in frozen if name.startswith("spamgate/"))
    assert files == sorted(modules(board.facts["entry"])), "put these into boards/common/manifest.py"
    assert all(path.is_file() for path in frozen.values())
    assert f"from {board.facts['entry']} import main\n" in frozen["main.py"].read_text()


def _frozen(manifest: Path, **given: str) -> dict[str, Path]:
    """Return what a manifest freezes of ours, as micropython's manifestfile.py reads it: name and file."""
    found: dict[str, Path] = {}

    class Options:
        def defaults(self, **values: str) -> None:
            self.__dict__.update({**values, **given})

    def include(path: str, **values: str) -> None:
        if "$" not in path:
            found.update(_frozen(manifest.parent / path, **values))

    def package(name: str, files: tuple[str, ...], base_path: str, opt: int) -> None:
        found.update({f"{name}/{file}": manifest.parent / base_path / name / file for file in files})

    def module(name: str, base_path: str, opt: int) -> None:
        found[name] = manifest.parent / base_path / name

    words = {"include": include, "package": package, "module": module, "options": Options()}
    exec(compile(manifest.read_text(), manifest, "exec"), words | {"freeze": lambda path: None})  # noqa: S102  ours
    return found


def test_a_chip_has_one_general_board():
    assert board_for_chip("esp32").name == "ESP32_GENERIC"
    assert board_for_chip("esp8266") is None
    with pytest.raises(UserError, match="there is no such board; there are "):
        find_board("esp32_wrong")


def test_board_json_is_written_as_upstream_writes_it():
    for path in (_ROOT / "boards").glob("*/board.json"):
        data = json.loads(path.read_text())
        assert list(data) == sorted(set(data) - {"spamgate"}) + ["spamgate"], path


# --- partition tables and images --------------------------------------------------------------------


def test_a_real_partition_table_is_written_again_byte_by_byte():
    table = real_image()[TABLE_OFFSET - 0x1000 :][:TABLE_BYTES]
    partitions = read_table(table)
    assert [it.label for it in partitions] == ["nvs", "phy_init", "factory", "vfs"]
    assert write_table(partitions) == table


def test_a_damaged_partition_table_is_refused():
    table = write_table([_NVS, Partition("factory", APP, 0, 0x10000, 0x1F0000)])
    assert [it.label for it in read_table(table)] == ["nvs", "factory"]
    for at in range(64 + 32):
        damaged = bytearray(table)
        damaged[at] ^= 0x10
        with pytest.raises(UserError):
            read_table(bytes(damaged))
    for cut in range(0, 64, 7):
        with pytest.raises(UserError):
            read_table(table[:cut])
    with pytest.raises(UserError):
        read_table(b"\xff" * TABLE_BYTES)


@pytest.mark.parametrize(
    ("partition", "says"),
    [
        (Partition("x", DATA, 0x40, 0x8000, 0x1000), "where another still lies"),
        (Partition("x", DATA, 0x40, 0x9000, 0x1000), "where another still lies"),
        (Partition("x", APP, 0, 0x18000, 0x1000), "where flash can be erased"),
        (Partition("x", DATA, 0x40, 0x10800, 0x1000), "where flash can be erased"),
        (Partition("x", DATA, 0x40, 0x3FF000, 0x2000), "behind the 0x400000 bytes of flash"),
        (Partition("x" * 17, DATA, 0x40, 0x10000, 0x1000), "1 to 16 bytes"),
    ],
)
def test_a_layout_that_a_bootloader_would_refuse_is_refused(partition, says):
    check_layout([_NVS], 4 << 20)
    with pytest.raises(UserError, match=says):
        check_layout([_NVS, partition], 4 << 20)


@pytest.mark.parametrize("chip", ["esp32", "esp32s3", "esp32c3"])
def test_every_bit_of_an_image_that_flips_is_noticed(chip):
    image = made_image(chip, size_bytes=300)
    table, start = TABLE_OFFSET - boot_offset(chip), 0x10000 - boot_offset(chip)
    for at in (*range(24, 60), *range(table, table + 96), *range(start + 24, len(image))):
        damaged = bytearray(image)
        damaged[at] ^= 1
        with pytest.raises(UserError):
            read_image(bytes(damaged), "it")
    for cut in range(0, len(image), 997):
        with pytest.raises(UserError):
            read_image(image[:cut], "it")


def test_an_image_is_told_from_one_for_updates_and_from_mixed_ones():
    with pytest.raises(UserError, match="the .bin for a first installation"):
        read_image(program("esp32", LABEL * 700), "update")
    mixed = made_image("esp32s3")[:0x10000] + program("esp32c3", LABEL)
    with pytest.raises(UserError, match="its application is for another chip than its bootloader"):
        read_image(mixed, "mixed")


@pytest.mark.parametrize("chip", ["esp32", "esp32s3", "esp32c3"])
def test_the_header_gets_the_flash_size_and_stays_valid(chip):
    stock = read_image(made_image(chip), "it")
    codes = {}
    for flash_mb in (4, 8, 16):
        data = for_flash_size(stock, flash_mb << 20)
        assert read_image(data, "it").chip == chip and data[3] & 0x0F == stock.data[3] & 0x0F
        codes[flash_mb] = data[3] >> 4
    assert codes == {4: 2, 8: 3, 16: 4}


def test_an_application_that_is_too_large_is_refused():
    board = find_board("esp32-generic")
    with pytest.raises(UserError, match="its application of 20.* bytes at 0x10000 does not fit"):
        make_image(board, read_image(made_image("esp32", size_bytes=0x1F0000), "big"), {}, 4 << 20)
