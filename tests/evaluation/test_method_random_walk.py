"""Threshold random walk: how many failures it takes, what counts as one, and what it cannot see."""

import statistics

from evaluation.method_homes import call, every, home_of, outcome
from spamgate_tools.corpus.facts import OPEN, REFUSED, SILENT
from spamgate_tools.evaluation.methods.random_walk import RandomWalk
from spamgate_tools.sample.world import Dice


def _record(outcomes, method=None, first=0):
    calls = [call(first + number, outcome=one) for number, one in enumerate(outcomes)]
    return outcome(home_of(every(60.0, calls)), method or RandomWalk())


def test_four_failures_in_a_row_convict():
    """4 ** 3 < 99 <= 4 ** 4, as the paper has it."""
    assert _record([REFUSED] * 3).acted_us is None
    record = _record([REFUSED] * 4 + [OPEN] * 5)
    assert (record.calls_before, len(record.accepted_us)) == (4, 0)


def test_silence_is_a_failure_once_half_a_minute_is_over():
    record = _record([SILENT] * 6)
    assert record.acted_us == int((10 + 3 * 60 + 31) * 1e6)


def test_success_weighs_as_much_as_failure():
    assert _record([REFUSED, REFUSED, OPEN, REFUSED, OPEN, REFUSED]).acted_us is None
    record = _record([REFUSED, REFUSED, OPEN, REFUSED, OPEN, REFUSED, REFUSED, REFUSED, OPEN])
    assert record.calls_before == 8


def test_a_server_counts_the_first_time_only():
    dead = [call(1, outcome=REFUSED)] * 500
    assert outcome(home_of(every(60.0, dead)), RandomWalk()).acted_us is None


def test_four_successes_acquit_and_the_test_begins_anew():
    for successes in (4, 8, 400):
        assert _record([OPEN] * successes + [REFUSED] * 4 + [OPEN]).calls_before == successes + 4
    assert _record([OPEN] * 3 + [REFUSED] * 6).acted_us is None


def test_the_reversed_test_forgets_good_conduct():
    mixed = [OPEN] * 3 + [REFUSED] * 4 + [OPEN]
    assert _record(mixed).acted_us is None
    assert _record(mixed, RandomWalk(is_reversed=True)).calls_before == 7


def test_spam_to_servers_that_are_there_is_never_found():
    record = _record([OPEN] * 1000)
    assert record.acted_us is None
    assert len(record.accepted_us) == 1000


def test_scanners_are_found_after_as_many_contacts_as_wald_says():
    """Success rate 0.2, as theta1: (0.99 - 0.01) * ln 99 / (0.6 * ln 4) = 5.4, and half a step more."""
    contacts, missed = [], 0
    for seed in range(300):
        dice = Dice(seed)
        record = _record([OPEN if dice.chance(0.2) else REFUSED for _ in range(100)])
        contacts.append(record.calls_before)
        missed += record.acted_us is None
    assert missed == 0
    assert 5.4 <= statistics.mean(contacts) < 7.1


def test_innocents_are_convicted_as_seldom_as_promised():
    """Success rate 0.8: at most one test in a hundred goes wrong; these make about six tests each."""
    convicted = 0
    for seed in range(300):
        dice = Dice(seed)
        outcomes = [OPEN if dice.chance(0.8) else REFUSED for _ in range(42)]
        convicted += _record(outcomes).acted_us is not None
    assert 0 < convicted / 300 < 0.07
