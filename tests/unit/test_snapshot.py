"""What outlives a restart: an engine told from records judges as the one that wrote them did."""

import json
import unittest

from fakes.home import Home, line_of

from spamgate.core import evidence, states
from spamgate.core.contacts import PER_DEVICE
from spamgate.core.counters import CONNECTS, NOT_YET, PORT_25
from spamgate.core.devices import CONFIRMED, CROWD, GRANT_MAIL_SERVER, GRANT_SUBMISSION, MAILED, RELAY
from spamgate.core.identity import Identity
from spamgate.core.router_limits import RouterLimits
from spamgate.core.score import H1, H2
from spamgate.core.snapshot import SnapshotError, newest_s, record, restore
from spamgate.store.state import MOST_BYTES
from spamgate.wire.events import write_device, write_verdict

_DAY_S = 86400
_NOW_S = 500000000


def through_json(home, device):
    return json.loads(json.dumps(record(home.engine, device)))


def restarted(home, *devices, after_s=0):
    """Return a home that begins with the records of another, `after_s` later, and the devices' new numbers."""
    later = Home(now_s=home.now_s + after_s)
    return later, [restore(later.engine, through_json(home, device), 0) for device in devices]


def suspect(home):
    """Return a device that was throttled for what it did, with addresses, a name and a past."""
    device = home.settled(1)
    devices = home.engine.devices
    devices.set_mac(device, b"\2\0\0\0\0\1", 0)
    devices.names[device] = 'TV "big" \u00e9'
    devices.seen(device, home.now_s, b"\xfd" + bytes(14) + b"\1", 0, 16)
    home.open_line()
    home.ask_host(device, "relay.provider.example", "198.18.0.1")
    home.mail(home.connect(device, "198.18.0.1"))
    home.wait(2 * _DAY_S)
    home.mail(home.connect(device, "198.18.0.1"))
    home.open_line()
    for number in range(1, 5):
        home.spam_once(device, number)
    return device


class RoundTrip(unittest.TestCase):
    def setUp(self):
        self.home = Home(now_s=_NOW_S)
        self.device = suspect(self.home)
        self.assertEqual(self.home.state(self.device), "throttled")

    def lines(self, home, device):
        old = home.engine.devices.previous[device]
        new = home.engine.devices.state[device]
        told = line_of(write_verdict, home.engine, device, old, new) + line_of(write_device, home.engine, device)
        return json.loads("[%s]" % told.strip().replace("\n", ","))

    def test_the_lines_are_the_same(self):
        """But for the codes of replies, which are not kept."""
        for code in (220, 250):
            self.home.engine.counters.add_reply(self.device, PORT_25, code)
        before = self.lines(self.home, self.device)
        later, (device,) = restarted(self.home, self.device)
        after = self.lines(later, device)
        self.assertEqual(before[1]["smtp"].pop("replies"), {"220": 1, "250": 1})
        self.assertEqual(after[1]["smtp"].pop("replies"), {})
        self.assertEqual(after, before)
        self.assertTrue(len(after[0]["evidence"]) >= 3)
        self.assertTrue(all(row["peer"] for row in after[0]["evidence"] if row["kind"] == "mx_connect"))

    def test_a_record_of_what_was_restored_is_the_same_record(self):
        later, (device,) = restarted(self.home, self.device)
        self.assertEqual(through_json(later, device), through_json(self.home, self.device))

    def test_it_is_known_again_by_its_mac(self):
        later, (device,) = restarted(self.home, self.device)
        self.assertEqual(later.device(1), device)
        self.assertEqual(later.engine.devices.at_address(bytes((10, 0, 0, 1)), 0, 4), device)

    def test_the_score_decays_as_if_nothing_had_happened(self):
        later, (device,) = restarted(self.home, self.device)
        for home in (self.home, later):
            home.wait(_DAY_S)
        score = later.engine.board.score(device)
        self.assertEqual(score, self.home.engine.board.score(self.device))
        self.assertTrue(0 < score < H2)

    def test_quiet_goes_on_while_it_is_away(self):
        later, (device,) = restarted(self.home, self.device, after_s=4 * _DAY_S)
        self.assertEqual(later.state(device), "throttled")
        later.wait(120)
        self.assertEqual(later.state(device), "released")

    def test_what_weighed_today_does_not_weigh_again(self):
        later, (device,) = restarted(self.home, self.device)
        score = later.engine.board.score(device)
        for kind in (evidence.MX_QUERY, evidence.MX_CONNECT, evidence.SECOND_PROVIDER):
            later.engine.observe(device, kind)
        self.assertEqual(later.engine.board.score(device), score)

    def test_nor_for_one_whose_record_of_evidence_made_room(self):
        small = RouterLimits()
        small.suspects = 2
        home = Home(small, _NOW_S)
        device = home.settled(1)
        home.engine.observe(device, evidence.BAD_HELO)
        for number in (2, 3):
            other = home.settled(number)
            for kind in (evidence.MX_QUERY, evidence.MX_CONNECT, evidence.BAD_HELO):
                home.engine.observe(other, kind)
        self.assertEqual(home.evidence(device), {})
        score = home.engine.board.score(device)
        later, (device,) = restarted(home, device)
        later.engine.observe(device, evidence.BAD_HELO)
        self.assertEqual(later.engine.board.score(device), score)

    def test_a_past_is_still_a_past_and_strangers_are_not(self):
        later, (device,) = restarted(self.home, self.device)
        for home, number in ((self.home, self.device), (later, device)):
            home.ask_host(number, "relay.provider.example", "198.18.0.1")
            home.ask_mx(number, "d1.example", ("mx.p1.example", "198.51.0.1"))
            self.assertTrue(home.engine.mail.has_past(home.connect(number, "198.18.0.1")))
            self.assertFalse(home.engine.mail.has_past(home.connect(number, "198.51.0.1")))

    def test_proof_after_a_restart_quarantines(self):
        later, (device,) = restarted(self.home, self.device)
        for home, number in ((self.home, self.device), (later, device)):
            for kind in (evidence.UNKNOWN_USER, evidence.HELO_CHANGES):
                home.engine.observe(number, kind)
            self.assertEqual(home.state(number), "quarantined")


