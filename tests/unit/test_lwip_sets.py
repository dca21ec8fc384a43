"""What the C module on a board is told of each device, and what gives way where it has no more places."""

import unittest

from fakes.home import Home
from fakes.mailgate import ENOMEM, PASTS, PLACES, FakeGate

from spamgate.core import states
from spamgate.core.devices import CONFIRMED, CROWD, GRANT_MAIL_SERVER, GRANT_NONE, GRANT_SUBMISSION
from spamgate.core.gate_limits import GateLimits
from spamgate.core.identity import Identity
from spamgate.plane import lwip_sets
from spamgate.plane.lwip_sets import GateSets

_MAC = b"\2\0\0\0\0\7"
_V4 = bytes((10, 0, 0, 7))
_V6 = b"\xfd" + bytes(14) + b"\7"
_SERVER, _SERVER6 = bytes((203, 0, 113, 9)), b"\x20\x01" + bytes(13) + b"\x19"
_DAY_S = 86400
_TICKET = 0x12ABCF


class Told(unittest.TestCase):
    def setUp(self):
        self.gate = FakeGate()
        self.home = Home(GateLimits())
        self.devices = self.home.engine.devices
        self.tickets = [""] * self.devices.capacity
        self.device = self.enrol(7)
        self.tickets[self.device] = "12ABCF"
        self.sets = GateSets(self.gate, self.home.engine, _DAY_S, self.tickets)

    def enrol(self, number):
        device = self.home.device(number)
        self.devices.set_mac(device, bytes((2, 0, 0, 0, 0, number)), 0)
        return device

    def show(self, state, grant=GRANT_NONE, flags=0):
        self.devices.state[self.device] = state
        self.devices.grant[self.device] = grant
        self.devices.flags[self.device] = flags
        self.sets.show(self.device)
        return self.gate.verdicts

    def relayed(self):
        """Turn the device into one behind a relay, with addresses of both kinds."""
        who = Identity()
        who.from_mac(_MAC, 0)
        who.behind_relay(_V4, 0, 4)
        self.device = self.home.engine.device(who)
        self.devices.set_mac(self.device, _MAC, 0)
        for address in (_V4, _V6):
            self.devices.seen(self.device, 0, address, 0, len(address))


class States(Told):
    def test_each_state_has_its_verdict_ticket_and_time(self):
        for state, told in (
            (states.NORMAL, None),
            (states.WATCHED, None),
            (states.THROTTLED, FakeGate.THROTTLED),
            (states.QUARANTINED, FakeGate.QUARANTINED),
            (states.RELEASED, None),
            (states.THROTTLED, FakeGate.THROTTLED),
            (states.NORMAL, None),
        ):
            expected = {} if told is None else {_MAC: (told, False, _TICKET, _DAY_S)}
            self.assertEqual(self.show(state), expected, states.STATE_NAMES[state])

    def test_only_who_is_quarantined_and_confirmed_reads_never(self):
        self.assertEqual(self.show(states.THROTTLED, flags=CONFIRMED)[_MAC][0], FakeGate.THROTTLED)
        self.assertEqual(self.show(states.QUARANTINED)[_MAC][0], FakeGate.QUARANTINED)
        self.assertEqual(self.show(states.QUARANTINED, flags=CONFIRMED)[_MAC][0], FakeGate.CONFIRMED)

    def test_a_mail_server_passes_unless_it_is_stopped(self):
        for state in (states.NORMAL, states.WATCHED, states.RELEASED):
            self.assertEqual(self.show(state, GRANT_MAIL_SERVER)[_MAC][0], FakeGate.GRANTED, state)
        for state, told in ((states.THROTTLED, FakeGate.THROTTLED), (states.QUARANTINED, FakeGate.QUARANTINED)):
            self.assertEqual(self.show(state, GRANT_MAIL_SERVER)[_MAC][0], told)
        self.assertEqual(self.show(states.NORMAL, GRANT_SUBMISSION), {})

    def test_behind_a_relay_it_is_by_address(self):
        self.relayed()
        self.assertEqual(sorted(self.show(states.QUARANTINED)), sorted([_MAC + _V4, _MAC + _V6]))
        self.assertEqual(self.show(states.NORMAL), {})

    def test_who_has_no_mac_is_told_nothing_of(self):
        self.devices.state[CROWD] = states.QUARANTINED
        for act in (self.sets.show, self.sets.settle, lambda device: self.sets.empty_budget(device, 5)):
            act(CROWD)
        self.sets.has_past(CROWD, _SERVER)
        self.sets.no_past(CROWD, _SERVER)
        self.assertEqual(self.gate.told, [])

    def test_a_ticket_that_is_none_of_ours_is_not_told(self):
        for text, number in (("", 0), ("none", 0), ("1FFFFFFFF", 0xFFFFFF)):
            self.tickets[self.device] = text
            self.assertEqual(self.show(states.THROTTLED)[_MAC][2], number)

    def test_a_budget_is_emptied_for_all_keys(self):
        self.relayed()
        self.show(states.THROTTLED)
        self.sets.empty_budget(self.device, 777)
        self.assertEqual(self.gate.drained, {_MAC + _V4: 777, _MAC + _V6: 777})

    def test_connections_are_ended_and_newcomers_held(self):
        self.sets.end_flow(_V4, 50000, _SERVER)
        self.sets.be_strict("")
        self.assertEqual((self.gate.ended, self.gate.strict_s), ([(_V4, 50000, _SERVER)], _DAY_S))


