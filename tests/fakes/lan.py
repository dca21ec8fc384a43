"""A board in path in memory: frames of its LAN go in as the C module records them; what the module is told comes out.

Everything between is real.  It takes the place of `fakes.router.FakeRouter` for a `Connection`.
"""

from fakes.mailgate import IN, OUT, PASS, FakeGate
from fakes.router import UPSTREAM, ip, udp
from spamgate.core.engine import Engine
from spamgate.core.gate_limits import GateLimits
from spamgate.core.identity import Identity
from spamgate.plane.lwip import LwipPlane
from spamgate.store.lwip_settings import read_lwip_settings
from spamgate.wire.address import parse_address

LAN_MAC = b"\x02\x53\x47\0\x77\1"
NETWORKS = ["192.168.77.1/24", "fd77::1/64"]
OWN = ["192.168.77.1", "fd77::1", "203.0.113.77"]


class Clock:
    """Stands still."""

    s, us = 1000000, 0

    def read(self):
        """Time is set by hand."""


class Loop:
    """Knows only who waits."""

    def __init__(self):
        self.handlers = []

    def add(self, sock, handler):
        self.handlers.append((sock.fileno(), handler))


class FakeLan:
    """`changes` are the changes of state, `reports` what was told."""

    def __init__(self, settings="{}"):
        self.gate = FakeGate()
        self.clock = Clock()
        self.loop = Loop()
        self.changes = []
        self.reports = []
        self.report = self.reports.append
        limits = GateLimits()
        self.tickets = [""] * limits.devices
        self.refused = [0] * limits.devices
        self.plane = None
        self.engine = Engine(limits, self._changed)
        self.engine.at(self.clock.s, 0)
        self.engine.enforces = True
        self.plane = LwipPlane(read_lwip_settings(settings), self.engine, limits, self.gate, self)
        self.plane.home.learn(NETWORKS, OWN, LAN_MAC)
        self.watcher = self.plane.watcher
        self._macs = {}

    def begin(self):
        self.plane.begin(0, self.loop)
        return self

    def _changed(self, device, old, new):
        self.changes.append((device, old, new))
        if self.plane:
            self.plane.changed(device, old, new)

    def packet(self, data, mac, action=PASS):
        """Record an IP packet of the device with this MAC, or, from UPSTREAM, one to the device that it is for."""
        address = data[12:16] if data[0] >> 4 == 4 else data[8:24]
        kind = b"\x08\0" if data[0] >> 4 == 4 else b"\x86\xdd"
        if mac == UPSTREAM:
            target = data[16:20] if data[0] >> 4 == 4 else data[24:40]
            self.gate.record(self._macs[target] + LAN_MAC + kind + data, IN)
        else:
            self._macs[address] = mac
            self.gate.record(LAN_MAC + mac + kind + data, OUT, action)
        self.plane.ready(None)

    def datagram(self, mac, source, port, target, to_port, body):
        """Record a UDP datagram of a device."""
        self.packet(ip(parse_address(source), parse_address(target), 17, udp(port, to_port, body)), mac)

    def device(self, mac):
        """Return the number of the device with this MAC, or -1."""
        who = Identity()
        who.from_mac(mac, 0)
        return self.engine.devices.find(who)

    def enrol(self, mac, state=0, address=b"\xc0\xa8\x4d\x07"):
        """Return a device that is known, in this state."""
        who = Identity()
        who.from_mac(mac, 0)
        device = self.engine.device(who)
        self.engine.devices.set_mac(device, mac, 0)
        self.engine.devices.seen(device, self.engine.now_s, address, 0, len(address))
        if state:
            self.become(device, state)
        return device

    def become(self, device, state):
        old = self.engine.devices.state[device]
        self.engine.devices.state[device] = state
        self._changed(device, old, state)
