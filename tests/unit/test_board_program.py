"""The program of a board from start to end: what it keeps, what it survives, and safe mode."""

import json
import sys
import unittest

from fakes.storage import FakeStorage

from spamgate.app.board import Program, run
from spamgate.core import evidence, states
from spamgate.core.identity import Identity
from spamgate.store.board_settings import read_board_settings

DEVICE = b"\xc0\xa8\x01\x42"


class Line:
    """A serial line at which nobody is."""

    def has_input(self):
        return False


class Hardware:
    """A board without a network; it breaks in after some seconds, as Ctrl-C does."""

    def __init__(self, storage, ticks=1, failing=None):
        self.storage = storage
        self.line = Line()
        self.fed = self.resets = self.count = self.lives = self.rests = 0
        self._ticks = ticks
        self._failing = failing

    def read_settings(self, text):
        return read_board_settings(text)

    def starts(self):
        self.count += 1
        return self.count

    def lived(self):
        self.lives += 1
        self.count = 0

    def join(self, settings, report):
        self.settings = settings

    def tick(self, now_ms):
        self._ticks -= 1
        if self._failing:
            raise self._failing
        if self._ticks <= 0:
            raise KeyboardInterrupt

    def feed(self):
        self.fed += 1

    def watchdog_start(self):
        self.fed = 1

    def watchdog_rest(self, minutes):
        self.rests = minutes

    def reset(self):
        self.resets += 1


class Plane:
    """Sees nothing; hears of changes."""

    name = "dns"

    def __init__(self, program):
        self.changes = []

    def changed(self, device, old, new):
        self.changes.append((device, old, new))

    def tick(self, now_ms):
        pass

    def make_room(self):
        pass

    def resume(self):
        pass


def suspect(program):
    """Make one device do what spammers do; return its number."""
    who = Identity()
    who.from_address(DEVICE, 0, 4)
    device = program.engine.device(who)
    program.engine.devices.seen(device, program.engine.now_s, DEVICE, 0, 4)
    for kind in (evidence.MX_QUERY, evidence.MX_CONNECT, evidence.SECOND_PROVIDER):
        program.engine.observe(device, kind)
    return device


def events(storage):
    """Return the events in the journal."""
    return [json.loads(line) for line in bytes(storage.files.get("events.jsonl", b"")).decode().splitlines()]


class Keeping(unittest.TestCase):
    def test_a_verdict_is_in_the_journal_at_once_and_outlives_a_power_cut(self):
        storage = FakeStorage()
        program = Program(Hardware(storage), Plane)
        device = suspect(program)
        self.assertEqual(program.engine.devices.state[device], states.THROTTLED)
        self.assertEqual([event["to"] for event in events(storage)], ["watched", "throttled"])
        self.assertEqual(program.plane.changes[-1][2], states.THROTTLED)
        program.save()
        again = Program(Hardware(storage), Plane)
        self.assertEqual(again.load(), 1)
        self.assertEqual(again.engine.devices.state[device], states.THROTTLED)
        self.assertEqual(again.tickets[device], program.tickets[device])
        self.assertEqual(len(again.tickets[device]), 6)

    def test_without_memory_to_save_what_saves_goes_again_and_is_tried_later(self):
        """Kept, its code would take for good what a datagram needs, and the home's DNS would stand still."""

        class Keeper:
            def save(self):
                raise MemoryError

        program = Program(Hardware(FakeStorage()), Plane)
        suspect(program)
        keeper = program._keeper
        keeper()
        self.assertIn("spamgate.core.snapshot", sys.modules)
        program._keeper = Keeper
        self.assertRaises(MemoryError, program.save)
        self.assertFalse("spamgate.core.snapshot" in sys.modules)
        self.assertTrue(program._is_dirty)
        program._keeper = keeper
        program.save()
        self.assertFalse(program._is_dirty)

    def test_ctrl_c_saves_and_leaves_the_prompt_to_its_user(self):
        storage = FakeStorage()
        storage.write("settings.json", [b'{"repl_minutes": 7}'])
        hardware = Hardware(storage)
        run(hardware, Plane)
        self.assertEqual((hardware.rests, hardware.resets), (7, 0))
        self.assertEqual(hardware.count, 0)  # a stop that is meant is no crash
        self.assertEqual([event["type"] for event in events(storage)], ["start"])
        self.assertTrue(storage.exists("state.a") or storage.exists("state.b"))

    def test_a_full_flash_loses_events_and_nothing_else(self):
        storage = FakeStorage()
        storage.room_bytes = 0
        program = Program(Hardware(storage), Plane)
        device = suspect(program)
        program.save()
        self.assertTrue(program._is_dirty)  # it will be tried again
        self.assertEqual(program.engine.devices.state[device], states.THROTTLED)
        storage.room_bytes = None
        program.save()
        self.assertFalse(program._is_dirty)
        self.assertEqual(Program(Hardware(storage), Plane).load(), 1)


class Trouble(unittest.TestCase):
    def test_settings_that_cannot_be_taken_leave_the_defaults(self):
        for text in (b"{", b'{"wifi_pasword": "x"}', b"\xff\xfe", b"[]"):
            storage = FakeStorage()
            storage.write("settings.json", [text])
            self.assertEqual(Program(Hardware(storage), Plane).settings.guard_port, 53)

    def test_a_mistake_is_written_down_and_starts_the_board_anew(self):
        storage = FakeStorage()
        hardware = Hardware(storage, failing=ValueError("what a pity"))
        if not hasattr(sys, "print_exception"):
            sys.print_exception = lambda error: None
        run(hardware, Plane)
        self.assertEqual(hardware.resets, 1)
        self.assertTrue("ValueError what a pity" in events(storage)[-1]["text"])

    def test_a_full_heap_costs_a_second_and_not_the_board(self):
        storage = FakeStorage()
        hardware = Hardware(storage, ticks=3, failing=None)
        tick = hardware.tick

        def starve_once(now_ms):
            hardware.tick = tick
            raise MemoryError

        hardware.tick = starve_once
        run(hardware, Plane)
        self.assertEqual((hardware.resets, hardware.count), (0, 0))
        self.assertTrue("heap was full" in events(storage)[-1]["text"])

    def test_after_three_starts_in_vain_only_link_and_prompt_are_left(self):
        storage = FakeStorage()
        hardware = Hardware(storage, failing=OSError(5))
        if not hasattr(sys, "print_exception"):
            sys.print_exception = lambda error: None
        for _ in range(3):
            run(hardware, Plane)
        self.assertEqual((hardware.resets, hardware.count), (3, 3))
        hardware.settings = None

        def break_in():
            raise KeyboardInterrupt

        hardware.line.has_input = break_in
        run(hardware, Plane)
        self.assertEqual((hardware.resets, hardware.settings), (3, None))
        self.assertEqual((hardware.lives, hardware.count), (1, 0))


if __name__ == "__main__":
    unittest.main()
