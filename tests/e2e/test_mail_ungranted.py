"""A mail server that nobody granted: throttled at most, never refused for good, and nothing of its mail is lost.

Its two days are two days of a busy home server: mail to five large providers with several exchangers each, over IPv4
and IPv6.  Hours are seconds here.  Then its owner hears of it and grants it what it does.
"""

import time

import pytest
from e2e.mail_home import IS_LONG, LARGE_DOMAINS, MailHome, letters, require

from spamgate_tools.lab import postfix
from spamgate_tools.lab.letters import digest
from spamgate_tools.lab.waiting import wait_until

HOUR_S = 10 if IS_LONG else 2
HOURS = 48
AN_HOUR = 3  # messages
BACKLOG = 500
DRAIN_S = 240


@pytest.fixture(scope="module")
def home():
    require(postfix.not_possible())
    with MailHome("mailungranted", ["server"]) as home:
        home.start_router()
        yield home


def test_an_ungranted_server_waits_for_its_owner_and_loses_nothing(home):
    server = postfix.Postfix(home.devices["server"], hour_s=HOUR_S)
    server.start()
    mail = _two_days(server)
    assert home.state("server") == "throttled", home.story()
    put_off = server.attempts()
    assert put_off > HOURS, "it did not retry"

    backlog = letters("server", LARGE_DOMAINS, BACKLOG - server.queued(), start=len(mail))
    server.submit(backlog.values())
    mail.update(backlog)
    # a listing misses what moves from one folder of the queue to another meanwhile: it can show too few, never too many
    wait_until(lambda: server.queued() >= BACKLOG - 20, DRAIN_S, "the backlog")
    home.order("grant", "server", grant="mail-server")
    home.wait_for_mail("server", mail, DRAIN_S)
    time.sleep(1)

    assert home.arrived("server") == sorted(mail), "a message arrived twice"
    assert {one["id"]: one["sha256"] for one in home.accepted("server")} == {
        name: digest(letter.message) for name, letter in mail.items()
    }
    assert server.bounces() == []
    assert "quarantined" not in {verdict["to"] for verdict in home.verdicts()}, home.story()
    assert "421 4.7.0" in server.log()
    assert "554 5." not in server.log()
    families = {":" in event["client"] for event in home.mail.events("connect")}
    assert families == {False, True}, "it mailed over one IP version only"


def _two_days(server):
    """Write mail at an even pace, and return it."""
    mail = {}
    start = time.monotonic()
    for hour in range(HOURS):
        written = letters("server", LARGE_DOMAINS, AN_HOUR, start=len(mail))
        server.submit(written.values())
        mail.update(written)
        time.sleep(max(0.0, start + (hour + 1) * HOUR_S - time.monotonic()))
    return mail
