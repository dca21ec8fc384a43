"""The made Internet and the home's way to it: servers with documentation names and addresses, DNS, the router.

Names end in .example, .test or .invalid (RFC 6761); addresses outside are of RFC 5737, RFC 2544 and RFC 3849.
"""

import ipaddress

from spamgate_tools.sample import messages
from spamgate_tools.sample.ledger import Tally
from spamgate_tools.sample.messages import Answer, Record
from spamgate_tools.sample.packets import Station
from spamgate_tools.sample.tcp import Connection
from spamgate_tools.sample.world import Dice, Task, World

DNS = 53
HOME_ADDRESS = "203.0.113.77"  # what the world sees of this home

_NETWORK = "192.168.77."
PREFIX = bytes.fromhex("fd5a8c21e7d40001")  # unique local; the router translates (RFC 6296)
_LINK_LOCAL = bytes.fromhex("fe80000000000000")
_CLOUD = (0xC6336400, 0xC0000200, 0xCB007100)  # 198.51.100.0, 192.0.2.0, 203.0.113.0: web and the like
_BENCH = 0xC6120000  # 198.18.0.0/15: mail servers of the many domains
_BENCH_ADDRESSES = 1 << 17
_CLOUD_V6 = bytes.fromhex("20010db8")
_CACHED_S = 300
_RESEND_QUERY_S = 5.0
_LOST_QUERY = 0.006


def v4(text: str) -> bytes:
    """Return the four bytes of an IPv4 address."""
    return ipaddress.IPv4Address(text).packed


class Device:
    """A thing in the home: its addresses, its chance, and its tally."""

    def __init__(self, name: str, mac: bytes, number: int, dice: Dice) -> None:
        self.name = name
        self.mac = mac
        self.dice = dice
        self.tally = Tally()
        self.station = Station(mac, v4(f"{_NETWORK}{number}"))
        self.station_v6 = Station(mac, b"")
        self.link_local = Station(mac, _LINK_LOCAL + _interface(mac))
        self.own_resolver: Station | None = None  # some devices do not ask whom DHCP tells them to
        self._port = dice.whole(32768, 60000)

    def use_v6(self, is_temporary: bool) -> None:
        """Take a new IPv6 address: a temporary one (RFC 8981) or the one made of the MAC."""
        tail = self.dice.blob(8) if is_temporary else _interface(self.mac)
        self.station_v6 = Station(self.mac, PREFIX + tail)

    def next_port(self) -> int:
        """Return a port for the next connection or query."""
        self._port = 32768 if self._port >= 60999 else self._port + self.dice.whole(1, 3)
        return self._port


def _interface(mac: bytes) -> bytes:
    """Return the modified EUI-64 of a MAC (RFC 4291)."""
    return bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:]


class Internet:
    """Names and addresses outside, given out as they are needed."""

    def __init__(self, router_mac: bytes, dice: Dice) -> None:
        self._mac = router_mac
        self._dice = dice
        self.exchanges: dict[str, list[str]] = {}  # the mail servers of a domain, preferred ones first
        self._records: dict[str, list[Record]] = {}
        self._hosts: dict[str, tuple[bytes, bytes]] = {}
        self._taken: set[bytes] = {v4(HOME_ADDRESS)}

    def add_host(self, name: str, is_mail: bool = False) -> bytes:
        """Give `name` an address, once, and return it; hosts of the cloud have IPv6 too."""
        if name not in self._hosts:
            first = self._free_address(is_mail)
            second = b"" if is_mail else _CLOUD_V6 + self._dice.blob(4) + bytes(7) + first[-1:]
            self._hosts[name] = (first, second)
            self._records[name] = [(name, messages.A, first)]
            if second:
                self._records[name].append((name, messages.AAAA, second))
        return self._hosts[name][0]

    def add_mail_domain(self, name: str, hosts: list[str]) -> None:
        """Let `hosts` receive mail for a domain, the first one preferred."""
        self.exchanges[name] = hosts
        records = [(name, messages.MX, messages.exchange(10 * at + 10, host)) for at, host in enumerate(hosts)]
        self._records.setdefault(name, []).extend(records)

    def look_up(self, name: str, qtype: int) -> Answer:
        """Return what DNS says; unknown names do not exist."""
        records = self._records.get(name)
        if records is None:
            return Answer(messages.NXDOMAIN)
        return Answer(messages.NOERROR, tuple(record for record in records if record[1] == qtype))

    def hosts_of(self, domain: str) -> tuple[Record, ...]:
        """Return the address records of a domain's mail servers, which some name servers add to an answer."""
        return tuple((host, messages.A, self._hosts[host][0]) for host in self.exchanges.get(domain, ()))

    def station(self, name: str, wants_v6: bool = False) -> Station:
        """Return the host as the router's LAN side sees it: with the router's MAC, some hops away."""
        first, second = self._hosts[name]
        address = second if wants_v6 and second else first
        return self.far(address)

    def far(self, address: bytes) -> Station:
        """Return whoever has this address outside."""
        return Station(self._mac, address, 44 + address[-1] % 15)

    def _free_address(self, is_mail: bool) -> bytes:
        while True:
            if is_mail:
                value = _BENCH + self._dice.whole(1, _BENCH_ADDRESSES - 2)
            else:
                value = self._dice.pick(_CLOUD) + self._dice.whole(1, 254)
            address = value.to_bytes(4, "big")
            if address not in self._taken:
                self._taken.add(address)
                return address


