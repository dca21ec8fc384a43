"""A router in memory: logged packets go in, as the kernel sends them; what the kernel is told comes out.

Everything between is real: frames are read, streams followed, the engine judges, sets are written.
"""

import struct

from fakes.kernel import FakeKernel
from fakes.netlink import logged
from spamgate.core.engine import Engine
from spamgate.core.identity import Identity
from spamgate.core.router_limits import RouterLimits
from spamgate.plane.flows import Flows
from spamgate.plane.linux_sets import KernelSets
from spamgate.plane.linux_watch import RouterWatcher
from spamgate.plane.own import Router
from spamgate.wire.address import Scope, parse_address

NFLOG = 239
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
UPSTREAM = b"\x02\xee\0\0\0\1"  # the MAC of whatever is on the other side of the uplink
OWN_MAC = b"\x02\x53\x47\0\x77\1"
OWN_ADDRESSES = ["192.168.77.1", "203.0.113.77", "127.0.0.1", "fd77::1"]
MAIL = 25


def ip(source, target, protocol, body):
    """Return an IPv4 or IPv6 packet between two packed addresses."""
    if len(source) == 4:
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0)
    else:
        head = struct.pack(">IHBB", 6 << 28, len(body), protocol, 64)
    return head + source + target + body


def udp(port, to_port, body):
    return struct.pack(">HHHH", port, to_port, 8 + len(body), 0) + body


class FakeRouter:
    """`changes` are the changes of state, `established` the connections told of, `late` who had a message under way."""

    def __init__(self, now_s=1000000):
        self.kernel = FakeKernel()
        self.changes = []
        self.established = []
        self.late = []
        limits = RouterLimits()
        self.engine = Engine(limits, self._changed)
        self.engine.at(now_s, 0)
        self.watcher = RouterWatcher(self.engine, Scope(["192.168.77.0/24", "fd77::/64"] + OWN_ADDRESSES), True, limits)
        self.watcher.own = Router()
        self.watcher.own.learn(OWN_ADDRESSES, OWN_MAC)
        self.sets = KernelSets(self.kernel, self.engine.devices, 86400)
        self.flows = Flows(self.engine, self.watcher, self.sets, self._established, self.late.append)
        self.watcher.mail.flows = self.flows

    def _changed(self, device, old, new):
        self.changes.append((device, old, new))

    def _established(self, *connection):
        self.established.append(connection)

    def packet(self, data, mac, **more):
        """Log one IP packet that came from `mac` (None: nobody's)."""
        frame = logged(data, mac, **more)
        self.watcher.frame(NFLOG, frame, 0, len(frame))

    def turned_away(self, data, mac):
        """Log one IP packet that the blocklist's rules refused."""
        frame = logged(data, mac, prefix=b"L")
        self.watcher.listed(NFLOG, frame, 0, len(frame))

    def datagram(self, mac, source, port, target, to_port, body):
        """Log a UDP datagram between addresses in text."""
        self.packet(ip(parse_address(source), parse_address(target), 17, udp(port, to_port, body)), mac)

    def device(self, mac):
        """Return the number of the device with this MAC, or -1."""
        who = Identity()
        who.from_mac(mac, 0)
        return self.engine.devices.find(who)

    def ended(self):
        """Return the client's ports of all flows that the kernel was told to end."""
        ended = []
        for name, size in (("ended4", 4), ("ended6", 16)):
            ended += [key[size] << 8 | key[size + 1] for key in self.kernel.sets.get(name, {})]
        return sorted(ended)


class Connection:
    """A TCP connection of a device; `mac` is None for one of the router's own."""

    def __init__(self, router, mac, client, port, server, to_port=MAIL):
        self.router = router
        self._mac = mac
        self._ends = (parse_address(client), parse_address(server))
        self._ports = (port, to_port)
        self._next = [1001, 7001]

    def ask(self):
        self._send(0, b"", SYN, 1000, 0)
        return self

    def open(self):
        self.ask()._send(1, b"", SYN | ACK, 7000, 1001)
        self._send(0, b"", ACK, 1001, 7001)
        return self

    def client(self, said, flags=PSH | ACK):
        return self._say(0, said, flags)

    def server(self, said, flags=PSH | ACK):
        return self._say(1, said, flags)

    def mail(self):
        """Send a message, from the envelope on."""
        self.client(b"MAIL FROM:<a@home.example>\r\n").server(b"250 ok\r\n")
        self.client(b"RCPT TO:<b@mx.example>\r\n").server(b"250 ok\r\n")
        self.client(b"DATA\r\n").server(b"354 go\r\n")
        return self.client(b"text\r\n.\r\n").server(b"250 taken\r\n")

    def greet(self):
        self.server(b"220 mx\r\n")
        return self.client(b"EHLO nas.example.com\r\n").server(b"250 ok\r\n")

    def seal(self):
        return self.client(b"STARTTLS\r\n").server(b"220 go\r\n").client(b"\x16\3\1hello").server(b"\x16\3\3hello")

    def _say(self, side, said, flags):
        self._send(side, said, flags, self._next[side], self._next[1 - side])
        self._next[side] += len(said) + (flags & FIN)
        return self

    def _send(self, side, said, flags, seq, ack):
        segment = struct.pack(">HHIIBBHHH", self._ports[side], self._ports[1 - side], seq, ack, 80, flags, 0, 0, 0)
        data = ip(self._ends[side], self._ends[1 - side], 6, segment + said)
        mac = UPSTREAM if side else self._mac
        own = {"indev": 0, "outdev": 2} if mac is None else {}
        self.router.packet(data, mac, **own)
