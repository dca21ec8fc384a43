"""Virus throttle: who passes, who waits and for how long, and when the line is too long."""

from evaluation.method_homes import call, every, home_of, outcome
from spamgate_tools.corpus.facts import Call, Home
from spamgate_tools.evaluation.method import Flow
from spamgate_tools.evaluation.methods.throttle import Throttle


def _waits(calls: list[tuple[float, Call]], method: Throttle | None = None) -> list[float]:
    """Return for how long each connection is held up."""
    method = method or Throttle()
    method.begin(home_of(calls))
    return [
        method.opens(int(at_s * 1e6), Flow(number, 0, one, int(at_s * 1e6))) for number, (at_s, one) in enumerate(calls)
    ]


def test_five_hosts_are_known_and_the_rest_come_one_a_second():
    at_once = [(10.0, call(number)) for number in range(9)]
    assert _waits(at_once) == [0, 0, 0, 0, 0, 0, 1, 2, 3]


def test_known_hosts_never_wait():
    calls = [(0.0, call(number)) for number in range(5)]
    calls += [(1.0 + 0.01 * number, call(number % 5)) for number in range(1000)]
    assert set(_waits(calls)) == {0.0}


def test_connections_to_one_host_wait_together():
    calls = [(10.0, call(number)) for number in range(7)] + [(10.5, call(6)), (10.5, call(7))]
    assert _waits(calls)[-2:] == [0.5, 1.5]


def test_the_host_used_longest_ago_is_forgotten():
    calls = [(10.0, call(number)) for number in range(5)] + [(11.0, call(0)), (12.0, call(5)), (12.5, call(1))]
    assert _waits(calls) == [0, 0, 0, 0, 0, 0, 0, 0.5]
    assert _waits([*calls[:-1], (12.5, call(0))])[-1] == 0


def test_who_comes_out_of_line_is_known():
    calls = [(10.0, call(number)) for number in range(8)] + [(13.0, call(7))]
    assert _waits(calls)[-2:] == [2, 0]


def test_a_line_of_a_hundred_is_an_alarm():
    """7 hosts a second, as Rustock at 25,000 an hour: six more wait every second, so after 17 s there are a hundred.

    Five seconds into it the next in line waits longer than a mailer does: the first that is noted.
    """
    home = home_of(every(1 / 7, [call(number) for number in range(400)]))
    record = outcome(home, Throttle())
    assert record.acted_us is not None
    assert 10e6 + 5e6 < record.acted_us < 10e6 + 6e6
    assert 5 + 15 <= len(record.accepted_us) <= 5 + 17 + 1
    assert len(outcome(home, Throttle(queue=10**6)).accepted_us) > 40


def test_every_connection_in_line_counts():
    known = [(10.0, call(number)) for number in range(6)]
    waiting = [(10.1 + 0.001 * number, call(6)) for number in range(9)]
    assert outcome(home_of([*known, *waiting]), Throttle(queue=10)).acted_us is None
    assert outcome(home_of([*known, *waiting]), Throttle(queue=9)).acted_us is not None


def test_one_new_server_a_second_is_never_noticed():
    """3,600 an hour pass: what the throttle cannot see."""
    record = outcome(home_of(every(1.0, [call(number) for number in range(600)])), Throttle())
    assert record.acted_us is None
    assert len(record.accepted_us) == 600


def test_who_waits_longer_than_mailers_do_has_been_acted_against_but_is_not_cut_off():
    calls = [(10.0, call(number)) for number in range(50)]
    record = outcome(home_of(calls), Throttle())
    assert record.acted_us == 10000000
    assert len(record.accepted_us) == 5 + 1 + 30
    later: Home = home_of([*calls, (500.0, call(60))])
    assert len(outcome(later, Throttle()).accepted_us) == 5 + 1 + 30 + 1
