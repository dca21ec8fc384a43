"""A board in path as a whole: its program, the guard on its LANs, its words, and the Linux process that is one."""

import json
import sys
import unittest

from fakes.dns import query
from fakes.mailgate import FakeGate, record_of
from fakes.net import FakeLoop, FakeNet
from fakes.router import SYN, ip
from fakes.storage import FakeStorage

sys.modules["mailgate"] = FakeGate()

from spamgate.app.board_lwip import BoardLwip, LwipProgram  # noqa: E402
from spamgate.core import states  # noqa: E402
from spamgate.core.devices import GRANT_MAIL_SERVER  # noqa: E402
from spamgate.core.identity import Identity  # noqa: E402
from spamgate.hal import lwip_board  # noqa: E402
from spamgate.service.smtp_refusal import BYE, Refusal  # noqa: E402
from spamgate.store.lwip_settings import read_lwip_settings  # noqa: E402
from spamgate.wire.address import parse_address  # noqa: E402

_LAN_MAC = b"\x02\x53\x47\0\x77\1"
_MAC = b"\2\0\0\0\0\7"
_CLIENT, _SERVER = parse_address("192.168.77.7"), parse_address("203.0.113.9")
_TEXT = b"421 4.7.0 Mail from this connection is held back by the gateway; ticket ######; see http://%s/\r\n"


class Line:
    """A serial line at which nobody is."""

    def has_input(self):
        return False


class Hardware:
    """A board whose LANs are up or not, as the test says."""

    resolvers = ["203.0.113.53"]
    trouble = ""
    lan_mac = _LAN_MAC

    def __init__(self, settings):
        self.storage = FakeStorage()
        self.storage.write("settings.json", [json.dumps(settings).encode()])
        self.line = Line()
        self.net = FakeNet()
        self.gate = FakeGate()
        self.lan = ["192.168.77.1/24", "fd77::1/64"]
        self.wan = ["203.0.113.77/24"]
        self.free = 100000
        self.joined = 0

    def read_settings(self, text):
        return read_lwip_settings(text)

    def join(self, settings, report):
        self.joined += 1

    def watchdog_start(self):
        """Nobody watches."""

    def free_bytes(self):
        return self.free


class Boards(unittest.TestCase):
    def begin(self, **settings):
        self.hardware = Hardware(settings)
        self.gate = self.hardware.gate
        self.program = LwipProgram(self.hardware, BoardLwip)
        self.program.loop = FakeLoop()
        self.program.loop.starved = 0
        self.plane = self.program.plane
        self.reports = []
        self.plane._report = self.program.report = self.reports.append
        self.known = self.program.begin()
        return self.program

    def device(self):
        who = Identity()
        who.from_mac(_MAC, 0)
        return self.program.engine.devices.find(who)

    def packet(self, protocol, body, target, action=0):
        frame = _LAN_MAC + _MAC + b"\x08\0" + ip(_CLIENT, target, protocol, body)
        self.gate._ring.append(record_of(frame, 0, action))
        self.plane.ready(None)