class Kept(unittest.TestCase):
    def setUp(self):
        self.home = Home(now_s=_NOW_S)

    def test_every_state_grant_and_flag(self):
        numbers = []
        for state in range(states.STATES):
            device = self.home.settled(state + 1)
            self.home.engine.devices.state[device] = state
            self.home.engine.devices.previous[device] = (state + 1) % states.STATES
            self.home.engine.devices.since_s[device] = _NOW_S - 5
            self.home.engine.devices.grant[device] = (0, GRANT_SUBMISSION, GRANT_MAIL_SERVER)[state % 3]
            self.home.engine.devices.flags[device] = (0, MAILED, RELAY, CONFIRMED, MAILED | CONFIRMED)[state]
            numbers.append(device)
        later, restored = restarted(self.home, *numbers)
        for table in ("state", "previous", "since_s", "grant", "flags", "first_s", "last_s"):
            before, after = getattr(self.home.engine.devices, table), getattr(later.engine.devices, table)
            self.assertEqual([after[device] for device in restored], [before[device] for device in numbers], table)

    def test_a_device_behind_a_relay_and_one_without_a_mac(self):
        who = Identity()
        who.from_mac(b"\2\0\0\0\0\1", 0)
        who.behind_relay(bytes((10, 9, 9, 9)), 0, 4)
        behind = self.home.engine.device(who)
        self.home.engine.devices.set_mac(behind, b"\2\0\0\0\0\1", 0)
        other = Identity()
        other.from_address(b"\xfd" + bytes(15), 0, 16)
        later, restored = restarted(self.home, behind, self.home.engine.device(other))
        self.assertEqual([later.engine.device(who), later.engine.device(other)], restored)
        self.assertEqual(later.engine.devices.mac(restored[0]), b"\2\0\0\0\0\1")

    def test_who_never_mailed_still_never_did(self):
        later, (device,) = restarted(self.home, self.home.settled(1))
        self.assertEqual(later.engine.counters.first_smtp_s[device], NOT_YET)
        self.assertEqual(later.engine.counters.get_smtp(device, PORT_25, CONNECTS), 0)

    def test_addresses_read_back_are_no_turns(self):
        """Six leases of a year are one device still, and become none behind a relay."""
        device = self.home.settled(1)
        for last in range(6):
            self.home.wait(_DAY_S)
            self.home.engine.devices.seen(device, self.home.now_s, bytes((10, 7, 7, last)), 0, 4)
        later, (device,) = restarted(self.home, device)
        for last in (3, 4, 5, 0):
            later.engine.devices.seen(device, later.now_s, bytes((10, 7, 7, last)), 0, 4)
        self.assertEqual(later.engine.devices.flags[device] & RELAY, 0)

    def test_the_largest_home_fits_the_file(self):
        """Whatever is forged, the state can be written down."""
        limits = RouterLimits()
        home = Home(limits, _NOW_S)
        engine = home.engine
        for number in range(1, limits.devices):
            device = home.device(0xFFFF00 + number)
            engine.devices.names[device] = "n" * 63
            engine.devices.flags[device] = 63
            for last in range(8):
                engine.devices.addresses.note(device, b"\xff" * 15 + bytes((last,)), 0, 16, 0)
            for provider in range(PER_DEVICE):
                engine.contacts.meet(device, (1 << 30) - 2 - provider, -_NOW_S)
                engine.contacts.mark(device, (1 << 30) - 2 - provider, 12, -_NOW_S)
            engine.at(-_NOW_S, 999999)
            if number < 10:
                engine.about(b"\xff" * 16, 0, 16)
                for kind in range(evidence.KINDS):
                    engine.board.observe(device, kind, -_NOW_S, 999999)
                    engine.board.note_peer(device, kind, b"\xff" * 16, 0, 16)
            for field in range(22):
                engine.counters._counts[device * 22 + field] = 999999
        size = 0
        for device in range(1, limits.devices):
            entry = record(engine, device)
            entry["ticket"] = "FFFFFF"
            size += len(json.dumps(entry, separators=(",", ":"))) + 1
        self.assertTrue(size <= MOST_BYTES - 64, size)


