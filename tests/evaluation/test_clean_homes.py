"""Clean homes: the same for the same seed, as mixed as they say; and nobody meddling, all mail that can arrive does."""

import ast
import hashlib
import os
import subprocess
import sys
from collections import Counter
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from spamgate_tools.corpus import clean
from spamgate_tools.corpus.clean import CLEAN_KINDS
from spamgate_tools.corpus.clean_life import Line
from spamgate_tools.corpus.facts import DAY_S, MX, OPEN, SILENT, Call, Errand, Home, Question
from spamgate_tools.corpus.households import clean_home, home_of
from spamgate_tools.corpus.internet import Internet
from spamgate_tools.corpus.parameters import all_parameters
from spamgate_tools.evaluation.method import Method
from spamgate_tools.evaluation.methods import METHODS
from spamgate_tools.evaluation.runner import run_home
from spamgate_tools.sample.world import Dice

_DAYS = 5.0
_SEEDS = range(6)
_NOBODYS = [ip_network(net) for net in ("198.18.0.0/15", "198.51.100.0/24", "192.0.2.0/24", "203.0.113.0/24")]
_NOBODYS += [ip_network(net) for net in ("240.0.0.0/4", "2001:db8::/32", "3fff::/20")]
_PROBE_25 = ("account-setup", "tinkerer")  # they touch port 25 by the way, and do not count among its users


def _digest(home: Home) -> str:
    text = repr((home.kind, home.residents, list(home.plan())))
    return hashlib.sha256(text.encode()).hexdigest()


def _errands(home: Home) -> list[tuple[float, int, Errand]]:
    return [(at_s, device, act) for at_s, device, act in home.plan() if isinstance(act, Errand)]


def _calls(home: Home) -> list[tuple[int, Call]]:
    return [(device, call) for _, device, errand in _errands(home) for calls in errand.tries for call in calls]


# --- the same again ------------------------------------------------------------------------------


def test_a_seed_gives_the_same_home_whatever_was_made_before():
    first = _digest(clean_home(3, _DAYS))
    list(clean_home(8, 1.0).plan())
    home = clean_home(3, _DAYS)
    assert (_digest(home), _digest(home)) == (first, first)
    assert _digest(clean_home(4, _DAYS)) != first


def test_a_seed_gives_the_same_home_in_another_process():
    """The order of hashes is another one there."""
    program = (
        "import hashlib; from spamgate_tools.corpus.households import clean_home; home = clean_home(5, 2.0);"
        "print(hashlib.sha256(repr((home.kind, home.residents, list(home.plan()))).encode()).hexdigest())"
    )
    for hash_seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        run = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert run.stdout.strip() == _digest(clean_home(5, 2.0))


@pytest.mark.parametrize("seed", _SEEDS)
def test_plans_go_forward_and_nobody_acts_before_joining(seed):
    home = clean_home(seed, _DAYS)
    last_s = 0.0
    for at_s, device, _ in home.plan():
        assert last_s <= at_s < home.seconds
        assert at_s >= home.residents[device].joins_s
        last_s = at_s


# --- who lives there ------------------------------------------------------------------------------


def test_every_kind_occurs_and_kinds_that_mail_are_many():
    homes = [clean_home(seed, _DAYS) for seed in range(500)]
    days: Counter[str] = Counter()
    for home in homes:
        assert 8 <= len(home.residents) <= 14
        for resident in home.residents:
            days[resident.kind] += int(home.seconds - resident.joins_s)
    assert set(days) == set(CLEAN_KINDS)
    total = sum(days.values())
    mailing = sum(count for kind, count in days.items() if CLEAN_KINDS[kind].speaks_smtp)
    by_25 = sum(count for kind, count in days.items() if CLEAN_KINDS[kind].uses_25)
    apart = sum(count for kind, count in days.items() if CLEAN_KINDS[kind].is_reported_apart)
    assert mailing > total / 3
    assert by_25 > total / 4
    assert apart < total / 50
    odd = Counter(home.kind for home in homes)
    assert odd["clean"] > len(homes) / 2
    assert all(any(part in kind for kind in odd) for part in ("listed line", "port 25 blocked", "unseen DNS"))