class Program(Boards):
    def test_it_is_in_force_once_it_has_begun(self):
        self.begin(budget_per_day=4, normal_per_minute=7)
        self.assertEqual((self.known, self.hardware.joined), (0, 1))
        self.assertEqual((self.gate.is_on, self.gate.limited), (True, (21600, 7, 300)))
        self.assertEqual(self.plane.name, "lwip")

    def test_settings_name_and_grant_by_mac(self):
        self.begin(aliases={"02:00:00:00:00:07": "attic"}, grants={"02:00:00:00:00:07": "mail-server"})
        device = self.device()
        self.assertEqual(self.program.engine.devices.grant[device], GRANT_MAIL_SERVER)
        self.assertEqual(self.gate.verdicts[_MAC][0], FakeGate.GRANTED)
        self.plane.tick(1000)
        self.assertEqual(self.program.engine.devices.names[device], "attic")

    def test_a_verdict_has_a_ticket_that_the_module_is_told(self):
        self.begin()
        self.packet(6, b"\xc3\x50\0\x19" + bytes(8) + bytes((80, SYN)) + bytes(6), _SERVER)
        device = self.device()
        self.program.engine.devices.state[device] = states.THROTTLED
        self.program._changed(device, states.WATCHED, states.THROTTLED)
        state, _, ticket, lasting_s = self.gate.verdicts[_MAC]
        self.assertEqual((state, lasting_s), (FakeGate.THROTTLED, 86400))
        self.assertEqual("%06X" % ticket, self.program.tickets[device])

    def test_who_is_refused_is_counted_with_the_device(self):
        self.begin()
        self.packet(6, b"\xc3\x50\0\x19" + bytes(8) + bytes((80, SYN)) + bytes(6), _SERVER, 1)
        self.assertEqual(self.program.refused[self.device()], 1)

    def test_settings_that_cannot_be_taken_leave_the_defaults(self):
        self.assertEqual(self.begin(lan=["br-lan"]).settings.lan, [])

    def test_after_a_full_heap_verdicts_are_told_again(self):
        self.begin(grants={"02:00:00:00:00:07": "mail-server"})
        self.gate.verdicts.clear()
        self.program.loop.starved = 1
        self.plane.tick(1000)
        self.assertIn(_MAC, self.gate.verdicts)


class Texts(Boards):
    page = ""  # of a greeting

    def test_they_are_those_of_every_gateway(self):
        self.begin()
        texts = self.gate.texts
        self.assertEqual(texts[FakeGate.LATER], _TEXT % b"192.168.77.1")
        self.assertTrue(texts[FakeGate.NEVER].startswith(b"554 5.7.1 "))
        self.assertIn(b"; ticket ######; see http://192.168.77.1/\r\n", texts[FakeGate.NEVER])
        self.assertEqual((texts[FakeGate.SORRY], texts[FakeGate.BYE]), (Refusal(True, self).answer(b""), BYE))

    def test_the_owner_s_page_is_named(self):
        self.begin(page="http://owner.example/")
        self.assertEqual(self.gate.texts[FakeGate.LATER], _TEXT % b"owner.example")

    def test_our_own_page_is_at_the_ipv4_address(self):
        self.begin()
        self.hardware.lan = ["fd77::1/64", "192.168.78.1/24"]
        self.plane.tick(1000)
        self.assertEqual(self.gate.texts[FakeGate.LATER], _TEXT % b"192.168.78.1")

    def test_a_page_that_is_too_long_is_told_and_ours_is_named(self):
        self.begin(page="http://owner.example/" + "x" * 90)
        self.assertEqual(self.gate.texts[FakeGate.LATER], _TEXT % b"192.168.77.1")
        self.assertEqual(len(self.reports), 1)
        self.assertIn("too long", self.reports[0])


