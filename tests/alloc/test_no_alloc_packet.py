"""Reading captures and packets allocates nothing: run with the heap locked, on MicroPython."""

import struct
import unittest

import micropython

from spamgate.wire.capture import open_capture
from spamgate.wire.dhcp import DhcpMessage
from spamgate.wire.packet import TCP, UDP, Packet

TEXT = b"HELO example.org\r\n"
MACS = bytes(12)
SEGMENT = struct.pack(">HHIIBBHHH", 51000, 25, 0x89ABCDEF, 1, 0x50, 0x18, 0, 0, 0) + TEXT
MESSAGE = struct.pack(">HHHH", 51000, 53, 8 + len(TEXT), 0) + TEXT


def ipv4(protocol, body, fragment=0, ident=1):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), ident, fragment, 64, protocol, 0)
    return head + b"\x0a\x00\x00\x01" + b"\xc0\x00\x02\x19" + body


def ipv6(protocol, body):
    return struct.pack(">BBHHBB", 0x60, 0, 0, len(body), protocol, 64) + bytes(range(32)) + body


def fragment6(offset_and_more, body):
    return ipv6(44, struct.pack(">BBHI", 17, 0, offset_and_more, 7) + body)


def pcap(order, magic):
    data = struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 65535, 1)
    for number in range(20):
        data += struct.pack(order + "IIII", 0x7FFFFFF0 + number % 8, 999999, len(TEXT), 1514) + TEXT
    return data


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def pcapng(order, unit):
    data = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    options = struct.pack(order + "HHBxxx", 9, 1, unit) + struct.pack(order + "HHq", 14, 8, -3600)
    data += block(order, 1, struct.pack(order + "HHI", 1, 0, 0) + options)
    ticks = 1290000000123456 * 10 ** (unit - 6)
    body = struct.pack(order + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(TEXT), 1514) + TEXT
    old = struct.pack(order + "HHIIII", 0, 0, ticks >> 32, ticks & 0xFFFFFFFF, len(TEXT), 1514) + TEXT
    simple = struct.pack(order + "I", len(TEXT)) + TEXT
    for kind, what in ((6, body), (2, old), (3, simple), (5, bytes(8)), (6, body)):
        data += block(order, kind, what)
    return data


class Captures(unittest.TestCase):
    def count_packets(self, data, window):
        """Read a whole file with the heap locked; records beyond `window` bytes are cut."""
        reader = open_capture(data, 0, len(data))
        packets = at = 0
        end = len(data)
        micropython.heap_lock()
        try:
            while at < end:
                size = reader.next(data, at, min(end, at + window))
                if not size:
                    size = reader.next_cut(data, at, min(end, at + window))
                at += size + reader.to_skip
                packets += reader.packet
        finally:
            micropython.heap_unlock()
        return packets

    def test_pcap_does_not_allocate(self):
        for order in "<>":
            for magic in (0xA1B2C3D4, 0xA1B23C4D):
                for window in (100, 30):
                    self.assertEqual(self.count_packets(pcap(order, magic), window), 20)

    def test_pcapng_does_not_allocate(self):
        for order in "<>":
            for unit in (6, 9):
                for window in (100, 30):
                    self.assertEqual(self.count_packets(pcapng(order, unit), window), 4)


class Packets(unittest.TestCase):
    def read_twice(self, link_type, frame, packet=None):
        """Read a frame with the heap locked, after another that left other attributes."""
        packet = packet or Packet()
        end = len(frame)
        micropython.heap_lock()
        try:
            packet.read(link_type, frame, 0, end)
            return packet.read(link_type, frame, 0, end)
        finally:
            micropython.heap_unlock()

    def test_tcp_and_udp_do_not_allocate(self):
        for protocol, body in ((TCP, SEGMENT), (UDP, MESSAGE)):
            tagged = b"\x88\xa8\x00\x01\x81\x00\x00\x02"
            v4 = ipv4(protocol, body)
            v6 = ipv6(protocol, body)
            chain = ipv6(
                0,
                b"\x2b\x00"
                + bytes(6)
                + b"\x3c\x00"
                + bytes(6)
                + bytes([51, 0])
                + bytes(6)
                + bytes([44, 2])
                + bytes(14)
                + bytes([protocol, 0])
                + bytes(6)
                + body,
            )
            for kind, datagram in ((b"\x08\x00", v4), (b"\x86\xdd", v6), (b"\x86\xdd", chain)):
                self.assertEqual(self.read_twice(1, MACS + kind + datagram), protocol)
                self.assertEqual(self.read_twice(1, MACS + tagged + kind + datagram), protocol)
                self.assertEqual(self.read_twice(113, bytes(14) + kind + datagram), protocol)
                self.assertEqual(self.read_twice(276, kind + bytes(18) + datagram), protocol)
                self.assertEqual(self.read_twice(101, datagram), protocol)
            self.assertEqual(self.read_twice(228, v4), protocol)
            self.assertEqual(self.read_twice(229, v6), protocol)
            self.assertEqual(self.read_twice(0, b"\x02\x00\x00\x00" + v4), protocol)
            self.assertEqual(self.read_twice(108, b"\x00\x00\x00\x1e" + v6), protocol)

    def test_what_is_not_for_us_does_not_allocate(self):
        self.assertEqual(self.read_twice(1, MACS + b"\x08\x06" + bytes(28)), 0)
        self.assertEqual(self.read_twice(101, ipv4(1, bytes(40))), 0)
        self.assertEqual(self.read_twice(101, ipv6(58, bytes(40))), 0)

    def test_fragments_do_not_allocate(self):
        packet = Packet()
        for first, last in (
            (ipv4(17, MESSAGE[:16], 0x2000), ipv4(17, MESSAGE[16:], 2)),
            (fragment6(1, MESSAGE[:16]), fragment6(16, MESSAGE[16:])),
        ):
            self.assertEqual(self.read_twice(101, first, packet), 0)  # seen twice
            packet.now_s += 61  # forgotten
            self.assertEqual(self.read_twice(101, first, packet), 0)
            micropython.heap_lock()
            try:
                protocol = packet.read(101, last, 0, len(last))
            finally:
                micropython.heap_unlock()
            self.assertEqual(protocol, UDP)
        for ident in range(9):  # more than there are slots
            self.assertEqual(self.read_twice(101, ipv4(17, bytes(8), 0x2000, ident), packet), 0)


class Dhcp(unittest.TestCase):
    def test_reading_does_not_allocate(self):
        options = b"\x63\x82\x53\x63\x35\x01\x03\x32\x04\x0a\x00\x00\x07\x0c\x03tv\x00\xff"
        data = b"\x01\x01\x06\x00" + bytes(232) + options
        dhcp = DhcpMessage()
        end = len(data)
        micropython.heap_lock()
        try:
            dhcp.read(data, 0, end)
        finally:
            micropython.heap_unlock()
        self.assertEqual(data[dhcp.name_at : dhcp.name_end], b"tv")


if __name__ == "__main__":
    unittest.main()
