"""The plane of a board in path: what it makes of records, what it puts in force and when."""

import unittest

from fakes.lan import LAN_MAC, FakeLan
from fakes.mailgate import DROP, IN, LATER, NEVER, OUT, RESET, FakeGate
from fakes.router import ACK, PSH, SYN, Connection, ip, udp

from spamgate.core import states
from spamgate.core.contacts import ACCEPTED
from spamgate.core.counters import CONNECTS, MESSAGES_ACCEPTED, PORT_25
from spamgate.core.devices import CROWD, GRANT_MAIL_SERVER, RELAY
from spamgate.core.hashing import hash_bytes
from spamgate.wire.address import parse_address

_MAC, _OTHER = b"\2\0\0\0\0\7", b"\2\0\0\0\0\x08"
_CLIENT, _SERVER = "192.168.77.7", "203.0.113.9"
_DAY_S = 86400


def segment(flags, port=50000, said=b"", source=_CLIENT, target=_SERVER):
    """Return an IP packet to port 25."""
    tcp = bytes((port >> 8, port & 255, 0, 25)) + bytes(4) + bytes(4) + bytes((80, flags)) + bytes(6)
    return ip(parse_address(source), parse_address(target), 6, tcp + said)


class Lan(unittest.TestCase):
    def setUp(self):
        self.lan = FakeLan().begin()
        self.engine = self.lan.engine
        self._port = 50000

    def connect(self, server=_SERVER, client=_CLIENT):
        self._port += 1
        return Connection(self.lan, _MAC, client, self._port, server)

    def counted(self, field, mac=_MAC):
        return self.engine.counters.get_smtp(self.lan.device(mac), PORT_25, field)


class Reading(Lan):
    def test_mail_in_both_directions_becomes_facts(self):
        for client, server in ((_CLIENT, _SERVER), ("fd77::7", "2001:db8::19")):
            self.connect(server, client).open().greet().mail()
        self.assertEqual((self.counted(CONNECTS), self.counted(MESSAGES_ACCEPTED)), (2, 2))
        self.assertEqual(self.lan.watcher.malformed, 0)

    def test_a_ring_of_records_is_read_at_once(self):
        for number in range(20):
            packet = segment(SYN, 40000 + number)
            self.lan.gate.record(LAN_MAC + _MAC + b"\x08\0" + packet)
        self.lan.plane.ready(None)
        self.assertEqual((self.lan.plane.log.packets, self.counted(CONNECTS)), (20, 20))
        self.assertEqual(self.lan.gate.read_into(bytearray(4096)), 0)

    def test_what_is_lost_is_counted(self):
        for _ in range(100):
            self.lan.gate.record(LAN_MAC + _MAC + b"\x08\0" + segment(SYN))
        self.lan.plane.ready(None)
        numbers = dict(self.lan.plane.numbers())
        self.assertEqual(numbers["lost"] + numbers["packets"], 100)
        self.assertTrue(numbers["lost"] > 0)

    def test_a_record_that_cannot_be_is_not_read(self):
        for head in (b"\0\0\0\0", b"\xff\xff\0\0"):
            self.lan.gate._ring.append(head + bytes(4) + b"\xff\xff\xff\xff" + bytes(4))
            self.lan.plane.ready(None)
        self.assertEqual(self.lan.plane.log.packets, 0)

    def test_a_frame_that_was_cut_is_read_as_far_as_it_goes(self):
        connection = self.connect().open().greet()
        connection.client(b"DATA\r\n").server(b"354 go\r\n").client(b"x" * 1400)
        connection.client(b"\r\n.\r\n").server(b"250 taken\r\n")
        self.assertEqual(self.lan.watcher.malformed, 0)


