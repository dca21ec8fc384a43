"""Each bar is met up to its limit, missed beyond it, and not judged where there is nothing to judge it by."""

from evaluation.made_outcomes import living, outcomes, sending
from spamgate_tools.evaluation import bars
from spamgate_tools.evaluation.bars import Bar, judge


def _bar(name: str, found: list, is_full: bool = False) -> Bar:
    return next(bar for bar in judge(found, is_full) if bar.name == name)


def test_ninety_nine_of_a_hundred_senders_must_be_contained():
    well = [sending(leaked=2)] * 98
    assert _bar("contained", outcomes([*well, sending(leaked=5), sending(leaked=6)])).is_met is True
    bar = _bar("contained", outcomes([*well, sending("doh", leaked=6), sending(leaked=7)]))
    assert (bar.is_met, bar.value, bar.misses) == (False, 0.98, ("doh (1)", "mx-120 (1)"))


def test_slow_adaptive_and_submission_senders_are_not_asked_to_be_contained():
    others = [sending(kind, leaked=50) for kind in ("slow", "adaptive-groomer", "credential-stuffing")]
    assert _bar("contained", outcomes([sending(), *others])).is_met is True
    assert _bar("contained", outcomes(others)).is_met is None


def test_the_median_is_that_of_bots_that_ask_for_mx_without_history():
    elsewhere = [sending("after-60-days", leaked=5), sending("address-only", leaked=5)]
    assert _bar("mx_median", outcomes([sending(leaked=2), sending(leaked=9), sending(leaked=2), *elsewhere])).is_met
    assert _bar("mx_median", outcomes([sending(leaked=3), sending(leaked=3), sending(leaked=0)])).is_met is False


def test_one_in_twenty_may_leak_more_than_five():
    assert _bar("p95", outcomes([sending(leaked=5)] * 19 + [sending(leaked=99)])).is_met
    assert _bar("p95", outcomes([sending(leaked=5)] * 18 + [sending(leaked=6)] * 2)).is_met is False


def test_bots_that_know_the_thresholds_are_held_under_the_stated_rate():
    limit = bars.ADAPTIVE_A_DAY
    assert _bar("adaptive", outcomes([sending("adaptive-groomer", leaked=limit)])).is_met
    assert _bar("adaptive", outcomes([sending("adaptive-groomer", leaked=limit + 1)])).is_met is False


def test_no_clean_device_may_be_acted_against_neither_alone_nor_beside_a_sender():
    alone, beside = living("nas-25", is_wronged=True), living("laptop", is_wronged=True, is_beside_sender=True)
    assert _bar("clean", outcomes((), [living()])).is_met
    assert _bar("clean", outcomes((), [living(), alone, beside])).misses == ("nas-25 (1)",)
    assert _bar("neighbours", outcomes((), [living(), alone, beside])).misses == ("laptop (1)",)


def test_no_clean_device_may_lose_mail_though_it_was_not_acted_against():
    assert _bar("lost", outcomes((), [living(late=2)])).is_met
    assert _bar("lost", outcomes((), [living(), living("alarm-panel", lost=2)])).misses == ("alarm-panel (1)",)


def test_what_is_reported_apart_may_be_acted_against_but_loses_nothing():
    touched = living("ungranted-server", is_apart=True, is_wronged=True, late=3)
    assert _bar("apart", outcomes((), [touched])).is_met
    assert _bar("clean", outcomes((), [living(), touched])).is_met
    assert _bar("apart", outcomes((), [living("scanner", is_apart=True, lost=1)])).is_met is False


def test_zero_wrong_in_too_few_device_days_does_not_meet_the_bound():
    few, many = [living(days=29900.0)], [living(days=30000.0)]
    assert _bar("clean_bound", outcomes((), few), is_full=True).is_met is False
    assert _bar("clean_bound", outcomes((), many), is_full=True).is_met
    assert not any(bar.name == "clean_bound" for bar in judge(outcomes((), few), is_full=False))


def test_nothing_is_judged_without_homes():
    assert all(bar.is_met is None for bar in judge([], is_full=True))
    assert not bars.missed(judge([], is_full=True))
