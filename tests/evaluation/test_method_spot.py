"""SPOT: how many messages it takes, against Wald's formula, and what the filter's errors do to it."""

import math
import statistics

from evaluation.method_homes import call, every, home_of, letter, outcome
from spamgate_tools.corpus.facts import UNKNOWN, Letter
from spamgate_tools.evaluation.methods.spot import Spot, SpotTheta
from spamgate_tools.evaluation.methods.wald import SequentialTest
from spamgate_tools.sample.world import Dice

_PUBLISHED = SequentialTest(0.2, 0.9, 0.01, 0.01)


def _expected(test: SequentialTest, yes_share: float, reaches_upper: float) -> float:
    """Wald's approximation of the mean number of observations, which leaves the last step's overshoot out."""
    mean_end = reaches_upper * test.upper + (1 - reaches_upper) * test.lower
    return mean_end / (yes_share * test.yes + (1 - yes_share) * test.no)


def _walk(test: SequentialTest, dice: Dice, yes_share: float) -> tuple[int, bool]:
    score, count = 0.0, 0
    while True:
        count += 1
        score = test.after(score, dice.chance(yes_share))
        if test.convicts(score) or test.acquits(score):
            return count, test.convicts(score)


def _exactly(test: SequentialTest, yes_share: float) -> tuple[float, float]:
    """Return the mean number of observations, overshoot and all, and the share of tests that convict."""
    open_walks, mean, convicted = {0: 1.0}, 0.0, 0.0  # by the number of "yes" so far
    for count in range(400):
        mean += sum(open_walks.values())
        following: dict[int, float] = {}
        for yes, share in open_walks.items():
            for more, chance in ((1, yes_share), (0, 1 - yes_share)):
                score = (yes + more) * test.yes + (count + 1 - yes - more) * test.no
                if test.convicts(score):
                    convicted += share * chance
                elif not test.acquits(score):
                    following[yes + more] = following.get(yes + more, 0.0) + share * chance
        open_walks = following
    return mean, convicted


def test_expected_observations_are_those_of_the_paper():
    """3.93 for zombies, 3.30 for others; 12.0 for zombies at bounds that suit a home."""
    assert round(_expected(_PUBLISHED, 0.9, 0.99), 2) == 3.93
    assert round(_expected(_PUBLISHED, 0.2, 0.01), 2) == 3.30
    strict = SequentialTest(0.2, 0.9, 1e-6, 1e-3)
    assert round(_expected(strict, 0.9, 0.999), 1) == 12.0


def test_walks_take_as_long_as_wald_says_and_err_no_more_often():
    """Exactly: the formula, and what the last step overshoots; the errors are within their bounds."""
    for yes_share, is_guilty in ((0.9, True), (0.2, False)):
        mean, convicted = _exactly(_PUBLISHED, yes_share)
        formula = _expected(_PUBLISHED, yes_share, 0.99 if is_guilty else 0.01)
        overshoot = _PUBLISHED.yes if is_guilty else -_PUBLISHED.no
        drift = abs(yes_share * _PUBLISHED.yes + (1 - yes_share) * _PUBLISHED.no)
        assert formula <= mean < formula + overshoot / drift
        assert (1 - convicted if is_guilty else convicted) <= 0.01
        dice = Dice(11)
        walks = [_walk(_PUBLISHED, dice, yes_share) for _ in range(20000)]
        assert math.isclose(statistics.mean(count for count, _ in walks), mean, rel_tol=0.02)


def test_zombies_are_found_after_as_many_messages_as_the_test_takes():
    """End to end, with a filter that finds nine of ten as theta1 has it; one in 200 is acquitted first."""
    leaked = []
    for seed in range(300):
        home = home_of(every(60.0, [call(number) for number in range(40)]), seed=seed)
        leaked.append(len(outcome(home, Spot(finds=0.9)).accepted_us))
    mean, convicted = _exactly(_PUBLISHED, 0.9)
    assert math.isclose(statistics.mean(leaked), mean / convicted, rel_tol=0.05)
    assert min(leaked) == 4


def test_four_spam_messages_in_a_row_convict():
    assert 3 * _PUBLISHED.yes < _PUBLISHED.upper <= 4 * _PUBLISHED.yes
    record = outcome(home_of(every(60.0, [call(number) for number in range(9)])), Spot(finds=1.0))
    assert (record.accepted_before, record.calls_before) == (4, 4)
    assert len(record.accepted_us) == 4


def test_a_connection_is_cut_between_its_letters():
    record = outcome(home_of([(1.0, call(1, letters=50))]), Spot(finds=1.0))
    assert len(record.accepted_us) == 4


def test_what_was_refused_at_every_recipient_has_no_text_to_see():
    refused = Letter("me@home.example", (("nobody@else.example", UNKNOWN),), is_spam=True)
    calls = [call(number) for number in range(12)]
    calls[:8] = [type(one)(one.host, letters=(refused,)) for one in calls[:8]]
    record = outcome(home_of(every(60.0, calls)), Spot(finds=1.0))
    assert (len(record.accepted_us), record.calls_before) == (4, 12)


def test_good_mail_is_not_touched_unless_the_filter_is_as_bad_as_theta0():
    good = [call(number % 3, is_spam=False) for number in range(2000)]
    acted: dict[type[Spot], int] = {Spot: 0, SpotTheta: 0}
    for method in acted:
        for seed in range(20):
            record = outcome(home_of(every(60.0, good), seed=seed), method())
            acted[method] += record.acted_us is not None
    assert acted[Spot] == 0
    mean, wrong = _exactly(_PUBLISHED, 0.2)
    share = 1 - (1 - wrong) ** (2000 / mean)  # of such devices
    assert abs(acted[SpotTheta] / 20 - share) < 0.25 and share > 0.5


def test_an_acquitted_device_is_tested_anew():
    """Years of good mail are no credit: a bot that starts late is found as fast."""
    assert _PUBLISHED.acquits(3 * _PUBLISHED.no) and not _PUBLISHED.acquits(2 * _PUBLISHED.no)
    calls = [call(1, letters=1, is_spam=False) for _ in range(3 * 40)] + [call(2, letters=9)]
    record = outcome(home_of(every(3600.0, calls)), Spot(finds=1.0, mistakes=0.0))
    assert len(record.accepted_us) == 120 + 4


def test_the_same_home_gives_the_same_record():
    home = home_of(every(1.0, [call(number) for number in range(99)]))
    assert outcome(home, Spot(finds=0.5)) == outcome(home, Spot(finds=0.5))


def test_bounds_are_walds():
    assert math.isclose(_PUBLISHED.upper, math.log(99)) and math.isclose(_PUBLISHED.lower, -math.log(99))
    assert letter().is_spam