class Moved(unittest.TestCase):
    """A clock that was set back moves the past with it."""

    def setUp(self):
        self.home = Home(now_s=_NOW_S)
        self.device = suspect(self.home)

    def restored(self, shift_s, skew_s=0):
        self.home.engine.skew_s = skew_s
        kept = through_json(self.home, self.device)
        later = Home(now_s=self.home.now_s + shift_s)
        return later, restore(later.engine, kept, shift_s - skew_s)

    def test_nothing_lies_in_the_future_and_spans_stay(self):
        for shift_s in (-1, -20 * 365 * _DAY_S, 3600):
            later, device = self.restored(shift_s)
            devices, before = later.engine.devices, self.home.engine.devices
            self.assertTrue(devices.last_s[device] <= later.now_s)
            for table in ("first_s", "last_s", "since_s"):
                moved = getattr(devices, table)[device] - getattr(before, table)[self.device]
                self.assertEqual(moved, shift_s, table)
            first_s = self.home.engine.counters.first_smtp_s[self.device]
            self.assertEqual(later.engine.counters.first_smtp_s[device], first_s + shift_s)
            times = [row[2] for row in later.engine.board.seen(device)]
            self.assertEqual(times, [row[2] + shift_s for row in self.home.engine.board.seen(self.device)])
            self.assertEqual(later.state(device), "throttled")

    def test_it_decays_and_quietens_by_the_new_clock(self):
        later, device = self.restored(-1000 * _DAY_S)
        score = later.engine.board.score(device)
        later.wait(_DAY_S)
        self.assertTrue(H1 < later.engine.board.score(device) < score)
        later.wait(3 * _DAY_S)
        self.assertEqual(later.state(device), "released")

    def test_what_never_happened_still_never_did(self):
        quiet = self.home.settled(9)
        later = Home(now_s=0)
        device = restore(later.engine, through_json(self.home, quiet), -self.home.now_s)
        self.assertEqual(later.engine.counters.first_smtp_s[device], NOT_YET)
        later.engine.observe(device, evidence.BAD_HELO)
        self.assertTrue(later.engine.board.score(device) > 0)

    def test_a_clock_that_was_told_late_is_taken_off(self):
        """It wrote by a clock that was behind by `skew_s`, and reads by one that is right."""
        later, device = self.restored(7 * _DAY_S, skew_s=7 * _DAY_S)
        for table in ("first_s", "last_s", "since_s"):
            moved = getattr(later.engine.devices, table)[device] - getattr(self.home.engine.devices, table)[self.device]
            self.assertEqual(moved, 7 * _DAY_S, table)

    def test_the_newest_time_is_the_time_of_day(self):
        self.home.engine.skew_s = 77
        self.assertEqual(newest_s(through_json(self.home, self.device)), self.home.now_s + 77)


