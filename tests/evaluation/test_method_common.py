"""What holds of every detector of the literature: whom it leaves alone, and that it can be sent and repeated."""

import pickle

import pytest

from evaluation.method_homes import asks_mx, call, every, home_of, outcome
from spamgate_tools.corpus.facts import OPEN, REFUSED, Errand, Home
from spamgate_tools.evaluation.methods import METHODS

_LITERATURE = (
    "spot",
    "spot_theta",
    "random_walk",
    "throttle",
    "mx_rule",
    "many_servers",
    "many_mails",
    "block_25",
)
_WITHOUT_SETTINGS = ("none", "block_25")


def _flagrant(port: int = 25, **habits) -> Home:
    """A device that every one of them must find: it asks MX, and mails spam everywhere at once; most are not there."""
    calls = [call(number, outcome=REFUSED if number % 5 else OPEN, port=port) for number in range(500)]
    return home_of(every(0.05, calls), [(1.0, asks_mx(1))], **habits)


@pytest.mark.parametrize("name", _LITERATURE)
def test_finds_what_cannot_be_missed(name):
    home = _flagrant()
    assert outcome(home, METHODS["none"].factory()).acted_us is None
    record = outcome(home, METHODS[name].factory())
    assert record.acted_us is not None
    assert len(record.accepted_us) < 50
    held_s = (
        31 if name == "throttle" else 1
    )  # what had begun its text may end it, and who waits for less than 30 s passes
    assert record.accepted_us == [at_us for at_us in record.accepted_us if at_us < record.acted_us + held_s * 1000000]


@pytest.mark.parametrize("name", _LITERATURE)
def test_leaves_alone_whom_the_owner_has_granted(name):
    record = outcome(_flagrant(is_granted=True), METHODS[name].factory())
    assert record.acted_us is None
    assert len(record.accepted_us) == 100


@pytest.mark.parametrize("name", _LITERATURE)
def test_never_touches_submission(name):
    record = outcome(_flagrant(port=587), METHODS[name].factory())
    assert record.acted_us is None


@pytest.mark.parametrize("name", _LITERATURE)
def test_who_is_cut_off_still_hands_in_mail_at_its_provider(name):
    flagrant = _flagrant()
    acts = [*flagrant.plan(), (1000.0, 0, Errand(tries=((call(7, 3, port=587),),)))]
    method = METHODS[name].factory()
    record = outcome(Home("hand-made", 1, 5000.0, flagrant.residents, lambda: iter(acts)), method)
    assert method.acted_us and record.endings[len(acts) - 1].done_us is not None


@pytest.mark.parametrize("name", _LITERATURE)
def test_cuts_only_the_device_it_has_convicted(name):
    guilty, innocent = _flagrant(), home_of([(5.0, call(60000, is_spam=False, port=587)), (100.0, call(60001, 0))])
    acts = sorted(
        [*guilty.plan(), *((at_s, 1, act) for at_s, _, act in innocent.plan())],
        key=lambda act: act[0],
    )
    residents = (guilty.residents[0], innocent.residents[0])
    both = Home("hand-made", 1, guilty.seconds, residents, lambda: iter(acts))
    method = METHODS[name].factory()
    outcome(both, method)
    assert set(method.acted_us) == ({0, 1} if name == "block_25" else {0})


def test_every_detector_says_who_it_is():
    for name, entry in METHODS.items():
        assert entry.name == name
        assert entry.title and entry.citation
        assert entry.factory().name == name
        assert entry.published in [label for label, _ in entry.sweep()]
        assert all(parameter.source for parameter in entry.parameters)


def test_sweeps_have_points_enough_for_a_curve():
    for name in _LITERATURE:
        labels = [label for label, _ in METHODS[name].sweep()]
        assert len(labels) == len(set(labels))
        assert len(labels) == 1 if name in _WITHOUT_SETTINGS else 8 <= len(labels) <= 15


@pytest.mark.parametrize("name", _LITERATURE)
def test_the_published_setting_is_what_the_factory_makes(name):
    entry = METHODS[name]
    swept = dict(entry.sweep())[entry.published]
    assert outcome(_flagrant(), swept()) == outcome(_flagrant(), entry.factory())


@pytest.mark.parametrize("name", _LITERATURE)
def test_factories_go_to_other_processes_and_say_the_same_there(name):
    for _, factory in METHODS[name].sweep():
        sent = pickle.loads(pickle.dumps(factory))
        assert outcome(_flagrant(), sent()) == outcome(_flagrant(), factory())
