"""What of a device outlives a restart: who it is, what was decided and why, whom it has mailed.

A record is a dictionary of numbers, texts and lists, ready to be written as JSON.  Times are the engine's; with them is
what the time of day is ahead of it, since a router without a battery starts in the past and is told the time later.
After a restart by a clock that was set back, all of them are moved so that none lies in the future.

This file knows the insides of the tables it saves, so that boards that never restart with a past need not carry it.
"""

from spamgate.core.compat import const
from spamgate.core.contacts import PER_DEVICE
from spamgate.core.devices import CONFIRMED, GRANT_MAIL_SERVER
from spamgate.core.errors import SpamgateError
from spamgate.core.evidence import KINDS
from spamgate.core.identity import Identity
from spamgate.core.states import STATES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from spamgate.core.contacts import Contacts
    from spamgate.core.counters import Counters
    from spamgate.core.engine import Engine
    from spamgate.core.score import ScoreBoard

_NEVER = const(-(1 << 30))
_FIELDS = const(22)  # counters of a device


class SnapshotError(SpamgateError):
    """A record that cannot be a device's."""


def record(engine: "Engine", device: int) -> "dict[str, Any]":
    """Return what is kept of the device.  Allocates."""
    devices = engine.devices
    return {
        "id": [devices._high[device], devices._low[device]],
        "mac": _hex(devices.mac(device)),
        "name": devices.names[device],
        "addresses": [_hex(address) for address in devices.addresses.of(device)],
        "state": [devices.previous[device], devices.state[device], devices.since_s[device]],
        "seen": [devices.first_s[device], devices.last_s[device]],
        "flags": devices.flags[device],
        "grant": devices.grant[device],
        "score": _score(engine.board, device),
        "contacts": _contacts(engine.contacts, device),
        "counts": _counts(engine.counters, device),
        "skew": engine.skew_s,
    }


def restore(engine: "Engine", kept: "dict[str, Any]", shift_s: int) -> int:
    """Enrol the device of a record, its times moved by `shift_s`; return its number.  SnapshotError if it is none."""
    try:
        _check(kept)
        return _restore(engine, kept, shift_s + kept["skew"])
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        raise SnapshotError("a device's record is damaged") from None


def _restore(engine: "Engine", kept: "dict[str, Any]", shift_s: int) -> int:
    who = Identity()
    who.high, who.low = kept["id"]
    device = engine.device(who)
    devices = engine.devices
    devices.set_mac(device, _unhex(kept["mac"], 6), 0)
    devices.names[device] = kept["name"][:63]
    for text in kept["addresses"]:
        packed = _unhex(text, 4 if len(text) == 8 else 16)
        devices.addresses.note(device, packed, 0, len(packed), engine.now_s)
    devices.previous[device], devices.state[device], since_s = kept["state"]
    devices.since_s[device] = since_s + shift_s
    devices.first_s[device] = kept["seen"][0] + shift_s
    devices.last_s[device] = kept["seen"][1] + shift_s
    devices.flags[device] = kept["flags"]
    devices.grant[device] = kept["grant"]
    score = kept["score"]
    moved = [score[0][:2] + [_move(time_s, shift_s) for time_s in score[0][2:]]]
    moved += [[row[0], row[1], _move(row[2], shift_s), row[3] + shift_s, row[4]] for row in score[1:]]
    _restore_score(engine.board, device, moved)
    contacts = [[row[0]] + [time_s + shift_s for time_s in row[1:4]] + [row[4]] for row in kept["contacts"]]
    _restore_contacts(engine.contacts, device, contacts)
    _restore_counts(engine.counters, device, kept["counts"])
    return device


def newest_s(kept: "dict[str, Any]") -> int:
    """Return the latest time in a record, as the time of day."""
    try:
        return max(int(kept["seen"][1]), int(kept["state"][2])) + int(kept["skew"])
    except (KeyError, IndexError, TypeError, ValueError):
        return _NEVER


def _check(kept: "dict[str, Any]") -> None:
    previous, state, _ = kept["state"]
    known_flags = CONFIRMED * 2 - 1
    if not (0 <= previous < STATES and 0 <= state < STATES and 0 <= kept["grant"] <= GRANT_MAIL_SERVER):
        raise ValueError
    if kept["flags"] & ~known_flags or not isinstance(kept["name"], str) or len(kept["addresses"]) > 16:
        raise ValueError
    for row in kept["score"][1:]:
        if not 0 <= row[0] < KINDS:
            raise ValueError


def _move(time_s: int, shift_s: int) -> int:
    return time_s if time_s == _NEVER else time_s + shift_s


def _hex(packed: bytes) -> str:
    return "".join(["%02x" % byte for byte in packed])


def _unhex(text: str, size: int) -> bytes:
    if len(text) != 2 * size:
        raise ValueError
    return bytes([int(text[at : at + 2], 16) for at in range(0, 2 * size, 2)])


def _score(board: "ScoreBoard", device: int) -> "list[list[int]]":
    rows = [[board._lookups[device], board._connections[device], board._worn_s[device], board.evidence_s[device]]]
    for kind in range(KINDS):
        at = board._rows[device] * KINDS + kind
        if board._rows[device] and board._counts[at]:
            rows.append([kind, board._counts[at], board._taken_s[at], board._last_s[at], board._last_us[at]])
    return rows



def _restore_score(board: "ScoreBoard", device: int, rows: "list[list[int]]") -> None:
    board._lookups[device], board._connections[device], board._worn_s[device], board.evidence_s[device] = rows[0]
    for kind, count, taken_s, last_s, last_us in rows[1:]:
        at = (board._rows[device] or board._take_row(device)) * KINDS + kind
        board._counts[at] = count
        board._taken_s[at] = taken_s
        board._last_s[at] = last_s
        board._last_us[at] = last_us



def _contacts(contacts: "Contacts", device: int) -> "list[list[int]]":
    row = range(device * PER_DEVICE, device * PER_DEVICE + PER_DEVICE)
    columns = (contacts._providers, contacts._first_s, contacts._last_s, contacts._trouble_s, contacts._flags)
    return [[column[at] for column in columns] for at in row if contacts._providers[at]]



def _restore_contacts(contacts: "Contacts", device: int, rows: "list[list[int]]") -> None:
    at = device * PER_DEVICE
    for provider, first_s, last_s, trouble_s, flags in rows[:PER_DEVICE]:
        contacts._providers[at] = provider
        contacts._first_s[at] = first_s
        contacts._last_s[at] = last_s
        contacts._trouble_s[at] = trouble_s
        contacts._flags[at] = flags
        at += 1



def _counts(counters: "Counters", device: int) -> "list[int]":
    counts = list(counters._counts[device * _FIELDS : device * _FIELDS + _FIELDS])
    return counts + [counters.first_smtp_s[device], counters.first_smtp_us[device]]



def _restore_counts(counters: "Counters", device: int, values: "list[int]") -> None:
    for field in range(_FIELDS):
        counters._counts[device * _FIELDS + field] = values[field]
    counters.first_smtp_s[device] = values[_FIELDS]
    counters.first_smtp_us[device] = values[_FIELDS + 1]

