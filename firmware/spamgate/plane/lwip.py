"""Plane `lwip`: a board in path, whose C module on lwIP's input hook judges each packet by itself.

The module (firmware/mailgate) records the frames that matter in a ring, and holds a verdict for each device: forwarding
never waits for Python, and a ring that is full loses records, never a verdict.  Refusals are given there too.
"""

import sys

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.plane.enforcing import Enforcer
from spamgate.plane.flows import Flows
from spamgate.plane.lwip_sets import GateSets
from spamgate.plane.own import Surroundings
from spamgate.plane.watch import Watcher
from spamgate.wire.cursor import FormError

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    from spamgate.core.engine import Engine
    from spamgate.core.limits import Limits
    from spamgate.wire.packet import Packet

    Buffer = bytes | bytearray

_LINK_ETHERNET = const(1)
_LITTLE = sys.byteorder == "little"
_RING_BYTES = const(4096)  # of the module's: what waits is read at once
_HEAD_BYTES = const(12)  # size 16, direction 8, action 8, milliseconds 32, bytes that follow 16, bytes it had 16
_PASS = const(0)  # actions
_LATER = const(1)
_NEVER = const(2)
_SYN_OR_ACK = const(0x12)
_SYN = const(0x02)
_COUNTED = "out in records lost later never reset dropped broken crowded unpaced forwarded received sent"  # by counts()
_HOUR_S = const(3600)
_DAY_S = const(86400)
_REPORT_MS = const(5000)
_RENEW_MS = const(1800000)
_ANY_PACE = const(10000)  # as many as the module counts
_ALL_LANS = ""


class LanWatcher(Watcher):
    """A watcher of what passes the LAN side, in both directions."""

    def __init__(self, engine: "Engine", limits: "Limits") -> None:
        Watcher.__init__(self, engine, None, True, limits)
        self.is_inward = False  # does the frame go to the LAN?  Then its source's MAC is ours, whoever speaks

    def sender(self, packet: "Packet") -> int:
        """Return the device the packet came from, or -1 when it came from outside."""
        if self.is_inward:
            if not self.scope.contains(packet.buf, packet.src_at, packet.address_bytes):
                return -1
            device = self._devices.at_address(packet.buf, packet.src_at, packet.address_bytes)
            if device >= 0:
                return device
            packet.mac_at = -1
        return Watcher.sender(self, packet)

    def refused(self, link_type: int, buf: "Buffer", start: int, end: int) -> int:
        """Take a frame that was answered in the server's place; return who asked for a connection, or -1.

        The engine hears nothing of it: what we refuse is no evidence.
        """
        packet = self.packet
        self.is_inward = False
        try:
            if packet.read(link_type, buf, start, end) and packet.flags & _SYN_OR_ACK == _SYN:
                return self.sender(packet)
        except FormError:
            self.malformed += 1
        return -1


class RecordLog:
    """The module's records, read into one buffer; hands every frame to the watcher, and tells who was refused."""

    def __init__(self, gate: "Any", on_refused: "Callable[[int], None]") -> None:
        self.buf = bytearray(_RING_BYTES)
        self.packets = 0
        self._read_into = gate.read_into  # looked up once: that takes memory
        self._on_refused = on_refused

    def read(self, watcher: LanWatcher) -> int:
        """Take what is waiting; return how many records that were.  Allocation-free."""
        buf = self.buf
        size = self._read_into(buf)
        at = found = 0
        while size - at >= _HEAD_BYTES:
            if _LITTLE:
                length = buf[at] | buf[at + 1] << 8
                end = at + _HEAD_BYTES + (buf[at + 8] | buf[at + 9] << 8)
            else:
                length = buf[at + 1] | buf[at] << 8
                end = at + _HEAD_BYTES + (buf[at + 9] | buf[at + 8] << 8)
            if length < _HEAD_BYTES or end > size:
                break
            action = buf[at + 3]
            if action == _PASS:
                watcher.is_inward = buf[at + 2] != 0
                watcher.frame(_LINK_ETHERNET, buf, at + _HEAD_BYTES, end)
            elif action == _LATER or action == _NEVER:
                device = watcher.refused(_LINK_ETHERNET, buf, at + _HEAD_BYTES, end)
                if device >= 0:
                    self._on_refused(device)
            found += 1
            at += length
        self.packets += found
        return found


class LwipPlane(Enforcer):
    """Joins the module's records, the watcher and the module's verdicts.

    `gate` is the C module.  `owner` has `clock` (with `read()`, `s` and `us`), `tickets` and `refused` by device, and
    is told with `report(text)` what went wrong.
    """

    name = "lwip"

    def __init__(self, settings, engine: "Engine", limits: "Limits", gate: "Any", owner) -> None:
        self.log = RecordLog(gate, self._refused)
        sets = GateSets(gate, engine, settings.verdict_hours * _HOUR_S, owner.tickets)
        Enforcer.__init__(self, settings, engine, sets, [_ALL_LANS])
        self.watcher = LanWatcher(engine, limits)
        self.flows = Flows(engine, self.watcher, sets, _not_noted, self._pay)
        self.home = Surroundings(settings.home_networks)
        self.degraded = ""
        self._held = sets
        self._gate = gate
        self._clock = owner.clock
        self._report = owner.report
        self._refusals = owner.refused
        self._events: "Any" = None
        self._reported_ms = self._renewed_ms = 0

    def begin(self, now_ms: int, loop) -> None:
        """Put in force what is known of the devices, and look at what passes."""
        settings = self._settings
        self.watcher.scope = self.home
        self.watcher.own = self.home.router
        if self._enforces:
            self.watcher.mail.flows = self.flows
        budget = settings.budget_per_day
        pace = (settings.normal_per_minute, settings.normal_burst) if self._enforces else (_ANY_PACE, _ANY_PACE)
        self._gate.limits(_DAY_S // budget if budget else 0, *pace)
        self._put_in_force()
        self._recall_swarm()
        self._events = self._gate.Events()
        loop.add(self._events, self)
        self._gate.enable(True)
        self._reported_ms = self._renewed_ms = now_ms

    def ready(self, sock) -> None:
        """Records are waiting."""
        clock = self._clock
        clock.read()
        self._engine.at(clock.s, clock.us)
        self.log.read(self.watcher)

    def tick(self, now_ms: int) -> None:
        """Let go of connections that are over, renew verdicts, say what went wrong."""
        self.watcher.tick()
        if elapsed(now_ms, self._reported_ms) >= _REPORT_MS:
            self._reported_ms = now_ms
            self._report_failures()
        if elapsed(now_ms, self._renewed_ms) >= _RENEW_MS:
            self._renewed_ms = now_ms
            self._held.tidy()
            self._enforce_all()

    def numbers(self) -> "list[tuple[str, int]]":
        """Return what the module has counted, by name (packets, refusals, what lwIP did), and what came here."""
        here = [("packets", self.log.packets), ("malformed", self.watcher.malformed)]
        return list(zip(_COUNTED.split(), self._gate.counts())) + here

    def _refused(self, device: int) -> None:
        """The module answered a device in the place of the server that it wanted to reach."""
        packet = self.watcher.packet
        self._refusals[device] += 1
        self.met(device, packet.buf, packet.dst_at, packet.address_bytes)

    def _report_failures(self) -> None:
        held = self._held
        if held.failures:
            self._report("the gate refused %d changes (error %d)" % (held.failures, held.last_error))
            held.failures = 0


def _not_noted(device: int, client: bytes, client_port: int, server: bytes, server_port: int) -> None:
    """Which connections there were is not kept on a board."""
