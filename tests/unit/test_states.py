"""The states are one table: every pair of state and event, written out once more."""

import unittest

from spamgate.core import states
from spamgate.core.states import (
    EVENTS,
    NORMAL,
    PROOF,
    QUARANTINED,
    QUIET,
    QUIET_S,
    RELEASE,
    RELEASED,
    SPAM,
    STATE_NAMES,
    STATES,
    SUSPECT,
    THROTTLED,
    WATCHED,
    next_state,
)

# What each state becomes after SUSPECT, SPAM, PROOF, QUIET, RELEASE.
_EXPECTED = {
    NORMAL: (WATCHED, NORMAL, NORMAL, NORMAL, NORMAL),
    WATCHED: (WATCHED, THROTTLED, WATCHED, NORMAL, NORMAL),
    THROTTLED: (THROTTLED, THROTTLED, QUARANTINED, RELEASED, RELEASED),
    QUARANTINED: (QUARANTINED, QUARANTINED, QUARANTINED, RELEASED, RELEASED),
    RELEASED: (RELEASED, THROTTLED, RELEASED, NORMAL, RELEASED),
}


class Table(unittest.TestCase):
    def test_every_event_in_every_state_leads_where_it_should(self):
        self.assertEqual((SUSPECT, SPAM, PROOF, QUIET, RELEASE), (0, 1, 2, 3, 4))
        for state in range(STATES):
            for event in range(EVENTS):
                with self.subTest(state=state, event=event):
                    self.assertEqual(next_state(state, event), _EXPECTED[state][event])

    def test_quarantine_is_reached_from_throttled_only(self):
        sources = [
            (state, event)
            for state in range(STATES)
            for event in range(EVENTS)
            if next_state(state, event) == QUARANTINED and state != QUARANTINED
        ]
        self.assertEqual(sources, [(THROTTLED, PROOF)])

    def test_every_state_has_its_name_and_its_quiet_time(self):
        self.assertEqual(len(STATE_NAMES), STATES)
        self.assertEqual(len(QUIET_S), STATES)
        self.assertEqual(STATE_NAMES[states.QUARANTINED], "quarantined")
        self.assertTrue(QUIET_S[WATCHED] < QUIET_S[THROTTLED] < QUIET_S[QUARANTINED])


if __name__ == "__main__":
    unittest.main()
