"""Ours in homes made by hand: what the router's rules make of the engine's verdicts, held against the plane itself."""

import pickle
from dataclasses import replace
from types import SimpleNamespace

import pytest

from evaluation.method_homes import KNOWN, asks_mx, call, every, home_of, letter, outcome, server
from spamgate.core import evidence
from spamgate.core.evidence import WEIGHTS
from spamgate.core.router_limits import RouterLimits
from spamgate.core.score import H1, H2, H3
from spamgate.core.states import NORMAL, QUARANTINED, THROTTLED
from spamgate.plane.linux import LinuxPlane
from spamgate.store.settings import read_settings
from spamgate_tools.corpus.facts import DAY_S, UNKNOWN, Call, Errand, Home, Letter, Question, Resident
from spamgate_tools.evaluation import router
from spamgate_tools.evaluation.method import LATER, PASS, Flow
from spamgate_tools.evaluation.methods.spamgate import SpamgateMethod, scaled, sweep
from spamgate_tools.evaluation.runner import run_home

_US = 1000000
_REFILL_S = 17280  # a day over five


def _bot(count: int, every_s: float, habits: dict | None = None, **said) -> Home:
    """One that asks MX and mails somebody new each time."""
    calls = every(every_s, [call(number, **said) for number in range(count)])
    questions = [(at_s - 1, asks_mx(number)) for number, (at_s, _) in enumerate(calls)]
    return home_of(calls, questions, **(habits or {}))


def test_the_rules_are_those_of_the_gateway():
    settings = read_settings('{"lan": ["br-lan"]}')
    kept = (router.BUDGET_PER_DAY, router.NORMAL_PER_MINUTE, router.NORMAL_BURST)
    assert kept == (settings.budget_per_day, settings.normal_per_minute, settings.normal_burst)


@pytest.mark.parametrize("leaked", [0, 1, 3, 5, 80])
def test_the_first_day_pays_for_what_leaked_as_the_plane_has_it(leaked):
    counters = SimpleNamespace(get_smtp=lambda *what: leaked)
    contacts = SimpleNamespace(has_any_past=lambda *what: True)
    engine = SimpleNamespace(counters=counters, contacts=contacts, now_s=0)
    plane = SimpleNamespace(_settings=SimpleNamespace(budget_per_day=5), _engine=engine)
    refill_s = LinuxPlane._refill_s(plane, 1)
    rules = router.Router()
    rules.empty_budget(100.0, 1, leaked)
    assert not rules.passes(100.0 + refill_s - 1, 1, THROTTLED, 0, b"abcd")
    assert rules.passes(100.0 + refill_s, 1, THROTTLED, 0, b"abcd")


def test_a_throttled_device_has_one_connection_each_refill():
    rules = router.Router()
    rules.empty_budget(0.0, 1, 1)
    passed = [at_s for at_s in range(0, DAY_S + 1, 60) if rules.passes(float(at_s), 1, THROTTLED, 0, b"abcd")]
    assert passed == [_REFILL_S * number for number in range(1, 6)]


def test_a_past_passes_a_throttle_and_no_quarantine():
    rules = router.Router()
    rules.empty_budget(0.0, 1, 1)
    rules.has_past(0.0, 1, b"abcd")
    assert rules.passes(1.0, 1, THROTTLED, 0, b"abcd")
    assert not rules.passes(1.0, 1, THROTTLED, 0, b"abce")
    assert not rules.passes(1.0, 1, QUARANTINED, 0, b"abcd")


def test_nobody_mails_faster_than_the_pace():
    rules = router.Router()
    passed = sum(rules.passes(0.01 * number, 1, NORMAL, 0, b"abcd") for number in range(1000))
    assert passed == router.NORMAL_BURST + 9  # and one a second


def test_newcomers_have_no_budget_while_a_swarm_mails():
    rules = router.Router()
    rules.be_strict(0.0, [1])
    assert rules.passes(1.0, 1, NORMAL, 0, b"abcd")
    assert not rules.passes(1.0, 2, NORMAL, 0, b"abcd")
    assert rules.passes(DAY_S + 1.0, 2, NORMAL, 0, b"abcd")


def test_a_bot_is_stopped_at_its_second_provider_and_then_has_one_message_a_day():
    record = outcome(_bot(400, 600.0), SpamgateMethod())
    assert record.calls_before == 2
    assert record.accepted_before == 1
    assert len(record.accepted_us) == 1 + int(400 * 600 / DAY_S)
    assert record.most_in_a_day() == 1


