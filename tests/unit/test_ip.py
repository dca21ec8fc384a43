"""IPv4 and IPv6 headers: lengths, trailers, extension headers, cuts at every byte."""

import struct
import unittest

from spamgate.wire.cursor import FormError
from spamgate.wire.ip import Datagram

SRC4 = b"\x0a\x00\x00\x01"
DST4 = b"\xc0\x00\x02\x19"
SRC6 = b"\xfe\x80" + bytes(13) + b"\x01"
DST6 = b"\x20\x01\x0d\xb8" + bytes(11) + b"\x19"
BODY = bytes(range(32))


def ipv4(protocol, body=BODY, options=b"", size=None, first=None):
    header = 20 + len(options)
    first = 0x40 | header >> 2 if first is None else first
    size = header + len(body) if size is None else size
    head = struct.pack(">BBHHHBBH", first, 0, size, 1, 0x4000, 64, protocol, 0)
    return head + SRC4 + DST4 + options + body


def ipv6(next_header, body=BODY, size=None, first=0x60):
    size = len(body) if size is None else size
    return struct.pack(">BBHHBB", first, 0, 0, size, next_header, 64) + SRC6 + DST6 + body


def extension(next_header, size=8):
    """Hop-by-hop, routing or destination options: all have this form."""
    return bytes([next_header, size // 8 - 1]) + bytes(size - 2)


def authentication(next_header, size=24):
    return bytes([next_header, size // 4 - 2]) + bytes(size - 2)


def atomic_fragment(next_header):
    return bytes([next_header, 0, 0, 0, 0, 0, 0, 1])


def read(data, trailer=b""):
    """Return the protocol, the bytes of the transport layer, and the datagram."""
    datagram = Datagram()
    lent = b"\xff" * 5 + data + trailer + b"\xff" * 5
    protocol = datagram.read_ip(101, lent, 5, 5 + len(data) + len(trailer))
    cursor = datagram._cursor
    return protocol, datagram.data[cursor.at : cursor.end], datagram


class Version4(unittest.TestCase):
    def test_addresses_and_body_are_found(self):
        for options in (b"", bytes(4), bytes(40)):
            for protocol in (6, 17):
                found, body, datagram = read(ipv4(protocol, BODY, options))
                self.assertEqual((found, body), (protocol, BODY))
                self.assertEqual((datagram.version, datagram.address_bytes, datagram.missing), (4, 4, 0))
                self.assertEqual(datagram.buf[datagram.src_at : datagram.src_at + 4], SRC4)
                self.assertEqual(datagram.buf[datagram.dst_at : datagram.dst_at + 4], DST4)

    def test_an_ethernet_trailer_is_cut(self):
        self.assertEqual(read(ipv4(6), b"\x00" * 6)[1], BODY)

    def test_length_0_reaches_to_the_end_of_the_frame(self):
        protocol, body, datagram = read(ipv4(6, BODY * 60, size=0))
        self.assertEqual((protocol, body, datagram.missing), (6, BODY * 60, 0))

    def test_what_the_capture_lacks_is_counted(self):
        protocol, body, datagram = read(ipv4(6, BODY, size=20 + 1000))
        self.assertEqual((protocol, body, datagram.missing), (6, BODY, 968))

    def test_other_protocols_keep_their_addresses(self):
        for protocol in (0, 1, 2, 41, 47, 50, 132, 255):
            found, _, datagram = read(ipv4(protocol))
            self.assertEqual((found, datagram.version), (0, 4))
            self.assertEqual(datagram.buf[datagram.dst_at : datagram.dst_at + 4], DST4)

    def test_false_headers_are_refused(self):
        for bad in (
            ipv4(6, first=0x44),
            ipv4(6, first=0x40),
            ipv4(6, b"", first=0x4F),
            ipv4(6, size=19),
            ipv4(6, size=1),
            ipv4(6, options=bytes(8), size=24),
        ):
            with self.assertRaises(FormError):
                read(bad)
        with self.assertRaises(FormError):
            Datagram().read_ip(228, ipv6(6), 0, 72)

    def test_a_header_cut_anywhere_is_refused(self):
        whole = ipv4(6, b"", bytes(12), size=1000)
        for cut in range(len(whole)):
            with self.assertRaises(FormError):
                read(whole[:cut])
        self.assertEqual(read(whole)[2].missing, 968)


class Version6(unittest.TestCase):
    def test_addresses_and_body_are_found(self):
        protocol, body, datagram = read(ipv6(17), b"\x00" * 4)
        self.assertEqual((protocol, body), (17, BODY))
        self.assertEqual((datagram.version, datagram.address_bytes, datagram.missing), (6, 16, 0))
        self.assertEqual(datagram.buf[datagram.src_at : datagram.src_at + 16], SRC6)
        self.assertEqual(datagram.buf[datagram.dst_at : datagram.dst_at + 16], DST6)

    def test_every_extension_header_is_stepped_over(self):
        for kind in (0, 43, 60, 135, 139, 140):
            for size in (8, 16, 2048):
                body = extension(6, size) + BODY
                self.assertEqual(read(ipv6(kind, body))[:2], (6, BODY))
        for size in (12, 16, 24, 1028):
            self.assertEqual(read(ipv6(51, authentication(17, size) + BODY))[:2], (17, BODY))
        self.assertEqual(read(ipv6(44, atomic_fragment(17) + BODY))[:2], (17, BODY))

    def test_a_chain_of_all_of_them_is_walked(self):
        # each names the next: hop-by-hop, routing, fragment, authentication, destination
        chain = (
            extension(43) + extension(44, 24) + atomic_fragment(51) + authentication(60) + extension(6, 16)
        )
        self.assertEqual(read(ipv6(0, chain + BODY))[:2], (6, BODY))

    def test_what_is_not_for_us_ends_the_chain(self):
        for last in (1, 50, 58, 59, 41, 253):
            protocol, _, datagram = read(ipv6(0, extension(last) + BODY))
            self.assertEqual((protocol, datagram.version), (0, 6))

    def test_length_0_reaches_to_the_end_of_the_frame(self):
        self.assertEqual(read(ipv6(6, BODY * 60, size=0))[:2], (6, BODY * 60))

    def test_what_the_capture_lacks_is_counted(self):
        protocol, body, datagram = read(ipv6(6, BODY, size=1000))
        self.assertEqual((protocol, body, datagram.missing), (6, BODY, 968))

    def test_headers_beyond_the_datagram_are_refused(self):
        for bad in (
            ipv6(0, extension(6, 16)[:8]),
            ipv6(43, b"\x06\xff" + bytes(100)),
            ipv6(51, b"\x06\xff" + bytes(100)),
            ipv6(60, extension(6) + BODY, size=4),
            ipv6(6, first=0x40),
        ):
            with self.assertRaises(FormError):
                Datagram().read_ip(229, bad, 0, len(bad))

    def test_headers_cut_anywhere_are_refused(self):
        whole = ipv6(0, extension(51, 16) + authentication(60) + extension(44) + atomic_fragment(6), 1000)
        for cut in range(len(whole)):
            with self.assertRaises(FormError):
                read(whole[:cut])
        self.assertEqual(read(whole)[0], 6)


class WithoutIp(unittest.TestCase):
    def test_there_is_no_version_and_nothing_of_the_packet_before(self):
        datagram = Datagram()
        whole = ipv4(6, size=1000)
        self.assertEqual(datagram.read_ip(101, whole, 0, len(whole)), 6)
        arp = bytes(12) + b"\x08\x06" + bytes(28)
        self.assertEqual(datagram.read_ip(1, arp, 0, len(arp)), 0)
        self.assertEqual((datagram.version, datagram.missing), (0, 0))


if __name__ == "__main__":
    unittest.main()
