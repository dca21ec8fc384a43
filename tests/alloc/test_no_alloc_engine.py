"""Facts told to the engine take nothing from the heap: run with the heap locked, on MicroPython.

Only a new device and a change of state may allocate, and neither happens here.
"""

import unittest

import micropython
from fakes.home import Home

from spamgate.core import evidence
from spamgate.core.counters import DATA, PORT_25, SUBMISSION
from spamgate.core.devices import CROWD, GRANT_MAIL_SERVER
from spamgate.core.dialogue import BAD_NAME, HOST_NAME
from spamgate.core.hashing import hash_bytes
from spamgate.core.identity import Identity, is_station
from spamgate.core.lookups import LIST_NAME, MAIL_NAME, NXDOMAIN, PLAIN_NAME, TYPE_MX
from spamgate.core.many_engine import ManyEngine, ManyLimits
from spamgate.core.meanings import OTHER, POLICY, TEMPORARY, UNKNOWN_RECIPIENT
from spamgate.core.providers import is_exchange, network_provider
from spamgate.wire.address import Scope

_MAC = b"\x02\0\0\0\0\1"
_V4 = bytes((10, 0, 0, 1))
_V6 = b"\xfd" + bytes(14) + b"\1"
_SERVER = bytearray((203, 0, 113, 1))
_ROUNDS = 40


class Locked(unittest.TestCase):
    """A home with one device that is already `quarantined`: whatever it does changes no state."""

    def setUp(self):
        self.home = self.make_home()
        self.home.open_line()
        self.engine = self.home.engine
        self.device = self.home.settled(1)
        self.condemn(self.device)
        self.changes = len(self.home.changes)

    def make_home(self):
        return Home()

    def condemn(self, device):
        for kind in (evidence.HOUSE_FAN_OUT, evidence.HELO_CHANGES, evidence.MX_QUERY):
            self.engine.observe(device, kind)
        self.assertEqual(self.home.state(device), "quarantined")

    def run_locked(self, facts):
        """Call `facts(round)` many times with the heap locked."""
        facts(0)
        micropython.heap_lock()
        try:
            for round in range(1, _ROUNDS):
                facts(round)
        finally:
            micropython.heap_unlock()

    def tearDown(self):
        self.assertEqual(len(self.home.changes), self.changes, "a change of state would not be a hot path")


class FewerLimits(ManyLimits):
    """Sizes of a large home's tables that fit the heap of tests."""

    def __init__(self):
        super().__init__()
        self.devices = 260
        self.suspects = 40
        self.connections = 64
        self.hosts = 64
        self.distinct = 512
        self.reply_codes = 64


class Many(Locked):
    """The tables of a large home."""

    def make_home(self):
        return Home(FewerLimits(), make_engine=ManyEngine)

    def test_devices_and_the_patrol_do_not_allocate(self):
        who = Identity()
        suspects = [self.home.device(number) for number in range(2, 80)]

        def facts(round):
            engine = self.engine
            devices = engine.devices
            now_s = self.home.now_s + round * 7
            engine.at(now_s, 0)
            who.from_mac(_MAC, 0)
            engine.device(who)
            for device in suspects:
                devices.seen(device, now_s, _V4, 0, 4)
                devices.seen(device, now_s, _V6, 0, 16)
                engine.observe(device, evidence.BAD_HELO)
            devices.at_address(_V4, 0, 4)
            devices.at_address(_V6, 0, 16)
            devices.at_address(_SERVER, 0, 4)

        self.run_locked(facts)


class Devices(Locked):
    def test_knowing_a_device_does_not_allocate(self):
        who = Identity()
        engine = self.engine

        def facts(round):
            who.from_mac(_MAC, 0)
            device = engine.device(who)
            self.device = device if is_station(_MAC, 0) else -1
            engine.devices.seen(device, round, _V4, 0, 4)
            engine.devices.seen(device, round, _V6, 0, 16)
            engine.devices.is_young(device, round)
            who.behind_relay(_V4, 0, 4)
            engine.devices.find(who)
            who.from_address(_V6, 0, 16)
            engine.devices.find(who)

        self.run_locked(facts)
        self.assertEqual(self.engine.devices.addresses.of(self.device), [_V4, _V6])

    def test_looking_for_an_address_that_several_used_does_not_allocate(self):
        devices = self.engine.devices
        for number in (2, 3):
            devices.seen(self.home.device(number), 0, _V4, 0, 4)
        self.run_locked(lambda round: devices.at_address(_V4, 0, 4))

    def test_a_flood_of_addresses_does_not_allocate(self):
        address = bytearray(_V6)
        engine = self.engine

        def facts(round):
            address[15] = round
            engine.devices.seen(self.device, round, address, 0, 16)
            engine.devices.seen(self.device, round, address, 12, 4)
            engine.devices.seen(CROWD, round, address, 0, 16)

        self.run_locked(facts)

    def test_time_and_the_patrol_do_not_allocate(self):
        """Every call is a patrol; unanswered connections fail, quarantine does not end."""
        for number in range(20):
            self.home.connect(self.device, "203.0.%d.1" % number, 1)
        engine = self.engine
        start_s = self.home.now_s

        def facts(round):
            engine.at(start_s + round * 3600, round)

        self.run_locked(facts)

    def test_line_and_scope_do_not_allocate(self):
        scopes = (Scope([]), Scope(["198.51.100.0/25", "fd00::/9"]))
        line = self.engine.line

        def facts(round):
            line.asked()
            line.answered(round)
            line.refused(round)
            if line.blocks_25 or line.listed != (round > 1):
                self.fail("misjudged")
            for at in range(2):
                scopes[at].contains(_V4, 0, 4)
                scopes[at].contains(_V6, 0, 16)

        self.run_locked(facts)


