"""A day in quarantine, imposed by the gateway alone: home mail servers lose nothing, and the rest of the home mails on.

Three devices, each with another mail server, have a bot too.  The bots get them quarantined; the servers then retry for
a day, whose hours are seconds here.  Meanwhile a laptop submits mail and a granted server sends a newsletter.
"""

import time

import pytest
from e2e.mail_home import IS_LONG, LARGE_DOMAINS, MailHome, letters, require

from spamgate_tools.lab import exim, opensmtpd, postfix
from spamgate_tools.lab.accounts import LARGE_PROVIDERS
from spamgate_tools.lab.letters import digest

HOUR_S = 10 if IS_LONG else 2
DAY_S = 24 * HOUR_S
LETTERS = 6
NEWSLETTER = 500
PROMPT_S = 60
ROUND_S = 1  # a round of connections must be over before the next begins
SERVERS = {"exim": exim.Exim, "postfix": postfix.Postfix, "opensmtpd": opensmtpd.OpenSmtpd}
DOMAINS = dict(zip(SERVERS, LARGE_DOMAINS, strict=False))
EXCHANGERS = {
    name: provider.exchanges[0].address4 for name, provider in zip(SERVERS, LARGE_PROVIDERS, strict=False)
}
# In a day, by their own timers: Exim 4 in two hours, 5 in the next sixteen, then every six; Postfix 4 in the first
# hour, then every 67 minutes; OpenSMTPD at 400 s * n².  A few may fall behind the day's end.
RETRIES = {"exim": 9, "postfix": 20, "opensmtpd": 12}


class Day:
    """What happened, for the tests to look at."""

    def __init__(self, home):
        self.home = home
        self.servers = {name: make(home.devices[name], hour_s=HOUR_S) for name, make in SERVERS.items()}
        self.newsletter = postfix.Postfix(home.devices["granted"])
        self.mail = {name: letters(name, [DOMAINS[name]], LETTERS) for name in SERVERS}
        self.submitted = []
        self.newsletter_s = 0.0
        for server in (*self.servers.values(), self.newsletter):
            server.start()

    def live(self):
        """The bots, a day of retries, and the owner's release."""
        home = self.home
        for name, domain in DOMAINS.items():
            home.quarantine(name, domain)
        for name, server in self.servers.items():
            server.submit(self.mail[name].values())
        self._pass_the_day()
        self.arrived_in_quarantine = {name: home.arrived(name) for name in SERVERS}
        self.retried = {name: server.rounds(EXCHANGERS[name]) for name, server in self.servers.items()}
        for name in SERVERS:
            home.order("release", name)
        self.servers["opensmtpd"].flush()
        for name in SERVERS:
            home.wait_for_mail(name, self.mail[name], 6 * HOUR_S + PROMPT_S)
        time.sleep(2)  # for bounces and second copies, should there be any

    def _pass_the_day(self):
        start = time.monotonic()
        news = letters("granted", [*LARGE_DOMAINS, "village.example"], NEWSLETTER)
        self.newsletter.submit(news.values())
        waiting = [start + after_s for after_s in self.servers["opensmtpd"].retry_times_s(24)]
        laptop_s = start
        while (now := time.monotonic()) < start + DAY_S:
            if waiting and waiting[0] <= now:
                self.servers["opensmtpd"].flush()
                waiting = [max(due, now + ROUND_S) for due in waiting[1:]]
            if laptop_s <= now:
                laptop_s += DAY_S / 6
                self._submit_from_laptop()
            if not self.newsletter_s and set(news) <= set(self.home.arrived("granted")):
                self.newsletter_s = now - start
            time.sleep(0.1)

    def _submit_from_laptop(self):
        name = f"laptop.{len(self.submitted)}@home.example"
        start = time.monotonic()
        done = self.home.submit_587("laptop", name, "friend@north.example")
        self.submitted.append((name, done.returncode, time.monotonic() - start))


@pytest.fixture(scope="module")
def day():
    require(exim.not_possible(), opensmtpd.not_possible(), postfix.not_possible())
    with MailHome("mailday", [*SERVERS, "granted", "laptop"]) as home:
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
    assert len(day.home.arrived("granted")) == NEWSLETTER
    assert day.newsletter.bounces() == []
    assert "421 4.7.0" not in day.newsletter.log()


def test_nobody_else_changed_state(day):
    assert day.home.verdicts("laptop") == []
    assert {verdict["to"] for verdict in day.home.verdicts("granted")} <= {"watched"}, day.home.story()
