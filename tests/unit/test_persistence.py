"""Verdicts and grants are written soon, read back whole, and a disk or a file that is bad stops nothing."""

import json
import unittest

from fakes.home import Home
from fakes.storage import FakeStorage, PowerCut

from spamgate.app.persistence import Persistence
from spamgate.core import states
from spamgate.core.devices import GRANT_MAIL_SERVER
from spamgate.store.state import StateFile

_WRAP = (1 << 29) - 1


class Life:
    """One run of a gateway on the storage: its home, what it saves and what it says."""

    def __init__(self, storage, now_s=1000000):
        self.storage = storage
        self.home = Home(now_s=now_s)
        self.reports = []
        self.tickets = [""] * self.home.engine.devices.capacity
        self.persistence = Persistence(self.home.engine, StateFile(storage), self.tickets, self.reports.append)
        self.known = self.persistence.load()

    def quarantine(self, number):
        device = self.home.settled(number)
        self.home.engine.devices.set_mac(device, bytes((2, 0, 0, 0, 0, number)), 0)
        self.home.engine.devices.state[device] = states.QUARANTINED
        self.tickets[device] = "4F2A%02X" % number
        return device

    def states(self):
        devices = self.home.engine.devices
        return [self.home.state(d) for d in range(1, devices.capacity) if devices.is_present(d)]


class Restarts(unittest.TestCase):
    def setUp(self):
        self.storage = FakeStorage()
        self.life = Life(self.storage)

    def test_nothing_is_known_at_first(self):
        self.assertEqual((self.life.known, self.life.reports, self.life.states()), (0, [], []))

    def test_verdicts_grants_and_tickets_come_back(self):
        self.life.quarantine(1)
        server = self.life.home.settled(2)
        self.life.home.engine.devices.grant[server] = GRANT_MAIL_SERVER
        self.life.persistence.save()
        later = Life(self.storage)
        self.assertEqual((later.known, later.reports), (2, []))
        device, server = later.home.device(1), later.home.device(2)
        self.assertEqual((later.home.state(device), later.tickets[device]), ("quarantined", "4F2A01"))
        self.assertEqual((later.home.engine.devices.grant[server], later.tickets[server]), (GRANT_MAIL_SERVER, ""))

    def test_a_hundred_restarts_change_nothing(self):
        self.life.quarantine(1)
        self.life.persistence.save()
        before = [json.loads(line) for line in self.life.persistence]
        for _ in range(20):
            life = Life(self.storage)
            life.persistence.save()
        self.assertEqual([json.loads(line) for line in life.persistence], before)

    def test_a_clock_set_back_moves_everything_by_the_same(self):
        self.life.quarantine(1)
        other = self.life.home.settled(2)
        self.life.home.engine.devices.last_s[other] = 1000000 - 500
        self.life.persistence.save()
        later = Life(self.storage, now_s=-900000000)
        last_s = later.home.engine.devices.last_s
        # `device` says that it is seen now; so look without it.
        found = sorted([last_s[d] for d in range(1, 3)])
        self.assertEqual(found, [-900000000 - 500, -900000000])

    def test_time_that_passed_while_it_was_away_has_passed(self):
        self.life.quarantine(1)
        self.life.persistence.save()
        later = Life(self.storage, now_s=1000000 + 86400)
        self.assertEqual(later.home.engine.devices.last_s[1], 1000000)


