"""Bots of different habits, each in a home with others: who is named, how early, and that nobody else pays.

Contained means: at most five messages accepted before the verdict.  One that asks for mail servers by MX, as most do,
is throttled before its third connection.
"""

import pytest

from scenario.stage import (
    DAY_S,
    HOUR_S,
    MINUTE_S,
    TXT,
    Mailing,
    Outcome,
    Stage,
    ask_elsewhere,
    ask_host,
    ask_nothing,
    ask_over_tcp,
    browse,
    campaign,
    deliver,
    mac_text,
    mail,
    submit,
)
from spamgate_tools.sample import messages
from spamgate_tools.sample.network import Device, v4

_MOST_ACCEPTED = 5


def _is_contained(outcome: Outcome, bot: Device, connects: int = 2) -> None:
    verdict = outcome.verdict(bot)
    assert verdict["messages_accepted"] <= _MOST_ACCEPTED, outcome.story()
    assert verdict["smtp_connects"] <= connects, outcome.story()
    assert verdict["name"] == bot.name
    assert outcome.above_watched() == {mac_text(bot)}, outcome.story()
    summary = outcome.device(bot)
    assert summary["name"] == bot.name
    assert summary["addresses"][0] == ".".join(str(byte) for byte in bot.station.address)
    assert summary["smtp"]["connects"] == bot.tally.smtp.connects


def _scene(every_s: float, count: int, hours: int = 1, mailing: Mailing | None = None) -> tuple[Stage, Device]:
    """A home in which a stick mails so many domains at this pace, from its fourth minute on."""
    stage = Stage()
    stage.everyday(hours)
    bot = stage.device("tv-stick")
    stage.spawn(campaign(stage, bot, stage.domains(count), every_s, mailing), 4 * MINUTE_S)
    return stage, bot


@pytest.mark.parametrize("runtime", ["cpython", "micropython"])
def test_six_an_hour_for_a_day(tmp_path, runtime):
    stage, bot = _scene(10 * MINUTE_S, 144, 24)
    _is_contained(stage.replay(tmp_path, runtime=runtime), bot)


@pytest.mark.parametrize("every_s", [60.0, 1.0])
def test_a_steady_pace(tmp_path, every_s):
    stage, bot = _scene(every_s, 60)
    _is_contained(stage.replay(tmp_path), bot)


def test_one_an_hour(tmp_path):
    """As slow as it gets before a day's limit contains it anyway."""
    stage, bot = _scene(HOUR_S, 24, 24)
    _is_contained(stage.replay(tmp_path), bot)


@pytest.mark.parametrize("runtime", ["cpython", "micropython"])
def test_fifty_at_once(tmp_path, runtime):
    """Connections leave before any server has answered: what counts is how few messages get through."""
    stage, bot = _scene(0.2, 50)
    _is_contained(stage.replay(tmp_path, runtime=runtime), bot, connects=3)


def test_evidence_names_the_server(tmp_path):
    """Too slow for the line to be known as open: a connection weighs at the SYN-ACK, between other devices' packets."""
    stage = Stage()
    stage.everyday(1, 2.0)
    bot = stage.device("tv-stick")
    domains = stage.domains(3)
    stage.spawn(campaign(stage, bot, domains, 11 * MINUTE_S), 4 * MINUTE_S)
    verdict = stage.replay(tmp_path).verdict(bot)
    peers = {row["kind"]: row["peer"] for row in verdict["evidence"]}
    second = ".".join(str(byte) for byte in domains[1].server.station.address)
    assert (peers["mx_connect"], peers["second_provider"]) == (second, second)


def test_the_first_servers_are_dead(tmp_path):
    """Nothing shows that port 25 works at all until one answers."""
    stage = Stage()
    stage.everyday()
    bot = stage.device("tv-stick")
    domains = stage.domains(20)
    for domain in domains[:3]:
        domain.server.absent = "silent"
    stage.spawn(campaign(stage, bot, domains, 20.0), 4 * MINUTE_S)
    _is_contained(stage.replay(tmp_path), bot, connects=5)


@pytest.mark.parametrize("first", ["mail", "mx", "smtp"])
def test_asks_for_addresses_only(tmp_path, first):
    """It guesses mail.<domain> and never asks MX."""
    mailing = Mailing()
    mailing.find = ask_host
    stage = Stage()
    stage.everyday()
    bot = stage.device("tv-stick")
    stage.spawn(campaign(stage, bot, stage.domains(30, first=first), 30.0, mailing), 4 * MINUTE_S)
    _is_contained(stage.replay(tmp_path), bot, connects=4)


