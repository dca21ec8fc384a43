"""What must survive a power cut survives it: the state saved last, or the one before it."""

import unittest

from fakes.storage import FakeStorage, PowerCut

from spamgate.store.state import MOST_BYTES, StateFile

_ONE = ['{"device":"02:00:00:00:00:01"}']
_TWO = ['{"device":"02:00:00:00:00:01"}', '{"name":"T\u00fcr"}']


def _load(storage):
    state = StateFile(storage)
    return list(state.load()), state.problem


class State(unittest.TestCase):
    def setUp(self):
        self.storage = FakeStorage()
        self.state = StateFile(self.storage)

    def save(self, *states):
        for lines in states:
            self.assertTrue(self.state.save(lines), self.state.problem)

    def test_the_first_start_knows_nothing_and_has_no_problem(self):
        self.assertEqual(_load(self.storage), ([], ""))

    def test_what_was_saved_last_comes_back(self):
        for lines in (_ONE, _TWO, [], _ONE, [""]):
            self.save(lines)
            self.assertEqual(_load(self.storage), (lines, ""))

    def test_saving_goes_on_after_a_restart_without_loading(self):
        self.save(_ONE, _TWO)
        for count in range(5):
            self.assertTrue(StateFile(self.storage).save([str(count)]))
            self.assertEqual(_load(self.storage), ([str(count)], ""))

    def test_the_files_take_turns(self):
        self.save(_ONE)
        self.assertEqual(sorted(self.storage.files), ["state.a"])
        self.save(_TWO)
        before = bytes(self.storage.files["state.b"])
        self.save(_ONE)
        self.assertEqual(bytes(self.storage.files["state.b"]), before)

    def test_a_power_cut_at_any_byte_leaves_the_state_before(self):
        self.save(_TWO, _ONE)
        whole = len(self.storage.files["state.a"])
        files = {name: bytes(data) for name, data in self.storage.files.items()}
        for cut in range(whole):
            self.storage.files = {name: bytearray(data) for name, data in files.items()}
            self.storage.cut_after_bytes = cut
            state = StateFile(self.storage)
            with self.assertRaises(PowerCut):
                state.save(_TWO)
            lines, problem = _load(self.storage)
            self.assertEqual(lines, _ONE, cut)
            self.assertEqual(problem, "state.a: damaged; the one before or after it is used")
            self.assertTrue(StateFile(self.storage).save(_TWO))
            self.assertEqual(_load(self.storage), (_TWO, ""))

    def test_any_flipped_bit_of_the_newer_file_leaves_the_older(self):
        self.save(_ONE, _TWO)
        for at in range(len(self.storage.files["state.b"])):
            for bit in (1, 32, 128):
                self.storage.flip("state.b", at, bit)
                self.assertEqual(_load(self.storage)[0], _ONE, (at, bit))
                self.storage.flip("state.b", at, bit)
        self.assertEqual(_load(self.storage), (_TWO, ""))

    def test_two_damaged_files_are_no_state_and_are_written_over(self):
        self.save(_ONE, _TWO)
        self.storage.flip("state.a", 40)
        self.storage.flip("state.b", 40)
        self.assertEqual(_load(self.storage), ([], "state.a and state.b: damaged; no state is known"))
        state = StateFile(self.storage)
        self.assertTrue(state.save(_ONE))
        self.assertTrue(state.save(_TWO))
        self.assertEqual(_load(self.storage), (_TWO, ""))

    def test_a_full_disk_is_said_and_the_state_before_stays(self):
        self.save(_ONE, _TWO)
        self.storage.room_bytes = 10
        self.assertFalse(self.state.save(_ONE))
        self.assertEqual(self.state.problem, "state.a: not written: error 28")
        self.assertEqual(_load(self.storage), (_TWO, ""))
        self.storage.room_bytes = None
        self.save(_ONE)
        self.assertEqual((_load(self.storage), self.state.problem), ((_ONE, ""), ""))

    def test_too_much_is_not_saved(self):
        self.save(_ONE)
        self.assertFalse(self.state.save(["x" * 1000] * 66))
        self.assertIn("65536 at most", self.state.problem)
        self.assertEqual(_load(self.storage), (_ONE, ""))

    def test_a_file_too_large_is_not_read(self):
        self.storage.files["state.a"] = bytearray(MOST_BYTES + 1)
        self.assertEqual(_load(self.storage), ([], "state.a: damaged; no state is known"))

    def test_a_disk_that_cannot_be_read_is_said(self):
        self.save(_ONE)
        self.storage.is_broken = True
        self.assertEqual(_load(self.storage), ([], "state.a and state.b: damaged; no state is known"))

    def test_the_sequence_number_may_start_anew(self):
        self.state._sequence = (1 << 28) - 4
        for lines in (_ONE, _TWO, [], _ONE, _TWO):
            self.save(lines)
            self.assertEqual(_load(self.storage), (lines, ""))


if __name__ == "__main__":
    unittest.main()
