"""The inventory: nobody else reads it, nothing is given twice, and what stops the work in between leaves it whole."""

import errno
import os
import sqlite3
import stat
import subprocess
import sys
import threading

import pytest

from spamgate_tools.errors import UserError
from spamgate_tools.provision import label
from spamgate_tools.provision.inventory import BEGUN, DONE, Inventory, Order, SerialTaken

_MAC = "24:0a:c4:00:00:01"
_OTHER = "24:0a:c4:00:00:02"
_ORDER = Order("ESP32_GENERIC", "/dev/ttyUSB0", prefix="P-")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "inventory.sqlite"


@pytest.fixture
def inventory(path):
    with Inventory(path) as inventory:
        yield inventory


def _mode(path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_nobody_else_can_read_it(path):
    before = os.umask(0)
    try:
        with Inventory(path) as inventory:
            inventory.claim(_MAC, _ORDER)
            assert _mode(path) == 0o600
        path.chmod(0o644)
        Inventory(path).close()
        assert _mode(path) == 0o600
    finally:
        os.umask(before)


def test_its_folder_is_made_and_is_private(tmp_path):
    path = tmp_path / "data" / "inventory.sqlite"
    Inventory(path).close()
    assert _mode(path.parent) == 0o700


def test_a_file_of_somebody_else_is_not_used(path, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "chmod", refuse)
    with pytest.raises(UserError, match="Operation not permitted; it holds keys and must be a file of yours"):
        Inventory(path)


def test_a_link_that_somebody_laid_is_not_followed(tmp_path):
    (tmp_path / "victim").write_text("")
    (tmp_path / "inventory.sqlite").symlink_to(tmp_path / "victim")
    with pytest.raises(UserError, match="holds keys"):
        Inventory(tmp_path / "inventory.sqlite")


def test_what_sqlite_puts_beside_it_is_private_too(path, inventory):
    seen = []
    with inventory._change():
        inventory._db.execute("INSERT INTO counter VALUES ('x', 1)")
        seen = [_mode(beside) for beside in path.parent.iterdir() if beside != path]
    assert seen == [0o600]


def test_a_board_keeps_its_serial_and_key(path, inventory):
    first = inventory.claim(_MAC, _ORDER)
    assert (first.serial, first.state, len(first.link_key)) == ("P-0001", BEGUN, 32)
    inventory.begin(_MAC, _ORDER)
    inventory.finish(_MAC, "image v1", "passed")
    inventory.close()
    with Inventory(path) as again:
        record = again.claim(_MAC, Order("ESP32_GENERIC", "/dev/ttyUSB7", prefix="Q-"))
    assert (record.serial, record.link_key, record.state) == (first.serial, first.link_key, DONE)
    assert (record.image, record.self_test, record.attempts, record.port) == ("image v1", "passed", 1, "/dev/ttyUSB7")


def test_keys_differ_and_stay_out_of_what_is_printed(inventory):
    records = [inventory.claim(mac, _ORDER) for mac in (_MAC, _OTHER)]
    assert records[0].link_key != records[1].link_key
    for record in records:
        shown = f"{record!r} {record.identity!r} {record.public()} {label.as_text(record)} {label.as_svg(record)}"
        assert record.link_key.hex() not in shown and repr(record.link_key) not in shown
        assert record.identity.document()["link_key"] == record.link_key.hex()


def test_a_number_is_given_once_even_if_its_board_is_forgotten(inventory):
    assert inventory.claim(_MAC, _ORDER).serial == "P-0001"
    inventory.forget(_MAC)
    assert inventory.claim(_MAC, _ORDER).serial == "P-0002"
    assert inventory.claim(_OTHER, _ORDER).serial == "P-0003"


def test_a_forgotten_key_is_gone_from_the_file(path, inventory):
    key = inventory.claim(_MAC, _ORDER).link_key
    assert key in path.read_bytes()
    inventory.forget(_MAC)
    assert key not in path.read_bytes()


def test_counting_passes_over_serials_that_are_taken_or_promised(inventory):
    inventory.claim(_OTHER, Order("ESP32_GENERIC", "", serial="p-0001"))
    assert inventory.claim(_MAC, _ORDER, lambda serial: serial == "P-0002").serial == "P-0003"


def test_a_serial_has_one_board_however_it_is_written(inventory):
    inventory.claim(_MAC, Order("ESP32_GENERIC", "", serial="Acme-1"))
    with pytest.raises(SerialTaken, match=f"serial ACME-1 is that of board {_MAC}"):
        inventory.claim(_OTHER, Order("ESP32_GENERIC", "", serial="ACME-1"))
    assert inventory.board(_OTHER) is None
    assert inventory.holder("acme-1").mac == _MAC


def test_two_inventories_count_apart(tmp_path):
    prefixes = set()
    for number in range(8):
        with Inventory(tmp_path / str(number)) as inventory:
            prefixes.add(inventory.prefix())
    assert len(prefixes) == 8


def test_two_stations_with_one_file_never_give_a_number_twice(path):
    serials = []

    def claim(first: int) -> None:
        with Inventory(path) as inventory:
            for number in range(first, first + 20):
                serials.append(inventory.claim(f"24:0a:c4:00:00:{number:02x}", _ORDER).serial)

    threads = [threading.Thread(target=claim, args=(first,)) for first in (0, 20, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(serials) == [f"P-{number:04}" for number in range(1, 61)]


def test_a_full_disk_is_said_and_leaves_no_half_a_board(path, inventory):
    inventory.claim(_MAC, _ORDER)
    inventory._db.execute(f"PRAGMA max_page_count = {inventory._db.execute('PRAGMA page_count').fetchone()[0]}")
    made = 0
    with pytest.raises(UserError, match="inventory .*: database or disk is full; make room, then run it again"):
        for number in range(2, 200):
            inventory.claim(f"24:0a:c4:00:01:{number:02x}", _ORDER)
            made += 1
    inventory.close()
    with Inventory(path) as again:
        assert len(again.boards()) == 1 + made
        assert again.claim(_OTHER, _ORDER).serial == f"P-{made + 2:04}"


_DIES = """
import os, sys
from pathlib import Path
from spamgate_tools.provision.inventory import Inventory, Order
inventory = Inventory(Path(sys.argv[1]))
with inventory._change():
    inventory._db.execute("INSERT OR REPLACE INTO counter VALUES ('P-', 77)")
    inventory._db.execute("PRAGMA cache_spill = 1")
    os._exit(9)
"""


def test_a_program_that_dies_in_the_middle_leaves_what_was_before(path, inventory):
    inventory.claim(_MAC, _ORDER)
    assert subprocess.run([sys.executable, "-c", _DIES, path], check=False).returncode == 9
    assert inventory.claim(_OTHER, _ORDER).serial == "P-0002"


def test_another_file_is_not_taken_for_an_inventory_nor_changed(path):
    path.write_text("Dear diary, " * 100)
    path.chmod(0o644)
    with pytest.raises(UserError, match="is no inventory"):
        Inventory(path)
    assert path.read_text().startswith("Dear diary") and _mode(path) == 0o644


def test_neither_is_another_database(path):
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE songs (title TEXT)")
    db.execute("PRAGMA user_version = 1")
    db.close()
    path.chmod(0o644)
    with pytest.raises(UserError, match="no such table: inventory; it is no inventory, or it is damaged"):
        Inventory(path)
    assert _mode(path) == 0o644


def test_a_damaged_inventory_is_said(path):
    with Inventory(path) as inventory:
        inventory.claim(_MAC, _ORDER)
    path.write_bytes(path.read_bytes()[:4096] + bytes(4096))
    with pytest.raises(UserError, match="damaged"), Inventory(path) as inventory:
        inventory.boards()


def test_a_newer_inventory_is_left_alone(path):
    Inventory(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.commit()
    db.close()
    with pytest.raises(UserError, match="newer spamgate"):
        Inventory(path)


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file/inventory.sqlite: (Not a directory|File exists)"):
        Inventory(tmp_path / "file" / "inventory.sqlite")


@pytest.mark.parametrize("form", label.FORMATS)
def test_a_label_is_a_file_named_after_the_serial(tmp_path, inventory, form):
    record = inventory.claim(_MAC, _ORDER)
    path = label.save(record, tmp_path / "labels", form)
    assert path.name == f"P-0001.{form}" and path.stat().st_size > 250
    if form != "png":
        assert all(line in path.read_text() for line in ("P-0001", _MAC, "ESP32_GENERIC", "not done"))


def test_a_board_is_for_a_site_until_it_is_for_another(inventory):
    order = Order("ESP32_GENERIC", "", prefix="P-", site="Mill Lane 3 <b>")
    assert inventory.claim(_MAC, order).site == "Mill Lane 3 <b>"
    record = inventory.claim(_MAC, _ORDER)
    assert "Mill Lane 3 <b>" in label.as_text(record) and "Mill Lane 3 &lt;b&gt;" in label.as_svg(record)
    assert inventory.claim(_MAC, Order("ESP32_GENERIC", "", site="Low Road 1")).site == "Low Road 1"


def test_the_code_on_a_label_says_serial_and_mac(inventory):
    assert label.payload(inventory.claim(_MAC, _ORDER)) == "SPAMGATE:P-0001:240AC4000001"


def test_a_label_that_cannot_be_written_is_said(tmp_path, inventory):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="label .*: cannot be written"):
        label.save(inventory.claim(_MAC, _ORDER), tmp_path / "file", "svg")
