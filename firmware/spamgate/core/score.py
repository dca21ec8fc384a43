"""The sequential test: evidence adds up, time wears it down, thresholds decide.

Per device S = min(look-ups, H1) + connections, in 1/256 nat: look-ups arm, connections fire, so that
a home's own resolver, which asks MX for everyone, never gets above `watched`.  Thresholds are Wald's
ln((1 - beta) / alpha) with beta = 0.01 (Wald 1945; SPOT, Duan et al. 2012, uses the same test).
"""

from array import array

from spamgate.core import evidence
from spamgate.core.compat import const
from spamgate.core.evidence import FAMILIES, FAMILY_LOOKUP, FLAGS, KINDS, PROOF, WEIGHTS

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Iterator

H1 = 947  # 3.7 nats: one clean device in 40 that use port 25 is watched for a day
H2 = 2355  # alpha = 1e-4: one wrong throttle in 10,000 device-days of those that use port 25
H3 = 3534  # alpha = 1e-6

_KINDS = const(26)
_ADDRESS_BYTES = const(16)
_DAY_S = const(86400)
_HOUR_S = const(3600)
# (249 / 256) ** 24 = 0.51: half a day's evidence is left after a day.
_KEEP_OF_256 = const(249)
_GROUP = const(16)
_FORGOTTEN_H = const(24 * 21)
_NEVER = const(-(1 << 30))


