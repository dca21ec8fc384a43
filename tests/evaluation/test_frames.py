"""The evaluation judges facts; the program judges frames.  Both must come to the same, for homes of every kind.

In the quick run each kind is met once, under one of the two interpreters; SPAMGATE_LONG=1 takes both, and more seeds.
"""

import os
import random

import pytest

from evaluation.both_ways import MOMENT_S, from_facts, from_frames, shortened
from spamgate_tools.corpus.clean import CLEAN_KINDS
from spamgate_tools.corpus.clean_life import Line
from spamgate_tools.corpus.facts import DAY_S, REFUSED, SILENT, Home
from spamgate_tools.corpus.households import clean_home, home_of
from spamgate_tools.corpus.senders import SENDER_KINDS, sender_home
from spamgate_tools.evaluation.frames import frames_of

_RUNTIMES = ("cpython", "micropython")
_IS_LONG = bool(os.environ.get("SPAMGATE_LONG"))
_SEED = int(os.environ.get("SPAMGATE_SEED", "1"))
_SEEDS = range(_SEED, _SEED + (3 if _IS_LONG else 1))
_TOGETHER = 5  # clean kinds that share a home
_DAYS = 2.0 if _IS_LONG else 1.0
_ACTS = 150 if _IS_LONG else 40
_HISTORY_S = DAY_S if _IS_LONG else 3600.0
_LINES = {
    "ordinary": Line(),
    "listed": Line(is_listed=True),
    "silent": Line(port_25=SILENT),
    "reset": Line(port_25=REFUSED),
}


def _runtimes(number: int) -> tuple[str, ...]:
    return _RUNTIMES if _IS_LONG else (_RUNTIMES[number % 2],)


def _senders() -> list:
    kinds = enumerate(SENDER_KINDS)
    return [pytest.param(kind, runtime, id=f"{kind}-{runtime}") for n, kind in kinds for runtime in _runtimes(n)]


def _groups() -> list:
    """Clean kinds in groups, shuffled by the seed, so that another one makes other neighbours."""
    names = sorted(CLEAN_KINDS)
    random.Random(_SEED).shuffle(names)
    groups = [names[at : at + _TOGETHER] for at in range(0, len(names), _TOGETHER)]
    return [
        pytest.param(group, runtime, id=f"{'+'.join(group)}-{runtime}")
        for number, group in enumerate(groups)
        for runtime in _runtimes(number)
    ]


def _agree(home: Home, folder, runtime: str) -> None:
    facts, frames = from_facts(home), from_frames(home, folder, runtime)
    assert facts.verdicts == frames.verdicts
    assert facts.devices == frames.devices
    assert all(abs(one - other) < MOMENT_S for one, other in zip(facts.times, frames.times, strict=True))


@pytest.mark.parametrize(("kind", "runtime"), _senders())
def test_a_sender_is_judged_alike(kind, runtime, tmp_path):
    for seed in _SEEDS:
        _agree(shortened(sender_home(kind, seed), _HISTORY_S, _ACTS), tmp_path, runtime)


@pytest.mark.parametrize(("group", "runtime"), _groups())
def test_clean_devices_are_judged_alike(group, runtime, tmp_path):
    for seed in _SEEDS:
        home = home_of(tuple(CLEAN_KINDS[name] for name in group), seed, _DAYS)
        _agree(shortened(home, 0.0, 0), tmp_path, runtime)


@pytest.mark.parametrize("line", _LINES)
def test_a_whole_home_is_judged_alike_on_any_line(line, tmp_path):
    for seed in _SEEDS:
        kinds = tuple(CLEAN_KINDS[name] for name in ("legacy-laptop", "nas-25", "nas-mx", "monitor", "printer-25"))
        _agree(shortened(home_of(kinds, seed, _DAYS, _LINES[line]), 0.0, 0), tmp_path, "micropython")


def test_the_sample_holds_verdicts():
    """What agrees about nothing would prove nothing."""
    home = shortened(sender_home("mx-30", _SEED), _HISTORY_S, _ACTS)
    assert [what[2] for what in from_facts(home).verdicts][:2] == ["watched", "throttled"]


def test_frames_repeat_with_the_seed():
    home = clean_home(_SEED, 0.2)
    assert frames_of(home) == frames_of(home)