def test_monitor_only_decides_the_same_and_stops_nothing():
    home = _bot(20, 600.0)
    silent = SpamgateMethod(enforces=False)
    assert outcome(home, SpamgateMethod()).acted_us is not None
    record = outcome(home, silent)
    assert len(record.accepted_us) == 20
    assert record.acted_us is None
    assert silent.engine.devices.state[1] in (THROTTLED, QUARANTINED)


def test_who_is_granted_mails_on():
    record = outcome(_bot(20, 600.0, {"is_granted": True}), SpamgateMethod())
    assert len(record.accepted_us) == 20
    assert record.acted_us is None


def test_other_ports_are_never_stopped():
    method = SpamgateMethod()
    home = _bot(20, 60.0)
    run_home(home, method)
    flow = Flow(0, 0, replace(call(500), port=587), 0)
    assert method.engine.devices.state[1] in (THROTTLED, QUARANTINED)
    assert method.opens(int(home.seconds * _US), flow) == PASS
    assert method.opens(int(home.seconds * _US), Flow(1, 0, call(501), 0)) == LATER


@pytest.mark.parametrize("tls", [False, True])
def test_within_the_budget_a_connection_has_one_message(tls):
    """A bot that says ten on each: none of them but one passes once it is throttled."""
    home = _bot(40, 3600.0, letters=10, tls=tls)
    method = SpamgateMethod()
    record = outcome(home, method)
    late = [at_us for at_us in record.accepted_us if at_us > record.acted_us]
    assert late
    gaps = [after - before for before, after in zip([record.acted_us, *late], late, strict=False)]
    assert min(gaps) >= DAY_S * _US


def test_quarantine_cuts_what_goes_on():
    """Unknown users at many providers: proof.  What goes on then ends before the next message."""
    refused = (("nobody@else.example", UNKNOWN), KNOWN)
    spam = Letter("me@home.example", refused, is_spam=True)
    calls = [Call(server(number), letters=(spam,) * 50, helo=f"host{number}.example") for number in range(5)]
    weights = [0] * len(WEIGHTS)
    for kind in (evidence.UNKNOWN_USER, evidence.MANY_UNKNOWN_USERS, evidence.HELO_CHANGES):
        weights[kind] = H3
    method = SpamgateMethod(weights=weights)
    questions = [(9.5, asks_mx(number)) for number in range(5)]
    record = outcome(home_of([(10.0 + number / 100, one) for number, one in enumerate(calls)], questions), method)
    assert method.engine.devices.state[1] == QUARANTINED
    assert len(record.accepted_us) < 40


def test_a_relay_with_a_past_serves_a_throttled_device():
    """It mailed its relay for a week before it was infected: its owner's mail still passes."""
    relay = server(60000)
    asks = Question(relay.name, 1, hosts=(relay,))
    report = Call(relay, letters=(letter(False),))
    reports = [(60.0 + DAY_S / 2 * number, 0, Errand((asks,), ((report,),))) for number in range(24)]
    spam = [(7 * DAY_S + 600.0 * n, 0, Errand((asks_mx(n),), ((call(n),),))) for n in range(20)]
    acts = sorted([*reports, *spam], key=lambda act: act[0])
    home = Home("hand-made", 1, 13.0 * DAY_S, (Resident("camera", "camera", is_sender=True),), lambda: iter(acts))
    method = SpamgateMethod()
    record = run_home(home, method).devices[0]
    assert record.acted_us is not None
    assert len([1 for _, _, act in reports]) == _taken(home, relay.address)


def _taken(home: Home, address: bytes) -> int:
    """Return how many messages a server takes under ours."""

    class Counting(SpamgateMethod):
        taken = 0

        def delivered(self, now_us, flow, letter):
            self.taken += flow.call.host.address == address and letter.is_accepted
            super().delivered(now_us, flow, letter)

    method = Counting()
    run_home(home, method)
    return method.taken


def test_weights_and_thresholds_may_be_others():
    home = _bot(20, 600.0)
    assert outcome(home, SpamgateMethod(weights=[0] * len(WEIGHTS))).acted_us is None
    assert outcome(home, SpamgateMethod(thresholds=scaled(9.0))).acted_us is None
    assert outcome(home, SpamgateMethod(thresholds=scaled(0.25))).calls_before == 1
    assert scaled(1.0) == (H1, H2, H3)
    assert outcome(home, SpamgateMethod(limits=RouterLimits())).calls_before == 2


def test_its_settings_can_be_sent_and_repeat():
    home = _bot(30, 300.0)
    for _, factory in sweep():
        sent = pickle.loads(pickle.dumps(factory))
        assert run_home(home, sent()) == run_home(home, factory())
