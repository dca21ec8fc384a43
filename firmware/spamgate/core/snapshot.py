"""What of a device outlives a restart: who it is, what was decided and why, whom it has mailed.

A record is a dictionary of numbers, texts and lists, ready to be written as JSON.  Times are the engine's; after a
restart by a clock that was set back, all of them are moved so that none lies in the future.
"""

from spamgate.core.devices import CONFIRMED, GRANT_MAIL_SERVER
from spamgate.core.errors import SpamgateError
from spamgate.core.evidence import KINDS
from spamgate.core.identity import Identity
from spamgate.core.states import STATES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from spamgate.core.engine import Engine

_NEVER = -(1 << 30)


class SnapshotError(SpamgateError):
    """A record that cannot be a device's."""


def record(engine: "Engine", device: int) -> "dict[str, Any]":
    """Return what is kept of the device.  Allocates."""
    devices = engine.devices
    return {
        "id": list(devices.identity(device)),
        "mac": _hex(devices.mac(device)),
        "name": devices.names[device],
        "addresses": [_hex(address) for address in devices.addresses.of(device)],
        "state": [devices.previous[device], devices.state[device], devices.since_s[device]],
        "seen": [devices.first_s[device], devices.last_s[device]],
        "flags": devices.flags[device],
        "grant": devices.grant[device],
        "score": engine.board.record(device),
        "contacts": engine.contacts.record(device),
        "counts": engine.counters.record(device),
    }


def restore(engine: "Engine", kept: "dict[str, Any]", shift_s: int) -> int:
    """Enrol the device of a record, its times moved by `shift_s`; return its number.  SnapshotError if it is none."""
    try:
        _check(kept)
        return _restore(engine, kept, shift_s)
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
    engine.board.restore(device, moved)
    contacts = [[row[0]] + [time_s + shift_s for time_s in row[1:4]] + [row[4]] for row in kept["contacts"]]
    engine.contacts.restore(device, contacts)
    engine.counters.restore(device, kept["counts"])
    return device


def newest_s(kept: "dict[str, Any]") -> int:
    """Return the latest time in a record."""
    try:
        return max(int(kept["seen"][1]), int(kept["state"][2]))
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