class Refusing(Lan):
    def refuse(self, action, flags=SYN, said=b"", mac=_MAC):
        self.lan.packet(segment(flags, said=said), mac, action)

    def test_what_was_refused_is_counted_and_is_no_fact(self):
        device = self.lan.enrol(_MAC, states.THROTTLED)
        score = self.engine.board.score(device)
        for action in (LATER, NEVER, LATER):
            self.refuse(action)
        self.assertEqual((self.lan.refused[device], self.counted(CONNECTS)), (3, 0))
        self.assertEqual(self.engine.board.score(device), score)
        self.assertFalse(any(self.lan.watcher.mail.streams.state), "no connection is followed")

    def test_only_the_question_for_a_connection_is_counted(self):
        device = self.lan.enrol(_MAC, states.THROTTLED)
        for flags, said in ((ACK, b""), (PSH | ACK, b"EHLO x\r\n"), (SYN | ACK, b"")):
            self.refuse(LATER, flags, said)
        self.assertEqual(self.lan.refused[device], 0)

    def test_resets_and_drops_are_no_facts_either(self):
        self.lan.enrol(_MAC)
        for action in (RESET, DROP):
            self.refuse(action)
            self.refuse(action, PSH | ACK, b"MAIL FROM:<a@b.example>\r\n")
        self.assertEqual((self.counted(CONNECTS), sum(self.lan.refused)), (0, 0))

    def test_who_is_unknown_is_enrolled_as_itself(self):
        self.refuse(LATER)
        self.assertEqual(self.lan.refused[self.lan.device(_MAC)], 1)

    def test_what_is_no_ip_is_not_counted(self):
        self.lan.gate.record(LAN_MAC + _MAC + b"\x08\0" + b"\x45", OUT, LATER)
        self.lan.plane.ready(None)
        self.assertEqual((sum(self.lan.refused), self.lan.watcher.malformed), (0, 1))

    def test_who_was_held_from_a_server_with_a_past_passes_next_time(self):
        device = self.lan.enrol(_MAC, states.THROTTLED)
        self.refuse(LATER)
        self.assertEqual(self.lan.gate.pasts, [])
        now_s, server = self.engine.now_s, parse_address(_SERVER)
        self.engine.providers.note_host(1, 77, hash_bytes(server, 0, 4), now_s)
        provider = self.engine.providers.of_host(hash_bytes(server, 0, 4), now_s) | 1
        self.engine.contacts.meet(device, provider, now_s - 2 * _DAY_S)
        self.engine.contacts.mark(device, provider, ACCEPTED, now_s)
        self.refuse(LATER)
        self.assertEqual(self.lan.gate.pasts, [(_MAC, server)])


class Inward(Lan):
    """The source's MAC of what goes to the LAN is ours, whoever sent it."""

    def answer(self, source, mac=_OTHER):
        body = b"\0\7\x81\x80" + bytes(8)
        packet = ip(parse_address(source), parse_address("192.168.77.8"), 17, udp(53, 40000, body))
        self.lan.gate.record(mac + LAN_MAC + b"\x08\0" + packet, IN)
        self.lan.plane.ready(None)

    def test_our_own_answers_are_ours_on_every_lan(self):
        for source in ("192.168.77.1", "203.0.113.77"):
            self.answer(source)
        own = self.lan.device(LAN_MAC)
        self.assertTrue(own > 0)
        self.assertFalse(self.engine.devices.flags[own] & RELAY)

    def test_a_neighbour_on_another_lan_stays_itself(self):
        neighbour = self.lan.enrol(_MAC, address=parse_address("192.168.77.9"))
        self.answer("192.168.77.9")
        self.assertEqual(self.lan.device(LAN_MAC), -1)
        self.assertTrue(self.engine.devices.is_present(neighbour))

    def test_who_receives_is_known_by_its_mac(self):
        self.answer("198.51.100.53")
        self.assertTrue(self.lan.device(_OTHER) > 0)
        self.assertEqual(self.lan.device(LAN_MAC), -1)

    def test_a_device_that_sends_from_our_address_is_still_itself(self):
        self.lan.packet(segment(SYN, source="192.168.77.1"), _MAC)
        self.assertEqual(self.counted(CONNECTS), 1)