class ScoreBoard:
    """Scores of all devices, and what was observed of the `suspects` most suspicious ones.

    The record of what was observed is kept in a row; when all rows are taken, the row of the lowest score is
    given up.  The score stays, and so does which kinds have weighed, lest they weigh again the same day.
    Allocation-free once made, but for `seen()`.  Who measures how much depends on a weight or threshold sets another
    one before the first observation.
    """

    def __init__(self, devices: int, suspects: int) -> None:
        assert KINDS == _KINDS
        self.weights = WEIGHTS
        self.h1 = H1
        self.h2 = H2
        self.h3 = H3
        self._lookups = array("i", bytes(4 * devices))
        self._connections = array("i", bytes(4 * devices))
        self._worn_s = array("i", bytes(4 * devices))
        self.evidence_s = array("i", [_NEVER] * devices)
        self._rows = bytearray(devices)
        self._owners = array("H", bytes(2 * suspects + 2))  # row 0 stands for "no row"
        size = (suspects + 1) * _KINDS
        self._counts = array("H", bytes(2 * size))
        self._taken_s = array("i", [_NEVER] * size)
        self._last_s = array("i", bytes(4 * size))
        self._last_us = array("i", bytes(4 * size))
        self._peers = bytearray(size * _ADDRESS_BYTES)
        self._peer_sizes = bytearray(size)
        self._group = 1  # the first row of those among which the next one is taken
        self._weighed = array("I", bytes(4 * devices))  # without a row: one bit for each kind, and when the last was
        self._weighed_s = array("i", bytes(4 * devices))

    def observe(self, device: int, kind: int, now_s: int, now_us: int) -> bool:
        """Count an observation; True when it weighs, which it does once a day.

        What the same kind weighed on the days before is not added to: a habit tells on the tenth day what it told on
        the first.
        """
        at = (self._rows[device] or self._take_row(device)) * _KINDS + kind
        if self._counts[at] < 65535:
            self._counts[at] += 1
        self._last_s[at] = now_s
        self._last_us[at] = now_us
        self.evidence_s[device] = now_s
        taken_s = self._taken_s[at]
        if taken_s != _NEVER and now_s - taken_s < _DAY_S:
            return False
        self.wear(device, now_s)
        self._taken_s[at] = now_s
        weight = self.weights[kind]
        if taken_s != _NEVER:
            weight -= _worn(weight, min((now_s - taken_s) // _HOUR_S, _FORGOTTEN_H))
        if FAMILIES[kind] == FAMILY_LOOKUP:
            lookups = self._lookups[device] + weight
            self._lookups[device] = lookups if lookups < self.h1 else self.h1
        else:
            self._connections[device] += weight
        return True

    def take_back(self, device: int, kind: int) -> None:
        """The last observation of `kind` has turned out to mean nothing: as if it had not been."""
        row = self._rows[device]
        at = row * _KINDS + kind
        if row and self._taken_s[at] != _NEVER:
            self._taken_s[at] = _NEVER
            self._counts[at] = 0
            left = self._connections[device] - self.weights[kind]
            self._connections[device] = left if left > 0 else 0

    def note_peer(self, device: int, kind: int, buf: "bytes | bytearray", at: int, size: int) -> None:
        """Keep the address the last observation was about."""
        slot = self._rows[device] * _KINDS + kind
        base = slot * _ADDRESS_BYTES
        self._peer_sizes[slot] = size
        for i in range(size):
            self._peers[base + i] = buf[at + i]

    def score(self, device: int) -> int:
        """Return S in 1/256 nat."""
        return self._lookups[device] + self._connections[device]

    def wear(self, device: int, now_s: int) -> None:
        """Let whole hours gone by wear the score down."""
        hours = (now_s - self._worn_s[device]) // _HOUR_S
        if hours < 0:
            self._worn_s[device] = now_s  # the clock was set back
        if hours <= 0:
            return
        self._worn_s[device] += hours * _HOUR_S
        if hours > _FORGOTTEN_H:
            hours = _FORGOTTEN_H
        self._lookups[device] = _worn(self._lookups[device], hours)
        self._connections[device] = _worn(self._connections[device], hours)

    def halve(self, device: int) -> None:
        """The owner released the device: forget half, not all; what it does next weighs anew.

        What is left lets it mail one provider, as its queue may have to, and not a second one.
        """
        self._lookups[device] >>= 1
        left = self.h2 - self.h1 - self.weights[evidence.MX_CONNECT] - 1
        self._connections[device] = min(self._connections[device] >> 1, max(left, 0))
        self._weighed[device] = 0
        row = self._rows[device]
        for at in range(row * _KINDS, row * _KINDS + _KINDS):
            self._taken_s[at] = _NEVER

    def is_proven(self, device: int, now_s: int) -> bool:
        """Do two families of evidence agree, one of them from outside the volume of mail?"""
        families = 0
        proof = False
        for kind in range(_KINDS):
            taken_s = self._taken_s[self._rows[device] * _KINDS + kind]
            if taken_s != _NEVER and now_s - taken_s <= _DAY_S:
                families |= FAMILIES[kind]
                proof = proof or bool(FLAGS[kind] & PROOF)
        return proof and families & (families - 1) != 0

    def clear(self, device: int, now_s: int) -> None:
        """Start anew: another device takes the number."""
        self._lookups[device] = 0
        self._connections[device] = 0
        self._weighed[device] = 0
        self._worn_s[device] = now_s
        self.evidence_s[device] = _NEVER
        self._wipe(self._rows[device])
        self._owners[self._rows[device]] = 0
        self._rows[device] = 0

    def seen(self, device: int) -> "list[tuple[str, int, int, int, bytes]]":
        """Return (kind, count, last_s, last_us, peer) of all that was observed.  Allocates: for reports."""
        return list(self.each_seen(device))

    def each_seen(self, device: int) -> "Iterator[tuple[str, int, int, int, bytes]]":
        """Yield the same one by one."""
        for kind in range(KINDS):
            at = self._rows[device] * _KINDS + kind
            if self._counts[at]:
                base = at * _ADDRESS_BYTES
                peer = bytes(self._peers[base : base + self._peer_sizes[at]])
                yield evidence.kind_name(kind), self._counts[at], self._last_s[at], self._last_us[at], peer

    def _take_row(self, device: int) -> int:
        """Give the device a row for its evidence: a free one, else that of the lowest score.

        From H2 on scores do not differ: of those found it is the last row, lest a swarm make us forget the first.
        Of many rows sixteen are looked at, in turn.
        """
        lowest = self._group
        end = min(lowest + _GROUP, len(self._owners))
        self._group = end if end < len(self._owners) else 1
        for row in range(lowest, end):
            if not self._rows_used(row):
                lowest = row
                break
            if min(self.score(self._owners[row]), self.h2) <= min(self.score(self._owners[lowest]), self.h2):
                lowest = row
        if self._rows_used(lowest):
            self._give_up(lowest)
        self._wipe(lowest)
        self._owners[lowest] = device
        self._rows[device] = lowest
        for kind in range(_KINDS):
            if self._weighed[device] >> kind & 1:
                self._taken_s[lowest * _KINDS + kind] = self._weighed_s[device]
        return lowest

    def _give_up(self, row: int) -> None:
        owner = self._owners[row]
        weighed = 0
        latest_s = _NEVER
        for kind in range(_KINDS):
            taken_s = self._taken_s[row * _KINDS + kind]
            if taken_s != _NEVER:
                weighed |= 1 << kind
                latest_s = max(latest_s, taken_s)
        self._weighed[owner] = weighed
        self._weighed_s[owner] = latest_s
        self._rows[owner] = 0

    def _rows_used(self, row: int) -> bool:
        return self._rows[self._owners[row]] == row

    def _wipe(self, row: int) -> None:
        for at in range(row * _KINDS, row * _KINDS + _KINDS):
            self._counts[at] = 0
            self._taken_s[at] = _NEVER
            self._peer_sizes[at] = 0


def _worn(score: int, hours: int) -> int:
    """Return what is left of a score after so many hours."""
    while hours > 0 and score:
        score = score * _KEEP_OF_256 >> 8
        hours -= 1
    return score
