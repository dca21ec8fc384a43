"""Eight hours in quarantine on plane `lwip`: home mail servers lose nothing, and the rest of the home mails on.

As test_mail_quarantine.py on plane `linux`, except that it is the C module on lwIP's hook that answers in the place of
every mail server, without a connection of its own.
"""

import pytest
from e2e.mail_day import DEVICES, PROMPT_S, SERVERS, Day, why_not
from e2e.mail_home import MailHome, require

from spamgate_tools.lab import lwip_program
from spamgate_tools.lab.letters import digest

HOURS = 8
READERS = 60
RETRIES = {"exim": 3, "postfix": 4, "opensmtpd": 4}  # on a machine that has other things to do


@pytest.fixture(scope="module")
def day():
    require(why_not(), lwip_program.why_not())
    with MailHome("mailgate", DEVICES, plane="lwip") as home:
        home.start_router(grants={home.devices["granted"].mac: "mail-server"})
        day = Day(home, HOURS, READERS)
        day.live()
        yield day


@pytest.mark.parametrize("name", SERVERS)
def test_a_quarantined_server_loses_nothing(day, name):
    assert day.arrived_in_quarantine[name] == [], "something was accepted in quarantine"
    assert day.home.arrived(name) == sorted(day.mail[name]), day.home.story()
    assert day.servers[name].bounces() == []
    assert day.servers[name].queued() == 0


@pytest.mark.parametrize("name", SERVERS)
def test_a_quarantined_server_was_put_off_and_never_refused_for_good(day, name):
    log = day.servers[name].log()
    assert day.retried[name] >= RETRIES[name]
    assert "421 4.7.0" in log
    assert "554 5." not in log


@pytest.mark.parametrize("name", SERVERS)
def test_what_waited_arrives_unchanged(day, name):
    sent = {message: digest(letter.message) for message, letter in day.mail[name].items()}
    assert {message["id"]: message["sha256"] for message in day.home.accepted(name)} == sent


def test_others_mail_meanwhile(day):
    assert [code for _, code, _ in day.submitted] == [0] * len(day.submitted)
    assert day.home.arrived("laptop") == sorted(name for name, _, _ in day.submitted)
    assert 0 < day.newsletter_s < PROMPT_S, day.newsletter.log()[-3000:]
    assert len(day.home.arrived("granted")) == READERS
    assert (day.newsletter.bounces(), "421 4.7.0" in day.newsletter.log()) == ([], False)
    assert day.home.verdicts("laptop") == []
    assert {verdict["to"] for verdict in day.home.verdicts("granted")} <= {"watched"}, day.home.story()
