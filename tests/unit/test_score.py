"""The sequential test: what weighs and how often, how it wears off, and what is kept when rows are short."""

import unittest

from spamgate.core import evidence
from spamgate.core.evidence import WEIGHTS
from spamgate.core.score import H1, H2, ScoreBoard

_DAY_S = 86400
_HOUR_S = 3600
_NOW_S = 1000000
_LOOKUPS = (evidence.MX_QUERY, evidence.MAIL_NAME_QUERY, evidence.NXDOMAIN_BURST, evidence.DNSBL_QUERY)


def _board(devices=8, suspects=4):
    board = ScoreBoard(devices, suspects)
    for device in range(devices):
        board.clear(device, _NOW_S)
    return board


class Weighing(unittest.TestCase):
    def test_a_kind_weighs_once_a_day(self):
        board = _board()
        self.assertTrue(board.observe(1, evidence.FAN_OUT, _NOW_S, 0))
        self.assertFalse(board.observe(1, evidence.FAN_OUT, _NOW_S + _DAY_S - 1, 0))
        self.assertEqual(board.score(1), WEIGHTS[evidence.FAN_OUT])

    def test_a_habit_weighs_on_the_tenth_day_what_it_weighed_on_the_first(self):
        board = _board()
        for day in range(10):
            self.assertTrue(board.observe(1, evidence.FAN_OUT, _NOW_S + day * _DAY_S, 0))
            self.assertEqual(board.score(1), WEIGHTS[evidence.FAN_OUT])

    def test_what_is_taken_back_weighs_nothing_and_may_weigh_anew(self):
        board = _board()
        board.observe(1, evidence.FAN_OUT, _NOW_S, 0)
        board.observe(1, evidence.BAD_HELO, _NOW_S, 0)
        board.take_back(1, evidence.FAN_OUT)
        board.take_back(1, evidence.FAN_OUT)
        board.take_back(1, evidence.MANY_SENDERS)
        self.assertEqual(board.score(1), WEIGHTS[evidence.BAD_HELO])
        self.assertEqual([row[0] for row in board.seen(1)], ["bad_helo"])
        self.assertTrue(board.observe(1, evidence.FAN_OUT, _NOW_S + 1, 0))
        self.assertEqual(board.score(1), WEIGHTS[evidence.FAN_OUT] + WEIGHTS[evidence.BAD_HELO])

    def test_kinds_and_devices_add_up_apart(self):
        board = _board()
        board.observe(1, evidence.FAN_OUT, _NOW_S, 0)
        board.observe(1, evidence.BAD_HELO, _NOW_S, 0)
        board.observe(2, evidence.BAD_HELO, _NOW_S, 0)
        self.assertEqual(board.score(1), WEIGHTS[evidence.FAN_OUT] + WEIGHTS[evidence.BAD_HELO])
        self.assertEqual(board.score(2), WEIGHTS[evidence.BAD_HELO])
        self.assertEqual(board.score(3), 0)

    def test_look_ups_alone_never_exceed_the_first_threshold(self):
        board = _board()
        for day in range(30):
            for kind in _LOOKUPS:
                board.observe(1, kind, _NOW_S + day * _DAY_S, 0)
                self.assertTrue(board.score(1) <= H1)
        self.assertEqual(board.score(1), H1)
        board.observe(1, evidence.SECOND_PROVIDER, _NOW_S + 29 * _DAY_S, 0)
        self.assertEqual(board.score(1), H1 + WEIGHTS[evidence.SECOND_PROVIDER])

    def test_evidence_weighs_on_the_first_day_of_1970_too(self):
        """A router without a clock starts there; seconds are counted from 2**30."""
        board = _board()
        self.assertTrue(board.observe(1, evidence.MX_QUERY, -(1 << 30) + 60, 0))

    def test_a_clock_set_back_weighs_nothing_twice(self):
        board = _board()
        board.observe(1, evidence.FAN_OUT, _NOW_S, 0)
        self.assertFalse(board.observe(1, evidence.FAN_OUT, _NOW_S - 10 * _DAY_S, 0))
        board.wear(1, _NOW_S - 10 * _DAY_S)
        self.assertEqual(board.score(1), WEIGHTS[evidence.FAN_OUT])


