"""Mail that is on its way when its device is quarantined arrives once, never twice.

One message is in the middle of its data: its flow is cut, and it is sent again after the release.  Another has said its
final dot and waits for the reply: that flow is left alone, and the message is not sent again.
"""

import pytest
from e2e.mail_home import MailHome, require

from spamgate_tools.lab import lwip_program, postfix
from spamgate_tools.lab.home_server import OWNER
from spamgate_tools.lab.letters import digest, letter
from spamgate_tools.lab.submit import Letter
from spamgate_tools.lab.waiting import wait_until

BIG_BYTES = 20 << 20
REPLY_S = 240  # of the server that thinks long after the final dot, unless it is told to be quicker
CHUNK_MS = 150  # of the server that reads slowly: 20 MB in 48 s


DOMAIN = "north.example"
SLOW_READER, SLOW_THINKER = "mx1.north.example", "mx2.north.example"
CUT, ANSWERED = "postfix.cut@home.example", "postfix.answered@home.example"


def _letter(name, person):
    recipient = f"{person}@{DOMAIN}"
    return Letter(OWNER, (recipient,), letter(OWNER, [recipient], name, BIG_BYTES))


@pytest.fixture(scope="module", params=["linux", "lwip"])
def home(request):
    require(postfix.not_possible(), *([lwip_program.why_not()] if request.param == "lwip" else []))
    with MailHome("mailflight", ["postfix"], plane=request.param) as home:
        home.start_router()
        yield home


@pytest.fixture
def server(home):
    to_thinker = f"inline:{{ thinker@{DOMAIN}=smtp:[{SLOW_THINKER}] }}"
    server = postfix.Postfix(home.devices["postfix"], 2, {"transport_maps": to_thinker})
    server.start()
    return server


def test_mail_in_flight_at_the_verdict_arrives_once(home, server):
    home.mail.change(SLOW_READER, chunk_ms=CHUNK_MS)
    home.mail.change(SLOW_THINKER, after_data_s=REPLY_S)
    sent = {CUT: _letter(CUT, "reader"), ANSWERED: _letter(ANSWERED, "thinker")}
    server.submit(sent.values())
    wait_until(lambda: _is_told(home, "data", SLOW_THINKER), 60, "the final dot")
    wait_until(lambda: _is_told(home, "connect", SLOW_READER), 60, "the slow transfer")

    home.quarantine("postfix", DOMAIN)
    assert home.accepted("postfix") == [], "a message had arrived before the verdict"
    wait_until(lambda: "status=deferred" in server.log(), 40, "the end of the cut flow")
    home.mail.change(SLOW_THINKER, after_data_s=0)
    home.wait_for_mail("postfix", [ANSWERED], 40)
    wait_until(lambda: server.queued() == 1, 40, "the reply to the final dot")

    home.mail.change(SLOW_READER, chunk_ms=0)
    home.order("release", "postfix")
    home.wait_for_mail("postfix", [CUT], 60)
    wait_until(lambda: server.queued() == 0, 40, "an empty queue")
    assert home.arrived("postfix") == sorted(sent)
    assert {one["id"]: one["sha256"] for one in home.accepted("postfix")} == {
        name: digest(letter.message) for name, letter in sent.items()
    }
    assert server.bounces() == []


def _is_told(home, event, server):
    return any(row["server"] == server for row in home.mail.events(event))
