"""The plain rules: MX queries, many servers, many mails, and port 25 closed to all."""

from evaluation.method_homes import asks_mx, call, every, home_of, outcome
from spamgate_tools.corpus.facts import MX, A, Question
from spamgate_tools.evaluation.methods.block_25 import BlockAll
from spamgate_tools.evaluation.methods.many_mails import ManyMails
from spamgate_tools.evaluation.methods.many_servers import ManyServers
from spamgate_tools.evaluation.methods.mx_rule import MxRule

# --- MX-query rule -------------------------------------------------------------------------------


def test_one_mx_query_is_enough_within_a_single_mailing_attempt():
    record = outcome(home_of([(20.0, call(1))], [(19.0, asks_mx(1))]), MxRule())
    assert (record.acted_us, record.calls_before, record.accepted_us) == (20000000, 1, [])


def test_asking_for_others_is_not_mailing():
    record = outcome(home_of([(99.0, call(1, port=587))], [(1.0 * n, asks_mx(n)) for n in range(90)]), MxRule())
    assert record.acted_us is None


def test_who_asks_for_addresses_only_or_out_of_sight_is_not_found():
    questions = [(1.0, Question("mx1.example", A)), (2.0, Question("domain.example", MX, is_seen=False))]
    record = outcome(home_of(every(9.0, [call(number) for number in range(30)]), questions), MxRule())
    assert record.acted_us is None
    assert len(record.accepted_us) == 30


def test_a_query_after_the_mail_counts_for_the_next():
    record = outcome(home_of([(10.0, call(1)), (30.0, call(2))], [(20.0, asks_mx(2))]), MxRule())
    assert (record.calls_before, len(record.accepted_us)) == (2, 1)


def test_more_domains_than_one_are_counted_within_the_window():
    calls = [(100000.0, call(1))]
    same = [(1000.0 * number, asks_mx(1)) for number in range(90)]
    assert outcome(home_of(calls, same), MxRule(2, 86400.0)).acted_us is None
    apart = [(10000.0, asks_mx(1)), (10000.0 + 86401, asks_mx(2))]
    assert outcome(home_of(calls, apart), MxRule(2, 86400.0)).acted_us is None
    stale = [(10000.0, asks_mx(1)), (10001.0, asks_mx(2)), (90000.0, asks_mx(1)), (99999.0, asks_mx(3))]
    assert outcome(home_of(calls, stale), MxRule(3, 86400.0)).acted_us is None
    assert outcome(home_of(calls, stale), MxRule(2, 86400.0)).acted_us is not None
    near = [(10000.0, asks_mx(1)), (10000.0 + 86399, asks_mx(2))]
    assert outcome(home_of(calls, near), MxRule(2, 86400.0)).acted_us == 100000000000


# --- counting servers, counting mails -------------------------------------------------------------


def test_the_tenth_server_in_two_minutes_is_not_reached():
    record = outcome(home_of(every(13.0, [call(number) for number in range(20)])), ManyServers())
    assert (record.calls_before, len(record.accepted_us)) == (10, 9)


def test_nine_servers_in_two_minutes_pass_for_ever():
    record = outcome(home_of(every(13.5, [call(number) for number in range(500)])), ManyServers())
    assert record.acted_us is None


def test_the_same_server_counts_once():
    calls = every(0.5, [call(number % 9) for number in range(900)])
    assert outcome(home_of(calls), ManyServers()).acted_us is None


def test_many_mails_on_one_connection_are_seen_by_who_counts_mails():
    home = home_of([(10.0, call(1, letters=50))])
    assert outcome(home, ManyServers()).acted_us is None
    record = outcome(home, ManyMails())
    assert (record.calls_before, len(record.accepted_us)) == (1, 9)


def test_ten_mails_in_two_minutes_whoever_takes_them():
    record = outcome(home_of(every(13.0, [call(1) for _ in range(20)])), ManyMails())
    assert (record.calls_before, len(record.accepted_us)) == (10, 9)
    assert outcome(home_of(every(13.5, [call(1) for _ in range(500)])), ManyMails()).acted_us is None


# --- the switch -----------------------------------------------------------------------------------


def test_the_switch_lets_nothing_out_and_spares_nobody():
    record = outcome(home_of([(10.0, call(1, is_spam=False)), (20.0, call(1))]), BlockAll())
    assert (record.acted_us, record.calls_before, record.accepted_us) == (10000000, 1, [])