class Wearing(unittest.TestCase):
    def test_half_is_left_after_a_day(self):
        board = _board()
        board.observe(1, evidence.HOUSE_FAN_OUT, _NOW_S, 0)
        board.wear(1, _NOW_S + _HOUR_S - 1)
        whole = WEIGHTS[evidence.HOUSE_FAN_OUT]
        self.assertEqual(board.score(1), whole)
        board.wear(1, _NOW_S + _DAY_S)
        self.assertTrue(whole * 48 // 100 < board.score(1) < whole * 53 // 100, board.score(1))

    def test_look_ups_wear_off_as_connections_do(self):
        board = _board()
        board.observe(1, evidence.MX_QUERY, _NOW_S, 0)
        board.wear(1, _NOW_S + _DAY_S)
        self.assertTrue(H1 * 48 // 100 < board.score(1) < H1 * 53 // 100, board.score(1))

    def test_it_does_not_matter_how_often_one_looks(self):
        boards = (_board(), _board())
        for board in boards:
            board.observe(1, evidence.HOUSE_FAN_OUT, _NOW_S, 0)
        for second in range(0, 10 * _HOUR_S + 1, 1000):
            boards[0].wear(1, _NOW_S + second)
        boards[1].wear(1, _NOW_S + 10 * _HOUR_S)
        self.assertEqual(boards[0].score(1), boards[1].score(1))

    def test_nothing_is_left_after_three_weeks_or_three_years(self):
        for days in (21, 1000):
            board = _board()
            board.observe(1, evidence.HOUSE_FAN_OUT, _NOW_S, 0)
            board.wear(1, _NOW_S + days * _DAY_S)
            self.assertEqual(board.score(1), 0)

    def test_release_halves_and_lets_the_same_facts_weigh_anew(self):
        board = _board()
        board.observe(1, evidence.SECOND_PROVIDER, _NOW_S, 0)
        board.halve(1)
        half = WEIGHTS[evidence.SECOND_PROVIDER] // 2
        self.assertEqual(board.score(1), half)
        self.assertTrue(board.observe(1, evidence.SECOND_PROVIDER, _NOW_S + 1, 0))
        self.assertEqual(board.score(1), half + WEIGHTS[evidence.SECOND_PROVIDER])

    def test_after_a_release_one_provider_may_be_mailed_and_not_a_second_one(self):
        board = _board()
        for kind in (evidence.HOUSE_FAN_OUT, evidence.HELO_CHANGES):
            board.observe(1, kind, _NOW_S, 0)
        board.halve(1)
        for kind in (evidence.MX_QUERY, evidence.MX_CONNECT):
            board.observe(1, kind, _NOW_S + 1, 0)
        self.assertTrue(board.score(1) < H2)
        board.observe(1, evidence.SECOND_PROVIDER, _NOW_S + 2, 0)
        self.assertTrue(board.score(1) >= H2)


class Proof(unittest.TestCase):
    def test_two_families_and_one_from_outside_the_volume_are_a_proof(self):
        board = _board()
        board.observe(1, evidence.HELO_CHANGES, _NOW_S, 0)
        self.assertFalse(board.is_proven(1, _NOW_S), "one family")
        board.observe(1, evidence.HELO_IMPERSONATES, _NOW_S, 0)
        self.assertFalse(board.is_proven(1, _NOW_S), "still one")
        board.observe(1, evidence.FAN_OUT, _NOW_S, 0)
        self.assertTrue(board.is_proven(1, _NOW_S))
        self.assertFalse(board.is_proven(1, _NOW_S + _DAY_S + 1), "yesterday's proof")

    def test_volume_alone_is_no_proof(self):
        board = _board()
        for kind in (evidence.MX_QUERY, evidence.FAN_OUT, evidence.MANY_RECIPIENTS, evidence.AUTH_FAILURES):
            board.observe(1, kind, _NOW_S, 0)
        self.assertFalse(board.is_proven(1, _NOW_S))

    def test_who_was_never_observed_is_not_proven(self):
        self.assertFalse(_board().is_proven(1, _NOW_S))
        self.assertFalse(_board().is_proven(1, -(1 << 30)))


class Rows(unittest.TestCase):
    def test_what_was_observed_is_told(self):
        board = _board()
        peer = bytes(range(20))
        board.observe(1, evidence.MX_QUERY, _NOW_S, 5)
        board.observe(1, evidence.FAN_OUT, _NOW_S + 1, 6)
        board.note_peer(1, evidence.FAN_OUT, peer, 2, 4)
        board.observe(1, evidence.FAN_OUT, _NOW_S + 2, 7)
        board.note_peer(1, evidence.FAN_OUT, peer, 0, 16)
        rows = [("mx_query", 1, _NOW_S, 5, b""), ("fan_out", 2, _NOW_S + 2, 7, peer[:16])]
        self.assertEqual(board.seen(1), rows)
        self.assertEqual(board.seen(2), [])

    def test_the_row_of_the_lowest_score_is_given_up_and_its_score_stays(self):
        board = _board()
        for device in (1, 2, 3, 4):
            board.observe(device, evidence.BAD_HELO if device == 3 else evidence.FAN_OUT, _NOW_S, 0)
        board.observe(5, evidence.FAN_OUT, _NOW_S, 0)
        self.assertEqual(board.seen(3), [])
        self.assertEqual(board.score(3), WEIGHTS[evidence.BAD_HELO])
        for device in (1, 2, 4, 5):
            self.assertEqual(len(board.seen(device)), 1)

    def test_who_lost_the_row_is_not_weighed_twice_for_one_day(self):
        """Else more devices than rows would push each other over any threshold, one harmless fact at a time."""
        board = _board()
        for round in range(100):
            for device in range(1, 8):
                board.observe(device, evidence.BAD_HELO, _NOW_S + round, 0)
        for device in range(1, 8):
            self.assertEqual(board.score(device), WEIGHTS[evidence.BAD_HELO])
        self.assertTrue(board.observe(1, evidence.BAD_HELO, _NOW_S + _DAY_S + 100, 0))
        rowless = [device for device in range(1, 8) if not board.seen(device)]
        board.halve(rowless[0])
        self.assertTrue(board.observe(rowless[0], evidence.BAD_HELO, _NOW_S + 200, 0), "released without a row")

    def test_a_flood_of_little_facts_leaves_the_record_of_a_suspect(self):
        board = _board(100, 4)
        board.observe(1, evidence.HOUSE_FAN_OUT, _NOW_S, 0)
        for device in range(2, 100):
            board.observe(device, evidence.BAD_HELO, _NOW_S, 0)
        self.assertEqual(len(board.seen(1)), 1)
        self.assertTrue(board.score(1) >= H2)

    def test_a_new_owner_of_a_number_starts_at_nothing(self):
        board = _board()
        board.observe(1, evidence.FAN_OUT, _NOW_S, 0)
        board.clear(1, _NOW_S)
        self.assertEqual((board.score(1), board.seen(1)), (0, []))
        self.assertTrue(board.observe(1, evidence.FAN_OUT, _NOW_S, 0))
        for device in range(2, 8):
            board.observe(device, evidence.FAN_OUT, _NOW_S, 0)
        board.clear(1, _NOW_S)
        self.assertTrue(board.observe(1, evidence.FAN_OUT, _NOW_S, 0), "though it had lost its row")


if __name__ == "__main__":
    unittest.main()
