"""Link layers: Ethernet with tags, Linux cooked, loopback, raw IP."""

import unittest

from spamgate.wire import frame as frame_module
from spamgate.wire.cursor import FormError
from spamgate.wire.frame import ETHERTYPE_IPV4, ETHERTYPE_IPV6, Frame, known_link_type

TO = b"\x01\x02\x03\x04\x05\x06"
FROM = b"\x0a\x0b\x0c\x0d\x0e\x0f"
COOKED = b"\x00\x00\x00\x01\x00\x06" + FROM + b"\xee\xee"  # what SLL has before the protocol
COOKED_2 = b"\x00\x00\x00\x00\x00\x02\x00\x01\x00\x06" + FROM + b"\xee\xee"  # and SLL2 behind it


def read(link_type, data):
    """Return the EtherType and the frame, read from the middle of a larger buffer."""
    frame = Frame()
    lent = b"\xff" * 7 + data + b"\xff" * 9
    return frame.read_link(link_type, lent, 7, 7 + len(data)), frame


class LinkLayers(unittest.TestCase):
    def test_ethernet_gives_both_addresses(self):
        kind, frame = read(1, TO + FROM + b"\x86\xdd")
        self.assertEqual(kind, ETHERTYPE_IPV6)
        self.assertEqual(frame.buf[frame.mac_at : frame.mac_at + 6], FROM)
        self.assertEqual(frame.buf[frame.to_mac_at : frame.to_mac_at + 6], TO)
        self.assertEqual(frame.vlan, 0)

    def test_tags_are_stepped_over_and_the_last_one_kept(self):
        tags = (
            (b"\x81\x00\x20\x07", 7),
            (b"\x88\xa8\x00\x64\x81\x00\xef\xff", 0xFFF),
            (b"\x91\x00\x00\x64\x81\x00\x00\x05", 5),
            (b"\x81\x00\x00\x01\x81\x00\x00\x02\x81\x00\x00\x03", 3),
        )
        for tag, vlan in tags:
            kind, frame = read(1, TO + FROM + tag + b"\x08\x00")
            self.assertEqual((kind, frame.vlan), (ETHERTYPE_IPV4, vlan))
            kind, frame = read(113, COOKED + tag + b"\x08\x00")
            self.assertEqual((kind, frame.vlan), (ETHERTYPE_IPV4, vlan))

    def test_other_ethertypes_are_handed_up(self):
        self.assertEqual(read(1, TO + FROM + b"\x08\x06" + bytes(28))[0], 0x0806)
        self.assertEqual(read(1, TO + FROM + b"\x00\x26" + bytes(38))[0], 0x26)

    def test_linux_cooked_gives_the_senders_address(self):
        for link_type, data in ((113, COOKED + b"\x08\x00"), (276, b"\x08\x00" + COOKED_2)):
            kind, frame = read(link_type, data)
            self.assertEqual((kind, frame.to_mac_at), (ETHERTYPE_IPV4, -1))
            self.assertEqual(frame.buf[frame.mac_at : frame.mac_at + 6], FROM)

    def test_linux_cooked_without_a_mac_gives_none(self):
        for size in (b"\x00", b"\x08"):  # a tunnel, an InfiniBand card
            self.assertEqual(read(113, COOKED[:5] + size + COOKED[6:] + b"\x08\x00")[1].mac_at, -1)
            self.assertEqual(read(113, COOKED[:4] + b"\x01\x06" + COOKED[6:] + b"\x08\x00")[1].mac_at, -1)
            self.assertEqual(read(276, b"\x08\x00" + COOKED_2[:9] + size + COOKED_2[10:])[1].mac_at, -1)
        loopback = b"\x03\x04"
        self.assertEqual(read(113, b"\x00\x00" + loopback + COOKED[4:] + b"\x08\x00")[1].mac_at, -1)
        data = b"\x08\x00" + COOKED_2[:6] + loopback + COOKED_2[8:]
        self.assertEqual(read(276, data)[1].mac_at, -1)

    def test_a_frame_without_a_mac_forgets_the_one_before(self):
        frame = Frame()
        frame.read_link(1, TO + FROM + b"\x81\x00\x00\x05\x08\x00", 0, 18)
        frame.read_link(101, b"\x45", 0, 1)
        self.assertEqual((frame.mac_at, frame.to_mac_at, frame.vlan), (-1, -1, 0))

    def test_raw_ip_tells_its_version(self):
        for link_type in (12, 14, 101):
            self.assertEqual(read(link_type, b"\x45")[0], ETHERTYPE_IPV4)
            self.assertEqual(read(link_type, b"\x60")[0], ETHERTYPE_IPV6)
            with self.assertRaises(FormError):
                read(link_type, b"\x50")
            with self.assertRaises(FormError):
                read(link_type, b"")
        self.assertEqual(read(228, b"\x45")[0], ETHERTYPE_IPV4)
        self.assertEqual(read(229, b"\x60")[0], ETHERTYPE_IPV6)

    def test_loopback_has_its_family_in_either_byte_order(self):
        for link_type in (0, 108):
            for family, kind in ((2, ETHERTYPE_IPV4), (7, 0)) + tuple(
                (one, ETHERTYPE_IPV6) for one in (10, 23, 24, 28, 30)
            ):
                self.assertEqual(read(link_type, bytes([family, 0, 0, 0]))[0], kind)
                self.assertEqual(read(link_type, bytes([0, 0, 0, family]))[0], kind)
            self.assertEqual(read(link_type, b"\x02\x00\x00\x02")[0], 0)
            self.assertEqual(read(link_type, b"\x02\x01\x00\x00")[0], 0)

    def test_a_header_cut_anywhere_is_refused(self):
        whole = (
            (1, TO + FROM + b"\x88\xa8\x00\x01\x81\x00\x00\x02\x08\x00"),
            (113, COOKED + b"\x81\x00\x00\x01\x08\x00"),
            (276, b"\x08\x00" + COOKED_2),
            (0, b"\x02\x00\x00\x00"),
        )
        for link_type, data in whole:
            self.assertEqual(read(link_type, data)[0], ETHERTYPE_IPV4)
            for cut in range(len(data)):
                with self.assertRaises(FormError):
                    read(link_type, data[:cut])


class KnownLinkTypes(unittest.TestCase):
    def test_exactly_the_stated_ones_are_known(self):
        known = set()
        for link_type in range(400):
            try:
                known_link_type(link_type)
                known.add(link_type)
            except FormError as error:
                self.assertIn("link type %d " % link_type, str(error))
        self.assertEqual(known, {0, 1, 12, 14, 101, 108, 113, 228, 229, 239, 276})

    def test_a_frame_of_an_unknown_type_is_refused(self):
        for link_type in (105, 127, 189, 65535):
            with self.assertRaises(FormError):
                read(link_type, bytes(100))

    @unittest.skipUnless(hasattr(frame_module, "_IPV4"), "private consts vanish on MicroPython")
    def test_private_copies_match(self):
        self.assertEqual((frame_module._IPV4, frame_module._IPV6), (ETHERTYPE_IPV4, ETHERTYPE_IPV6))


if __name__ == "__main__":
    unittest.main()
