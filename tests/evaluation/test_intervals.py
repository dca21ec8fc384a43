"""Intervals against published tables and against what they promise: to hold the truth as often as they say."""

from math import inf, log

import pytest

from spamgate_tools.evaluation import intervals
from spamgate_tools.sample.world import Dice

_NEAR = {"abs": 5e-4}


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (3, 660, 0.0009, 0.0132),
    ],
)
def test_a_share_has_clopper_and_pearsons_interval(count, of, low, high):
    assert intervals.share(count, of) == (pytest.approx(low, **_NEAR), pytest.approx(high, **_NEAR))


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (5, 1.6235, 11.6683), (30, 20.2409, 42.8269)]
)
def test_a_rate_has_garwoods_interval(count, low, high):
    assert intervals.rate(count, 1.0) == (pytest.approx(low, **_NEAR), pytest.approx(high, **_NEAR))


def test_nothing_seen_in_n_bounds_the_rate_by_three_in_n():
    assert intervals.rate_bound(0, 30000) * 30000 == pytest.approx(-log(0.05), **_NEAR)
    assert intervals.rate_bound(0, 30000) * 10000 < 1
    assert intervals.rate_bound(0, 29900) * 10000 > 1
    assert intervals.rate_bound(2, 1.0) == pytest.approx(6.2958, **_NEAR)


def test_without_anything_observed_nothing_is_claimed():
    assert intervals.share(0, 0) == (0.0, 1.0)
    assert intervals.rate(0, 0.0) == (0.0, inf)
    assert intervals.rate_bound(0, 0.0) == inf


def test_an_interval_holds_the_truth_at_least_as_often_as_it_says():
    dice = Dice(4)
    for truth in (0.05, 0.5, 0.97):
        held = 0
        for _ in range(400):
            count = sum(dice.chance(truth) for _ in range(40))
            low, high = intervals.share(count, 40)
            held += low <= truth <= high
        assert held >= 0.93 * 400, truth