class Facts(Locked):
    def test_observations_do_not_allocate(self):
        """More devices than rows: rows are taken from each other all the time."""
        engine = self.engine
        others = [self.home.settled(10 + number) for number in range(24)]

        def facts(round):
            engine.about(_SERVER, 0, 4)
            for kind in range(evidence.KINDS):
                engine.observe(self.device, kind)
            engine.about_nobody()
            for number in range(24):
                engine.observe(others[number], evidence.BAD_HELO)

        self.run_locked(facts)

    def test_look_ups_do_not_allocate(self):
        lookups = self.engine.lookups
        providers = self.engine.providers

        def facts(round):
            for number in range(8):
                key = round << 8 | number
                if lookups.asked(self.device, key, TYPE_MX if number & 1 else 1, key):
                    lookups.judge(self.device, TYPE_MX if number & 1 else 1, PLAIN_NAME, 0)
                lookups.judge(self.device, 1, MAIL_NAME, key)
                lookups.judge(self.device, 1, LIST_NAME, 0)
                lookups.answered(self.device, key, NXDOMAIN)
                providers.note_exchange(key, key + 1, round)
                providers.note_host(key, key + 2, key + 3, round)
                is_exchange(providers.of_host(key + 3, round))
            lookups.serves(CROWD)

        self.run_locked(facts)

    def connection(self, slot, port, server, is_local):
        engine = self.engine
        mail = engine.mail
        _SERVER[1] = server
        engine.about(_SERVER, 0, 4)
        network_provider(_SERVER, 0, 4)
        mail.opened(slot, self.device, port, hash_bytes(_SERVER, 0, 4), is_local)
        if server & 1:
            mail.established(slot)
        else:
            mail.refused(slot)
        mail.count(slot, DATA)
        mail.accepted(slot)
        mail.logged_in(slot)
        mail.login_failed(slot, server)
        for said in range(UNKNOWN_RECIPIENT, OTHER + 1):
            mail.rejected(slot, said)
        engine.counters.add_reply(self.device, port, 200 + server)
        mail.device(slot)
        mail.closed(slot)
        mail.joined(slot, self.device, port, server, is_local)
        mail.proxied(self.device)

    def test_connections_do_not_allocate(self):
        self.assertEqual((UNKNOWN_RECIPIENT, POLICY, TEMPORARY, OTHER), (1, 2, 3, 4))

        def facts(round):
            for slot in range(6):
                self.connection(slot, PORT_25, round * 6 + slot & 255, slot == 0)
                self.connection(slot, SUBMISSION, round * 6 + slot & 255, slot == 1)
            self.engine.mail.expire()

        self.run_locked(facts)

    def test_new_devices_meeting_providers_do_not_allocate(self):
        newcomers = [self.home.device(100 + number) for number in range(4)]
        for device in newcomers[2:]:
            self.condemn(device)
        self.changes = len(self.home.changes)
        household = self.engine.mail.household

        def facts(round):
            for number in range(4):
                household.met(newcomers[number], round * 4 + number, number & 1, True)

        self.run_locked(facts)

    def test_a_granted_mail_server_does_not_allocate(self):
        server = self.home.settled(2)
        self.engine.grant(server, GRANT_MAIL_SERVER)
        mail = self.engine.mail

        def facts(round):
            for slot in range(6):
                mail.closed(slot)
                _SERVER[1] = round * 6 + slot
                self.engine.about(_SERVER, 0, 4)
                mail.opened(slot, server, PORT_25, round * 6 + slot, False)

        self.run_locked(facts)

    def test_dialogues_do_not_allocate(self):
        dialogue = self.engine.mail.dialogue
        self.engine.grant(self.home.settled(2), GRANT_MAIL_SERVER)
        self.changes = len(self.home.changes)

        def facts(round):
            dialogue.introduced(self.device, HOST_NAME, round, round + 1)
            dialogue.introduced(self.device, BAD_NAME, round, 0)
            dialogue.wrote_as(self.device, round)
            for number in range(30):
                dialogue.wrote_to(self.device, round << 8 | number, round + 1)
                dialogue.wrote_to_stranger(self.device, round << 8 | number, True)
                dialogue.wrote_to_known(self.device, round << 8 | number)
            dialogue.unknown_recipient(self.device, round)
            dialogue.took(self.device, round)
            dialogue.login_failed(self.device, round)

        self.run_locked(facts)


if __name__ == "__main__":
    unittest.main()
