"""What any device does: join the network, tell the neighbours, set its clock, fetch things from the web."""

from spamgate_tools.sample import messages, packets
from spamgate_tools.sample.mail import handshake
from spamgate_tools.sample.messages import Lease
from spamgate_tools.sample.network import PREFIX, Device, Home, v4
from spamgate_tools.sample.packets import Station
from spamgate_tools.sample.tcp import CLIENT, SERVER
from spamgate_tools.sample.world import Task

HTTPS = 443

_DHCP_CLIENT = 68
_DHCP_SERVER = 67
_NTP = 123
_MDNS = 5353
_ROUTER_SOLICITATION = 133
_ROUTER_ADVERTISEMENT = 134
_ND_HOPS = 255
_ALL_ROUTERS = bytes.fromhex("ff02" + "00" * 13 + "02")
_TIME_HOST = "time.pool.example"
_QUIC_BYTES = 1232
_QUIC_BURST = 12


def join(home: Home, device: Device) -> Task[None]:
    """Come onto the network: DHCP (RFC 2131), ARP for the gateway, and a router for IPv6 (RFC 4861)."""
    lease = Lease(device.mac, device.name, device.station.address, home.router.station.address, _resolver(home))
    transaction = device.dice.whole(1, 0xFFFFFFFF)
    for request, reply in ((messages.DISCOVER, messages.OFFER), (messages.REQUEST, messages.ACKNOWLEDGE)):
        _broadcast(home, device, messages.dhcp_request(lease, request, transaction))
        yield device.dice.between(0.002, 0.02)
        answer = messages.dhcp_reply(lease, reply, transaction)
        home.world.send_udp(home.router.station, _DHCP_SERVER, device.station, _DHCP_CLIENT, answer)
        yield device.dice.between(0.002, 0.01)
    home.world.send_frame(packets.arp(device.station, home.router.station, False))
    yield 0.0003
    home.world.send_frame(packets.arp(home.router.station, device.station, True))
    if device.station_v6.address:
        yield from _solicit(home, device)
    yield device.dice.between(0.1, 0.6)


def _resolver(home: Home) -> bytes:
    return home.resolver.station.address


def _broadcast(home: Home, device: Device, request: bytes) -> None:
    nobody_yet = Station(device.mac, packets.UNSPECIFIED)
    everyone = Station(packets.BROADCAST_MAC, packets.BROADCAST)
    home.world.send_udp(nobody_yet, _DHCP_CLIENT, everyone, _DHCP_SERVER, request)


def _solicit(home: Home, device: Device) -> Task[None]:
    """Ask for a router, which answers with the home's prefix."""
    asking = Station(device.mac, device.link_local.address, _ND_HOPS)
    routers = Station(b"\x33\x33" + _ALL_ROUTERS[-4:], _ALL_ROUTERS)
    body = packets.icmpv6(asking, routers, _ROUTER_SOLICITATION, bytes(4) + b"\1\1" + device.mac)
    home.world.send_ip(asking, routers, packets.ICMPV6, body)
    yield device.dice.between(0.01, 0.3)
    router = Station(home.router.mac, home.router.link_local.address, _ND_HOPS)
    prefix = b"\3\4\x40\xc0\0\1\x51\x80\0\0\x38\x40" + bytes(4) + PREFIX + bytes(8)
    offer = b"\x40\0\7\x08" + bytes(8) + b"\1\1" + router.mac + prefix
    home.world.send_ip(router, asking, packets.ICMPV6, packets.icmpv6(router, asking, _ROUTER_ADVERTISEMENT, offer))


def announce(home: Home, device: Device, service: str) -> None:
    """Tell the neighbours what the device offers (RFC 6762)."""
    group = v4("224.0.0.251")
    neighbours = Station(b"\x01\x00\x5e" + group[1:], group)
    speaker = Station(device.mac, device.station.address, _ND_HOPS)
    message = messages.mdns_announcement(service, device.name, speaker.address)
    home.world.send_udp(speaker, _MDNS, neighbours, _MDNS, message)


def set_clock(home: Home, device: Device) -> Task[None]:
    """Ask the time (RFC 5905)."""
    home.internet.add_host(_TIME_HOST)
    found = yield from home.ask(device, _TIME_HOST, messages.A)
    if not found.records:
        return
    server = home.internet.station(_TIME_HOST)
    port = device.next_port()
    home.world.send_udp(device.station, port, server, _NTP, messages.ntp(False, 0))
    yield device.dice.between(0.01, 0.04)
    answer = messages.ntp(True, home.world.now_us // 1000000)
    home.world.send_udp(server, _NTP, device.station, port, answer)


def web_visit(home: Home, device: Device, host: str, requests: int, size: int) -> Task[None]:
    """Fetch `requests` things of about `size` bytes from a web server over TLS; IPv6 goes first (RFC 8305)."""
    server = yield from find_server(home, device, host)
    if server is None:
        return
    connection = home.connection(device, server, HTTPS)
    yield from connection.connect()
    yield from handshake(connection, host)
    dice = device.dice
    for _ in range(requests):
        yield from connection.say(CLIENT, messages.sealed(dice, dice.whole(180, 900)), dice.around(0.05))
        yield from connection.say(SERVER, messages.sealed(dice, 300 + int(dice.around(size))), dice.around(0.03))
    yield from connection.finish(CLIENT, dice.around(1.0))


def web_upload(home: Home, device: Device, host: str, size: int) -> Task[None]:
    """Send about `size` bytes to a web server."""
    server = yield from find_server(home, device, host)
    if server is None:
        return
    connection = home.connection(device, server, HTTPS)
    yield from connection.connect()
    yield from handshake(connection, host)
    yield from connection.say(CLIENT, messages.sealed(device.dice, 300 + int(device.dice.around(size))), 0.01)
    yield from connection.say(SERVER, messages.sealed(device.dice, 180), 0.05)
    yield from connection.finish(CLIENT)


def find_server(home: Home, device: Device, host: str) -> Task[Station | None]:
    """Look a host up, also its IPv6 address where the device has one."""
    home.internet.add_host(host)
    has_v6 = bool(device.station_v6.address)
    found = yield from home.ask(device, host, messages.A)
    if has_v6:
        second = yield from home.ask(device, host, messages.AAAA)
        has_v6 = bool(second.records) and device.dice.chance(0.6)
    if not found.records:
        return None
    return home.internet.station(host, has_v6)


def udp_session(home: Home, device: Device, host: str, port: int, turns: int) -> Task[None]:
    """Exchange opaque datagrams: QUIC, calls, games."""
    server = yield from find_server(home, device, host)
    if server is None:
        return
    own = device.station_v6 if len(server.address) == 16 else device.station
    own_port = device.next_port()
    dice = device.dice
    for _ in range(turns):
        home.world.send_udp(own, own_port, server, port, dice.blob(dice.whole(40, 400)))
        yield dice.between(0.015, 0.06)
        for _ in range(dice.whole(1, _QUIC_BURST) if port == HTTPS else 1):
            size = _QUIC_BYTES if port == HTTPS else dice.whole(60, 500)
            home.world.send_udp(server, port, own, own_port, dice.blob(size))
            yield 0.0004
        yield dice.around(0.08)
