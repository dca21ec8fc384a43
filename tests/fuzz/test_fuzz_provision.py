"""What a technician hands over, and what strangers left on a board: any bytes are read, or refused with one line."""

import csv
import io
import json
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from spamgate_tools.errors import UserError
from spamgate_tools.provision.esp import serial_in
from spamgate_tools.provision.identity import read_mac, read_serial
from spamgate_tools.provision.plan import COLUMNS, read_plan
from spamgate_tools.provision.profiles import Profile, Profiles

_PROFILES = Profiles(Profile("default", {}))
_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII)
_MACS = st.from_regex(r"([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}", fullmatch=True)
_CELLS = st.one_of(st.text(max_size=20), _MACS, st.from_regex(_SERIAL, fullmatch=True), st.just(""))
_TABLES = st.lists(st.lists(_CELLS, min_size=1, max_size=6), max_size=6)


class _File:
    """A file in memory, as far as the plan reads one."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def open(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)

    def __str__(self) -> str:
        return "order.csv"


def _read(data: bytes) -> None:
    try:
        plan = read_plan(_File(data), "P-", _PROFILES)  # type: ignore[arg-type]
    except UserError as error:
        assert error.text.startswith("order.csv") and "\n" not in str(error)
        return
    serials = [row.serial.casefold() for row in plan.rows if row.serial]
    macs = [row.mac for row in plan.rows if row.mac]
    assert plan.rows and len(set(serials)) == len(serials) and len(set(macs)) == len(macs)
    assert all(_SERIAL.fullmatch(row.serial) for row in plan.rows if row.serial)
    assert all(re.fullmatch("([0-9a-f]{2}:){5}[0-9a-f]{2}", mac) for mac in macs)


@given(st.binary(max_size=300))
def test_any_bytes_as_a_plan(data):
    _read(data)


@given(st.binary(max_size=200))
def test_any_bytes_below_a_good_heading(data):
    _read(b"mac,port,serial,profile,site\n" + data)


@given(st.permutations(COLUMNS), st.integers(1, len(COLUMNS)), _TABLES, st.sampled_from(",;\t"))
def test_any_table_that_a_spreadsheet_may_write(columns, count, table, delimiter):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([columns[:count], *table])
    _read(out.getvalue().encode("utf-8", "replace"))


@given(st.one_of(st.text(max_size=40), _MACS))
def test_any_text_as_a_mac_or_serial(text):
    for read in (read_mac, read_serial):
        try:
            assert read(text, "here").isascii()
        except UserError as error:
            assert error.text.startswith("here: ") and "\n" not in error.text


@given(st.one_of(st.binary(max_size=200), st.recursive(st.none() | st.text() | st.integers(), st.lists)))
def test_any_identity_on_a_board_of_a_stranger(content):
    document = content if isinstance(content, bytes) else json.dumps({"serial": content}).encode()
    assert serial_in(document) == "" or _SERIAL.fullmatch(serial_in(document))


def test_an_identity_that_is_all_brackets():
    assert serial_in(b"[" * 60_000) == ""


def test_a_plan_that_never_ends(tmp_path):
    path: Path = tmp_path / "order.csv"
    path.write_bytes(b"serial\n" + b"A" * (5 << 20))
    try:
        read_plan(path, "P-", _PROFILES)
        raise AssertionError
    except UserError as error:
        assert "larger than 4 MB" in str(error)