class Damaged(unittest.TestCase):
    def setUp(self):
        self.home = Home(now_s=_NOW_S)
        self.kept = through_json(self.home, suspect(self.home))

    def refused(self, kept):
        later = Home(now_s=_NOW_S)
        bystander = later.settled(9)
        with self.assertRaises(SnapshotError):
            restore(later.engine, kept, 0)
        devices = later.engine.devices
        self.assertEqual([d for d in range(devices.capacity) if devices.is_present(d)], [CROWD, bystander])
        self.assertEqual(devices.state[CROWD], states.NORMAL)
        self.assertEqual(later.device(9), bystander)
        self.assertEqual(later.state(later.settled(1)), "normal")
        return True

    def test_what_lacks_a_part_or_is_none_is_refused(self):
        self.refused({})
        for key in sorted(self.kept):
            kept = dict(self.kept)
            del kept[key]
            self.assertTrue(self.refused(kept), key)

    def test_what_has_another_kind_of_part_is_refused(self):
        for key in sorted(self.kept):
            for wrong in (None, "x", [], {}, [None], [[]], {"a": 1}, 1.5, [1, "a", 2.5]):
                if (key, wrong) == ("name", "x") or key in ("addresses", "contacts") and wrong in ([], {}):
                    continue
                kept = dict(self.kept)
                kept[key] = wrong
                self.assertTrue(self.refused(kept), "%s %r" % (key, wrong))

    def test_what_no_table_holds_is_refused(self):
        for key, wrong in (
            ("id", [1 << 30, 1]),
            ("id", [-1, 1]),
            ("id", [1, 2, 3]),
            ("mac", "0200000000"),
            ("mac", "02000000000g"),
            ("addresses", ["0a0000"]),
            ("addresses", ["0a000001"] * 17),
            ("state", [0, 5, 0]),
            ("state", [-1, 1, 0]),
            ("flags", 64),
            ("flags", -1),
            ("grant", 3),
            ("score", [[0, 0, 0, 0, 0, 0], [evidence.KINDS, 1, 0, 0, 0, ""]]),
            ("score", [[0, 0, 0, 0, 0, 0], [-1, 1, 0, 0, 0, ""]]),
            ("score", [[0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, "0a00"]]),
            ("counts", [0] * 23),
        ):
            kept = dict(self.kept)
            kept[key] = wrong
            self.assertTrue(self.refused(kept), "%s %r" % (key, wrong))

    def test_its_time_is_never(self):
        for kept in ({}, {"seen": []}, {"seen": [0, None], "state": [0, 0, 0]}, {"seen": [0, 1], "state": [0, 0, 1]}):
            self.assertTrue(newest_s(kept) <= -(1 << 30))
        endless = {"seen": [0, float("inf")], "state": [0, 0, 1], "skew": 0}
        self.assertTrue(newest_s(endless) <= -(1 << 30))

    def test_who_finds_no_room_is_refused_and_the_crowd_is_not_harmed(self):
        limits = RouterLimits()
        later = Home(limits, _NOW_S)
        for number in range(1, limits.devices):
            later.engine.devices.state[later.settled(number + 50)] = states.WATCHED
        with self.assertRaises(SnapshotError):
            restore(later.engine, self.kept, 0)
        self.assertEqual((later.state(CROWD), later.engine.board.score(CROWD)), ("normal", 0))


if __name__ == "__main__":
    unittest.main()
