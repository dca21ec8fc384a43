"""A day in quarantine for the tests about it: three mail servers of three kinds, what each sends, and who mails beside.

The servers retry by their own timers, whose hours are seconds here.
"""

import time

from e2e.mail_home import IS_LONG, LARGE_DOMAINS, letters

from spamgate_tools.lab import exim, opensmtpd, postfix
from spamgate_tools.lab.accounts import LARGE_PROVIDERS

HOUR_S = 10 if IS_LONG else 2
LETTERS = 6
PROMPT_S = 60
ROUND_S = 1  # a round of connections must be over before the next begins
SERVERS = {"exim": exim.Exim, "postfix": postfix.Postfix, "opensmtpd": opensmtpd.OpenSmtpd}
DOMAINS = dict(zip(SERVERS, LARGE_DOMAINS, strict=False))
EXCHANGERS = {
    name: provider.exchanges[0].address4 for name, provider in zip(SERVERS, LARGE_PROVIDERS, strict=False)
}
DEVICES = [*SERVERS, "granted", "laptop"]


def why_not():
    """Return why one of the servers cannot run here, or an empty text."""
    return exim.not_possible() or opensmtpd.not_possible() or postfix.not_possible()


class Day:
    """What happened, for the tests to look at; so many hours of it, with a newsletter to so many readers."""

    def __init__(self, home, hours=24, readers=500):
        self.home = home
        self._seconds = hours * HOUR_S
        self._hours = hours
        self.readers = readers
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
        news = letters("granted", [*LARGE_DOMAINS, "village.example"], self.readers)
        self.newsletter.submit(news.values())
        waiting = [start + after_s for after_s in self.servers["opensmtpd"].retry_times_s(self._hours)]
        laptop_s = start
        while (now := time.monotonic()) < start + self._seconds or (not self.newsletter_s and now < start + PROMPT_S):
            if waiting and waiting[0] <= now:
                self.servers["opensmtpd"].flush()
                waiting = [max(due, now + ROUND_S) for due in waiting[1:]]
            if laptop_s <= now:
                laptop_s += self._seconds / 6
                self._submit_from_laptop()
            if not self.newsletter_s and set(news) <= set(self.home.arrived("granted")):
                self.newsletter_s = now - start
            time.sleep(0.1)

    def _submit_from_laptop(self):
        name = f"laptop.{len(self.submitted)}@home.example"
        start = time.monotonic()
        done = self.home.submit_587("laptop", name, "friend@north.example")
        self.submitted.append((name, done.returncode, time.monotonic() - start))
