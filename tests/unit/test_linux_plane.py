"""The plane as a whole: what it puts in force and when, and what it does when table or interfaces let it down."""

import json
import os
import unittest

from fakes.kernel import FakeKernel

from spamgate.core import states
from spamgate.core.contacts import ACCEPTED
from spamgate.core.counters import MESSAGES_ACCEPTED, PORT_25
from spamgate.core.devices import CROWD, GRANT_MAIL_SERVER
from spamgate.core.engine import Engine
from spamgate.core.hashing import hash_bytes
from spamgate.core.identity import Identity
from spamgate.core.router_limits import RouterLimits
from spamgate.plane import linux, linux_home, offload
from spamgate.plane.linux import LinuxPlane, PlaneError
from spamgate.plane.watch import Watcher
from spamgate.store.settings import read_settings
from spamgate.wire.address import parse_address
from spamgate.wire.rtnetlink import InterfaceAddress

_REAL = (linux.os, linux.Netfilter, linux_home.interface_index, linux_home.interface_mac)
_MAC, _OTHER = b"\2\0\0\0\0\7", b"\2\0\0\0\0\x08"
_CLIENT, _SERVER, _WORLD = parse_address("192.168.77.7"), parse_address("198.51.100.25"), parse_address("203.0.113.77")
_OWN = parse_address("192.168.77.1")
_DAY_S = 86400
_LATER_PORT = 8421


class Machine(FakeKernel):
    """The kernel, nft and the log that a plane works with, and the gateway that it works for."""

    clock = None

    def __init__(self):
        super().__init__()
        self.has_table = False
        self.path = "/tmp/spamgate-test-" + "".join(["%02x" % byte for byte in os.urandom(8)])
        os.mkdir(self.path)
        self.nft_fails = 0  # so many loads of the table
        self.ran = []
        self.reports = []
        self.written = []  # with or without a zone
        self.log_error = 0
        self.interfaces.append(InterfaceAddress(5, _OWN, 24, False))
        self.indexes = {"br-lan": 5, "br-guest": 6, "wan0": 2}

    def remove(self):
        for name in os.listdir(self.path):
            os.unlink(self.path + "/" + name)
        os.rmdir(self.path)

    # --- the shell ---

    def system(self, command):
        self.ran.append(command)
        if command.startswith("nft -f %s/table.nft " % self.path):
            if self.nft_fails:
                self.nft_fails -= 1
                with open(self.path + "/table.nft.error", "w") as file:
                    file.write("no such feature\n")
                return 256
            self.load()
        elif command.startswith("nft delete table inet spamgate"):
            self.has_table = False
        return 0

    # --- the log ---

    def start(self):
        return self.log_error

    # --- the gateway ---

    def report(self, text):
        self.reports.append(text)

    def write_table(self, write, with_zone):
        self.written.append(with_zone)
        write("table\n")

    def established(self, *ends):
        """Nobody asks here."""


class Planes(unittest.TestCase):
    def setUp(self):
        self.machine = Machine()
        linux.os = offload.os = self.machine
        linux.Netfilter = lambda: self.machine
        linux_home.interface_index = lambda name: self.machine.indexes.get(name, 0)
        linux_home.interface_mac = lambda name: b"\2\0\0\0\0\xfe"
        self.engine = Engine(RouterLimits(), self.changed)
        self.engine.at(1000000, 0)
        self.plane = None

    def tearDown(self):
        linux.os, linux.Netfilter, linux_home.interface_index, linux_home.interface_mac = _REAL
        offload.os = os
        self.machine.remove()

    def changed(self, device, old, new):
        if self.plane:
            self.plane.changed(device, old, new)

    def begin(self, **given):
        """Start a plane at the time 0."""
        given.update({"lan": ["br-lan", "br-guest"], "wan": ["wan0"]})
        given.update({"control": self.machine.path + "/control", "state_dir": self.machine.path})
        watcher = Watcher(self.engine, None, True, RouterLimits())
        self.plane = LinuxPlane(read_settings(json.dumps(given)), self.engine, watcher, self.machine, self.machine)
        self.plane.start(0)
        self.machine.orders.clear()
        return self.plane

    def device(self, mac=_MAC, state=states.NORMAL, grant=0):
        who = Identity()
        who.from_mac(mac, 0)
        device = self.engine.device(who)
        self.engine.devices.set_mac(device, mac, 0)
        self.engine.devices.seen(device, self.engine.now_s, _CLIENT, 0, 4)
        self.engine.devices.grant[device] = grant
        if state:
            self.become(device, state)
        return device

    def become(self, device, state):
        old = self.engine.devices.state[device]
        self.engine.devices.state[device] = state
        self.changed(device, old, state)

    def tick(self, first_ms, last_ms, step_ms=100):
        for now_ms in range(first_ms, last_ms + 1, step_ms):
            self.plane.tick(now_ms)

    def orders_of(self, name):
        return [order for order in self.machine.orders if order[-1][1] == name]


