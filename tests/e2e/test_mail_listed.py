"""The line is on a blocklist: every mail server of the world says 554 to the whole home.  Only the bot pays for it."""

import pytest
from e2e.mail_home import LARGE_DOMAINS, MailHome, letters, require

from spamgate_tools.lab import postfix
from spamgate_tools.lab.accounts import PROVIDERS
from spamgate_tools.lab.mx import exchangers
from spamgate_tools.lab.waiting import wait_until

ALARMS = 6


@pytest.fixture(scope="module")
def home():
    require(postfix.not_possible())
    with MailHome("maillisted", ["bot", "server", "alarm", "laptop"], _listing_us) as home:
        home.start_router(grants={home.devices["server"].mac: "mail-server"})
        yield home


def _listing_us(authority):
    return exchangers(authority, banner="never")


def test_on_a_listed_line_only_the_bot_changes_state(home):
    server = postfix.Postfix(home.devices["server"], hour_s=2)
    server.start()
    mail = letters("server", LARGE_DOMAINS, 20)
    server.submit(mail.values())
    home.infect_by_mx("bot")
    for _ in range(ALARMS):  # a device that mails its owner, and cannot
        home.devices["alarm"].run(_alarm(), check=False)
    assert home.submit_587("laptop", "laptop.1@home.example", "friend@north.example").returncode == 0
    wait_until(lambda: home.state("bot") in ("throttled", "quarantined"), 60, f"a verdict\n{home.story()}")
    wait_until(lambda: server.attempts() >= 2 * len(mail), 60, "retries")
    home.disinfect()

    assert {verdict["device"] for verdict in home.verdicts()} == {home.devices["bot"].mac}, home.story()
    assert home.arrived("laptop") == ["laptop.1@home.example"]
    assert [message["id"] for message in home.accepted()] == ["laptop.1@home.example"]

    for provider in PROVIDERS:
        for exchange in provider.exchanges:
            home.mail.change(exchange.name, banner="accept")
    home.wait_for_mail("server", mail, 60)
    assert server.bounces() == []


def _alarm():
    addresses = ["--from", "alarm@village.example", "--to", "owner@village.example"]
    return ["swaks", "--server", "mx1.village.example", *addresses]
