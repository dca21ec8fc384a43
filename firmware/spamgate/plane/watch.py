"""What every plane that sees packets does with a frame: who sent it, and which facts does it hold.

Readers take the frame apart; the engine hears of devices, look-ups and mail.  Nothing waits, nothing is kept of
the frame, and once running nothing is allocated but for a new device, a name, a change of state and what is malformed.
"""

from spamgate.core.compat import const
from spamgate.core.devices import CROWD, RELAY
from spamgate.core.engine import Engine
from spamgate.core.identity import Identity, is_station
from spamgate.core.limits import Limits
from spamgate.plane.dns_watch import DnsWatch
from spamgate.plane.mail_watch import MailWatch
from spamgate.wire.cursor import FormError
from spamgate.wire.dhcp import DhcpMessage
from spamgate.wire.fragments import Fragments
from spamgate.wire.packet import FLAG_ACK, FLAG_SYN, Packet

_TCP = const(6)
_UDP = const(17)
_DNS = const(53)
_DHCP_SERVER = const(67)
_NAME_BYTES = const(63)
# Ports that open proxies listen on (SOCKS, Squid, HTTP alternatives).
_PROXY_PORTS = (1080, 3128, 4145, 8080, 8118)


TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.plane.contract import Own


class Watcher:
    """Feed it frames; it feeds the engine.

    `scope` says with `contains(buf, at, size)` which addresses are inside the home; `by_mac` whether source MACs are
    those of devices (the LAN side of a gateway) or not (a capture from elsewhere).  `own`, if set, knows the addresses
    of the machine this runs on, which is a device too.
    """

    def __init__(self, engine: Engine, scope, by_mac: bool, limits: Limits) -> None:
        self.scope = scope
        self.by_mac = by_mac
        self.packets = 0
        self.malformed = 0
        self._engine = engine
        self._devices = engine.devices
        self.packet = Packet(Fragments(limits.datagrams, limits.datagram_bytes))
        self._who = Identity()
        self._dhcp = DhcpMessage()
        self.mail = MailWatch(self, engine, limits)
        self.dns = DnsWatch(engine)
        self.own: "Own | None" = None

    def frame(self, link_type: int, buf: "bytes | bytearray", start: int, end: int) -> None:
        """Take one frame, at the time the engine was last told."""
        self.packets += 1
        packet = self.packet
        try:
            protocol = packet.read(link_type, buf, start, end)
            if packet.version == 0:
                return
            self._datagram(packet, protocol)
        except FormError:
            self.malformed += 1

    def tick(self) -> None:
        """Once a second or so: let go of what nobody continues."""
        self.packet.now_s = self._engine.now_s
        self.mail.streams.tick(self._engine.now_s)

    def sender(self, packet: Packet) -> int:
        """Return the device the packet came from, or -1 when it came from outside."""
        if not self.scope.contains(packet.buf, packet.src_at, packet.address_bytes):
            return -1
        return self._resident(packet, packet.mac_at, packet.src_at)

    def receiver(self, packet: Packet) -> int:
        """Return the device the packet goes to, or -1 when it leaves the home."""
        if not self.scope.contains(packet.buf, packet.dst_at, packet.address_bytes):
            return -1
        to_mac_at = packet.to_mac_at
        if self.by_mac and (to_mac_at < 0 or not is_station(packet.buf, to_mac_at)):
            # Cooked and logged frames name their sender's MAC at the most; the receiver may be known by its own.
            device = self._devices.at_address(packet.buf, packet.dst_at, packet.address_bytes)
            if device >= 0 or to_mac_at >= 0 or self.own:
                return device
        return self._resident(packet, to_mac_at, packet.dst_at)

    def _datagram(self, packet: Packet, protocol: int) -> None:
        sender = self.sender(packet)
        if protocol == _TCP:
            self._segment(packet, sender)
        elif protocol == _UDP:
            self._message(packet, sender)

    def _segment(self, packet: Packet, sender: int) -> None:
        if packet.dst_port < 1024 or packet.src_port < 1024:
            self.mail.segment(packet, sender)
        elif sender < 0 and packet.dst_port in _PROXY_PORTS and packet.flags & (FLAG_SYN | FLAG_ACK) == FLAG_SYN:
            device = self.receiver(packet)
            if device >= 0:
                self._engine.mail.proxied(device)

    def _message(self, packet: Packet, sender: int) -> None:
        if packet.dst_port == _DNS or packet.src_port == _DNS:
            self.dns.datagram(packet, sender, self.receiver(packet))
        elif packet.dst_port == _DHCP_SERVER:
            self._read_dhcp(packet)

    def segment_of_dns(self, slot: int, side: int, buf: "bytes | bytearray", start: int, end: int) -> None:
        """DNS over TCP, in order, from the stream table."""
        self.dns.stream(slot, side, buf, start, end)
        self.dns.read_streamed(self.mail.streams, slot)

    def end_of_dns(self, slot: int) -> None:
        """A connection for DNS is over."""
        self.dns.stream_ends(slot)

    def _resident(self, packet: Packet, mac_at: int, address_at: int) -> int:
        """Return the number of the device with this MAC and address; notes the address."""
        devices = self._devices
        who = self._who
        if mac_at >= 0 and self.by_mac and is_station(packet.buf, mac_at):
            who.from_mac(packet.buf, mac_at)
            device = devices.find(who)
            if device >= 0 and devices.flags[device] & RELAY:
                who.behind_relay(packet.buf, address_at, packet.address_bytes)
                device = devices.find(who)
        elif self.own and self.own.contains(packet.buf, address_at, packet.address_bytes):
            who.from_mac(self.own.mac, 0)
            device = devices.find(who)
            if device < 0:
                device = self._enrol(self.own.mac, 0)
        else:
            mac_at = -1
            who.from_address(packet.buf, address_at, packet.address_bytes)
            device = devices.find(who)
        if device < 0:
            device = self._enrol(packet.buf, mac_at)
        devices.seen(device, self._engine.now_s, packet.buf, address_at, packet.address_bytes)
        return device

    def _enrol(self, buf: "bytes | bytearray", mac_at: int) -> int:
        device = self._engine.device(self._who)
        if mac_at >= 0 and device != CROWD:
            self._engine.devices.set_mac(device, buf, mac_at)
        return device

    def _read_dhcp(self, packet: Packet) -> None:
        """A device asks for an address: its name, and whether the MAC that speaks is its own."""
        dhcp = self._dhcp
        mac_at = packet.mac_at
        if not dhcp.read(packet.data, packet.payload_at, packet.payload_end):
            return
        if mac_at < 0 or not self.by_mac or not is_station(packet.buf, mac_at) or dhcp.client_mac_at < 0:
            return
        who = self._who
        who.from_mac(packet.buf, mac_at)
        device = self._enrol(packet.buf, mac_at)
        if not _same_mac(packet.buf, mac_at, packet.data, dhcp.client_mac_at):
            self._engine.devices.flags[device] |= RELAY
        if self._engine.devices.flags[device] & RELAY:
            if not dhcp.requested_at:
                return
            who.behind_relay(packet.data, dhcp.requested_at, 4)
            device = self._enrol(packet.buf, mac_at)
        if dhcp.name_end and device != CROWD:
            self._engine.devices.names[device] = _clean(packet.data, dhcp.name_at, dhcp.name_end)


def _same_mac(buf: "bytes | bytearray", at: int, other: "bytes | bytearray", other_at: int) -> bool:
    for i in range(6):
        if buf[at + i] != other[other_at + i]:
            return False
    return True


def _clean(buf: "bytes | bytearray", start: int, end: int) -> str:
    """Return a name fit for logs: printable ASCII, 63 letters at the most (RFC 1035 2.3.4)."""
    name = bytearray(buf[start : min(end, start + _NAME_BYTES)])
    for at in range(len(name)):
        if not 32 < name[at] < 127:
            name[at] = 63  # "?"
    return str(name, "ascii")