class Deciding(Lan):
    def test_a_verdict_is_in_force_when_it_is_told(self):
        device = self.lan.enrol(_MAC)
        self.lan.tickets[device] = "00002A"
        self.lan.become(device, states.THROTTLED)
        gate = self.lan.gate
        self.assertEqual(gate.verdicts[_MAC], (FakeGate.THROTTLED, False, 42, _DAY_S))
        self.assertEqual(gate.drained[_MAC], _DAY_S, "who has no past has one a day")
        self.lan.become(device, states.QUARANTINED)
        self.assertEqual(gate.verdicts[_MAC][0], FakeGate.QUARANTINED)
        self.engine.confirm(device)
        self.lan.plane.regarded(device)
        self.assertEqual(gate.verdicts[_MAC][0], FakeGate.CONFIRMED)
        self.lan.become(device, states.RELEASED)
        self.assertEqual(gate.verdicts, {})

    def test_what_leaked_is_taken_off_the_first_day(self):
        device = self.lan.enrol(_MAC)
        self.engine.contacts.meet(device, 77, self.engine.now_s - 2 * _DAY_S)
        self.engine.contacts.mark(device, 77, ACCEPTED, self.engine.now_s)
        for _ in range(2):
            self.engine.counters.add_smtp(device, PORT_25, MESSAGES_ACCEPTED)
        self.lan.become(device, states.THROTTLED)
        self.assertEqual(self.lan.gate.drained[_MAC], 2 * _DAY_S // 5)

    def test_a_connection_without_a_message_ends_with_the_verdict(self):
        self.connect().open().greet()
        self.lan.become(self.lan.device(_MAC), states.THROTTLED)
        self.assertEqual(self.lan.gate.ended, [(parse_address(_CLIENT), 50001, parse_address(_SERVER))])

    def test_a_swarm_makes_newcomers_share_and_settles_who_is_here(self):
        self.lan.enrol(_MAC)
        self.lan.become(CROWD, states.THROTTLED)
        self.assertEqual((self.lan.gate.strict_s, list(self.lan.gate.verdicts)), (_DAY_S, [_MAC]))

    def test_three_young_suspects_are_a_swarm(self):
        for number in range(3):
            self.assertEqual(self.lan.gate.strict_s, 0)
            self.lan.enrol(bytes((2, 0, 0, 0, 1, number)), states.THROTTLED)
        self.assertEqual(self.lan.gate.strict_s, _DAY_S)


class Beginning(unittest.TestCase):
    def begun(self, settings, prepare=None):
        lan = FakeLan(settings)
        if prepare:
            prepare(lan)
        lan.gate.told.clear()
        return lan.begin()

    def test_what_is_known_is_in_force_from_the_start(self):
        def prepare(lan):
            for mac, state, grant in ((_MAC, states.THROTTLED, 0), (_OTHER, states.NORMAL, GRANT_MAIL_SERVER)):
                device = lan.enrol(mac)
                lan.engine.devices.state[device] = state
                lan.engine.devices.grant[device] = grant

        lan = self.begun('{"budget_per_day": 4, "verdict_hours": 2, "normal_burst": 9}', prepare)
        self.assertEqual(lan.gate.verdicts[_MAC], (FakeGate.THROTTLED, False, 0, 7200))
        self.assertEqual(lan.gate.verdicts[_OTHER][0], FakeGate.GRANTED)
        self.assertEqual((list(lan.gate.drained), lan.gate.is_on), ([_MAC], True))
        self.assertEqual(lan.gate.limited, (_DAY_S // 4, 60, 9))
        self.assertEqual(lan.loop.handlers, [(-2, lan.plane)])

    def test_a_budget_of_nothing_never_fills(self):
        self.assertEqual(self.begun('{"budget_per_day": 0}').gate.limited[0], 0)

    def test_to_watch_only_tells_the_module_nothing(self):
        lan = self.begun('{"monitor_only": true}')
        device = lan.enrol(_MAC, states.QUARANTINED)
        lan.plane.regarded(device)
        lan.become(CROWD, states.THROTTLED)
        lan.plane.tick(1800001)
        Connection(lan, _MAC, _CLIENT, 50000, _SERVER).open().greet().mail()
        lan.engine.devices.state[device] = states.THROTTLED
        Connection(lan, _MAC, _CLIENT, 50001, _SERVER).open().greet().mail().mail()
        self.assertEqual((lan.gate.told, lan.gate.ended, lan.gate.is_on), ([], [], True))
        self.assertEqual(lan.engine.counters.get_smtp(device, PORT_25, MESSAGES_ACCEPTED), 3)
        self.assertTrue(lan.gate.limited[1] >= 10000)


class Later(Lan):
    def test_verdicts_are_renewed_and_the_budget_is_not_drained_again(self):
        self.lan.enrol(_MAC, states.THROTTLED)
        self.lan.gate.told.clear()
        self.lan.plane.tick(1799999)
        self.assertEqual(self.lan.gate.told, [])
        self.lan.plane.tick(1800000)
        self.assertEqual(self.lan.gate.told, ["put"])

    def test_what_found_no_place_is_said_every_five_seconds_at_most(self):
        self.lan.plane.sets.failures = 3
        self.lan.plane.sets.last_error = 12
        for now_ms in range(1000, 10000, 1000):
            self.lan.plane.tick(now_ms)
        self.assertEqual(self.lan.reports, ["the gate refused 3 changes (error 12)"])

    def test_after_a_full_heap_all_is_told_again(self):
        self.lan.enrol(_MAC, states.THROTTLED)
        self.lan.gate.verdicts.clear()
        self.lan.plane.renew()
        self.assertIn(_MAC, self.lan.gate.verdicts)


if __name__ == "__main__":
    unittest.main()