class Beginning(Planes):
    def test_the_table_is_loaded_with_a_zone_or_without(self):
        self.begin()
        self.assertEqual((self.machine.written, self.machine.has_table), ([True], True))
        self.machine.nft_fails = 1
        self.begin()
        self.assertEqual(self.machine.written, [True, True, False])
        self.assertEqual((self.plane.degraded, self.machine.reports), ("", []))

    def test_a_table_that_nft_refuses_ends_it_with_nft_s_reason(self):
        self.machine.nft_fails = 2
        with self.assertRaises(PlaneError) as caught:
            self.begin()
        self.assertEqual(str(caught.exception), "nft refuses the table: no such feature")

    def test_a_log_that_is_refused_ends_it_before_anything_is_loaded(self):
        for error, reason in ((1, "no privilege, or another program reads it"), (95, "error 95")):
            self.machine.log_error = error
            with self.assertRaises(PlaneError) as caught:
                self.begin()
            self.assertIn("log group 25: " + reason, str(caught.exception))
        self.assertFalse(self.machine.has_table)

    def test_what_is_known_is_in_force_from_the_start(self):
        self.device(_MAC, states.THROTTLED)
        self.device(_OTHER, states.NORMAL, GRANT_MAIL_SERVER)
        self.begin()
        chains = {key: held[1] for key, held in self.machine.sets["states"].items()}
        self.assertEqual(chains, {_MAC: "throttled", _OTHER: "granted"})
        self.assertEqual(list(self.machine.sets["drained"]), [_MAC])
        self.assertEqual(list(self.machine.sets["guarded"]), [_MAC])

    def test_where_the_home_is_missing_it_says_so(self):
        del self.machine.indexes["br-guest"]
        self.begin()
        self.assertEqual(self.plane.degraded, "interface br-guest is not there")


