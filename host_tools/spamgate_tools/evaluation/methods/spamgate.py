"""Ours: the engine of the firmware, told what a router sees, and the router's rules, which do what it decides."""

from collections.abc import Sequence
from functools import partial

from spamgate.core import evidence, states
from spamgate.core.compat import LATER_S
from spamgate.core.counters import MESSAGES_ACCEPTED, PORT_25
from spamgate.core.devices import CROWD, GRANT_MAIL_SERVER, GRANT_NONE
from spamgate.core.engine import Engine
from spamgate.core.evidence import WEIGHTS
from spamgate.core.heard_mail import SEALED_ANSWERS
from spamgate.core.identity import Identity
from spamgate.core.limits import Limits
from spamgate.core.router_limits import RouterLimits
from spamgate.core.score import H1, H2, H3
from spamgate_tools.corpus.facts import OPEN, Home, Letter, Question
from spamgate_tools.evaluation.hearing import Hearing, Slot
from spamgate_tools.evaluation.method import LATER, PASS, Flow, Method
from spamgate_tools.evaluation.methods.entry import MethodEntry, Setting
from spamgate_tools.evaluation.router import Router

THRESHOLDS = (H1, H2, H3)

_SMTP = 25
_US = 1000000
_MAC_PREFIX = b"\x02\x00\x5e"
_HANDSHAKE_ANSWERS = 4  # segments of the server until the dialogue within TLS begins, its reply to EHLO included
_TEXT_ANSWERS = 2  # to DATA and to the end of the text
_SCALES = (0.25, 0.4, 0.55, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0)


