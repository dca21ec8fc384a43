"""Packets that the kernel logs: read wherever MAC and packet stand, also right after others that stood elsewhere."""

import struct
import unittest

from fakes.netlink import attribute, attributes, logged, messages, number

from spamgate.wire import netlink
from spamgate.wire.cursor import FormError
from spamgate.wire.netlink import ACK, REQUEST, Request
from spamgate.wire.nflog import bind, configure
from spamgate.wire.packet import UDP, Packet

_NFLOG = 239
_MAC = b"\2\0\0\0\0\7"
_OTHER = b"\2\0\0\0\0\x08"
_TEXT = b"hello"
_NOISE = b"\xa5" * 3
# What a kernel sent: a packet that came in over Ethernet, one of our own on its way out, and one over loopback.
_CAME_IN = (
    "02000019080001000800010005000a00000000000800040000000002100008000006000036d761874ba2000006000f000001000006001100"
    "000e000012001000ea42e2ab30f936d761874ba20800000014000300000000006b0350dd0000000000014d8708000c000000000025000900"
    "450000210efe4000401117ba0a0900020a090001b29514e9000d143368656c6c6f000000"
)
_OUR_OWN = (
    "02000019080001000800030005000a0000000000080005000000000208000b000000000008000e000000000008000c000000000125000900"
    "45000021307b40004011f63c0a0900010a090002bb8314ea000d143368656c6c6f000000"
)
_LOOPED = (
    "02000019080001000800010005000a000000000008000400000000011000080000060000000000000000000006000f000304000006001100"
    "000e0000120010000000000000000000000000000800000014000300000000006b0350dd000000000004cca308000c000000000225000900"
    "45000021592040004011e3a97f0000017f000001941114e9000dfe2068656c6c6f000000"
)


def unhex(text):
    return bytes([int(text[at : at + 2], 16) for at in range(0, len(text), 2)])


def ipv4(body=_TEXT):
    message = struct.pack(">HHHH", 51000, 53, 8 + len(body), 0) + body
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(message), 1, 0, 64, 17, 0)
    return head + bytes((10, 0, 0, 7)) + bytes((192, 0, 2, 25)) + message


def ipv6(body=_TEXT):
    message = struct.pack(">HHHH", 51000, 53, 8 + len(body), 0) + body
    return struct.pack(">IHBB", 6 << 28, len(message), 17, 64) + bytes(range(32)) + message


class Reading(unittest.TestCase):
    def setUp(self):
        self.packet = Packet()

    def read(self, frame):
        """Read a frame between others; return MAC, IP version, payload and what is missing."""
        buf = _NOISE + frame + _NOISE
        packet = self.packet
        protocol = packet.read(_NFLOG, buf, 3, 3 + len(frame))
        mac = buf[packet.mac_at : packet.mac_at + 6] if packet.mac_at >= 0 else None
        self.assertEqual((protocol, packet.to_mac_at, packet.vlan), (UDP, -1, 0))
        return mac, packet.version, packet.data[packet.payload_at : packet.payload_end], packet.missing

    def test_mac_and_packet_are_found(self):
        self.assertEqual(self.read(logged(ipv4(), _MAC, 1)), (_MAC, 4, _TEXT, 0))
        self.assertEqual(self.read(logged(ipv6(), _MAC, 1)), (_MAC, 6, _TEXT, 0))

    def test_a_packet_of_our_own_has_no_mac(self):
        for _ in range(2):
            self.assertEqual(self.read(logged(ipv4(), None, 1, indev=0)), (None, 4, _TEXT, 0))

    def test_none_is_read_by_where_another_stood(self):
        """Input, output and forward have other attributes; time, mark and user come and go."""
        user = number(11, 0) + number(14, 0)
        stamp = attribute(3, bytes(16))
        frames = []
        for mac in (_MAC, _OTHER, None):
            for indev, outdev in ((2, 3), (2, 0), (0, 3)):
                for before in (b"", stamp, user, stamp + user):
                    for sequence in (None, 7):
                        frames.append((mac, logged(ipv4(), mac, sequence, indev, outdev, before=before)))
        for step in (1, 5, 7, 11):
            for at in range(0, len(frames) * step, step):
                mac, frame = frames[at % len(frames)]
                self.assertEqual(self.read(frame), (mac, 4, _TEXT, 0))

    def test_the_mac_may_stand_anywhere_before_the_packet(self):
        mac = attribute(8, b"\0\6\0\0" + _MAC + b"\0\0")
        large = attribute(10, bytes(300))
        for parts in ([mac, number(4, 1), number(5, 2)], [number(4, 1), number(5, 2), mac], [large, mac, large]):
            frame = b"\2\0\0\x19" + b"".join(parts) + attribute(9, ipv4())
            for _ in range(2):
                self.assertEqual(self.read(frame), (_MAC, 4, _TEXT, 0))

    def test_an_address_that_is_no_mac_is_none(self):
        """Of tunnels (4 bytes) and InfiniBand (8): nobody's identity."""
        self.read(logged(ipv4(), _MAC))
        for address in (b"abcd", b"abcdefgh", b""):
            for _ in range(2):
                self.assertEqual(self.read(logged(ipv4(), address))[0], None)

    @unittest.skipUnless(netlink.LITTLE, "the bytes are those of a little-endian machine")
    def test_what_a_kernel_sent_is_read(self):
        expected = [b"\x36\xd7\x61\x87\x4b\xa2", None, bytes(6)]
        for _ in range(2):
            found = [self.read(unhex(frame)) for frame in (_CAME_IN, _OUR_OWN, _LOOPED)]
            self.assertEqual(found, [(mac, 4, _TEXT, 0) for mac in expected])

    def test_what_the_kernel_cut_off_is_counted(self):
        whole = ipv4(bytes(1000))
        for mac in (_MAC, None):
            for kept in (28, 80, 600, 640):
                found = self.read(logged(whole[:kept], mac))
                self.assertEqual((found[0], len(found[2]), found[3]), (mac, kept - 28, 1028 - kept))


