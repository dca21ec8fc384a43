"""The states of a device as one table.  No transition happens anywhere else.

A device climbs one step at a time, so that every step has its own line in the log.
An event the table does not name changes nothing.
"""

from spamgate.core.compat import const

NORMAL = 0
WATCHED = 1
THROTTLED = 2
QUARANTINED = 3
RELEASED = 4
STATES = 5

SUSPECT = 0  # score reached h1
SPAM = 1  # score reached h2
PROOF = 2  # score reached h3, by two families and from outside the volume of mail
QUIET = 3  # no evidence for QUIET_S of this state, and score below h1
RELEASE = 4  # the owner says so, by release or by a grant
EVENTS = 5

STATE_NAMES = ("normal", "watched", "throttled", "quarantined", "released")

_DAY_S = const(86400)
# A retry queue gives up after five days (RFC 5321 4.5.4.1), so a throttled device must stay quiet for three
# of them; what was quarantined is trusted a week later.
QUIET_S = (0, _DAY_S, 3 * _DAY_S, 7 * _DAY_S, 7 * _DAY_S)

_TRANSITIONS = {
    (NORMAL, SUSPECT): WATCHED,
    (WATCHED, SPAM): THROTTLED,
    (THROTTLED, PROOF): QUARANTINED,
    (RELEASED, SPAM): THROTTLED,
    (WATCHED, QUIET): NORMAL,
    (THROTTLED, QUIET): RELEASED,
    (QUARANTINED, QUIET): RELEASED,
    (RELEASED, QUIET): NORMAL,
    (WATCHED, RELEASE): NORMAL,
    (THROTTLED, RELEASE): RELEASED,
    (QUARANTINED, RELEASE): RELEASED,
}


def _flatten() -> bytes:
    """Return the table as bytes indexed by state * EVENTS + event: a look-up that does not allocate."""
    flat = bytearray(STATES * EVENTS)
    for state in range(STATES):
        for event in range(EVENTS):
            flat[state * EVENTS + event] = _TRANSITIONS.get((state, event), state)
    return bytes(flat)


_FLAT = _flatten()


def next_state(state: int, event: int) -> int:
    """Return the state after `event`.  Allocation-free."""
    return _FLAT[state * EVENTS + event]
