"""A day in quarantine, imposed by the gateway alone: home mail servers lose nothing, and the rest of the home mails on.

Three devices, each with another mail server, have a bot too.  The bots get them quarantined; the servers then retry for
a day, whose hours are seconds here.  Meanwhile a laptop submits mail and a granted server sends a newsletter.
"""

import pytest
from e2e.mail_day import DEVICES, PROMPT_S, SERVERS, Day, why_not
from e2e.mail_home import MailHome, require

from spamgate_tools.lab.letters import digest

# In a day, by their own timers: Exim 4 in two hours, 5 in the next sixteen, then every six; Postfix 4 in the first
# hour, then every 67 minutes; OpenSMTPD at 400 s * n².  A few may fall behind the day's end.
RETRIES = {"exim": 9, "postfix": 20, "opensmtpd": 12}


@pytest.fixture(scope="module")
def day():
    require(why_not())
    with MailHome("mailday", DEVICES) as home:
        home.start_router(grants={home.devices["granted"].mac: "mail-server"})
        day = Day(home)
        day.live()
        yield day


@pytest.mark.parametrize("name", SERVERS)
def test_a_quarantined_server_loses_nothing(day, name):
    assert day.arrived_in_quarantine[name] == [], "something was accepted in quarantine"
    assert day.home.arrived(name) == sorted(day.mail[name]), day.home.story()
    assert day.servers[name].bounces() == []
    assert day.servers[name].queued() == 0


@pytest.mark.parametrize("name", SERVERS)
def test_a_quarantined_server_was_put_off_all_day_and_never_refused_for_good(day, name):
    log = day.servers[name].log()
    assert day.retried[name] >= RETRIES[name]
    assert "421 4.7.0" in log
    assert "554 5." not in log


@pytest.mark.parametrize("name", SERVERS)
def test_what_waited_arrives_unchanged(day, name):
    sent = {message: digest(letter.message) for message, letter in day.mail[name].items()}
    assert {message["id"]: message["sha256"] for message in day.home.accepted(name)} == sent


def test_a_laptop_submits_on_587_meanwhile(day):
    assert [code for _, code, _ in day.submitted] == [0] * len(day.submitted)
    assert day.home.arrived("laptop") == sorted(name for name, _, _ in day.submitted)
    assert max(seconds for _, _, seconds in day.submitted) < 5


def test_a_granted_server_sends_a_newsletter_meanwhile(day):
    assert 0 < day.newsletter_s < PROMPT_S
    assert len(day.home.arrived("granted")) == day.readers
    assert day.newsletter.bounces() == []
    assert "421 4.7.0" not in day.newsletter.log()


def test_nobody_else_changed_state(day):
    assert day.home.verdicts("laptop") == []
    assert {verdict["to"] for verdict in day.home.verdicts("granted")} <= {"watched"}, day.home.story()
