"""What every plane in path does with a verdict: who may pass, who pays for what leaked, and when newcomers share.

Planes differ in what they put devices into, never in what they decide; so that is decided here alone.
"""

from spamgate.core import evidence, states
from spamgate.core.compat import const
from spamgate.core.counters import MESSAGES_ACCEPTED, PORT_25
from spamgate.core.devices import CROWD, GRANT_NONE

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.core.engine import Engine
    from spamgate.plane.contract import Sets
    from spamgate.plane.flows import Flows

_DAY_S = const(86400)
_NEVER = const(-(1 << 30))


class Enforcer:
    """Puts devices into `sets`; `lans` are the names under which those know the LANs.  The plane sets `flows`."""

    sets: "Sets"
    flows: "Flows"

    def __init__(self, settings, engine: "Engine", sets: "Sets", lans: "list[str]") -> None:
        self.sets = sets
        self._settings = settings
        self._engine = engine
        self._lans = lans
        self._enforces = not settings.monitor_only
        self._strict_s = _NEVER

    def changed(self, device: int, old: int, new: int) -> None:
        """The engine or the owner decided: put it in force."""
        if not self._enforces:
            return
        if device == CROWD and self._is_suspect(device):
            self.be_strict()  # the crowd has no MAC: it is all who are not settled
        self.sets.show(device)
        if new == states.THROTTLED and old != states.QUARANTINED:
            self._pay(device)
            self.flows.limit(device)
        if new == states.THROTTLED and self._is_swarm(device):
            self.be_strict()

    def regarded(self, device: int) -> None:
        """The owner granted, confirmed or took back: put it in force."""
        if self._enforces:
            self.sets.show(device)

    def be_strict(self) -> None:
        """A swarm of newcomers mails: whoever joins from now on shares one budget, for a day."""
        if not self._enforces:
            return
        self._strict_s = self._engine.now_s
        self._settle()
        for name in self._lans:
            self.sets.be_strict(name)

    def renew(self) -> None:
        """Put everything in force again: something may have been missed."""
        self._enforce_all()

    def met(self, device: int, buf: "bytes | bytearray", at: int, size: int) -> None:
        """A device was answered in the place of this server: let it pass next time if that has a past."""
        if self._engine.mail.is_known(device, buf, at, size):
            self.sets.has_past(device, bytes(buf[at : at + size]))

    def _put_in_force(self) -> None:
        """Fill sets that are empty."""
        devices = self._engine.devices
        self._enforce_all()
        for device in range(1, devices.capacity):
            if self._enforces and devices.state[device] == states.THROTTLED:
                self._pay(device)
        if self._engine.now_s - self._strict_s < _DAY_S:
            self.be_strict()
        self.flows.tell_again()

    def _recall_swarm(self) -> None:
        """At the start: was there a swarm when we stopped?"""
        devices = self._engine.devices
        for device in range(devices.capacity):
            if devices.state[device] == states.THROTTLED and self._is_swarm(device):
                self.be_strict()
                return

    def _enforce_all(self) -> None:
        """Put in force what is known of all devices."""
        engine = self._engine
        if not self._enforces:
            return
        devices = engine.devices
        for device in range(1, devices.capacity):
            if not devices.is_present(device):
                continue
            if self._is_suspect(device) or devices.grant[device] != GRANT_NONE:
                self.sets.show(device)
        if self._is_suspect(CROWD):
            self.be_strict()

    def _settle(self) -> None:
        """Whoever is here is no newcomer; a suspect is treated as one anyway."""
        devices = self._engine.devices
        for device in range(1, devices.capacity):
            if devices.is_present(device):
                self.sets.settle(device)

    def _pay(self, device: int) -> None:
        """Empty the budget of a throttled device."""
        self.sets.empty_budget(device, self._refill_s(device))

    def _refill_s(self, device: int) -> int:
        """Return when its budget has something in it: the first day pays for what leaked, some of it after the verdict.

        After k messages the first is k refills away, so that a day holds no more than the budget altogether.  Who has
        no past at all, as most bots have none, is given one a day, whatever the budget of others.
        """
        engine = self._engine
        if not engine.contacts.has_any_past(device, engine.now_s):
            return _DAY_S
        budget = max(self._settings.budget_per_day, 1)
        leaked = engine.counters.get_smtp(device, PORT_25, MESSAGES_ACCEPTED)
        return _DAY_S // budget * min(max(leaked, 1), budget)

    def _is_suspect(self, device: int) -> bool:
        return self._engine.is_held(device)

    def _is_swarm(self, device: int) -> bool:
        if self._engine.mail.household.is_overrun():
            return True
        kind = evidence.kind_name(evidence.HOUSE_FAN_OUT)
        return any([row[0] == kind for row in self._engine.board.seen(device)])