class Settled(Told):
    def test_who_is_settled_is_so_for_a_day_whatever_becomes_of_it(self):
        self.sets.settle(self.device)
        self.assertEqual(self.gate.verdicts, {_MAC: (FakeGate.NORMAL, True, 0, _DAY_S)})
        self.home.wait(3600)
        self.assertEqual(self.show(states.THROTTLED)[_MAC], (FakeGate.THROTTLED, True, _TICKET, _DAY_S))
        self.sets.settle(self.device)
        self.assertEqual(self.gate.verdicts[_MAC], (FakeGate.THROTTLED, True, _TICKET, _DAY_S))
        self.home.wait(7200)
        self.assertEqual(self.show(states.RELEASED)[_MAC], (FakeGate.NORMAL, True, _TICKET, _DAY_S - 7200))
        self.home.wait(_DAY_S)
        self.sets.tidy()
        self.assertEqual(self.show(states.RELEASED), {_MAC: (FakeGate.NORMAL, True, _TICKET, _DAY_S - 7200)}, "it ends")
        self.assertEqual(self.show(states.THROTTLED)[_MAC], (FakeGate.THROTTLED, False, _TICKET, _DAY_S))

    def test_behind_a_relay_all_are(self):
        self.relayed()
        self.sets.settle(self.device)
        self.assertEqual(list(self.gate.verdicts), [_MAC])
        self.assertTrue(self.show(states.THROTTLED)[_MAC + _V4][1])


class Full(Told):
    def test_who_is_only_settled_makes_room_for_a_suspect(self):
        for number in range(20, 20 + PLACES):
            key = bytes((2, 0, 0, 0, 1, number))
            self.gate.verdicts[key] = (FakeGate.NORMAL, True, 0, _DAY_S)
            self.sets._known[key] = (FakeGate.NORMAL, 0, 0)
        self.show(states.THROTTLED)
        self.assertEqual(self.gate.verdicts[_MAC][0], FakeGate.THROTTLED)
        self.assertEqual((len(self.gate.verdicts), self.sets.failures), (PLACES, 0))
        self.sets.settle(self.enrol(8))
        self.assertEqual((len(self.gate.verdicts), self.sets.failures), (PLACES, 1), "a newcomer has to wait")

    def test_among_suspects_alone_it_is_counted(self):
        for number in range(20, 20 + PLACES):
            self.gate.verdicts[bytes((2, 0, 0, 0, 1, number))] = (FakeGate.THROTTLED, False, 0, 0)
        self.show(states.THROTTLED)
        self.sets.empty_budget(self.device, 5)
        self.assertEqual(self.sets.failures, 2)
        self.gate.verdicts.popitem()
        self.sets.failures = 0
        self.assertIn(_MAC, self.show(states.THROTTLED))
        self.assertEqual(self.sets.failures, 0)

    def test_the_error_is_told(self):
        for number in range(20, 20 + PLACES):
            self.gate.verdicts[bytes((2, 0, 0, 0, 1, number))] = (FakeGate.THROTTLED, False, 0, 0)
        self.show(states.THROTTLED)
        self.assertEqual(self.sets.last_error, ENOMEM)


class Pasts(Told):
    def test_both_families(self):
        self.sets.has_past(self.device, _SERVER)
        self.sets.has_past(self.device, _SERVER6)
        self.assertEqual(self.gate.pasts, [(_MAC, _SERVER), (_MAC, _SERVER6)])
        self.sets.no_past(self.device, _SERVER)
        self.assertEqual(self.gate.pasts, [(_MAC, _SERVER6)])

    def test_the_oldest_makes_room_and_who_is_named_again_is_young(self):
        self.assertEqual(PASTS, lwip_sets.PASTS)
        servers = [bytes((203, 0, 113, number)) for number in range(PASTS + 1)]
        for server in servers[:PASTS]:
            self.sets.has_past(self.device, server)
        self.sets.has_past(self.device, servers[0])
        self.sets.has_past(self.device, servers[PASTS])
        held = [server for _, server in self.gate.pasts]
        self.assertEqual(len(held), PASTS)
        self.assertNotIn(servers[1], held)
        self.assertIn(servers[0], held)

    def test_after_eight_days_there_is_none(self):
        self.sets.has_past(self.device, _SERVER)
        self.home.wait(4 * _DAY_S)
        self.sets.has_past(self.device, _SERVER6)
        self.home.wait(4 * _DAY_S)
        self.sets.tidy()
        self.assertEqual(self.gate.pasts, [(_MAC, _SERVER6)])


if __name__ == "__main__":
    unittest.main()
