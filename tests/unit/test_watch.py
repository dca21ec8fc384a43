"""Whose packet it is: of logged packets, which name their sender's MAC at the most, and of the router itself."""

import struct
import unittest

from fakes.router import OWN_MAC, UPSTREAM, Connection, FakeRouter, ip, udp

from spamgate.core.counters import CONNECTS, DNS_MX, DNS_NXDOMAIN, DNS_QUERIES, MESSAGES_ACCEPTED, PORT_25, SUBMISSION
from spamgate.core.devices import CROWD, RELAY, RESOLVER
from spamgate.core.evidence import PROXIED, kind_name
from spamgate.core.listed import Listed
from spamgate.wire.address import parse_address

_MAC, _OTHER = b"\2\0\0\0\0\7", b"\2\0\0\0\0\x08"
_HOME, _HOME6, _WORLD = "192.168.77.7", "fd77::7", "198.51.100.25"
_A, _MX = 1, 15
_SYN = 2


def resolver(client):
    """Return one outside, of the same kind of address."""
    return "2001:db8::53" if ":" in client else "198.51.100.53"


def question(name, qtype=_A, name_id=7, flags=0x0100):
    labels = b"".join([bytes((len(label),)) + label.encode() for label in name.split(".")])
    return struct.pack(">HHHHHH", name_id, flags, 1, 0, 0, 0) + labels + struct.pack(">BHH", 0, qtype, 1)


def answer(asked, rcode=0, *addresses):
    """Return the answer to a question, with A records for what was asked."""
    head = asked[:2] + struct.pack(">HHHHH", 0x8180 | rcode, 1, len(addresses), 0, 0)
    return head + asked[12:] + b"".join([b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + parse_address(one) for one in addresses])


class Watching(unittest.TestCase):
    def setUp(self):
        self.router = FakeRouter()
        self.devices = self.router.engine.devices

    def count(self, device, field):
        return self.router.engine.counters.get(device, field)

    def smtp(self, device, field, port=PORT_25):
        return self.router.engine.counters.get_smtp(device, port, field)

    def ask(self, mac, client, name, qtype=_A, server=None):
        """Let a device ask; without a MAC it is the router that asks."""
        asked = question(name, qtype)
        own = {} if mac else {"indev": 0}
        data = ip(parse_address(client), parse_address(server or resolver(client)), 17, udp(40000, 53, asked))
        self.router.packet(data, mac, **own)
        return asked

    def tell(self, mac, client, asked, rcode=0, *addresses, server=None):
        self.router.datagram(mac, server or resolver(client), 53, client, 40000, answer(asked, rcode, *addresses))


class TurnedAway(Watching):
    def turned_away(self, mac, client, server, protocol=6):
        data = ip(parse_address(client), parse_address(server), protocol, bytes((0, 9, 0, 25)) + bytes(4))
        self.router.turned_away(data, mac)

    def test_who_calls_an_address_of_the_list_is_counted_and_nothing_else(self):
        listed = self.router.watcher.wanted = Listed(self.router.engine)
        for _ in range(3):
            self.turned_away(_MAC, _HOME, _WORLD)  # a piece of TCP that its own reader would refuse
        self.turned_away(_MAC, _HOME6, "2001:db8::1", 1)
        device = self.router.device(_MAC)
        self.assertEqual((listed.addresses[device], listed.names[device]), (4, 0))
        self.assertEqual((self.smtp(device, CONNECTS), self.count(device, DNS_QUERIES)), (0, 0))

    def test_an_answer_from_outside_is_nobody_s(self):
        listed = self.router.watcher.wanted = Listed(self.router.engine)
        self.turned_away(UPSTREAM, _WORLD, _HOME)
        self.assertEqual(sum(listed.addresses), 0)
        self.router.turned_away(b"\x45\0", _MAC)
        self.assertEqual(self.router.watcher.malformed, 1)


class Overhearing(Watching):
    def test_each_new_query_is_overheard_once(self):
        heard = []

        def hear(device, message):
            heard.append((device, bytes(message.buf[message.qname_at : message.qname_at + 4])))

        self.router.watcher.dns.overhears = hear
        for _ in range(2):
            asked = self.ask(_MAC, _HOME, "bad.example")
        self.tell(UPSTREAM, _HOME, asked, 3)
        self.assertEqual(heard, [(self.router.device(_MAC), b"\3bad")])


