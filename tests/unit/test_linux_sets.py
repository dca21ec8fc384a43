"""What the kernel is told of each device, as the bytes that it is sent say it."""

import unittest

from fakes.home import Home
from fakes.kernel import FakeKernel

from spamgate.core import states
from spamgate.core.devices import CONFIRMED, CROWD, GRANT_MAIL_SERVER, GRANT_NONE, GRANT_SUBMISSION
from spamgate.core.identity import Identity
from spamgate.plane.linux_sets import GUARD_LEASE_S, KernelSets

_MAC = b"\2\0\0\0\0\7"
_PADDED = _MAC + b"\0\0"
_V4 = bytes((10, 0, 0, 7))
_V6 = b"\xfd" + bytes(14) + b"\7"
_DAY_S = 86400
_EBUSY = 16


class Told(unittest.TestCase):
    def setUp(self):
        self.begin(_DAY_S)

    def begin(self, lasting_s):
        self.kernel = FakeKernel()
        self.home = Home()
        self.devices = self.home.engine.devices
        self.device = self.home.device(7)
        self.devices.set_mac(self.device, _MAC, 0)
        self.sets = KernelSets(self.kernel, self.devices, lasting_s)

    def show(self, state, grant=GRANT_NONE, flags=0):
        self.devices.state[self.device] = state
        self.devices.grant[self.device] = grant
        self.devices.flags[self.device] = flags
        self.sets.show(self.device)
        return self.kernel.holds()

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
    def test_each_state_has_its_chain_and_time(self):
        lasting = (_DAY_S * 1000, "")
        throttled = {"states": {_MAC: (_DAY_S * 1000, "throttled")}}
        quarantined = {"states": {_MAC: (_DAY_S * 1000, "quarantined")}, "stopped": {_MAC: lasting}}
        for state, held in (
            (states.NORMAL, {}),
            (states.WATCHED, {}),
            (states.THROTTLED, throttled),
            (states.QUARANTINED, quarantined),
            (states.RELEASED, {}),
            (states.THROTTLED, throttled),
            (states.NORMAL, {}),
        ):
            self.assertEqual(self.show(state), held, states.STATE_NAMES[state])

    def test_only_who_is_quarantined_and_confirmed_reads_never(self):
        self.assertEqual(self.show(states.THROTTLED, flags=CONFIRMED)["states"][_MAC][1], "throttled")
        self.assertEqual(self.show(states.QUARANTINED)["states"][_MAC][1], "quarantined")
        self.assertEqual(self.show(states.QUARANTINED, flags=CONFIRMED)["states"][_MAC][1], "confirmed")

    def test_a_mail_server_passes_unless_it_is_stopped(self):
        """Also while it is released: the grant itself may have released it, and its queue waits."""
        for state in (states.NORMAL, states.WATCHED, states.RELEASED):
            held = self.show(state, GRANT_MAIL_SERVER)
            self.assertEqual(held, {"states": {_MAC: (_DAY_S * 1000, "granted")}}, states.STATE_NAMES[state])
        for state, chain in ((states.THROTTLED, "throttled"), (states.QUARANTINED, "quarantined")):
            self.assertEqual(self.show(state, GRANT_MAIL_SERVER)["states"][_MAC][1], chain)

    def test_a_grant_for_submission_opens_nothing_on_port_25(self):
        self.assertEqual(self.show(states.NORMAL, GRANT_SUBMISSION), {})

    def test_closed_verdicts_hold_for_good(self):
        self.begin(0)
        self.sets.guard(self.device)
        self.sets.guard_lan("br-lan")
        held = self.show(states.QUARANTINED)
        self.assertEqual(held["states"], {_MAC: (0, "quarantined")})
        for name in ("stopped", "guarded", "guarded_lan"):
            self.assertEqual(list(held[name].values()), [(0, "")])

    def test_behind_a_relay_it_is_mac_and_every_address(self):
        self.relayed()
        held = self.show(states.QUARANTINED)
        four, six = _PADDED + _V4, _PADDED + _V6
        self.assertEqual(held["states4"], {four: (_DAY_S * 1000, "quarantined")})
        self.assertEqual(held["states6"], {six: (_DAY_S * 1000, "quarantined")})
        self.assertEqual((list(held["stopped4"]), list(held["stopped6"])), ([four], [six]))
        self.assertEqual(len(held), 4)
        self.sets.guard(self.device)
        self.assertEqual(self.kernel.holds()["guarded4"], {four: (GUARD_LEASE_S * 1000, "")})
        self.assertEqual(self.kernel.holds()["guarded6"], {six: (GUARD_LEASE_S * 1000, "")})
        self.sets.unguard(self.device)
        self.assertEqual(self.show(states.RELEASED), {})

    def test_who_has_no_mac_or_is_the_crowd_is_not_in_any_set(self):
        who = Identity()
        who.from_address(_V4, 0, 4)
        self.device = self.home.engine.device(who)
        for device in (self.device, CROWD):
            self.device = device
            self.assertEqual(self.show(states.QUARANTINED), {})
            self.sets.guard(device)
            self.sets.settle(device)
            self.sets.empty_budget(device, 60)
            self.sets.has_past(device, _V4)
        self.assertEqual(self.kernel.orders, [])