class SpamgateMethod(Method):
    """A gateway for one home.

    `weights` (of each kind of evidence) and `thresholds` (h1, h2, h3) are those of the firmware unless others are to be
    tried; `limits` are the sizes of its tables.  What does not enforce decides the same and stops nothing.
    """

    name = "spamgate"

    def __init__(
        self,
        weights: Sequence[int] | None = None,
        thresholds: tuple[int, int, int] | None = None,
        limits: Limits | None = None,
        enforces: bool = True,
    ) -> None:
        super().__init__()
        limits = limits or RouterLimits()
        self.engine = Engine(limits, self.changed)
        self.engine.enforces = enforces
        board = self.engine.board
        board.weights = tuple(weights or WEIGHTS)
        board.h1, board.h2, board.h3 = thresholds or THRESHOLDS
        self._hearing = Hearing(self.engine, limits.connections)
        self._router = Router()
        self._residents = [-1] * limits.devices
        self._names: list[Identity] = []
        self._joining: list[tuple[int, int]] = []
        self._start_s = 0
        self._now_us = 0

    def begin(self, home: Home) -> None:
        """Know whom the owner has granted; the others come when they join."""
        self._start_s = home.start_s - LATER_S
        self._names = [_identity(number) for number in range(len(home.residents))]
        order = [(int(resident.joins_s * _US), number) for number, resident in enumerate(home.residents)]
        self._joining = sorted(order, reverse=True)
        self._tell(0)
        for number, resident in enumerate(home.residents):
            if resident.is_granted:
                self.engine.grant(self._device(number), GRANT_MAIL_SERVER)

    def at(self, now_us: int) -> None:
        """Let time pass; whoever joins asks for an address, and is seen."""
        while self._joining and self._joining[-1][0] <= now_us:
            at_us, number = self._joining.pop()
            self._tell(at_us)
            self._device(number)
        self._tell(now_us)

    def granted(self, now_us: int, device: int) -> None:
        """The owner answers the notice: spamgate grant DEVICE mail-server."""
        self.engine.grant(self._device(device), GRANT_MAIL_SERVER)

    def asked(self, now_us: int, device: int, question: Question) -> None:
        """A look-up and its answer."""
        self._hearing.asked(self._device(device), question)

    def proxy_opened(self, now_us: int, device: int, port: int) -> None:
        """Somebody outside connects to a proxy's port."""
        self._hearing.proxy_opened(self._device(device), port)

    def opens(self, now_us: int, flow: Flow) -> float:
        """Let the SYN pass, and hear of it; or answer 421 in the server's place."""
        device = self._device(flow.device)
        if not self._passes(flow, device):
            if not self._router.is_paced:
                self.acts_against(flow.device, now_us)
            self._held(flow, device)
            return LATER
        self._hearing.opened(flow, device)
        return PASS

    def answered(self, now_us: int, flow: Flow) -> None:
        """The server has met the SYN."""
        slot = self._hearing.slot(flow)
        if slot:
            self._hearing.answered(flow, slot)
            if flow.call.outcome == OPEN:
                self._remember_past(flow, slot)

    def greeted(self, now_us: int, flow: Flow) -> None:
        """The banner; what a device says on a connection that is ended does not pass."""
        slot = self._hearing.slot(flow)
        if not slot:
            return
        self._hearing.banner(flow, slot)
        if flow.call.banner.code < 400 and not self.cuts(flow):
            self._hearing.introduced(flow, slot)
            self._hear_sealed(flow, slot, _HANDSHAKE_ANSWERS)

    def wrote(self, now_us: int, flow: Flow, letter: Letter) -> None:
        """Sender and recipients."""
        slot = self._hearing.slot(flow)
        if slot:
            self._hearing.wrote(flow, slot, letter)
            self._hear_sealed(flow, slot, 1 + len(letter.recipients))

    def delivered(self, now_us: int, flow: Flow, letter: Letter) -> None:
        """The end of the text: a throttled device's connection has had its message."""
        slot = self._hearing.slot(flow)
        if not slot:
            return
        if self._hearing.delivered(flow, slot, letter):
            self._remember_past(flow, slot)
            if self._is_limited(slot):
                slot.is_ended = True
                self._pay_for(slot)
        self._hear_sealed(flow, slot, _TEXT_ANSWERS)

    def closed(self, now_us: int, flow: Flow) -> None:
        """The connection is over."""
        self._hearing.closed(flow)

    def cuts(self, flow: Flow) -> bool:
        """Was the connection ended, or is its device quarantined?"""
        slot = self._hearing.slot(flow)
        if not slot or not self._is_ruled(flow):
            return False
        return slot.is_ended or self._state(slot.device) == states.QUARANTINED

    # --- what the engine decides ---------------------------------------------------------------------

    def changed(self, device: int, old: int, new: int) -> None:
        """The engine decided: what LinuxPlane.changed and Gateway._changed make of it."""
        if new not in (states.THROTTLED, states.QUARANTINED) or not self.engine.enforces:
            return
        resident = self._residents[device]
        if resident >= 0:
            self.acts_against(resident, self._now_us)
        if new == states.THROTTLED and old != states.QUARANTINED:
            self._pay(device)
            self._take_back_past(device)
            self._end_quiet(device)
        if device == CROWD or (new == states.THROTTLED and self._is_swarm(device)):
            self._be_strict()

    def _pay(self, device: int) -> None:
        """What the plane does: one a day for who has no past, else the budget, of which leaks are paid."""
        if device != CROWD and not self.engine.contacts.has_any_past(device, self.engine.now_s):
            self._router.drain(self._now_us / _US, self._residents[device])
            return
        leaked = self.engine.counters.get_smtp(device, PORT_25, MESSAGES_ACCEPTED)
        if device != CROWD:
            self._router.empty_budget(self._now_us / _US, self._residents[device], leaked)

    def _pay_for(self, slot: Slot) -> None:
        """A message of a throttled device was taken."""
        engine = self.engine
        is_late = engine.mail.began_before(slot.number, engine.devices.since_s[slot.device])
        if is_late or not engine.contacts.has_any_past(slot.device, engine.now_s):
            self._pay(slot.device)

    def _take_back_past(self, device: int) -> None:
        resident = self._residents[device]
        for server in self._router.with_past(resident):
            if not self._hearing.is_known(device, server):
                self._router.no_past(resident, server)

    def _end_quiet(self, device: int) -> None:
        """The device is throttled from now on: what has no message under way ends."""
        for flow, slot in self._hearing.flows():
            if slot.device != device or flow.call.port != _SMTP or not self._is_limited(slot):
                continue
            if self._hearing.is_busy(slot):
                slot.sealed_answers = 0
            else:
                slot.is_ended = True

    def _be_strict(self) -> None:
        devices = self.engine.devices
        found = [devices.find(who) for who in self._names]
        self._router.be_strict(self._now_us / _US, [number for number, device in enumerate(found) if device > CROWD])

    def _is_swarm(self, device: int) -> bool:
        if self.engine.mail.household.is_overrun():
            return True
        kind = evidence.kind_name(evidence.HOUSE_FAN_OUT)
        return any(row[0] == kind for row in self.engine.board.seen(device))

    # --- connections ---------------------------------------------------------------------------------

    def _is_ruled(self, flow: Flow) -> bool:
        """Do the rules about port 25 concern the connection?"""
        return self.engine.enforces and flow.call.port == _SMTP and not self._hearing.is_local(flow)

    def _passes(self, flow: Flow, device: int) -> bool:
        if not self._is_ruled(flow):
            return True
        grant = self.engine.devices.grant[device] if device != CROWD else GRANT_NONE
        now_s = self._now_us / _US
        return self._router.passes(now_s, flow.device, self._state(device), grant, flow.call.host.address)

    def _state(self, device: int) -> int:
        """Return the state that the kernel knows: the crowd has no MAC to be known by."""
        return self.engine.devices.state[device] if device != CROWD else states.NORMAL

    def _held(self, flow: Flow, device: int) -> None:
        """A connection was answered 421: let the device pass next time if the server has a past."""
        if device != CROWD and self._hearing.is_host_with_past(flow, device):
            self._router.has_past(self._now_us / _US, flow.device, flow.call.host.address)

    def _remember_past(self, flow: Flow, slot: Slot) -> None:
        mail = self.engine.mail
        if mail.is_judged(slot.number) and mail.has_past(slot.number):
            self._router.has_past(self._now_us / _US, flow.device, flow.call.host.address)

    def _is_limited(self, slot: Slot) -> bool:
        mail = self.engine.mail
        if not mail.is_judged(slot.number) or self.engine.devices.state[slot.device] != states.THROTTLED:
            return False
        return self.engine.enforces and not mail.has_past(slot.number)

    def _hear_sealed(self, flow: Flow, slot: Slot, answers: int) -> None:
        """Count the server's answers within TLS: a throttled device's connection ends after ten."""
        if not slot.is_sealed:
            return
        for _ in range(answers):
            self.engine.mail.answered_sealed(slot.number)
        slot.sealed_answers += answers
        if slot.sealed_answers >= SEALED_ANSWERS and self._is_limited(slot):
            slot.is_ended = True
            self._pay_for(slot)

    # --- who, and when -------------------------------------------------------------------------------

    def _device(self, resident: int) -> int:
        """Return the engine's number for a resident, who is enrolled when first seen."""
        who = self._names[resident]
        device = self.engine.devices.find(who)
        if device < 0:
            device = self.engine.device(who)
            if device != CROWD:
                self.engine.devices.set_mac(device, mac_of(resident), 0)
        self.engine.devices.last_s[device] = self.engine.now_s
        self._residents[device] = resident
        return device

    def _tell(self, now_us: int) -> None:
        self._now_us = now_us
        seconds, micros = divmod(now_us, _US)
        self._hearing.at(self._start_s + seconds, micros)