class Receivers(Watching):
    def test_an_answer_is_its_device_s_by_address(self):
        asked = self.ask(_MAC, _HOME, "gone.example")
        self.tell(UPSTREAM, _HOME, asked, 3)
        device = self.router.device(_MAC)
        self.assertEqual((self.count(device, DNS_QUERIES), self.count(device, DNS_NXDOMAIN)), (1, 1))
        self.assertEqual(self.router.device(UPSTREAM), -1, "the world's side is nobody at home")

    def test_an_answer_to_nobody_makes_nobody(self):
        self.tell(UPSTREAM, "192.168.77.99", question("a.example"), 3)
        self.assertEqual(self.devices.everyone(), [])

    def test_an_address_that_passed_on_takes_its_answers_with_it(self):
        self.ask(_MAC, _HOME, "a.example")
        asked = self.ask(_OTHER, _HOME, "gone.example")
        self.ask(_MAC, "192.168.77.70", "b.example")
        self.tell(UPSTREAM, _HOME, asked, 3)
        old, new = self.router.device(_MAC), self.router.device(_OTHER)
        self.assertEqual((self.count(old, DNS_NXDOMAIN), self.count(new, DNS_NXDOMAIN)), (0, 1))

    def test_ipv6_addresses_of_a_device_are_one_device(self):
        self.ask(_MAC, _HOME, "a.example")
        for number in range(3):
            client = "fd77::%d" % (100 + number)
            asked = self.ask(_MAC, client, "gone%d.example" % number)
            self.tell(UPSTREAM, client, asked, 3)
        self.assertEqual(len(self.devices.everyone()), 1)
        self.assertEqual(self.count(self.router.device(_MAC), DNS_NXDOMAIN), 3)

    def test_mail_joined_in_the_middle_is_its_device_s(self):
        """The first packet we see comes from outside: the gateway started anew."""
        self.ask(_MAC, _HOME, "a.example")
        connection = Connection(self.router, _MAC, _HOME, 50000, _WORLD)
        connection.server(b"250 ok\r\n").client(b"MAIL FROM:<a@b.example>\r\n").server(b"250 ok\r\n")
        connection.client(b"RCPT TO:<c@d.example>\r\n").server(b"250 ok\r\n")
        connection.client(b"DATA\r\n").server(b"354 go\r\n").client(b"x\r\n.\r\n").server(b"250 taken\r\n")
        self.assertEqual(self.smtp(self.router.device(_MAC), MESSAGES_ACCEPTED), 1)

    def test_a_proxy_that_is_called_from_outside_is_its_device_s(self):
        self.ask(_MAC, _HOME, "a.example")
        syn = struct.pack(">HHIIBBHHH", 40000, 1080, 1, 0, 80, _SYN, 0, 0, 0)
        self.router.packet(ip(parse_address(_WORLD), parse_address(_HOME), 6, syn), UPSTREAM)
        asked = self.ask(_MAC, _HOME, "mx.d.example")
        self.tell(UPSTREAM, _HOME, asked, 0, _WORLD)
        Connection(self.router, _MAC, _HOME, 50000, _WORLD).open()
        seen = [row[0] for row in self.router.engine.board.seen(self.router.device(_MAC))]
        self.assertIn(kind_name(PROXIED), seen)

    def test_the_home_s_own_resolver_is_known_as_one(self):
        self.ask(_OTHER, "192.168.77.8", "a.example")
        asked = self.ask(_MAC, _HOME, "b.example", server="192.168.77.8")
        self.tell(_OTHER, _HOME, asked, 0, _WORLD, server="192.168.77.8")
        self.assertTrue(self.devices.flags[self.router.device(_OTHER)] & RESOLVER)
        self.assertFalse(self.devices.flags[self.router.device(_MAC)] & RESOLVER)


class TheRouterItself(Watching):
    def test_its_own_packets_are_one_device_with_the_lan_s_mac(self):
        for number, client in enumerate(("203.0.113.77", "192.168.77.1", "fd77::1")):
            self.ask(None, client, "a%d.example" % number)
        device = self.router.device(OWN_MAC)
        self.assertEqual(self.devices.everyone(), [device])
        self.assertEqual((self.devices.mac(device), self.count(device, DNS_QUERIES)), (OWN_MAC, 3))

    def test_its_own_mail_is_counted_with_what_comes_back(self):
        Connection(self.router, None, "203.0.113.77", 50000, _WORLD).open().greet().mail()
        Connection(self.router, None, "203.0.113.77", 50001, _WORLD, 587).open().greet().mail()
        device = self.router.device(OWN_MAC)
        for port in (PORT_25, SUBMISSION):
            self.assertEqual((self.smtp(device, CONNECTS, port), self.smtp(device, MESSAGES_ACCEPTED, port)), (1, 1))

    def test_what_its_resolver_answers_makes_it_a_resolver(self):
        asked = self.ask(_MAC, _HOME, "a.example", server="192.168.77.1")
        told = udp(53, 40000, answer(asked, 0, _WORLD))
        self.router.packet(ip(parse_address("192.168.77.1"), parse_address(_HOME), 17, told), None, indev=0)
        self.assertTrue(self.devices.flags[self.router.device(OWN_MAC)] & RESOLVER)

    def test_who_borrows_its_address_is_not_it(self):
        """A device with a MAC of its own is that MAC, whatever it writes as its address."""
        self.ask(_MAC, "192.168.77.1", "a.example")
        self.assertEqual((self.router.device(OWN_MAC), self.count(self.router.device(_MAC), DNS_QUERIES)), (-1, 1))