def test_some_join_while_it_is_counted_and_some_homes_are_set_up_on_one_day():
    joined = [
        [resident.joins_s for resident in clean_home(seed, 10).residents if resident.joins_s] for seed in range(200)
    ]
    assert 100 < sum(map(len, joined)) < 600
    assert any(len(times) > 3 and max(times) - min(times) < DAY_S / 4 for times in joined)


def test_a_home_of_some_kinds_only():
    only = {"phone", "nas-25", "monitor"}
    assert {resident.kind for seed in range(9) for resident in clean_home(seed, 1, only).residents} == only


@pytest.mark.parametrize("name", CLEAN_KINDS)
def test_a_kind_does_what_it_says(name):
    kind = CLEAN_KINDS[name]
    homes = [home_of((kind,), seed, 10) for seed in range(4)]
    assert all(next(home.plan(), None) for home in homes if not home.residents[0].joins_s) or not kind.asks_seen_dns
    ports = {call.port for home in homes for _, call in _calls(home)}
    if name not in _PROBE_25:
        assert (25 in ports) == kind.uses_25
    assert bool(ports & {465, 587}) <= (587 in kind.ports)
    assert not any(letter.is_spam for home in homes for _, call in _calls(home) for letter in call.letters)
    resident = homes[0].residents[0]
    assert (resident.uses_25, resident.is_granted, resident.is_sender) == (kind.uses_25, kind.is_granted, False)


# --- the line --------------------------------------------------------------------------------------


def _kinds(*names: str) -> tuple:
    return tuple(CLEAN_KINDS[name] for name in names)


def test_a_blocked_line_lets_the_providers_own_relay_through():
    home = home_of(_kinds("nas-25", "nas-mx", "cron-mx", "camera-25", "legacy-laptop"), 1, 10, Line(port_25=SILENT))
    calls = [call for _, call in _calls(home) if call.port == 25]
    assert {call.outcome for call in calls if "homeprovider" not in call.host.name} == {SILENT}
    own = {call.outcome for call in calls if "homeprovider" in call.host.name}
    assert OPEN in own


def test_a_listed_line_is_turned_away_by_policy():
    home = home_of(_kinds("nas-mx", "cron-mx", "ups-mx", "inverter", "mail-server"), 2, 10, Line(is_listed=True))
    said = {call.banner.text for _, call in _calls(home)}
    said |= {reply.text for _, call in _calls(home) for letter in call.letters for _, reply in letter.recipients}
    assert any(text.startswith("5.7.1") for text in said)
    assert any(text.startswith("4.7.0") for text in said)


def test_unseen_dns_is_unseen():
    home = home_of(_kinds("laptop", "nas-mx", "phone"), 3, 5, Line(is_seen_dns=False))
    assert not any(isinstance(act, Question) for _, _, act in home.plan())
    assert not any(question.is_seen for _, _, errand in _errands(home) for question in errand.questions)


# --- mail arrives ----------------------------------------------------------------------------------


def _is_mail(errand: Errand) -> bool:
    return any(call.letters for calls in errand.tries for call in calls)


def _should_arrive(errand: Errand) -> bool:
    """Is the last contact made, and does somebody there listen who takes it all, after nobody who refuses for good?"""
    if len(errand.tries) > len(errand.retry_s) + 1:
        return False
    calls = [call for call in errand.tries[-1] if call.outcome == OPEN]
    if not calls or calls[0].banner.code >= 400:
        return False
    codes = [reply.code for letter in calls[0].letters for _, reply in (*letter.recipients, ("", letter.reply))]
    return all(code < 400 or code >= 500 for code in codes)


@pytest.mark.parametrize("seed", _SEEDS)
def test_all_mail_that_should_arrive_arrives(seed):
    home = clean_home(seed, _DAYS)
    record = run_home(home, Method())
    errands = [errand for _, _, errand in _errands(home)]
    endings = {number: ending for device in record.devices for number, ending in device.endings.items()}
    mails = [number for number, errand in enumerate(errands, 1) if _is_mail(errand)]
    wanting = [number for number in mails if _should_arrive(errands[number - 1])]
    assert len(wanting) > len(mails) / 2
    assert [number for number in wanting if endings[number].done_us is None] == []


