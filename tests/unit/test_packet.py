"""TCP and UDP of a whole frame, over every link type and both IP versions."""

import struct
import unittest

from spamgate.wire import packet as packet_module
from spamgate.wire.cursor import FormError
from spamgate.wire.packet import FLAG_ACK, FLAG_PSH, FLAG_SYN, TCP, UDP, Packet

TO = b"\x01\x02\x03\x04\x05\x06"
FROM = b"\x0a\x0b\x0c\x0d\x0e\x0f"
TEXT = b"HELO example.org\r\n"


def tcp(text=TEXT, options=b"", seq=0x89ABCDEF, ack=0x76543210, flags=FLAG_PSH | FLAG_ACK):
    offset = (20 + len(options)) << 2
    return struct.pack(">HHIIBBHHH", 51000, 2525, seq, ack, offset, flags, 0, 0, 0) + options + text


def udp(text=TEXT, size=None):
    return struct.pack(">HHHH", 51000, 5353, 8 + len(text) if size is None else size, 0) + text


def ipv4(protocol, body, size=None, fragment=0):
    size = 20 + len(body) if size is None else size
    head = struct.pack(">BBHHHBBH", 0x45, 0, size, 1, fragment, 64, protocol, 0)
    return head + b"\x0a\x00\x00\x01" + b"\xc0\x00\x02\x19" + body


def ipv6(protocol, body, size=None):
    size = len(body) if size is None else size
    return struct.pack(">BBHHBB", 0x60, 0, 0, size, protocol, 64) + bytes(range(32)) + body


def ethernet(body, kind=0x0800, tags=b""):
    return TO + FROM + tags + struct.pack(">H", kind) + body


def read(data, link_type=1, packet=None):
    """Return the protocol, the packet and its payload, read from the middle of a buffer."""
    packet = packet or Packet()
    lent = bytearray(b"\xee" * 3 + data + b"\xee" * 3)
    protocol = packet.read(link_type, lent, 3, 3 + len(data))
    return protocol, packet, bytes(packet.data[packet.payload_at : packet.payload_end])


class Transport(unittest.TestCase):
    def test_tcp_fields_are_read(self):
        for options in (b"", bytes(4), bytes(40)):
            for data in (
                ethernet(ipv4(6, tcp(TEXT, options))),
                ethernet(ipv6(6, tcp(TEXT, options)), 0x86DD),
            ):
                protocol, packet, payload = read(data)
                self.assertEqual((protocol, payload), (TCP, TEXT))
                self.assertEqual((packet.src_port, packet.dst_port), (51000, 2525))
                self.assertEqual((packet.seq, packet.ack), (0x9ABCDEF, 0x6543210))
                self.assertEqual((packet.flags, packet.missing), (0x18, 0))

    def test_all_eight_flags_are_kept(self):
        for flags in (0, FLAG_SYN, 0xFF):
            self.assertEqual(read(ethernet(ipv4(6, tcp(flags=flags))))[1].flags, flags)

    def test_udp_fields_are_read(self):
        for data in (ethernet(ipv4(17, udp())), ethernet(ipv6(17, udp()), 0x86DD)):
            protocol, packet, payload = read(data)
            self.assertEqual((protocol, payload), (UDP, TEXT))
            self.assertEqual((packet.src_port, packet.dst_port), (51000, 5353))

    def test_the_udp_length_may_be_less_than_the_datagram_has(self):
        self.assertEqual(read(ethernet(ipv4(17, udp(size=12))))[2], TEXT[:4])
        self.assertEqual(read(ethernet(ipv4(17, udp(size=8))))[2], b"")
        self.assertEqual(read(ethernet(ipv4(17, udp(size=0))))[2], TEXT)

    def test_a_false_udp_length_is_refused(self):
        for size in (1, 7, 9 + len(TEXT), 65535):
            with self.assertRaises(FormError):
                read(ethernet(ipv4(17, udp(size=size))))

    def test_a_false_tcp_header_length_is_refused(self):
        for offset in (0, 1, 4, 12, 15):
            segment = bytearray(tcp())
            segment[12] = offset << 4
            with self.assertRaises(FormError):
                read(ethernet(ipv4(6, bytes(segment))))

    def test_a_payload_may_be_empty(self):
        self.assertEqual(read(ethernet(ipv4(6, tcp(b"")) + bytes(6)))[2], b"")
        self.assertEqual(read(ethernet(ipv4(17, udp(b"")) + bytes(18)))[2], b"")


class WhatTheCaptureLacks(unittest.TestCase):
    def test_it_is_counted_in_tcp(self):
        _, packet, payload = read(ethernet(ipv4(6, tcp(TEXT[:5]), 40 + 1000)))
        self.assertEqual((payload, packet.missing), (TEXT[:5], 995))
        _, packet, payload = read(ethernet(ipv6(6, tcp(TEXT[:5]), 20 + 1000), 0x86DD))
        self.assertEqual((payload, packet.missing), (TEXT[:5], 995))

    def test_it_is_counted_in_udp(self):
        _, packet, payload = read(ethernet(ipv4(17, udp(TEXT[:5], 1008), 1028)))
        self.assertEqual((payload, packet.missing), (TEXT[:5], 995))
        _, packet, payload = read(ethernet(ipv4(17, udp(TEXT, 12), 1028)))
        self.assertEqual((payload, packet.missing), (TEXT[:4], 0))

    def test_a_frame_cut_anywhere_is_refused_or_counted(self):
        whole = (
            (ethernet(ipv4(6, tcp(TEXT, bytes(12)))), 66),
            (ethernet(ipv4(17, udp())), 42),
            (ethernet(ipv6(0, b"\x06\x00" + bytes(6) + tcp()), 0x86DD), 82),
            (ethernet(ipv6(17, udp()), 0x86DD, b"\x88\xa8\x00\x01\x81\x00\x00\x02"), 70),
        )
        for data, header in whole:
            for cut in range(len(data)):
                with self.subTest(header=header, cut=cut):
                    if cut < header:
                        with self.assertRaises(FormError):
                            read(data[:cut])
                    else:
                        _, packet, payload = read(data[:cut])
                        self.assertEqual(len(payload), cut - header)
                        self.assertEqual(packet.missing, len(data) - cut)