class Home:
    """The LAN: router, resolver and devices, and how they reach DNS and servers."""

    def __init__(self, world: World, dice: Dice, length_s: int) -> None:
        self.world = world
        self.dice = dice
        self._end_us = world.now_us + length_s * 1000000
        self.router = Device("", mac(1), 1, dice.fork())
        self.resolver = Device("home-resolver", mac(2), 2, dice.fork())
        self.internet = Internet(self.router.mac, dice.fork())
        self.devices = [self.router, self.resolver]
        self._upstream = self.internet.far(v4("192.0.2.53"))
        self._cache: dict[tuple[str, int], tuple[int, Answer]] = {}

    def add(self, name: str, number: int, device_mac: bytes | None = None) -> Device:
        """Return a new device of the home."""
        device = Device(name, device_mac or mac(number), number, self.dice.fork())
        self.devices.append(device)
        return device

    def is_awake(self) -> bool:
        """Is there time left in which anything new may begin?"""
        return self.world.now_us < self._end_us

    def connection(self, device: Device, server: Station, port: int) -> Connection:
        """Return a connection that is about to be opened; mail ports are counted."""
        if port in (25, 465, 587):
            tally = device.tally.mail(port)
            tally.connects += 1
            tally.servers.add(server.address)
        own = device.station_v6 if len(server.address) == 16 else device.station
        return Connection(self.world, own, server, (device.next_port(), port), device.dice)

    def ask(self, device: Device, name: str, qtype: int) -> Task[Answer]:
        """The device asks DNS and waits for the answer."""
        server = device.own_resolver or self.resolver.station
        query = messages.dns_query(device.dice.whole(0, 65535), name, qtype, device.dice.chance(0.5))
        port = device.next_port()
        device.tally.asked(name, qtype == messages.MX)
        self.world.send_udp(device.station, port, server, DNS, query)
        if device.dice.chance(_LOST_QUERY):
            yield _RESEND_QUERY_S
            self.world.send_udp(device.station, port, server, DNS, query)
        if device.own_resolver:
            answer = self.internet.look_up(name, qtype)
            yield device.dice.between(0.008, 0.05)
        else:
            yield device.dice.between(0.0004, 0.002)
            answer = yield from self._resolve(name, qtype)
            yield self.dice.between(0.0003, 0.001)
        device.tally.nxdomain += answer.rcode == messages.NXDOMAIN
        self.world.send_udp(server, DNS, device.station, port, messages.dns_reply(query, name, answer))
        yield device.dice.between(0.001, 0.004)
        return answer

    def _resolve(self, name: str, qtype: int) -> Task[Answer]:
        """The home's resolver answers from its cache, or asks outside on its own behalf."""
        until_us, answer = self._cache.get((name, qtype), (0, Answer(messages.SERVFAIL)))
        if self.world.now_us < until_us:
            return answer
        resolver = self.resolver
        port = resolver.dice.whole(20000, 65000)
        query = messages.dns_query(resolver.dice.whole(0, 65535), name, qtype, True)
        resolver.tally.asked(name, qtype == messages.MX)
        self.world.send_udp(resolver.station, port, self._upstream, DNS, query)
        yield resolver.dice.between(0.006, 0.03) + resolver.dice.around(0.03)
        answer = self.internet.look_up(name, qtype)
        if qtype == messages.MX and resolver.dice.chance(0.4):
            answer.extra = self.internet.hosts_of(name)
        if resolver.dice.chance(0.006):
            answer = Answer(messages.SERVFAIL)
        resolver.tally.nxdomain += answer.rcode == messages.NXDOMAIN
        self.world.send_udp(self._upstream, DNS, resolver.station, port, messages.dns_reply(query, name, answer))
        if answer.rcode != messages.SERVFAIL:
            self._cache[name, qtype] = (self.world.now_us + _CACHED_S * 1000000, answer)
        return answer


def mac(number: int) -> bytes:
    """Return a MAC of the range for documentation (RFC 9542)."""
    return bytes((0x00, 0x00, 0x5E, 0x00, 0x53, number))