def test_most_is_sent_within_a_minute_and_some_takes_hours():
    """Greylisting, dead servers and lines that fail are in it."""
    waits_s = []
    for seed in range(20):
        home = clean_home(seed, _DAYS)
        record = run_home(home, Method())
        starts = dict(enumerate((at_s for at_s, _, _ in _errands(home)), 1))
        for device in record.devices:
            waits_s += [ending.done_us / 1e6 - starts[n] for n, ending in device.endings.items() if ending.done_us]
    assert sum(wait_s < 60 for wait_s in waits_s) > 0.9 * len(waits_s)
    assert sum(wait_s > 3600 for wait_s in waits_s) > 3


def test_the_simplest_rules_are_wrong_somewhere():
    """A corpus in which nobody is ever wronged would prove nothing."""
    wronged = Counter()
    for seed in range(20):
        home = clean_home(seed, _DAYS)
        for name in ("mx_rule", "many_mails"):
            record = run_home(home, METHODS[name].factory())
            wronged[name] += sum(device.acted_us is not None for device in record.devices)
    assert min(wronged[name] for name in ("mx_rule", "many_mails")) > 0


# --- nobody's addresses ----------------------------------------------------------------------------


def _is_nobodys(address: bytes) -> bool:
    found = ip_address(address)
    return any(found.version == net.version and found in net for net in _NOBODYS)


def test_nothing_touches_real_addresses():
    for seed in _SEEDS:
        for _, _, act in clean_home(seed, _DAYS).plan():
            questions = act.questions if isinstance(act, Errand) else [act] if isinstance(act, Question) else []
            hosts = [host for question in questions for host in question.hosts]
            if isinstance(act, Errand):
                hosts += [call.host for calls in act.tries for call in calls]
            for host in hosts:
                assert _is_nobodys(host.address)
                assert host.name == "" or host.name.endswith(".example")


def test_domains_are_unrelated():
    internet = Internet(Dice(1))
    domains = [internet.domain(hosts=1 + number % 2, dual=number % 3 == 0) for number in range(3000)]
    networks = {host.address[: 3 if len(host.address) == 4 else 6] for domain in domains for host in domain.exchanges}
    assert len(networks) == 4000
    assert len({domain.name for domain in domains}) == 3000
    larges = {host.address[:3] for large in internet.larges for host in large.exchanges if len(host.address) == 4}
    assert not networks & larges


def test_large_providers_are_met_by_their_shares():
    internet = Internet(Dice(2))
    met = Counter(internet.large(Dice(seed)).name for seed in range(4000))
    first, second = (count for _, count in met.most_common(2))
    assert 0.33 < first / 4000 < 0.43
    assert 0.2 < second / 4000 < 0.3
    assert len(met) == len(internet.larges)


def test_asking_gives_what_is_called():
    internet = Internet(Dice(3))
    domain = internet.domain(hosts=2, dual=True)
    mx, fourth, sixth = internet.ask_mx(domain)
    assert (mx.qtype, mx.hosts) == (MX, domain.exchanges)
    assert (fourth.name, sixth.name) == (domain.first.name, domain.first.name)
    assert (*fourth.hosts, *sixth.hosts) == domain.exchanges[:2]
    assert internet.relay("isp") == internet.relay("isp")


def test_every_chance_is_a_parameter_with_a_source():
    """What is drawn by a number written on the spot would not be shown with its source."""
    drawn = ("chance", "between", "seldom", "awake", "steadily", "nights", "browse", "call_home", "start_browser")
    for path in Path(clean.__file__).parent.glob("clean_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in drawn:
                numbers = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
                assert all(number in (0, 1, 2, 3, 3600) for number in numbers), f"{path.name}:{node.lineno}"


def test_what_is_assumed_has_a_reason():
    assert len(all_parameters()) > 150
    for parameter in all_parameters():
        assert len(parameter.source) > len("assumed: "), parameter.name