class Around(Boards):
    def ask(self, name="mail.example", who=_CLIENT):
        self.client = self.hardware.net.udp(who, 40000 + len(self.hardware.net.sockets))
        self.client.sendto(query(name), self.hardware.net.join(parse_address("192.168.77.1"), 53))
        self.program.loop.spin()

    def test_the_guard_serves_where_the_home_is_and_asks_upstream(self):
        self.begin()
        upstream = self.hardware.net.udp(parse_address("203.0.113.53"), 53)
        self.plane.tick(1000)
        self.ask()
        self.assertTrue(upstream.recvfrom(512)[0].endswith(query("mail.example")[2:]))
        self.assertEqual(self.plane.asked, 1)
        self.assertEqual(len(self.program.engine.devices.everyone()), 0, "it is seen on its way, not here")

    def test_nobody_outside_is_served(self):
        self.begin(guard_block=["ads.example"])
        upstream = self.hardware.net.udp(parse_address("203.0.113.53"), 53)
        self.plane.tick(1000)
        for name in ("mail.example", "x.ads.example"):
            self.ask(name, _SERVER)
            self.assertRaises(OSError, self.client.recvfrom, 512)
            self.assertRaises(OSError, upstream.recvfrom, 512)
        self.assertEqual((self.plane.asked, self.plane.blocks), (0, 0))

    def test_nobody_outside_comes_over_tcp(self):
        self.begin(guard_block=["ads.example"])
        wire = query("x.ads.example")
        for who in (_SERVER, b"", _CLIENT):
            client = self.hardware.net.connect(53, who)
            self.program.loop.spin()
            self.assertEqual(client.is_over(), who != _CLIENT)
        client.send(bytes((0, len(wire))) + wire)
        self.program.loop.spin()
        self.assertEqual(client.received()[2:4], wire[:2])
        self.assertEqual((len(self.plane._guard._tcp.clients), self.plane.blocks), (1, 1))

    def test_a_lan_that_comes_late_or_moves_is_served_and_inside(self):
        self.begin()
        self.hardware.lan = []
        self.plane.tick(1000)
        self.assertFalse(self.plane.home.contains(parse_address("192.168.4.7"), 0, 4))
        self.hardware.lan = ["192.168.4.1/24"]
        self.plane.tick(2000)
        self.assertTrue(self.plane.home.contains(parse_address("192.168.4.7"), 0, 4))
        self.assertTrue(self.plane.home.router.contains(parse_address("192.168.4.1"), 0, 4))
        self.assertFalse(self.plane.home.contains(_CLIENT, 0, 4))
        self.assertEqual(self.gate.texts[FakeGate.LATER], _TEXT % b"192.168.4.1")
        self.assertIsNotNone(self.hardware.net._find(parse_address("192.168.4.1"), 53, "udp"))

    def test_names_that_a_rule_blocks_are_counted(self):
        self.begin(guard_block=["ads.example"])
        self.plane.tick(1000)
        self.ask("x.ads.example")
        self.assertEqual(self.plane.blocks, 1)

    def test_room_is_made_only_where_it_is_short(self):
        self.begin()
        guard = self.plane._guard
        guard._tcp = self
        self.closed = 0
        self.plane.make_room()
        self.assertIs(guard._tcp, self)
        self.hardware.free = 1000
        self.plane.make_room()
        self.assertIsNone(guard._tcp)
        self.plane.resume()

    def close(self):
        """In the place of what serves TCP."""
        self.closed += 1

    def test_trouble_of_the_hardware_is_told_as_ours(self):
        self.begin()
        self.hardware.trouble = "no cable"
        self.plane.tick(1000)
        self.assertEqual(self.plane.degraded, "no cable")


class LinuxProcess(unittest.TestCase):
    def setUp(self):
        self.gate = lwip_board.mailgate = FakeGate()
        self.hardware = lwip_board.Hardware("/tmp/spamgate-lwip-none")

    def test_it_starts_lwip_where_the_settings_say(self):
        settings = self.hardware.read_settings(
            '{"lan": ["br-x 192.168.77.1/24 fd77:77::1/64", "br-y 192.168.78.1/24"],'
            ' "wan": "wan0 203.0.113.77/24 via 203.0.113.1"}'
        )
        self.hardware.join(settings, print)
        words = "lan br-x 192.168.77.1/24 fd77:77::1/64 lan br-y 192.168.78.1/24"
        words += " wan wan0 203.0.113.77/24 via 203.0.113.1"
        self.assertEqual(self.gate.started, tuple(words.split()))
        self.assertEqual(self.hardware.lan, ["192.168.77.1/24", "fd77:77::1/64", "192.168.78.1/24"])
        self.assertEqual((self.hardware.wan, self.hardware.address), (["203.0.113.77/24"], b"\xc0\xa8\x4d\1"))
        self.assertEqual((self.hardware.trouble, self.hardware.lan_mac), ("", self.hardware.unique_id))
        self.hardware.tick(0)

    def test_without_a_lan_it_says_so_and_starts_nothing(self):
        self.hardware.join(self.hardware.read_settings("{}"), print)
        self.assertEqual(self.gate.started, None)
        self.assertIn("set lan", self.hardware.trouble)

    def test_the_mac_is_that_of_the_first_lan(self):
        self.assertEqual(lwip_board._mac_of("lo"), bytes(6))
        self.assertEqual(lwip_board._mac_of("no-such-one"), b"")


if __name__ == "__main__":
    unittest.main()