class Saving(unittest.TestCase):
    def setUp(self):
        self.storage = FakeStorage()
        self.life = Life(self.storage)
        self.life.persistence.save(1000)
        self.now_ms = 0
        self.saved = []
        write = self.storage.write

        def noted(name, parts):
            self.saved.append(self.now_ms)
            write(name, parts)

        self.storage.write = noted

    def tick(self, start_ms, count, step_ms=100):
        for number in range(count):
            self.now_ms = start_ms + number * step_ms & _WRAP
            self.life.persistence.tick(self.now_ms)
        return self.saved

    def test_what_matters_is_saved_soon_and_once(self):
        self.life.persistence.touch()
        self.assertEqual(self.tick(1000, 50), [1200])

    def test_a_storm_of_changes_is_saved_five_times_a_second(self):
        for number in range(30):
            self.life.persistence.touch()
            self.tick(1000 + number * 100, 1)
        self.assertTrue(10 <= len(self.saved) <= 15, self.saved)

    def test_nothing_is_written_for_an_hour_when_nothing_happens(self):
        self.assertEqual(self.tick(1000, 3599, 1000), [])
        self.assertEqual(len(self.tick(3600000, 10, 1000)), 1)

    def test_the_clock_may_wrap(self):
        self.life.persistence.save(_WRAP - 100)
        self.saved = []
        self.life.persistence.touch()
        self.assertEqual(self.tick(_WRAP - 50, 5), [_WRAP - 50 + 200 & _WRAP])

    def test_a_full_disk_is_told_once_and_tried_again_seldom(self):
        self.storage.room_bytes = 0
        self.life.quarantine(1)
        self.life.persistence.touch()
        self.tick(1200, 300)
        self.assertTrue(3 <= len(self.saved) <= 10, self.saved)
        self.assertEqual(len(self.life.reports), 1)
        self.assertIn("not written: error 28", self.life.reports[0])
        self.storage.room_bytes = None
        self.tick(31200, 120)
        self.assertEqual(Life(self.storage).states(), ["quarantined"])
        self.storage.room_bytes = 0
        self.life.persistence.touch()
        self.tick(50000, 10)
        self.assertEqual(len(self.life.reports), 2, "full again, told again")


class Bad(unittest.TestCase):
    def setUp(self):
        self.storage = FakeStorage()
        self.life = Life(self.storage)
        self.life.quarantine(1)
        self.life.persistence.save()

    def test_a_power_cut_while_saving_leaves_the_state_before(self):
        for after_bytes in (0, 1, 40, 300):
            life = Life(self.storage)
            life.quarantine(2)
            self.storage.cut_after_bytes = after_bytes
            with self.assertRaises(PowerCut):
                life.persistence.save()
            self.storage.cut_after_bytes = None
            later = Life(self.storage)
            self.assertEqual(later.states(), ["quarantined"])
            self.assertEqual(len(later.reports), 1)

    def test_a_damaged_state_is_said_and_the_one_before_used(self):
        self.life.quarantine(2)
        self.life.persistence.save()
        names = sorted(self.storage.files)
        self.storage.flip(names[1], 60)
        later = Life(self.storage)
        self.assertEqual(len(later.reports), 1)
        self.assertIn("state: state.b: damaged", later.reports[0])
        self.assertEqual(later.states(), ["quarantined"])
        self.storage.flip(names[0], 60)
        last = Life(self.storage)
        self.assertEqual((last.states(), last.known), ([], 0))
        self.assertIn("no state is known", last.reports[0])

    def test_lines_that_are_no_record_are_passed_over(self):
        lines = ["", "{}", "[1]", "null", '"x"', '{"id":[1,2]}', "{", '{"ticket":7}'] + list(self.life.persistence)
        file = StateFile(self.storage)
        file.load()
        file.save(lines)
        later = Life(self.storage)
        self.assertEqual((later.known, later.states()), (1, ["quarantined"]))
        self.assertEqual(later.reports, ["state: a device's record is damaged"] * 8)

    def test_a_ticket_of_any_kind_is_short_text(self):
        for ticket, kept in ((7, "7"), ("F" * 400, "F" * 12), (None, "None"), ([1], "[1]")):
            entry = json.loads(list(self.life.persistence)[0])
            entry["ticket"] = ticket
            file = StateFile(self.storage)
            file.load()
            file.save([json.dumps(entry)])
            self.assertEqual(Life(self.storage).tickets[1], kept)


if __name__ == "__main__":
    unittest.main()
