"""The bar that no change may lower: ours over a fixed sample of homes of every kind; and that it is a bar."""

from functools import cache, partial

import pytest

from spamgate.core import evidence
from spamgate_tools.corpus import catalogue
from spamgate_tools.corpus.catalogue import CLEAN, JUDGE, QUICK, SIZES, HomeId
from spamgate_tools.corpus.senders import SENDER_KINDS
from spamgate_tools.evaluation import campaign, metrics
from spamgate_tools.evaluation.campaign import Job, Setting
from spamgate_tools.evaluation.methods.spamgate import SpamgateMethod
from spamgate_tools.evaluation.outcomes import Outcome

_SEED = 2026
_ALL_KINDS = tuple(catalogue.homes(SIZES[QUICK], JUDGE, _SEED))
_SENDERS = tuple(home for home in _ALL_KINDS if home.kind != CLEAN)

# what was reached on 2026-11-23; whoever reaches more raises them
_CONTAINED = 0.98  # of all but those on a granted device, which ours has never contained
_MX_MEDIAN = 1
_CALLS_MEDIAN = 2
_WRONGED = 0


@cache
def _ours(homes: tuple[HomeId, ...], without: int = -1) -> list[Outcome]:
    """Return what comes of the homes under ours; `without` a kind of evidence, which then weighs nothing."""
    weights = [0 if kind == without else weight for kind, weight in enumerate(evidence.WEIGHTS)]
    setting = Setting("spamgate", "for the bar", partial(SpamgateMethod, weights))
    runs = campaign.run(campaign.run_job, [Job(home, (setting,)) for home in homes])
    return [outcome for run in runs for outcome in run]


def _fast(outcomes: list[Outcome]) -> metrics.SenderFigures:
    held = (it for it in metrics.sendings_of(outcomes) if not SENDER_KINDS[it.kind].is_granted)
    return metrics.sender_figures([it for it in held if metrics.is_fast(it.kind)])


def test_as_many_senders_are_contained_as_ever():
    found = _fast(_ours(_ALL_KINDS))
    assert found.contained_share >= _CONTAINED
    assert found.calls_median <= _CALLS_MEDIAN


def test_bots_that_ask_for_mx_leak_no_more_than_ever():
    plain = [it.leaked for it in metrics.sendings_of(_ours(_ALL_KINDS)) if metrics.is_plain_mx(it.kind)]
    assert metrics.quantile(plain, 0.5) <= _MX_MEDIAN


def test_no_more_clean_devices_are_wronged_than_ever():
    livings = [living for outcome in _ours(_ALL_KINDS) for living in outcome.livings]
    wronged = metrics.clean_figures(livings, "all")
    assert wronged.days > 1000
    assert wronged.wronged <= _WRONGED, wronged.wronged_kinds
    assert metrics.clean_figures(livings, "beside").wronged == 0


@pytest.mark.parametrize("kind", [evidence.SECOND_PROVIDER, evidence.MX_QUERY])
def test_the_bar_notices_evidence_that_is_lost(kind):
    lamed = _fast(_ours(_SENDERS, kind))
    assert lamed.contained_share < _CONTAINED or lamed.calls_median > _CALLS_MEDIAN