def test_addresses_from_its_orders(tmp_path):
    """A resolver of its own, a TXT record, and then connections to addresses that no answer named."""
    mailing = Mailing()
    mailing.find = ask_nothing
    stage, bot = _scene(30.0, 30, mailing=mailing)
    bot.own_resolver = stage.internet.far(v4("192.0.2.8"))
    stage.internet.add_host("orders.example")
    stage.spawn(_ask(stage, bot, "orders.example", TXT), 200)
    _is_contained(stage.replay(tmp_path), bot, connects=5)


def _ask(stage: Stage, device: Device, name: str, qtype: int):
    yield from stage.home.ask(device, name, qtype)


def test_no_dns_in_sight(tmp_path):
    """DNS over HTTPS for everyone: only connections are left to judge by."""
    mailing = Mailing()
    mailing.find = ask_nothing
    stage = Stage()
    bot = stage.device("tv-stick")
    other = stage.device("desk-laptop")
    stage.spawn(campaign(stage, bot, stage.domains(30), 2 * MINUTE_S, mailing), 4 * MINUTE_S)
    stage.internet.add_host("doh.example")
    for turn in range(20):
        connection = stage.home.connection(other, stage.internet.station("doh.example"), 443)
        stage.spawn(connection.connect(), 60.0 * turn)
    outcome = stage.replay(tmp_path)
    _is_contained(outcome, bot, connects=5)
    assert "no_dns_connect" not in {row["kind"] for row in outcome.verdict(bot)["evidence"]}


def test_ipv6_with_changing_addresses(tmp_path):
    """Temporary addresses (RFC 8981) on one MAC are one device."""
    stage = Stage()
    stage.everyday()
    bot = stage.device("tv-stick")
    domains = stage.domains(20)
    for domain in domains:
        host = "in." + domain.name
        domain.servers = [stage.server(host, wants_v6=True)]
        stage.internet.add_mail_domain(domain.name, [host])
    stage.spawn(_mail_over_v6(stage, bot, domains), 4 * MINUTE_S)
    outcome = stage.replay(tmp_path)
    _is_contained(outcome, bot)
    assert len(outcome.devices) == 4


def _mail_over_v6(stage: Stage, bot: Device, domains):
    for domain in domains:
        bot.use_v6(True)
        yield from mail(stage, bot, domain, Mailing())
        yield 50.0


def test_a_new_mac_for_each_connection(tmp_path):
    """The house's young devices share one budget; the old ones do not pay for it."""
    stage = Stage()
    stage.everyday(49)
    young = [stage.silent_device(f"guest-{number}", bytes((2, 7, 7, 7, 7, number))) for number in range(20)]
    for number, (guest, domain) in enumerate(zip(young, stage.domains(20), strict=True)):
        stage.spawn(_visit(stage, guest, domain), 2 * DAY_S + 60.0 * number)
    outcome = stage.replay(tmp_path)
    through = [guest for guest in young if outcome.worst(guest) != "throttled"]
    assert len(through) <= _MOST_ACCEPTED, outcome.story()
    assert outcome.above_watched() == {mac_text(guest) for guest in young} - {mac_text(guest) for guest in through}


def _visit(stage: Stage, guest: Device, domain):
    stage.world.spawn(browse(stage, guest, 1.0, 10.0))
    yield 3.0
    yield from mail(stage, guest, domain, Mailing())


def test_beside_a_good_record_on_587(tmp_path):
    """A bot lives beside Thunderbird."""
    stage = Stage()
    laptop = stage.everyday(50)[0]
    relay = stage.server("smtp.mailhost.example")
    for hour in range(48):
        stage.spawn(submit(stage, laptop, relay), hour * HOUR_S + 600.0)
    stage.spawn(campaign(stage, laptop, stage.domains(30), 60.0), 2 * DAY_S)
    _is_contained(stage.replay(tmp_path), laptop)


def test_sealed_before_the_envelope(tmp_path):
    """STARTTLS on port 25: neither MAIL nor RCPT is ever seen."""
    stage = Stage()
    stage.everyday()
    bot = stage.device("tv-stick")
    domains = stage.domains(20)
    for domain in domains:
        domain.server.hello += "\nSTARTTLS"
        domain.server.starts_tls = True
    stage.spawn(campaign(stage, bot, domains, 60.0), 4 * MINUTE_S)
    outcome = stage.replay(tmp_path)
    _is_contained(outcome, bot)
    assert outcome.device(bot)["smtp"]["starttls"] == 20
    assert outcome.device(bot)["smtp"]["mail"] == 0


def test_one_connection_with_many_messages(tmp_path):
    mailing = Mailing()
    mailing.messages = 40
    stage, bot = _scene(60.0, 1, mailing=mailing)
    _is_contained(stage.replay(tmp_path), bot, connects=1)


def test_one_message_with_many_recipients(tmp_path):
    mailing = Mailing()
    mailing.recipients = lambda domain: [f"user{number}@{domain.name}" for number in range(90)]
    stage, bot = _scene(60.0, 1, mailing=mailing)
    _is_contained(stage.replay(tmp_path), bot, connects=1)