class Links(unittest.TestCase):
    def test_every_link_type_leads_to_the_payload(self):
        inner = ipv4(6, tcp())
        inner6 = ipv6(6, tcp())
        cooked = b"\x00\x00\x00\x01\x00\x06" + FROM + b"\x00\x00"
        cooked2 = b"\x00\x00\x00\x00\x00\x02\x00\x01\x00\x06" + FROM + b"\x00\x00"
        frames = (
            (1, ethernet(inner)),
            (1, ethernet(inner6, 0x86DD, b"\x81\x00\x00\x07")),
            (113, cooked + b"\x08\x00" + inner),
            (113, cooked + b"\x86\xdd" + inner6),
            (276, b"\x08\x00" + cooked2 + inner),
            (276, b"\x86\xdd" + cooked2 + inner6),
            (12, inner),
            (14, inner6),
            (101, inner),
            (101, inner6),
            (228, inner),
            (229, inner6),
            (0, b"\x02\x00\x00\x00" + inner),
            (0, b"\x00\x00\x00\x1e" + inner6),
            (108, b"\x00\x00\x00\x02" + inner),
        )
        for link_type, data in frames:
            with self.subTest(link_type=link_type):
                protocol, packet, payload = read(data, link_type)
                self.assertEqual((protocol, payload), (TCP, TEXT))
                has_mac = link_type in (1, 113, 276)
                mac = packet.buf[packet.mac_at : packet.mac_at + 6] if packet.mac_at >= 0 else b""
                self.assertEqual(mac, FROM if has_mac else b"")
                self.assertEqual(packet.to_mac_at >= 0, link_type == 1)

    def test_an_unknown_link_type_is_refused(self):
        with self.assertRaises(FormError):
            read(bytes(100), 105)


class NotForUs(unittest.TestCase):
    def test_arp_and_strangers_have_no_version(self):
        packet = Packet()
        for kind in (0x0806, 0x88CC, 0x0026):
            read(ethernet(ipv4(6, tcp())), 1, packet)
            self.assertEqual(read(ethernet(bytes(46), kind), 1, packet)[0], 0)
            self.assertEqual(packet.version, 0)

    def test_a_packet_quoted_inside_icmp_does_not_count(self):
        quoted = b"\x03\x01\x00\x00" + bytes(4) + ipv4(6, tcp())
        protocol, packet, _ = read(ethernet(ipv4(1, quoted)))
        self.assertEqual((protocol, packet.version), (0, 4))
        self.assertEqual(packet.buf[packet.src_at : packet.src_at + 4], b"\x0a\x00\x00\x01")
        protocol, packet, _ = read(ethernet(ipv6(58, b"\x01\x00\x00\x00" + quoted), 0x86DD))
        self.assertEqual((protocol, packet.version), (0, 6))


class Fragmented(unittest.TestCase):
    def test_an_unfinished_one_is_nothing_and_the_last_one_all(self):
        message = udp(TEXT * 20)
        packet = Packet()
        protocol, packet, _ = read(ethernet(ipv4(17, message[:200], None, 0x2000)), 1, packet)
        self.assertEqual((protocol, packet.version), (0, 4))
        protocol, packet, payload = read(ethernet(ipv4(17, message[200:], None, 25)), 1, packet)
        self.assertEqual((protocol, payload), (UDP, TEXT * 20))
        self.assertTrue(packet.data is not packet.buf)
        self.assertEqual(packet.buf[packet.mac_at : packet.mac_at + 6], FROM)
        _, packet, _ = read(ethernet(ipv4(6, tcp())), 1, packet)
        self.assertTrue(packet.data is packet.buf)

    def test_a_tcp_header_may_be_split(self):
        segment = tcp()
        packet = Packet()
        self.assertEqual(read(ethernet(ipv4(6, segment[16:], None, 2)), 1, packet)[0], 0)
        protocol, packet, payload = read(ethernet(ipv4(6, segment[:16], None, 0x2000)), 1, packet)
        self.assertEqual((protocol, payload, packet.flags), (TCP, TEXT, 0x18))

    def test_a_whole_one_with_a_false_header_is_refused(self):
        packet = Packet()
        read(ethernet(ipv4(6, bytes(8), None, 0x2000)), 1, packet)
        with self.assertRaises(FormError):
            read(ethernet(ipv4(6, bytes(8), None, 1)), 1, packet)


class PrivateCopies(unittest.TestCase):
    @unittest.skipUnless(hasattr(packet_module, "_TCP"), "private consts vanish on MicroPython")
    def test_they_match(self):
        self.assertEqual((packet_module._TCP, packet_module._UDP), (TCP, UDP))


if __name__ == "__main__":
    unittest.main()
