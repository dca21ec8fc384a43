"""The line's own faults: a blocked port 25 and an address that is listed, and how both end."""

import unittest

from spamgate.core.line import Line

_NOW_S = 1000000


class Blocked(unittest.TestCase):
    def test_a_line_is_not_open_before_a_server_answered(self):
        line = Line()
        self.assertFalse(line.is_open(_NOW_S))
        self.assertFalse(line.is_open(-(1 << 30)), "1970, where a router without a clock starts")
        line.answered(_NOW_S)
        self.assertTrue(line.is_open(_NOW_S))

    def test_an_answer_is_good_for_ten_minutes(self):
        line = Line()
        line.answered(_NOW_S)
        self.assertTrue(line.is_open(_NOW_S + 600))
        self.assertFalse(line.is_open(_NOW_S + 601))
        self.assertFalse(line.blocks_25, "not knowing is not knowing it is shut")

    def test_nine_unanswered_in_a_row_say_it_is_shut(self):
        line = Line()
        line.answered(_NOW_S)
        for _ in range(8):
            line.asked()
        self.assertTrue(line.is_open(_NOW_S))
        line.asked()
        self.assertFalse(line.is_open(_NOW_S))
        self.assertTrue(line.blocks_25)
        line.answered(_NOW_S + 5)
        self.assertTrue(line.is_open(_NOW_S + 5))
        self.assertFalse(line.blocks_25)


class Listed(unittest.TestCase):
    def test_three_refusals_by_changing_providers_say_the_address_is_listed(self):
        line = Line()
        for provider in (1, 2):
            line.refused(provider)
        self.assertFalse(line.listed)
        line.refused(3)
        self.assertTrue(line.listed)

    def test_one_provider_that_refuses_again_and_again_says_nothing(self):
        line = Line()
        for _ in range(100):
            line.refused(1)
        self.assertFalse(line.listed)

    def test_an_accepted_message_ends_the_suspicion(self):
        line = Line()
        for provider in (1, 2, 3):
            line.refused(provider)
        line.accepted()
        self.assertFalse(line.listed)
        line.refused(3)
        line.refused(4)
        self.assertFalse(line.listed)


if __name__ == "__main__":
    unittest.main()
