"""Which board gets which serial and settings: from a CSV file, or counted.

A row of the file is for the board with its `mac`, else for whatever is at its `port`, else for any board.  Everything
that can be wrong with the file is found before the first board is touched.
"""

import csv
import difflib
import io
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from spamgate_tools.errors import UserError
from spamgate_tools.provision.identity import read_mac, read_serial
from spamgate_tools.provision.profiles import Profile, Profiles

COLUMNS = ("mac", "port", "serial", "profile", "site")

_MOST_BYTES = 4 << 20
_MOST_LETTERS = 64
_HINT = f"the first line names the columns: {', '.join(COLUMNS)}; all but one may be missing"


class NoRow(Exception):
    """No row of the plan is for this board."""


@dataclass(frozen=True)
class Row:
    """What the plan has for one board."""

    profile: Profile
    serial: str = ""
    mac: str = ""
    port: str = ""
    site: str = ""
    line: int = 0


@dataclass(frozen=True)
class Plan:
    """All rows; without any, every board gets the next number and the default profile."""

    prefix: str
    default: Profile
    rows: tuple[Row, ...] = ()
    source: str = ""
    _by_mac: dict[str, Row] = field(default_factory=dict, repr=False)
    _by_port: dict[str, Row] = field(default_factory=dict, repr=False)
    _promised: set[str] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        for row in self.rows:
            if row.mac:
                self._by_mac[row.mac] = row
            elif row.port:
                self._by_port[same_port(row.port)] = row
            if row.serial:
                self._promised.add(row.serial.casefold())

    def ports(self) -> list[str]:
        """Return the ports that the file names."""
        return [row.port for row in self.rows if row.port]

    def profiles(self) -> list[Profile]:
        """Return each profile that some board is to get."""
        return list({row.profile.name: row.profile for row in self.rows or (Row(self.default),)}.values())

    def is_promised(self, serial: str) -> bool:
        """Has a row this serial?"""
        return serial.casefold() in self._promised

    def row_for(self, port: str, mac: str, serial: str, is_given: Callable[[str], bool]) -> Row:
        """Return the row of a board; `serial` is what it has already, `is_given` tells which are gone."""
        if not self.rows:
            return Row(self.default)
        row = self._by_mac.get(mac) or self._by_port.get(same_port(port))
        return row or self._open_row(serial, is_given)

    def _open_row(self, serial: str, is_given: Callable[[str], bool]) -> Row:
        rows = [row for row in self.rows if not row.mac and not row.port]
        for row in rows:
            if serial and row.serial.casefold() == serial.casefold():
                return row
        for row in rows:
            if not row.serial or not is_given(row.serial):
                return row
        raise NoRow


def read_plan(path: Path, prefix: str, profiles: Profiles) -> Plan:
    """Return the plan in a CSV file."""
    rows = []
    for line, cells in _table(path):
        where = f"{path}, line {line}"
        mac = read_mac(cells["mac"], where) if cells.get("mac") else ""
        serial = read_serial(cells["serial"], where) if cells.get("serial") else ""
        profile = profiles.named(cells["profile"], where) if cells.get("profile") else profiles.default
        rows.append(Row(profile, serial, mac, cells.get("port", ""), _site(cells.get("site", ""), where), line))
    if not rows:
        raise UserError(f"{path}: no board in it", _HINT)
    for what, key in (("serial", _serial_key), ("MAC", _mac_key), ("port", _port_key)):
        _refuse_twins(path, what, rows, key)
    return Plan(prefix, profiles.default, tuple(rows), str(path))


def same_port(port: str) -> str:
    """Return what two names of one port have in common: /dev/serial/by-id/... leads to /dev/ttyUSB0."""
    return os.path.realpath(port) if port.startswith("/") else port


def _site(text: str, where: str) -> str:
    if len(text) > _MOST_LETTERS or not text.isprintable():
        raise UserError(f"{where}: no site: {text[:40]!r}", f"name it in up to {_MOST_LETTERS} letters")
    return text


def _serial_key(row: Row) -> str:
    return row.serial.casefold()


def _mac_key(row: Row) -> str:
    return row.mac


def _port_key(row: Row) -> str:
    return same_port(row.port) if row.port and not row.mac else ""


def _refuse_twins(path: Path, what: str, rows: Iterable[Row], key: Callable[[Row], str]) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        name = key(row)
        if name and name in seen:
            raise UserError(f"{path}, line {row.line}: {what} {name} is in line {seen[name]} already", "give each once")
        seen[name] = row.line


def _table(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return line numbers and cells; a spreadsheet's byte order mark, semicolons and blank lines are fine."""
    text = _text(path)
    heading = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = _names(path, next(reader, []))
        table = []
        for cells in reader:
            values = [cell.strip() for cell in cells]
            if not any(values):
                continue
            if len(values) > len(names) and any(values[len(names) :]):
                raise UserError(f"{path}, line {reader.line_num}: {len(values)} cells for {len(names)} columns", _HINT)
            table.append((reader.line_num, dict(zip(names, values, strict=False))))
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}") from None
    return table


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise UserError(f"{path}: larger than {_MOST_BYTES >> 20} MB", "split it")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8", "save it as CSV UTF-8") from None


def _names(path: Path, heading: list[str]) -> list[str]:
    names = [name.strip().lower() for name in heading]
    while names and not names[-1]:
        names.pop()
    for name in names:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, 1)
            raise UserError(f"{path}: no column {name!r}", f"do you mean {near[0]!r}?" if near else _HINT)
    if not names or len(set(names)) < len(names):
        raise UserError(f"{path}: its first line names no columns, or one twice", _HINT)
    return names
