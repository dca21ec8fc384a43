"""What has been made: one row a board, keyed by the MAC of its chip, in one SQLite file.

A row is there, with serial and key, before a board is written, and is marked done after it proved itself: whatever
stops the work in between, the next run finds the same board under the same name, and no name is ever given twice.
The file holds keys, so only its owner may read it.
"""

import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from spamgate_tools.errors import UserError
from spamgate_tools.provision.identity import Identity, counted_serial, new_key, new_tag

BEGUN = "begun"
DONE = "done"

_VERSION = 1
_OWNER_ONLY = 0o600
_LOCK_WAIT_S = 20.0  # a second station may share the file
_MAGIC = b"SQLite format 3\0"
_YOURS = "it holds keys and must be a file of yours; name another with --inventory FILE"
_SCHEMA = """
CREATE TABLE board (
    mac TEXT PRIMARY KEY,
    serial TEXT NOT NULL UNIQUE COLLATE NOCASE,
    link_key BLOB NOT NULL CHECK (length(link_key) = 32),
    board TEXT NOT NULL,
    profile TEXT NOT NULL,
    site TEXT NOT NULL DEFAULT '',
    settings_sha256 TEXT NOT NULL,
    image TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL CHECK (state IN ('begun', 'done')),
    self_test TEXT NOT NULL DEFAULT '',
    problem TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0,
    port TEXT NOT NULL,
    begun TEXT NOT NULL,
    done TEXT NOT NULL DEFAULT ''
);
CREATE TABLE counter (prefix TEXT PRIMARY KEY COLLATE NOCASE, last INTEGER NOT NULL);
CREATE TABLE inventory (tag TEXT NOT NULL);
"""


class SerialTaken(Exception):
    """The serial that a board is to get is that of another board."""

    def __init__(self, serial: str, mac: str) -> None:
        super().__init__(f"serial {serial} is that of board {mac}")


@dataclass(frozen=True)
class Order:
    """What a board is to become; without a serial the next number after the prefix is its."""

    board: str
    port: str
    serial: str = ""
    prefix: str = ""
    profile: str = ""
    settings_sha256: str = ""
    site: str = ""


@dataclass(frozen=True)
class Record:
    """One board as the inventory knows it."""

    mac: str
    serial: str
    board: str
    profile: str
    site: str
    settings_sha256: str
    image: str
    state: str
    self_test: str
    problem: str
    attempts: int
    port: str
    begun: str
    done: str
    link_key: bytes = field(repr=False)

    @property
    def identity(self) -> Identity:
        """Return what the board itself is told."""
        return Identity(self.serial, self.mac, self.board, self.link_key)

    def public(self) -> dict[str, str | int]:
        """Return everything but the key, and the digest from which a short Wi-Fi password could be guessed."""
        return {name: value for name, value in vars(self).items() if name not in ("link_key", "settings_sha256")}


_COLUMNS = ", ".join(Record.__dataclass_fields__)


def default_path() -> Path:
    """Return where the inventory is unless another place is named."""
    return Path(platformdirs.user_data_dir("spamgate")) / "inventory.sqlite"