class Others(Told):
    def test_each_set_has_its_key_and_time(self):
        server6 = b"\x20\1" + bytes(14)
        self.sets.empty_budget(self.device, 17280)
        self.sets.guard(self.device)
        self.sets.guard_lan("br-lan")
        self.sets.be_strict("br-guest")
        self.sets.settle(self.device)
        self.sets.has_past(self.device, _V4)
        self.sets.has_past(self.device, server6)
        self.sets.end_flow(_V4, 50000, bytes((192, 0, 2, 25)))
        self.sets.end_flow(_V6, 258, server6)
        held = {name: list(elements.items()) for name, elements in self.kernel.holds().items()}
        expected = {
            "drained": [(_MAC, (17280000, ""))],
            "guarded": [(_MAC, (GUARD_LEASE_S * 1000, ""))],
            "guarded_lan": [(b"br-lan" + bytes(10), (GUARD_LEASE_S * 1000, ""))],
            "strict": [(b"br-guest" + bytes(8), (_DAY_S * 1000, ""))],
            "settled": [(_MAC, (_DAY_S * 1000, ""))],
            "past4": [(_PADDED + _V4, (8 * _DAY_S * 1000, ""))],
            "past6": [(_PADDED + server6, (8 * _DAY_S * 1000, ""))],
            "ended4": [(_V4 + b"\xc3\x50\0\0" + bytes((192, 0, 2, 25)), (3600000, ""))],
            "ended6": [(_V6 + b"\1\2\0\0" + server6, (3600000, ""))],
        }
        self.assertEqual(held, expected)
        self.assertEqual((self.sets.changes, self.sets.failures), (9, 0))


class Changing(Told):
    def test_what_is_there_is_replaced_in_one_transaction(self):
        """Between taking out and putting in nobody could pass."""
        self.sets.guard(self.device)
        self.kernel.orders = []
        self.sets.guard(self.device)
        scratch = ("add", "guarded", _MAC, 1000, "")
        lease = ("add", "guarded", _MAC, GUARD_LEASE_S * 1000, "")
        self.assertEqual(self.kernel.orders, [[scratch, ("delete", "guarded", _MAC), lease]])

    def test_a_state_is_one_transaction(self):
        """Nobody is stopped and not led elsewhere, or the other way round."""
        for state in (states.THROTTLED, states.QUARANTINED, states.RELEASED):
            self.kernel.orders = []
            self.show(state)
            self.assertEqual(len(self.kernel.orders), 1, states.STATE_NAMES[state])

    def test_no_transaction_fails_for_what_is_or_is_not_there(self):
        """One that fails costs the kernel some 10 ms."""
        answers = []
        order = self.kernel.order
        self.kernel.order = lambda messages: answers.append(order(messages)) or answers[-1]
        for state in (states.NORMAL, states.THROTTLED, states.QUARANTINED, states.RELEASED, states.THROTTLED):
            self.show(state)
            self.sets.guard(self.device)
            self.sets.unguard(self.device)
            self.sets.unguard(self.device)
        self.assertEqual(set(answers), {0})

    def test_what_ran_out_is_put_in_again(self):
        self.show(states.QUARANTINED)
        self.kernel.sets = {}
        self.assertEqual(len(self.show(states.QUARANTINED)), 2)
        self.assertEqual(self.sets.failures, 0)

    def test_dropping_what_is_not_there_is_no_failure(self):
        self.sets.unguard(self.device)
        self.show(states.NORMAL)
        self.assertEqual(self.sets.failures, 0)
        self.assertEqual(self.kernel.holds(), {})

    def test_what_the_kernel_refuses_is_counted(self):
        self.kernel.refuses = _EBUSY
        self.show(states.QUARANTINED)
        self.assertEqual((self.sets.failures, self.sets.last_error), (1, _EBUSY))

    def test_a_verdict_that_could_not_be_taken_back_is_taken_back_later(self):
        self.show(states.QUARANTINED)
        self.kernel.refuses = _EBUSY
        self.show(states.NORMAL)
        self.assertEqual(self.sets.failures, 1)
        self.kernel.refuses = 0
        self.assertEqual(self.show(states.NORMAL), {})

    def test_a_table_that_is_gone_is_counted(self):
        self.kernel.refuses = 2
        self.show(states.QUARANTINED)
        self.assertEqual((self.sets.failures, self.sets.last_error), (1, 2))


if __name__ == "__main__":
    unittest.main()