class Refusing(unittest.TestCase):
    def setUp(self):
        self.packet = Packet()

    def read(self, frame):
        return self.packet.read(_NFLOG, frame, 0, len(frame))

    def test_without_a_packet_it_is_refused(self):
        head = b"\2\0\0\x19"
        for frame in (
            b"",
            head[:3],
            head,
            head + number(4, 1),
            head + attribute(8, b"\0\6\0\0" + _MAC + b"\0\0"),
            head + attribute(1, b"", 0) + attribute(9, ipv4()),
            head + attribute(1, b"", 3) + attribute(9, ipv4()),
            head + attribute(1, b"ab", 0xFFFF) + attribute(9, ipv4()),
            head + attribute(9, b""),
        ):
            for before in (None, logged(ipv4(), _MAC, 1), logged(ipv4(), None, 1)):
                if before:
                    self.read(before)
                with self.assertRaises(FormError):
                    self.read(frame)

    def test_a_frame_cut_anywhere_is_refused_or_counted(self):
        whole = logged(ipv4(), _MAC, 1)
        header = len(whole) - len(ipv4()) - 3  # three bytes fill up the last attribute
        for cut in range(len(whole) - 3):
            self.read(whole)
            if cut < header + 28:
                with self.assertRaises(FormError):
                    self.read(whole[:cut])
            else:
                self.read(whole[:cut])
                self.assertEqual(self.packet.missing, len(whole) - 3 - cut)

    def test_neither_ipv4_nor_ipv6_is_nothing_to_us(self):
        for family in (0, 1, 7, 17, 28):
            frame = bytes((family, 0, 0, 25)) + attribute(9, b"\x45" + bytes(60))
            self.assertEqual((self.read(frame), self.packet.version), (0, 0))

    def test_a_packet_that_is_not_of_its_family_is_refused(self):
        for frame in (b"\x0a\0\0\x19" + attribute(9, ipv4()), b"\2\0\0\x19" + attribute(9, ipv6())):
            with self.assertRaises(FormError):
                self.read(frame)


class Asking(unittest.TestCase):
    def test_orders_name_group_and_manner(self):
        request = Request(128)
        ((kind, flags, _, body),) = messages(bytes(bind(request, 300)))
        self.assertEqual((kind, flags, body[:4]), (0x0401, REQUEST | ACK, b"\0\0\1\x2c"))
        self.assertEqual(attributes(body[4:]), {1: b"\1"})
        ((kind, flags, _, body),) = messages(bytes(configure(request, 300, 1500, 2048)))
        self.assertEqual((kind, flags, body[:4]), (0x0401, REQUEST | ACK, b"\0\0\1\x2c"))
        told = attributes(body[4:])
        self.assertEqual(told[2], struct.pack(">IBB", 1500, 2, 0))
        self.assertEqual((told[3], told[4], told[6]), (b"\0\0\x08\0", b"\0\0\0\1", b"\0\1"))


if __name__ == "__main__":
    unittest.main()