class Senders(Watching):
    def test_group_and_empty_macs_are_nobody_s(self):
        """Such a frame is known by its address alone."""
        for mac in (bytes(6), b"\xff" * 6, b"\x01\0\x5e\0\0\1"):
            self.ask(mac, _HOME, "a.example")
        (device,) = self.devices.everyone()
        self.assertFalse(self.devices.has_mac(device))
        self.assertEqual(self.count(device, DNS_QUERIES), 1, "the same question, asked again")

    def test_what_neither_comes_from_nor_goes_to_the_home_is_nothing(self):
        Connection(self.router, UPSTREAM, "203.0.113.1", 50000, _WORLD).open().greet().mail()
        self.tell(UPSTREAM, "203.0.113.1", question("a.example"))
        self.assertEqual(self.devices.everyone(), [])

    def test_behind_a_relay_each_address_is_a_device(self):
        self.ask(_MAC, _HOME, "a.example")
        self.devices.flags[self.router.device(_MAC)] |= RELAY
        for client in (_HOME, "192.168.77.8", _HOME6):
            self.ask(_MAC, client, "b.example", _MX)
        counted = [self.count(device, DNS_MX) for device in self.devices.everyone()]
        self.assertEqual(sorted(counted), [0, 1, 1, 1])

    def test_a_frame_that_is_malformed_is_counted_and_harmless(self):
        before = self.router.watcher.packets
        for data in (b"", b"\x45", ip(bytes(4), bytes(4), 6, b"short"), ip(bytes(16), bytes(16), 17, b"short")):
            self.router.packet(data, _MAC)
        self.assertEqual((self.router.watcher.malformed, self.router.watcher.packets - before), (4, 4))
        self.assertEqual(self.router.device(_MAC), -1)


class GuardedAnswers(Watching):
    """What the guard passes on is heard as if it had been seen."""

    def pass_on(self, data, device, port=40000):
        """Between other bytes, so that no offset is right by chance."""
        self.router.watcher.dns.answer(b"\xa5\xa5" + data + b"\xa5", 2, 2 + len(data), device, port)

    def test_an_answer_counts_for_the_device_that_asked(self):
        asked = self.ask(_MAC, _HOME, "gone.example")
        device = self.router.device(_MAC)
        self.pass_on(answer(asked, 3), device)
        self.pass_on(answer(asked, 3), device)
        self.assertEqual(self.count(device, DNS_NXDOMAIN), 1)

    def test_addresses_in_it_are_learned(self):
        """A connection to where a name led is none out of the blue."""
        for learned in (True, False):
            self.setUp()
            asked = self.ask(_MAC, _HOME, "mx.d.example")
            if learned:
                self.pass_on(answer(asked, 0, _WORLD), self.router.device(_MAC))
            Connection(self.router, _MAC, _HOME, 50000, _WORLD).open()
            seen = [row[0] for row in self.router.engine.board.seen(self.router.device(_MAC))]
            self.assertEqual("no_dns_connect" in seen, not learned)

    def test_it_makes_nobody_a_resolver(self):
        asked = self.ask(_MAC, _HOME, "a.example")
        self.pass_on(answer(asked, 0, _WORLD), self.router.device(_MAC))
        self.assertEqual([d for d in range(9) if self.devices.flags[d] & RESOLVER], [])

    def test_what_is_no_answer_of_ours_changes_nothing(self):
        asked = self.ask(_MAC, _HOME, "gone.example")
        device = self.router.device(_MAC)
        good = answer(asked, 3)
        for data in (b"", good[:5], good[:20], asked, good[:12] + b"\xc0\x0c" + good[14:], b"\xff" * 40):
            self.pass_on(data, device)
        self.pass_on(good, device, 40001)
        self.pass_on(answer(question("gone.example", _A, 8), 3), device)
        self.pass_on(good, -1)
        self.pass_on(good, CROWD)
        self.assertEqual(self.count(device, DNS_NXDOMAIN), 0)
        self.pass_on(good, device)
        self.assertEqual(self.count(device, DNS_NXDOMAIN), 1)


if __name__ == "__main__":
    unittest.main()