class Inventory:
    """The inventory in one file; its methods may be called from many threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._db = self._open()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> "Inventory":
        return self

    def __exit__(self, *stopped: object) -> None:
        self.close()

    # --- the life of a board ------------------------------------------------------------------------

    def claim(self, mac: str, order: Order, is_promised: Callable[[str], bool] = lambda serial: False) -> Record:
        """Return the row of this board, made if it is new; a serial that is promised to others is passed over."""
        with self._change():
            known = self._find("mac", mac)
            if known:
                self._set(mac, port=order.port, site=order.site or known.site)
                return self._known(mac)
            serial = order.serial or self._next_serial(order.prefix, is_promised)
            owner = self._find("serial", serial)
            if owner:
                raise SerialTaken(serial, owner.mac)
            self._db.execute(
                "INSERT INTO board (mac, serial, link_key, board, profile, settings_sha256, state, port, begun)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (mac, serial, new_key(), order.board, order.profile, order.settings_sha256, BEGUN, order.port, _now()),
            )
            self._set(mac, site=order.site)
            return self._known(mac)

    def begin(self, mac: str, order: Order) -> Record:
        """Note that a board is being written, whatever it was before; return its row."""
        with self._change():
            self._set(
                mac,
                state=BEGUN,
                board=order.board,
                profile=order.profile,
                settings_sha256=order.settings_sha256,
                done="",
                self_test="",
                problem="",
            )
            self._db.execute("UPDATE board SET attempts = attempts + 1 WHERE mac = ?", (mac,))
            return self._known(mac)

    def finish(self, mac: str, image: str, self_test: str) -> Record:
        """Mark a board as done."""
        with self._change():
            self._set(mac, state=DONE, image=image, self_test=self_test, problem="", done=_now())
            return self._known(mac)

    def fail(self, mac: str, problem: str) -> None:
        """Note why a board is not done."""
        with self._change():
            self._set(mac, problem=problem)

    def forget(self, mac: str) -> None:
        """Drop a board; its number is not given again."""
        with self._change():
            self._db.execute("DELETE FROM board WHERE mac = ?", (mac,))

    # --- questions -----------------------------------------------------------------------------------

    def board(self, mac: str) -> Record | None:
        """Return the row of a MAC."""
        with self._access():
            return self._find("mac", mac)

    def holder(self, serial: str) -> Record | None:
        """Return the row of a serial."""
        with self._access():
            return self._find("serial", serial)

    def boards(self) -> list[Record]:
        """Return all rows, in the order of their serials."""
        with self._access():
            rows = self._db.execute(f"SELECT {_COLUMNS} FROM board ORDER BY length(serial), serial").fetchall()
        return [Record(*row) for row in rows]

    def prefix(self) -> str:
        """Return the prefix that serials of this inventory have unless another is wanted."""
        with self._access():
            return f"SG-{self._db.execute('SELECT tag FROM inventory').fetchone()[0]}-"

    # --- within one transaction ---------------------------------------------------------------------

    def _find(self, column: str, value: str) -> Record | None:
        row = self._db.execute(f"SELECT {_COLUMNS} FROM board WHERE {column} = ?", (value,)).fetchone()
        return Record(*row) if row else None

    def _known(self, mac: str) -> Record:
        record = self._find("mac", mac)
        assert record is not None
        return record

    def _set(self, mac: str, **values: str) -> None:
        columns = ", ".join(f"{name} = ?" for name in values)
        self._db.execute(f"UPDATE board SET {columns} WHERE mac = ?", (*values.values(), mac))

    def _next_serial(self, prefix: str, is_promised: Callable[[str], bool]) -> str:
        row = self._db.execute("SELECT last FROM counter WHERE prefix = ?", (prefix,)).fetchone()
        number = row[0] + 1 if row else 1
        while is_promised(counted_serial(prefix, number)) or self._find("serial", counted_serial(prefix, number)):
            number += 1
        self._db.execute("INSERT OR REPLACE INTO counter (prefix, last) VALUES (?, ?)", (prefix, number))
        return counted_serial(prefix, number)

    # --- the file ------------------------------------------------------------------------------------

    @contextmanager
    def _access(self) -> Iterator[None]:
        """One thread at a time; what the file refuses is said in one line."""
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise self._trouble(error) from None

    @contextmanager
    def _change(self) -> Iterator[None]:
        """All of what is done within, durably, or nothing of it."""
        with self._access():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _open(self) -> sqlite3.Connection:
        self._make()
        try:
            db = sqlite3.connect(self.path, timeout=_LOCK_WAIT_S, isolation_level=None, check_same_thread=False)
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA secure_delete = ON")  # a forgotten board's key does not stay in a free page
            db.execute("BEGIN IMMEDIATE")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    db.execute(statement)
                db.execute("INSERT INTO inventory (tag) VALUES (?)", (new_tag(),))
                db.execute(f"PRAGMA user_version = {_VERSION}")
            db.execute("SELECT tag FROM inventory")
            db.execute("COMMIT")
            os.chmod(self.path, _OWNER_ONLY)
        except sqlite3.Error as error:
            raise self._trouble(error) from None
        except OSError as error:
            raise UserError(f"{self.path}: {error.strerror}", _YOURS) from None
        if version > _VERSION:
            db.close()
            raise UserError(f"{self.path}: an inventory of a newer spamgate", "use that, or name another --inventory")
        return db

    def _make(self) -> None:
        """Make the file before SQLite does, so that nobody else can read it at any time; take no other for it."""
        flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self.path, flags, _OWNER_ONLY)
            try:
                is_file = stat.S_ISREG(os.fstat(handle).st_mode)
                start = os.read(handle, len(_MAGIC)) if is_file else b"?"
            finally:
                os.close(handle)
        except OSError as error:
            raise UserError(f"{self.path}: {error.strerror}", _YOURS) from None
        if start not in (b"", _MAGIC):
            raise UserError(f"{self.path}: is no inventory", "name another with --inventory FILE")

    def _trouble(self, error: sqlite3.Error) -> UserError:
        text = str(error)
        if "full" in text or "I/O" in text:
            hint = "make room, then run it again: boards that are done stay done"
        elif "locked" in text:
            hint = "another spamgate holds it; wait for that to end"
        elif "readonly" in text or "unable to open" in text:
            hint = _YOURS
        else:
            hint = "it is no inventory, or it is damaged: bring back a copy, or name another with --inventory FILE"
        return UserError(f"inventory {self.path}: {text}", hint)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
