"""The mail servers of the lab as such, without a gateway: what they deliver, put off and bounce.

What these tests find is what the tests with a gateway are measured against.
"""

import pytest
from e2e.mail_home import LARGE_DOMAINS, MailHome, letters, require, wait_for_retries

from spamgate_tools.lab import exim, opensmtpd, postfix
from spamgate_tools.lab.home_server import OWNER
from spamgate_tools.lab.letters import digest, letter
from spamgate_tools.lab.submit import Letter
from spamgate_tools.lab.waiting import wait_until

SERVERS = {
    "postfix": (postfix.Postfix, postfix.not_possible),
    "exim": (exim.Exim, exim.not_possible),
    "opensmtpd": (opensmtpd.OpenSmtpd, opensmtpd.not_possible),
}


@pytest.fixture(scope="module")
def home():
    require()
    with MailHome("mailbase", SERVERS) as home:
        home.start_router(has_gateway=False)
        yield home


@pytest.mark.parametrize("program", SERVERS)
def test_a_home_server_retries_delivers_and_bounces(home, program):
    make, not_possible = SERVERS[program]
    require(not_possible())
    server = make(home.devices[program], hour_s=2)
    server.start()
    try:
        _set_banner(home, LARGE_DOMAINS[0], "later")
        mail = letters(program, LARGE_DOMAINS[:2], 4)
        server.submit([*mail.values(), _to("nobody@nowhere.example")])
        south = [name for name, one in mail.items() if one.recipients[0].endswith(LARGE_DOMAINS[1])]
        home.wait_for_mail(program, south, 60)
        wait_for_retries(server, 2)
        assert home.arrived(program) == sorted(south), "a server that says 421 has accepted something"
        _set_banner(home, LARGE_DOMAINS[0], "accept")
        server.flush()
        home.wait_for_mail(program, mail, 60)
        wait_until(lambda: not server.queued() and bool(server.bounces()), 60, "an empty queue and a bounce")
        assert home.arrived(program) == sorted(mail)
        assert [message["sha256"] for message in sorted(home.accepted(program), key=lambda one: one["id"])] == [
            digest(mail[name].message) for name in sorted(mail)
        ]
        assert len(server.bounces()) == 1
        assert "nobody@nowhere.example" in server.bounces()[0]
    finally:
        server.stop()


def _set_banner(home, domain, banner):
    for number in (1, 2, 3):
        home.mail.change(f"mx{number}.{domain}", banner=banner)


def _to(recipient):
    return Letter(OWNER, (recipient,), letter(OWNER, [recipient], "lost@home.example"))
