"""The engine: who lives here, what was observed of each, and what is decided.

Facts come in through `lookups` (DNS) and `mail` (connections and SMTP), never as packets; the time is told with
`at()`; decisions go out through the one function given at construction.  No I/O, integers only.
"""

from spamgate.core import states
from spamgate.core.compat import const
from spamgate.core.contacts import Contacts
from spamgate.core.counters import Counters
from spamgate.core.devices import CONFIRMED, CROWD, GRANT_MAIL_SERVER, GRANT_NONE
from spamgate.core.evidence import ALWAYS, FLAGS
from spamgate.core.identity import Identity
from spamgate.core.limits import Limits
from spamgate.core.line import Line
from spamgate.core.lookups import Lookups
from spamgate.core.mail import Mail
from spamgate.core.providers import Providers
from spamgate.core.score import ScoreBoard

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    from spamgate.core.listed import Listed

_EARLIEST_S = const(1 - (1 << 30))
_PATROL_S = const(60)  # how often quiet and time-outs are looked at


class Engine:
    """Judge the devices of one home.

    `on_change(device, old_state, new_state)` is called for each change of state, after it happened;
    `device` is a number in `devices`.
    """

    def __init__(self, limits: Limits, on_change: "Callable[[int, int, int], None]") -> None:
        self.now_s = 0
        self.now_us = 0
        self.skew_s = 0  # what the clock on the wall is ahead of the time told here; for reports
        self.peer: "bytes | bytearray" = b""
        self.peer_at = 0
        self.peer_size = 0
        self.devices = limits.table(limits.devices, limits.addresses)
        self.is_crowded = False  # did anybody have to share number CROWD?
        self.board = ScoreBoard(limits.devices, limits.suspects)
        self.counters = Counters(limits.devices, limits.distinct, limits.reply_codes)
        self.contacts = Contacts(limits.devices)
        self.providers = Providers(limits.hosts)
        self.line = Line()
        self.enforces = False  # are connections of throttled devices refused, and tried again therefore?
        self._on_change = on_change
        self._patrolled_s = 0
        self.listed: "Listed | None" = None  # where lists may be
        self.lookups = Lookups(self, limits.hosts, limits.distinct // 4)
        self.mail: "Any" = self._mail(limits)

    def _mail(self, limits: Limits) -> Mail:
        """Return what listens to mail as far as it is seen here."""
        if not limits.lines:
            return Mail(self, limits.connections)
        from spamgate.core.heard_mail import HeardMail

        return HeardMail(self, limits.connections, limits.distinct // 4)

    def at(self, now_s: int, now_us: int) -> None:
        """Tell the time: seconds (UNIX seconds minus 2**30, so that they stay small) and microseconds.

        A clock set back is followed; nothing is undone by it.  The first second of 1970, which a clock that was never
        set may show, is taken for the second one: it is what the tables write for "never".
        """
        if now_s < _EARLIEST_S:
            now_s = _EARLIEST_S
        self.now_s = now_s
        self.now_us = now_us
        if now_s - self._patrolled_s >= _PATROL_S or now_s < self._patrolled_s:
            self._patrolled_s = now_s
            self._patrol()

    def about(self, buf: "bytes | bytearray", at: int, size: int) -> None:
        """Tell which address outside the next facts are about; copied only when one of them is observed."""
        self.peer = buf
        self.peer_at = at
        self.peer_size = size

    def about_nobody(self) -> None:
        """The next facts are about no address."""
        self.peer_size = 0

    def device(self, who: Identity) -> int:
        """Return the number of the device with this identity, enrolled if it is new."""
        device = self.devices.find(who)
        if device < 0:
            device = self._enrol(who)
        self.devices.last_s[device] = self.now_s
        return device

    def observe(self, device: int, kind: int) -> None:
        """One observation of `kind`: count it, weigh it, and decide."""
        if self.devices.grant[device] == GRANT_MAIL_SERVER and not FLAGS[kind] & ALWAYS:
            return
        weighs = self.board.observe(device, kind, self.now_s, self.now_us)
        self.board.note_peer(device, kind, self.peer, self.peer_at, self.peer_size)
        if weighs:
            self._decide(device)

    def is_held(self, device: int) -> bool:
        """Is the device throttled or quarantined?"""
        state = self.devices.state[device]
        return state == states.THROTTLED or state == states.QUARANTINED

    def grant(self, device: int, grant: int) -> None:
        """The owner grants the device to send mail (or takes it back with GRANT_NONE)."""
        self.devices.grant[device] = grant
        if grant == GRANT_MAIL_SERVER:
            self.mail.expect_servers()
        if grant != GRANT_NONE:
            self.release(device)

    def release(self, device: int) -> None:
        """The owner releases the device: its score is halved, not forgotten; what it said today is."""
        self.board.halve(device)
        self.mail.forget_said(device)
        self._apply(device, states.RELEASE)

    def confirm(self, device: int) -> bool:
        """The owner agrees that the device is quarantined; False when it is not."""
        if self.devices.state[device] != states.QUARANTINED:
            return False
        self.devices.flags[device] |= CONFIRMED
        return True

    def _enrol(self, who: Identity) -> int:
        leaver = self.devices.victim(self.now_s)
        if leaver < 0:
            self.is_crowded = True
            return CROWD
        if leaver:
            self.devices.remove(leaver)
        device = self.devices.enrol(who, self.now_s)
        self.board.clear(device, self.now_s)
        self.counters.clear(device)
        self.contacts.clear(device)
        self.lookups.clear(device)
        if self.listed:
            self.listed.clear(device)
        self.mail.clear(device, leaver > 0)
        return device

    def _decide(self, device: int) -> None:
        board = self.board
        score = board.score(device)
        if score >= board.h1:
            self._apply(device, states.SUSPECT)
        if score >= board.h2:
            self._apply(device, states.SPAM)
        if score >= board.h3 and board.is_proven(device, self.now_s):
            self._apply(device, states.PROOF)

    def _apply(self, device: int, event: int) -> None:
        old = self.devices.state[device]
        new = states.next_state(old, event)
        if new != old:
            devices = self.devices
            devices.state[device] = new
            devices.previous[device] = old
            devices.since_s[device] = self.now_s
            devices.flags[device] &= ~CONFIRMED
            if new == states.THROTTLED:
                self.contacts.doubt(device, self.now_s)
            elif new == states.RELEASED or new == states.NORMAL:
                self.contacts.forgive(device, self.now_s)
            if new == states.RELEASED:
                self.board.evidence_s[device] = self.now_s  # its week of proving itself begins now
            self._on_change(device, old, new)

    def _patrol(self) -> None:
        """Once a minute: failed connections, quiet devices."""
        self.mail.expire()
        self._calm(0, self.devices.capacity)

    def _calm(self, first: int, end: int) -> None:
        for device in range(first, end):
            state = self.devices.state[device]
            if state == states.NORMAL:
                continue
            self.board.wear(device, self.now_s)
            quiet_s = self.now_s - self.board.evidence_s[device]
            if quiet_s >= states.QUIET_S[state] and self.board.score(device) < self.board.h1:
                self._apply(device, states.QUIET)
