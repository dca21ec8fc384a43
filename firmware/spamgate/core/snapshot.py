"""What of a device outlives a restart: who it is, what was decided and why, whom it has mailed.

A record is a dictionary of numbers, texts and lists, ready to be written as JSON.  Times are the engine's; with them is
what the time of day is ahead of it, since a router without a battery starts in the past and is told the time later.
After a restart by a clock that was set back, all of them are moved so that none lies in the future.

This file knows the insides of the tables it saves, so that boards that never restart with a past need not carry it.
"""

from spamgate.core.compat import const
from spamgate.core.contacts import PER_DEVICE
from spamgate.core.devices import CONFIRMED, CROWD, GRANT_MAIL_SERVER
from spamgate.core.errors import SpamgateError
from spamgate.core.evidence import KINDS
from spamgate.core.identity import Identity
from spamgate.core.states import STATES

TYPE_CHECKING = const(0)
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
    """Enrol the device of a record, its times moved by `shift_s`; return its number.

    SnapshotError, and nobody is enrolled, if it is no record or there is no room.
    """
    device = CROWD
    try:
        _check(kept)
        who = Identity()
        who.high, who.low = kept["id"]
        device = engine.device(who)
        if device != CROWD:
            _fill(engine, device, kept, shift_s + kept["skew"])
            return device
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        if device != CROWD:
            engine.devices.remove(device)
        raise SnapshotError("a device's record is damaged") from None
    raise SnapshotError("there is no room for another device")


def _fill(engine: "Engine", device: int, kept: "dict[str, Any]", shift_s: int) -> None:
    devices = engine.devices
    devices.set_mac(device, _unhex(kept["mac"], 6), 0)
    devices.names[device] = kept["name"][:63]
    for text in kept["addresses"]:
        packed = _unhex_address(text)
        devices.addresses.note(device, packed, 0, len(packed), engine.now_s)
    devices.addresses._turns[device] = 0  # read one after another they only look like turns
    devices.previous[device], devices.state[device], since_s = kept["state"]
    devices.since_s[device] = since_s + shift_s
    devices.first_s[device] = kept["seen"][0] + shift_s
    devices.last_s[device] = kept["seen"][1] + shift_s
    devices.flags[device] = kept["flags"]
    devices.grant[device] = kept["grant"]
    if kept["grant"] == GRANT_MAIL_SERVER:
        engine.mail.expect_servers()
    _restore_score(engine.board, device, kept["score"], shift_s)
    _restore_contacts(engine.contacts, device, kept["contacts"], shift_s)
    _restore_counts(engine.counters, device, kept["counts"], shift_s)


def newest_s(kept: "dict[str, Any]") -> int:
    """Return the latest time in a record, as the time of day."""
    try:
        return max(int(kept["seen"][1]), int(kept["state"][2])) + int(kept["skew"])
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return _NEVER


def _check(kept: "dict[str, Any]") -> None:
    previous, state, _ = kept["state"]
    known_flags = CONFIRMED * 2 - 1
    for part in kept["id"]:
        if not 0 <= part < 1 << 30:
            raise ValueError
    if not (0 <= previous < STATES and 0 <= state < STATES and 0 <= kept["grant"] <= GRANT_MAIL_SERVER):
        raise ValueError
    if kept["flags"] & ~known_flags or not isinstance(kept["name"], str) or len(kept["addresses"]) > 16:
        raise ValueError
    for row in kept["score"][1:]:
        if not 0 <= row[0] < KINDS:
            raise ValueError


def _move(time_s: int, shift_s: int) -> int:
    return time_s if time_s == _NEVER else time_s + shift_s


def _hex(packed: "bytes | bytearray") -> str:
    return "".join(["%02x" % byte for byte in packed])


def _unhex(text: str, size: int) -> bytes:
    if len(text) != 2 * size:
        raise ValueError
    return bytes([int(text[at : at + 2], 16) for at in range(0, 2 * size, 2)])


def _unhex_address(text: str) -> bytes:
    return _unhex(text, 4 if len(text) == 8 else 16)


def _score(board: "ScoreBoard", device: int) -> "list[list[Any]]":
    rows: "list[list[Any]]" = [[board._lookups[device], board._connections[device]]]
    rows[0] += [board._worn_s[device], board.evidence_s[device], board._weighed[device], board._weighed_s[device]]
    for kind in range(KINDS):
        at = board._rows[device] * KINDS + kind
        if board._rows[device] and board._counts[at]:
            peer = _hex(board._peers[at * 16 : at * 16 + board._peer_sizes[at]])
            rows.append([kind, board._counts[at], board._taken_s[at], board._last_s[at], board._last_us[at], peer])
    return rows


def _restore_score(board: "ScoreBoard", device: int, rows: "list[list[Any]]", shift_s: int) -> None:
    board._lookups[device], board._connections[device], worn_s, evidence_s, weighed, weighed_s = rows[0]
    board._worn_s[device] = worn_s + shift_s
    board.evidence_s[device] = _move(evidence_s, shift_s)
    board._weighed[device] = weighed
    board._weighed_s[device] = weighed_s + shift_s
    for kind, count, taken_s, last_s, last_us, peer in rows[1:]:
        at = (board._rows[device] or board._take_row(device)) * KINDS + kind
        board._counts[at] = count
        board._taken_s[at] = _move(taken_s, shift_s)
        board._last_s[at] = last_s + shift_s
        board._last_us[at] = last_us
        packed = _unhex_address(peer) if peer else b""
        board.note_peer(device, kind, packed, 0, len(packed))


def _contacts(contacts: "Contacts", device: int) -> "list[list[int]]":
    row = range(device * PER_DEVICE, device * PER_DEVICE + PER_DEVICE)
    columns = (contacts._providers, contacts._first_s, contacts._last_s, contacts._trouble_s, contacts._flags)
    return [[column[at] for column in columns] for at in row if contacts._providers[at]]


def _restore_contacts(contacts: "Contacts", device: int, rows: "list[list[int]]", shift_s: int) -> None:
    at = device * PER_DEVICE
    for provider, first_s, last_s, trouble_s, flags in rows[:PER_DEVICE]:
        contacts._providers[at] = provider
        contacts._first_s[at] = first_s + shift_s
        contacts._last_s[at] = last_s + shift_s
        contacts._trouble_s[at] = trouble_s + shift_s
        contacts._flags[at] = flags
        at += 1


def _counts(counters: "Counters", device: int) -> "list[int]":
    counts = list(counters._counts[device * _FIELDS : device * _FIELDS + _FIELDS])
    return counts + [counters.first_smtp_s[device], counters.first_smtp_us[device]]


def _restore_counts(counters: "Counters", device: int, values: "list[int]", shift_s: int) -> None:
    for field in range(_FIELDS):
        counters._counts[device * _FIELDS + field] = values[field]
    counters.first_smtp_s[device] = _move(values[_FIELDS], shift_s)
    counters.first_smtp_us[device] = values[_FIELDS + 1]