class Deciding(Planes):
    def test_a_verdict_is_in_force_when_it_is_told(self):
        self.begin()
        device = self.device(_MAC, states.THROTTLED)
        held = self.machine.holds()
        self.assertEqual(sorted(held), ["drained", "guarded", "states"])
        self.become(device, states.QUARANTINED)
        self.assertEqual(self.machine.sets["states"][_MAC][1], "quarantined")
        self.assertIn(_MAC, self.machine.sets["stopped"])
        self.become(device, states.RELEASED)
        self.assertEqual(sorted(self.machine.holds()), ["drained"], "that runs out by itself")

    def test_what_leaked_is_taken_off_the_first_day(self):
        self.begin(budget_per_day=4)
        for leaked, refills in ((0, 1), (1, 1), (2, 2), (4, 4), (900, 4)):
            device = self.device(bytes((2, 0, 0, 0, 1, refills)))
            for _ in range(leaked):
                self.engine.counters.add_smtp(device, PORT_25, MESSAGES_ACCEPTED)
            self.engine.contacts.meet(device, 77, self.engine.now_s - 2 * _DAY_S)
            self.engine.contacts.mark(device, 77, ACCEPTED, self.engine.now_s)
            self.become(device, states.THROTTLED)
            timeout_ms, _ = self.machine.sets["drained"][self.engine.devices.mac(device)]
            self.assertEqual(timeout_ms, refills * _DAY_S // 4 * 1000, leaked)
            self.engine.devices.remove(device)

    def test_who_has_no_past_has_one_message_a_day(self):
        self.begin(budget_per_day=4)
        device = self.device(bytes((2, 0, 0, 0, 1, 9)))
        self.become(device, states.THROTTLED)
        timeout_ms, _ = self.machine.sets["drained"][self.engine.devices.mac(device)]
        self.assertEqual(timeout_ms, _DAY_S * 1000)

    def test_an_owner_s_word_is_in_force_at_once(self):
        self.begin()
        device = self.device(_MAC, states.QUARANTINED)
        self.engine.confirm(device)
        self.plane.regarded(device)
        self.assertEqual(self.machine.sets["states"][_MAC][1], "confirmed")

    def test_to_watch_only_tells_the_kernel_nothing(self):
        self.begin(monitor_only=True)
        device = self.device(_MAC, states.THROTTLED)
        self.plane.regarded(device)
        self.plane.be_strict()
        self.become(CROWD, states.THROTTLED)
        self.tick(0, 10000)
        self.plane.tick(1800001)
        self.assertEqual(self.machine.orders, [])

    def test_a_swarm_makes_newcomers_share_and_settles_who_is_here(self):
        self.begin()
        self.device(_MAC)
        for swarm in (self.plane.be_strict, lambda: self.become(CROWD, states.THROTTLED)):
            self.machine.sets = {}
            swarm()
            self.assertEqual(list(self.machine.sets["settled"]), [_MAC])
            self.assertEqual(len(self.machine.sets["strict"]), 2, "each LAN")


class Guarding(Planes):
    def test_leases_are_renewed_before_they_run_out(self):
        self.begin()
        self.device(_MAC, states.THROTTLED)
        self.machine.orders.clear()
        self.tick(100, 10000)
        renewals = len(self.orders_of("guarded"))
        timeout_ms, _ = self.machine.sets["guarded"][_MAC]
        self.assertTrue(renewals * timeout_ms >= 2 * 10000, "none may be late")
        self.assertTrue(timeout_ms <= 4000, "after a crash every device resolves again within 5 s")

    def test_all_are_guarded_by_their_lan(self):
        self.begin(guard="all")
        self.device(_MAC, states.THROTTLED)
        self.assertEqual(len(self.machine.sets["guarded_lan"]), 2)
        self.machine.orders.clear()
        self.tick(100, 3000)
        self.assertTrue(len(self.orders_of("guarded_lan")) >= 4)
        self.assertEqual(self.orders_of("guarded"), [])

    def test_a_guard_that_is_off_leases_nothing(self):
        self.begin(guard="off")
        self.device(_MAC, states.QUARANTINED)
        self.tick(100, 3000)
        self.assertEqual(sorted(self.machine.holds()), ["states", "stopped"])


class Trouble(Planes):
    def test_a_table_that_is_gone_or_changed_is_loaded_again_within_a_second(self):
        self.begin()
        self.device(_MAC, states.QUARANTINED)
        self.tick(100, 2000)
        self.assertEqual(self.machine.reports, [])
        for number, harm in enumerate((("has_table", False), ("rules", 0), ("rules", 10))):
            setattr(self.machine, *harm)
            self.machine.sets = {}
            self.tick(2100 + number * 1000, 3000 + number * 1000)
            told = [report for report in self.machine.reports if "changed by another program; loaded again" in report]
            self.assertEqual(len(told), number + 1)
            self.assertIn(_MAC, self.machine.sets["stopped"])

    def test_a_table_that_cannot_be_loaded_again_is_said_once_and_tried_on(self):
        self.begin()
        self.device(_MAC, states.QUARANTINED)
        self.machine.has_table = False
        self.machine.nft_fails = 10
        self.tick(100, 4000)
        problems = [report for report in self.machine.reports if "nft refuses" in report]
        self.assertEqual((len(problems), self.plane.degraded), (1, "nft refuses the table: no such feature"))
        self.machine.nft_fails = 0
        self.tick(4100, 6000)
        self.assertTrue(any(["loaded again" in report for report in self.machine.reports]))
        self.assertEqual(self.plane.degraded, "")
        self.assertIn(_MAC, self.machine.sets["stopped"])

    def test_what_the_kernel_refuses_is_said_every_five_seconds_at_most(self):
        self.begin()
        self.machine.refuses = 105
        self.device(_MAC, states.QUARANTINED)
        self.tick(100, 9900)
        said = [report for report in self.machine.reports if "refused" in report]
        self.assertEqual(len(said), 1)
        self.assertIn("(error 105)", said[0])

    def test_verdicts_are_renewed_and_the_budget_is_not_drained_again(self):
        self.begin()
        self.device(_MAC, states.THROTTLED)
        self.machine.sets = {}
        self.plane.tick(1800000)
        self.assertEqual(sorted(self.machine.holds()), ["guarded", "states"])

    def test_an_interface_that_comes_late_is_noticed(self):
        del self.machine.indexes["br-guest"]
        self.begin()
        self.machine.indexes["br-guest"] = 6
        self.machine.interfaces.append(InterfaceAddress(6, parse_address("192.168.78.1"), 24, False))
        self.tick(100, 5000)
        self.assertEqual(self.plane.degraded, "")
        guest = parse_address("192.168.78.9")
        self.assertTrue(self.plane.home.contains(guest, 0, 4))

    def test_the_end_takes_the_table_away(self):
        self.begin()
        self.plane.stop()
        self.assertEqual((self.machine.has_table, self.machine.is_closed), (False, True))


class Offloading(Planes):
    def test_flow_tables_that_appear_are_looked_into(self):
        self.begin()
        self.tick(100, 6000)
        self.assertFalse(any(["list ruleset" in command for command in self.machine.ran]))
        self.machine.flow_tables = 1
        self.tick(6100, 12000)
        self.assertIn("cannot be listed", self.plane.degraded, "there is no nft to ask")


class Connections(Planes):
    def setUp(self):
        super().setUp()
        self.begin()

    def test_the_public_end_is_what_the_server_sees(self):
        self.assertEqual(self.plane.public_end(_CLIENT, 50000, _SERVER, 25), (_CLIENT, 50000), "nobody knows it")
        self.machine.connections.append(((_CLIENT, 50000, _SERVER, 25), (_SERVER, 25, _WORLD, 61000)))
        self.assertEqual(self.plane.public_end(_CLIENT, 50000, _SERVER, 25), (_WORLD, 61000))
        self.assertEqual(self.plane.public_end(_CLIENT, 50001, _SERVER, 25), (_CLIENT, 50001))

    def test_a_redirected_client_s_server_is_known_on_any_lan_address(self):
        self.assertEqual(self.plane.meant_for(_CLIENT, 50000, _LATER_PORT), b"")
        guest = parse_address("192.168.78.1")
        self.machine.interfaces += [InterfaceAddress(5, parse_address("fd77::1"), 64, False)]
        self.machine.interfaces += [InterfaceAddress(6, guest, 24, False)]
        self.plane.home.refresh()
        self.machine.connections.append(((_CLIENT, 50000, _SERVER, 25), (guest, _LATER_PORT, _CLIENT, 50000)))
        self.assertEqual(self.plane.meant_for(_CLIENT, 50000, _LATER_PORT), _SERVER)

    def test_who_was_held_from_a_server_with_a_past_passes_next_time(self):
        """The server moved to another address, or the kernel has forgotten."""
        device = self.device(_MAC, states.THROTTLED)
        self.machine.connections.append(((_CLIENT, 50000, _SERVER, 25), (_OWN, _LATER_PORT, _CLIENT, 50000)))
        self.assertEqual(self.plane.held(device, _CLIENT, 50000, _LATER_PORT), _SERVER)
        self.assertNotIn("past4", self.machine.holds())
        now_s = self.engine.now_s
        self.engine.providers.note_host(1, 77, hash_bytes(_SERVER, 0, 4), now_s)
        provider = self.engine.providers.of_host(hash_bytes(_SERVER, 0, 4), now_s) | 1
        self.engine.contacts.meet(device, provider, now_s - 2 * _DAY_S)
        self.engine.contacts.mark(device, provider, 1, now_s)
        self.plane.held(device, _CLIENT, 50000, _LATER_PORT)
        self.assertEqual(list(self.machine.holds()["past4"]), [_MAC + b"\0\0" + _SERVER])


if __name__ == "__main__":
    unittest.main()