def test_the_home_resolver_asks_for_it(tmp_path):
    """What passes between bot and Pi-hole is not captured; what the Pi-hole asks outside names the servers."""
    mailing = Mailing()
    mailing.find = ask_elsewhere
    stage, bot = _scene(60.0, 30, mailing=mailing)
    outcome = stage.replay(tmp_path)
    _is_contained(outcome, bot, connects=5)
    assert outcome.worst(stage.home.resolver) in ("normal", "watched")


def test_dns_over_tcp(tmp_path):
    mailing = Mailing()
    mailing.find = ask_over_tcp
    stage, bot = _scene(60.0, 20, mailing=mailing)
    outcome = stage.replay(tmp_path)
    _is_contained(outcome, bot)
    assert outcome.device(bot)["dns"]["mx"] == 20


def test_another_helo_each_time(tmp_path):
    """No mailer changes its name: that is proof from outside the volume of mail."""
    stage = Stage()
    stage.everyday()
    bot = stage.device("tv-stick")
    for number, domain in enumerate(stage.domains(20)):
        stage.spawn(mail(stage, bot, domain, Mailing(f"pc{number}.office{number}.example")), 240 + 60.0 * number)
    outcome = stage.replay(tmp_path)
    _is_contained(outcome, bot)
    assert outcome.state(bot) == "quarantined"


def test_unknown_users_everywhere(tmp_path):
    """Refused for its recipients: nothing is accepted, and yet it ends in quarantine."""
    stage = Stage()
    stage.everyday()
    bot = stage.device("tv-stick")
    domains = stage.domains(20)
    for domain in domains:
        domain.server.recipient = "550 5.1.1 User unknown"
    stage.spawn(campaign(stage, bot, domains, 60.0), 4 * MINUTE_S)
    outcome = stage.replay(tmp_path)
    _is_contained(outcome, bot)
    assert outcome.state(bot) == "quarantined"


def test_on_a_listed_line(tmp_path):
    """Everyone turns the home away: the line is listed, the bot is still the bot."""
    stage = Stage()
    stage.everyday()
    bot = stage.device("tv-stick")
    domains = stage.domains(20)
    for domain in domains:
        domain.server.banner = "554 5.7.1 Your address is on a blocklist"
    stage.spawn(campaign(stage, bot, domains, 60.0), 4 * MINUTE_S)
    _is_contained(stage.replay(tmp_path), bot)


def test_three_days_of_clean_life_first(tmp_path):
    stage = Stage()
    stage.everyday(74, 3 * HOUR_S)
    bot = stage.device("tv-stick")
    stage.spawn(browse(stage, bot, 3 * DAY_S, 3 * HOUR_S), 30)
    stage.spawn(campaign(stage, bot, stage.domains(30), 60.0), 3 * DAY_S)
    _is_contained(stage.replay(tmp_path), bot)


def test_a_relapse_after_quiet(tmp_path):
    """Released after three quiet days, it mails again, from a new list."""
    stage = Stage()
    stage.everyday(8 * 24, 3 * HOUR_S)
    bot = stage.device("tv-stick")
    domains = stage.domains(30)
    stage.spawn(campaign(stage, bot, domains[:10], 60.0), 4 * MINUTE_S)
    stage.spawn(campaign(stage, bot, domains[10:], 60.0), 6 * DAY_S)
    outcome = stage.replay(tmp_path)
    assert outcome.above_watched() == {mac_text(bot)}
    steps = [line["to"] for line in outcome.verdicts if line["device"] == mac_text(bot)]
    assert steps == ["watched", "throttled", "released", "throttled"], outcome.story()
    again = [line for line in outcome.verdicts if line["to"] == "throttled"][1]
    assert again["messages_accepted"] - 10 <= _MOST_ACCEPTED, outcome.story()


def test_it_tries_every_host_of_a_domain(tmp_path):
    """Five hosts of each domain, one after another, until the second domain shows what it is."""
    stage = Stage()
    stage.everyday()
    bot = stage.device("tv-stick")
    domains = stage.domains(6, hosts=5)
    for domain in domains:
        for server in domain.servers:
            server.recipient = "451 4.7.1 Try again later"
    stage.spawn(_all_hosts(stage, bot, domains), 4 * MINUTE_S)
    outcome = stage.replay(tmp_path)
    _is_contained(outcome, bot, connects=6)


def _all_hosts(stage: Stage, bot: Device, domains):
    for domain in domains:
        yield from stage.home.ask(bot, domain.name, messages.MX)
        for server in domain.servers:
            yield from stage.home.ask(bot, server.name, messages.A)
            yield from deliver(stage, bot, domain, server, Mailing())
            yield 5.0


