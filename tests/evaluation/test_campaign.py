"""Campaigns: large enough, halves apart, the same whoever runs them and in however many processes."""

import pytest

from spamgate_tools.corpus import catalogue
from spamgate_tools.corpus.catalogue import (
    BOTH,
    CLEAN,
    FULL,
    JUDGE,
    LEARN,
    QUICK,
    SIZES,
    HomeId,
    is_learned,
    speaks_smtp,
)
from spamgate_tools.corpus.clean import CLEAN_KINDS
from spamgate_tools.corpus.senders import SENDER_KINDS
from spamgate_tools.evaluation import campaign, sensitivity
from spamgate_tools.evaluation.campaign import jobs_of, run
from spamgate_tools.evaluation.methods import METHODS

_FEW = [HomeId("mx-120", 7), HomeId("rejected-high", 8), HomeId(CLEAN, 9, 2.0)]
_TWO = ["none", "spamgate"]


def test_the_full_campaign_is_as_large_as_promised():
    ids = catalogue.homes(SIZES[FULL], JUDGE, 1)
    days = mailing = 0.0
    for home in (it.make() for it in ids if it.kind == CLEAN):
        for resident in home.residents:
            lived = (home.seconds - resident.joins_s) / 86400 if not resident.is_reported_apart else 0.0
            days += lived
            mailing += lived * speaks_smtp(resident.kind)
    assert days >= 30000 and mailing >= 10000
    counts = [sum(it.kind == kind for it in ids) for kind in SENDER_KINDS]
    assert len(counts) >= 20 and min(counts) >= 30


def test_no_home_is_made_twice():
    for size in (QUICK, FULL):
        ids = catalogue.homes(SIZES[size], BOTH, 5)
        assert len({(it.kind, it.seed) for it in ids}) == len(ids)


def test_learning_never_sees_what_is_judged():
    learn, judge = (catalogue.homes(SIZES[FULL], half, 1) for half in (LEARN, JUDGE))
    assert {it.seed % 2 for it in learn} == {0} and {it.seed % 2 for it in judge} == {1}
    assert {it.kind for it in judge} == {CLEAN, *SENDER_KINDS}
    assert {it.kind for it in learn} == {CLEAN, *filter(is_learned, SENDER_KINDS)}
    for kinds in (SENDER_KINDS, CLEAN_KINDS):
        learned = sum(map(is_learned, kinds))
        assert 0.3 * len(kinds) < learned < 0.7 * len(kinds)


def test_a_part_of_the_homes_has_each_kind_and_length():
    ids = catalogue.homes(SIZES[FULL], JUDGE, 1)
    part = catalogue.every(ids, 3)
    assert {(it.kind, it.days) for it in part} == {(it.kind, it.days) for it in ids}
    assert len(part) == pytest.approx(len(ids) / 3, rel=0.1)
    assert not catalogue.every(ids, 0)


def test_every_method_has_its_published_setting_among_those_swept():
    for name, entry in METHODS.items():
        labels = [label for label, _ in entry.sweep()]
        assert entry.published in labels and len(set(labels)) == len(labels), name


def test_outcomes_do_not_depend_on_how_many_processes_there_are():
    jobs = jobs_of(_FEW, [_FEW[0]], _TWO)
    steps: list[int] = []
    alone = run(campaign.run_job, jobs, 1, lambda: steps.append(1))
    assert alone == run(campaign.run_job, jobs[::-1], 2)[::-1]
    assert len(steps) == len(jobs)
    assert len(alone[0]) > len(alone[1]) == len(_TWO)


def test_nobody_loses_or_waits_for_mail_without_a_detector():
    quiet = [found for found, _ in run(campaign.run_job, jobs_of(_FEW, [], _TWO), 2)]
    livings = [living for outcome in quiet for living in outcome.livings]
    assert sum(living.mails for living in livings) > 0
    assert not any(living.late or living.lost or living.is_wronged for living in livings)
    assert all(outcome.sending.leaked > 100 for outcome in quiet if outcome.sending)


def test_a_fault_in_a_home_says_which_home_under_what():
    def broken():
        raise ValueError("no such thing")

    setting = campaign.Setting("spamgate", "as shipped", broken)
    with pytest.raises(ValueError, match="no such thing") as caught:
        campaign.run_job(campaign.Job(_FEW[0], (setting,)))
    assert "mx-120" in caught.value.__notes__[0] and "spamgate" in caught.value.__notes__[0]


def test_a_number_that_was_asked_for_changes_what_comes_out_and_another_does_not():
    found = {outcome.setting: outcome for outcome in sensitivity.run_job(_FEW[0])}
    shipped = found["h2 (throttled) x1"].sending
    assert found["h2 (throttled) x1.5"].sending.leaked > shipped.leaked
    assert found["auth_failures x0.5"].sending == shipped
    assert len(found) == len(sensitivity.NUMBERS) * len(sensitivity.SCALES)
