"""Every kind of sender does what it is said to do, in a run that nobody interferes with."""

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

import pytest
import shared_data

from spamgate_tools.corpus.clean_life import MIDNIGHT_S
from spamgate_tools.corpus.facts import DAY_S, MX, OPEN, Errand, Home, Letter, ProxyOpened, Question
from spamgate_tools.corpus.parameters import all_parameters
from spamgate_tools.corpus.senders import PORT_25, SENDER_KINDS, SUBMISSION, sender_home
from spamgate_tools.evaluation.ledger import HomeRecord
from spamgate_tools.evaluation.method import Flow, Method
from spamgate_tools.evaluation.runner import run_home

_SEEDS = (1, 2)
_CONTAINED = 5
_US = 1000000
_ON_25 = sorted(name for name, kind in SENDER_KINDS.items() if kind.wants == PORT_25)
_REFUSED = ("captured", "rejected-low", "rejected-high", "granted-server", "listed-line", "queue")


@dataclass
class Heard(Method):
    """Does nothing, and remembers what senders do once it counts."""

    flows: list[Flow] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    proxied_us: list[int] = field(default_factory=list)
    written: list[Letter] = field(default_factory=list)
    delivered_to: list[tuple[Flow, Letter]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def begin(self, home: Home) -> None:
        self._home = home
        self._from_us = int(home.counted_from_s * _US)

    def _is_meant(self, now_us: int, device: int) -> bool:
        return now_us >= self._from_us and self._home.residents[device].is_sender

    def asked(self, now_us: int, device: int, question: Question) -> None:
        if self._is_meant(now_us, device):
            self.questions.append(question)

    def proxy_opened(self, now_us: int, device: int, port: int) -> None:
        if self._is_meant(now_us, device):
            self.proxied_us.append(now_us)

    def opens(self, now_us: int, flow: Flow) -> float:
        if self._is_meant(now_us, flow.device) and any(letter.is_spam for letter in flow.call.letters):
            self.flows.append(flow)
        return super().opens(now_us, flow)

    def wrote(self, now_us: int, flow: Flow, letter: Letter) -> None:
        if letter.is_spam:
            self.written.append(letter)

    def delivered(self, now_us: int, flow: Flow, letter: Letter) -> None:
        if letter.is_spam and letter.is_accepted:
            self.delivered_to.append((flow, letter))


@cache
def _run(kind: str, seed: int = 1) -> tuple[Home, Heard, HomeRecord]:
    home, heard = sender_home(kind, seed), Heard()
    return home, heard, run_home(home, heard)


def _senders(home: Home) -> list[int]:
    return [number for number, resident in enumerate(home.residents) if resident.is_sender]


def _recipients(heard: Heard) -> list[tuple[str, int]]:
    return [(name, reply.code) for letter in heard.written for name, reply in letter.recipients]


# --- homes ------------------------------------------------------------------------------------------


def test_there_are_enough_kinds():
    assert len(SENDER_KINDS) >= 22
    assert sum(kind.is_adaptive for kind in SENDER_KINDS.values()) >= 2


def test_every_number_has_a_source():
    for kind in SENDER_KINDS.values():
        named = [row for row in all_parameters() if row.name == f"sender.{kind.name}.per_hour"]
        assert [row.value for row in named] == [kind.per_hour] and named[0].source


@pytest.mark.parametrize("kind", SENDER_KINDS)
def test_a_home_repeats(kind):
    first = sender_home(kind, 5)
    acts = list(first.plan())
    list(sender_home("mx-6", 4).plan())
    second = sender_home(kind, 5)
    assert acts == list(second.plan()) == list(first.plan())
    assert first.residents == second.residents
    assert acts != list(sender_home(kind, 6).plan())


@pytest.mark.parametrize("kind", SENDER_KINDS)
def test_a_home_is_in_order(kind):
    for seed in _SEEDS:
        home = sender_home(kind, seed)
        senders = set(_senders(home))
        acts = list(home.plan())
        times = [at_s for at_s, _, _ in acts]
        assert times == sorted(times) and times[-1] < home.seconds
        assert 2 <= len(home.residents) - len(senders) <= 4
        assert len(senders) == SENDER_KINDS[kind].devices
        spam = [item for item in acts if isinstance(item[2], Errand) and _is_spam(item[2])]
        assert 0 < len(spam) <= 2000
        assert {number for _, number, _ in spam} == senders
        assert spam[0][0] >= home.counted_from_s
        assert home.seconds - home.counted_from_s == SENDER_KINDS[kind].days * DAY_S
        assert all(at_s >= home.residents[number].joins_s for at_s, number, _ in acts)


def _is_spam(errand: Errand) -> bool:
    return any(letter.is_spam for calls in errand.tries for call in calls for letter in call.letters)


def test_half_of_the_devices_are_new():
    known = sum(sender_home("mx-30", seed).counted_from_s > 0 for seed in range(200))
    assert 70 < known < 130


# --- what all have in common ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", _ON_25)
def test_leaks_far_more_than_is_allowed(kind):
    for seed in _SEEDS:
        home, _, record = _run(kind, seed)
        assert sum(len(record.devices[number].accepted_us) for number in _senders(home)) > 2 * _CONTAINED
        assert all(device.acted_us is None for device in record.devices)


@pytest.mark.parametrize("kind", [kind for kind in _ON_25 if kind not in _REFUSED])
def test_servers_accept_everything(kind):
    for seed in _SEEDS:
        _, heard, _ = _run(kind, seed)
        assert {flow.call.outcome for flow in heard.flows} == {OPEN}
        assert {code for _, code in _recipients(heard)} == {250}
        assert len(heard.delivered_to) == sum(len(flow.call.letters) for flow in heard.flows)


@pytest.mark.parametrize("kind", _ON_25)
def test_pace(kind):
    """The middle wait between errands, of each device, is the stated one; campaigns are far apart."""
    sender = SENDER_KINDS[kind]
    waits: list[float] = []
    for seed in _SEEDS:
        home = sender_home(kind, seed)
        times: dict[int, list[float]] = {number: [] for number in _senders(home)}
        for at_s, number, act in home.plan():
            if isinstance(act, Errand) and _is_spam(act):
                times[number].append(at_s)
        for row in times.values():
            waits += [later - earlier for earlier, later in zip(row, row[1:], strict=False)]
    share = 1 if sender.guise_s else sender.devices
    middle_s = sorted(waits)[len(waits) // 2]
    # guesses that find nobody make no errand: half of the list, so two waits in one
    slack = 2.5 if kind == "address-only" else 1.3
    assert 0.6 < middle_s / (3600 / sender.per_hour * share) < slack


@pytest.mark.parametrize("kind", SENDER_KINDS)
def test_mx_is_asked_by_those_who_do(kind):
    _, heard, _ = _run(kind)
    asks = any(question.qtype == MX for question in heard.questions)
    sender = SENDER_KINDS[kind]
    assert asks == (sender.asks_mx and sender.asks_seen_dns)


@pytest.mark.parametrize("kind", [kind for kind in SENDER_KINDS if SENDER_KINDS[kind].wants == SUBMISSION])
def test_submission_leaves_port_25_alone(kind):
    home, heard, record = _run(kind)
    assert {flow.call.port for flow in heard.flows} == {587}
    assert all(record.devices[number].calls == 0 for number in _senders(home))
    assert heard.delivered_to


# --- each kind's own habit --------------------------------------------------------------------------


def test_fast_ones_overlap():
    starts = sorted(flow.opened_us for flow in _run("mx-25000")[1].flows)
    assert sum(later - earlier < _US for earlier, later in zip(starts, starts[1:], strict=False)) > len(starts) / 2


def test_captured_goes_as_the_capture_did():
    """Against the truth file: how many connections brought a HELO, were refused at RCPT, or came to the text."""
    data = shared_data.shared_data()
    if data is None:
        pytest.skip(shared_data.NOT_THERE)
    truth = json.loads((data / "pcap_spambot" / "spambot_2010-11-18_part1.truth.json").read_text())
    calls = helos = texts = 0
    for seed in range(1, 6):
        _, heard, _ = _run("captured", seed)
        calls += len(heard.flows)
        helos += sum(flow.call.outcome == OPEN and flow.call.banner.code < 400 for flow in heard.flows)
        texts += len(heard.delivered_to)
    assert helos / calls == pytest.approx(truth["smtp_commands"]["HELO"] / truth["smtp_connect_attempts"], abs=0.04)
    assert texts / calls == pytest.approx(truth["smtp_commands"]["DATA"] / truth["smtp_connect_attempts"], abs=0.04)


def test_address_only_guesses():
    _, heard, _ = _run("address-only")
    mail_names = [question for question in heard.questions if question.name.partition(".")[0] in ("mx", "mail", "smtp")]
    assert len(mail_names) > len(heard.flows)
    assert any(question.rcode for question in mail_names)


def test_orders_are_all_it_asks_for():
    home = sender_home("orders", 1)
    asked = [act for _, number, act in home.plan() if number in _senders(home) and isinstance(act, Question)]
    assert {question.name.partition(".")[2] for question in asked} == {"cdn-static.example"}
    assert all(
        not errand.questions
        for _, number, errand in home.plan()
        if isinstance(errand, Errand) and number in _senders(home)
    )


def test_doh_shows_nothing():
    home, heard, _ = _run("doh")
    assert not heard.questions
    assert [home.residents[number].asks_seen_dns for number in _senders(home)] == [False]


def test_own_resolver_asks_again_and_again():
    asked = Counter(question.name for question in _run("own-resolver")[1].questions if question.qtype == MX)
    assert asked and all(count % 3 == 0 for count in asked.values())


def test_ipv6_only():
    _, heard, _ = _run("ipv6")
    assert {len(flow.call.host.address) for flow in heard.flows} == {16}


def test_snowshoe_spreads():
    home, _, record = _run("snowshoe")
    calls = [record.devices[number].calls for number in _senders(home)]
    assert len(calls) == 5 and max(calls) < 2 * min(calls)


@pytest.mark.parametrize("kind, share, error", [("rejected-low", 0.02, 0.012), ("rejected-high", 0.35, 0.04)])
def test_rejections(kind, share, error):
    codes = [code for seed in _SEEDS for _, code in _recipients(_run(kind, seed)[1])]
    assert codes.count(550) / len(codes) == pytest.approx(share, abs=error)


def test_listed_line():
    """Seven servers in ten refuse, for the line and not for the recipient."""
    _, heard, _ = _run("listed-line")
    assert 0.15 < len(heard.delivered_to) / len(heard.flows) < 0.55
    assert 550 not in {reply.code for letter in heard.written for _, reply in letter.recipients if "5.1" in reply.text}


def test_impersonator():
    for flow in _run("impersonator")[1].flows:
        assert flow.call.letters[0].recipients[0][0].partition("@")[2] in flow.call.helo


def test_others_keep_their_helo():
    for seed in _SEEDS:
        assert len({flow.call.helo for flow in _run("mx-120", seed)[1].flows}) == 1


def test_sealed():
    assert all(flow.call.starts_tls for flow in _run("sealed")[1].flows)


def test_bulk():
    assert {len(flow.call.letters) for flow in _run("many-letters")[1].flows} == {50}
    assert {len(letter.recipients) for letter in _run("many-recipients")[1].written} == {100}


def test_one_provider():
    for seed in _SEEDS:
        assert len({flow.call.host.address for flow in _run("one-provider", seed)[1].flows}) == 1


def test_queue_comes_back():
    _, heard, _ = _run("queue")
    per_letter = Counter(letter.recipients[0][0] for letter in heard.written)
    again = sum(count == 2 for count in per_letter.values())
    assert again / len(per_letter) == pytest.approx(0.3, abs=0.08)
    assert len(heard.delivered_to) == len(per_letter)


def test_proxy_is_opened_before_each_connection():
    home = sender_home("open-proxy", 1)
    opened = [at_s for at_s, _, act in home.plan() if isinstance(act, ProxyOpened)]
    mailed = [at_s for at_s, number, act in home.plan() if isinstance(act, Errand) and _is_spam(act)]
    assert len(opened) >= len(mailed)
    assert all(any(0 < at_s - earlier <= 3 for earlier in opened) for at_s in mailed)
    assert 2 <= len({flow.call.helo for flow in _run("open-proxy")[1].flows}) <= 4


def test_after_60_days_has_a_past():
    home = sender_home("after-60-days", 1)
    ports: Counter[int] = Counter()
    for at_s, number, act in home.plan():
        if number in _senders(home) and isinstance(act, Errand) and act.tries and at_s < home.counted_from_s:
            ports[act.tries[0][0].port] += 1
    assert home.counted_from_s == 60 * DAY_S
    assert ports[25] >= 5 and ports[587] + ports[465] >= 5


def test_mail_goes_on_beside_the_bot():
    _, _, record = _run("beside-client")
    home = sender_home("beside-client", 1)
    clean = [
        act
        for at_s, number, act in home.plan()
        if number in _senders(home) and isinstance(act, Errand) and not _is_spam(act) and at_s > home.counted_from_s
    ]
    assert clean and all(call.port in (465, 587) for act in clean for call in act.tries[0])
    assert all(not record.devices[number].endings for number in _senders(home))


def test_mimic_keeps_office_hours():
    _, heard, _ = _run("mimic")
    hours = {(flow.opened_us // _US - MIDNIGHT_S) % DAY_S // 3600 for flow in heard.flows}
    assert hours <= set(range(9, 17))
    assert len({flow.call.helo for flow in heard.flows}) == 1
    assert len({letter.sender for letter in heard.written}) == 1


def test_rotator_has_new_macs():
    home, _, record = _run("mac-rotator")
    joins = [home.residents[number].joins_s for number in _senders(home)]
    assert joins == sorted(set(joins))
    assert {record.devices[number].calls for number in _senders(home)} == {3}


def test_granted_server_counts_only_its_spam():
    home, heard, record = _run("granted-server")
    number = _senders(home)[0]
    assert home.residents[number].is_granted
    assert len(record.devices[number].accepted_us) == len(heard.delivered_to)
    helos = {flow.call.helo for flow in heard.flows}
    assert helos == {"mail.family.example"}


def test_slow():
    _, _, record = _run("slow")
    assert max(device.most_in_a_day() for device in record.devices) <= 30


# --- those who know the rules -----------------------------------------------------------------------


def test_groomer_waits():
    """Contained on its first day, by its own will; after it nothing holds it back."""
    home, _, record = _run("adaptive-groomer")
    accepted = record.devices[_senders(home)[0]].accepted_us
    first = [at_us for at_us in accepted if at_us - accepted[0] < 25 * 3600 * _US - 5 * _US]
    assert len(first) == 4 and len(accepted) > 200
    assert len({flow.call.host.address for flow in _run("adaptive-groomer")[1].flows}) == 1


def test_accountant_stays_below():
    home, heard, record = _run("adaptive-accountant")
    accepted = record.devices[_senders(home)[0]].accepted_us
    days = Counter((at_us - accepted[0] + 300 * _US) // ((DAY_S + 600) * _US) for at_us in accepted)
    assert set(days.values()) == {19}
    assert len({flow.call.host.address for flow in heard.flows}) == 4
    assert all(len(letter.recipients) == 1 for letter in heard.written)


def test_login_on_25():
    flows = _run("adaptive-login")[1].flows
    assert {(flow.call.port, flow.call.login) for flow in flows} == {(25, True)}
    assert len({flow.call.host.address for flow in flows}) == 1
