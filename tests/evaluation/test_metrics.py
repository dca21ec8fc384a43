"""Figures count what they say: quantiles of leaks, wrong acts by group and device-day, precision by prevalence."""

from math import exp

import pytest

from evaluation.made_outcomes import living, sending
from spamgate_tools.corpus.senders import SENDER_KINDS
from spamgate_tools.evaluation import metrics


def test_quantiles_are_values_that_occurred():
    assert metrics.quantile([5, 1, 3], 0.5) == 3
    assert metrics.quantile([4, 1, 3, 2], 0.5) == 2
    assert metrics.quantile(range(1, 101), 0.95) == 95
    assert metrics.quantile([7], 0.95) == 7


def test_a_sender_is_contained_at_five_messages_and_not_at_six():
    figures = metrics.sender_figures([sending(leaked=5), sending(leaked=6)])
    assert (figures.contained, figures.seeds, figures.leaked_worst) == (1, 2, 6)


def test_a_method_that_acts_in_half_of_the_homes_has_no_median_of_calls_once_it_misses_more():
    never = {"calls_before": None, "seconds_before": None}
    half = metrics.sender_figures([sending(), sending(**never)])
    less = metrics.sender_figures([sending(), sending(**never), sending(**never)])
    assert (half.calls_median, half.calls_p95, half.acted) == (2, None, 1)
    assert less.calls_median is None


def test_groups_hold_whom_they_say():
    livings = [
        living("phone"),
        living("nas-25", uses_25=True, speaks_smtp=True),
        living("nas-587", speaks_smtp=True, days_new=3.0),
        living("ungranted-server", uses_25=True, speaks_smtp=True, is_apart=True),
        living("printer-25", uses_25=True, speaks_smtp=True, is_beside_sender=True),
    ]
    found = {name: [one.kind for one in metrics.group(livings, name)] for name in metrics.GROUPS}
    assert found == {
        "all": ["phone", "nas-25", "nas-587"],
        "smtp": ["nas-25", "nas-587"],
        "port 25": ["nas-25"],
        "new": ["nas-587"],
        "beside": ["printer-25"],
        "apart": ["ungranted-server"],
    }


def test_wrong_acts_are_counted_in_ten_thousand_device_days():
    livings = [living(days=99.0), living("nas-25", days=1.0, is_wronged=True, late=2, lost=1)]
    figures = metrics.clean_figures(livings, "all")
    assert figures.per_10000_days == pytest.approx(100)
    assert figures.wronged_kinds == {"nas-25": 1}
    assert (figures.mails, figures.late, figures.lost) == (20, 2, 1)


def test_of_new_devices_only_their_first_days_and_what_happened_in_them_count():
    livings = [
        living(days=30.0, days_new=7.0, is_wronged=True),
        living(days=30.0, days_new=3.0, is_wronged=True, is_wronged_new=True),
    ]
    figures = metrics.clean_figures(livings, "new")
    assert (figures.days, figures.wronged) == (10.0, 1)


def test_precision_is_bayes():
    fast = metrics.sender_figures([sending()] * 9 + [sending(calls_before=None)])
    clean = metrics.clean_figures([living(days=9999.0), living(days=1.0, is_wronged=True)], "all")
    for it in metrics.precisions(fast, clean):
        right = it.prevalence * 0.9
        wrong = (1 - it.prevalence) * (1 - exp(-30 / 10000))
        assert it.precision == pytest.approx(right / (right + wrong))
        assert it.low < it.precision


def test_bars_speak_of_the_kinds_that_they_say():
    for name, kind in SENDER_KINDS.items():
        if metrics.is_fast(name):
            assert kind.per_hour >= 6 and kind.wants == "port 25" and not kind.is_adaptive
        if metrics.is_plain_mx(name):
            assert kind.asks_mx and not kind.has_history
    assert sum(metrics.is_fast(name) for name in SENDER_KINDS) >= 20