def mac_of(resident: int) -> bytes:
    """Return the MAC of a home's resident."""
    return _MAC_PREFIX + resident.to_bytes(3, "big")


def _identity(resident: int) -> Identity:
    who = Identity()
    who.from_mac(mac_of(resident), 0)
    return who


def scaled(scale: float) -> tuple[int, int, int]:
    """Return the thresholds times `scale`: how sure the engine must be."""
    return int(H1 * scale), int(H2 * scale), int(H3 * scale)


def sweep() -> list[Setting]:
    """Return ours at several degrees of certainty."""
    return [(_label(scale), partial(SpamgateMethod, thresholds=scaled(scale))) for scale in _SCALES]


def _label(scale: float) -> str:
    return f"thresholds x{scale:g}"


ENTRY = MethodEntry(
    name=SpamgateMethod.name,
    title="Spamgate",
    citation="this firmware: core/engine.py with the rules of plane/linux_rules.py",
    factory=SpamgateMethod,
    sweep=sweep,
    published=_label(1.0),
    reading=(
        "Sees what a router sees: look-ups, connections, and SMTP where TLS does not hide it. Throttles, then "
        "quarantines a device: new connections to port 25 are answered 421 in the server's place, but those to "
        "destinations with a past and, while throttled, one in a few hours. Acts when it throttles, or answers 421 "
        "at all."
    ),
)
