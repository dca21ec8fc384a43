"""What clients read from the answer that the C module gives in a mail server's place: no connection, no port, no reset.

One device is quarantined (421), the quarantine of another is confirmed (554); both by what bots on them sent.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.mail_home import MailHome, require
from e2e.talkers import TALKERS

from spamgate_tools.lab import lwip_program, postfix
from spamgate_tools.lab.accounts import LARGE_PROVIDERS
from spamgate_tools.lab.home_server import OWNER
from spamgate_tools.lab.letters import letter
from spamgate_tools.lab.network import LAN
from spamgate_tools.lab.submit import Letter
from spamgate_tools.lab.waiting import wait_until

TALKERS_PY = str(Path(__file__).with_name("talkers.py"))
CALLERS = str(Path(__file__).with_name("callers.py"))
NORTH = LARGE_PROVIDERS[0].exchanges[0]
MX = {4: NORTH.address4, 6: NORTH.address6}
LATER = "421 4.7.0 Mail from this connection is held back by the gateway; ticket {}; see http://192.168.77.1/\r\n"
NEVER = "554 5.7.1 Mail from this connection is refused by the gateway; ticket {}; see http://192.168.77.1/\r\n"
SEQUENCE = "503 5.5.1 Bad sequence of commands\r\n"
BYE = "221 2.0.0 Bye\r\n"
LATER_DEVICE, NEVER_DEVICE = "put-off", "refused"
QUICK_S = 8
# Who says QUIT as a line of its own, or at the start of a line in a segment, and so is parted from.  One that sends a
# byte a segment is not understood: who speaks like that is no mail client.
QUITS = ("one_segment", "half_closes", "long_line", "by_the_book")


@pytest.fixture(scope="module")
def home():
    require(lwip_program.why_not())
    with MailHome("answers", [LATER_DEVICE, NEVER_DEVICE, "holder"], plane="lwip") as home:
        home.start_router()
        for device, domain in ((LATER_DEVICE, "south.example"), (NEVER_DEVICE, "west.example")):
            home.quarantine(device, domain)
        home.order("confirm", NEVER_DEVICE)
        yield home


def ticket(home, device):
    return next(line["ticket"] for line in home.order("explain", device) if line["type"] == "explain")


@pytest.fixture(scope="module")
def tickets(home):
    return {device: ticket(home, device) for device in (LATER_DEVICE, NEVER_DEVICE)}


@pytest.fixture(scope="module")
def told(home):
    """What each talker tells: all talk at once, since some only stop when they are parted from."""
    talking = {}
    for device, kinds in ((LATER_DEVICE, [talker.__name__ for talker in TALKERS]), (NEVER_DEVICE, QUITS)):
        for kind in kinds:
            for family, address in MX.items():
                words = [sys.executable, TALKERS_PY, kind, address, "25"]
                talking[device, kind, family] = home.devices[device].popen(words, stdout=subprocess.PIPE, text=True)
    return {which: json.loads(process.communicate(timeout=60)[0]) for which, process in talking.items()}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("kind", [talker.__name__ for talker in TALKERS])
def test_every_talker_reads_421_from_its_mx_and_the_end(told, tickets, kind, family):
    answer = told[LATER_DEVICE, kind, family]
    assert answer["heard"] == LATER.format(tickets[LATER_DEVICE])
    assert answer["error"] is None
    assert answer["peer"] == [MX[family], 25]
    assert answer["seconds"] < QUICK_S


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("kind", QUITS)
def test_every_talker_that_quits_reads_554_and_503_and_221(told, tickets, kind, family):
    answer = told[NEVER_DEVICE, kind, family]
    banner = NEVER.format(tickets[NEVER_DEVICE])
    assert answer["heard"].startswith(banner), answer
    assert answer["heard"].endswith(BYE) or kind == "half_closes", answer  # who ends its half may miss the last word
    sorry = answer["heard"].removeprefix(banner).removesuffix(BYE)
    assert sorry == SEQUENCE * (len(sorry) // len(SEQUENCE))
    if kind == "by_the_book":
        assert sorry == SEQUENCE * 2
    assert answer["error"] is None
    assert answer["seconds"] < QUICK_S


@pytest.mark.parametrize("family", [4, 6])
def test_swaks_reads_the_line(home, tickets, family):
    for device, line in ((LATER_DEVICE, LATER), (NEVER_DEVICE, NEVER)):
        words = ["swaks", f"-{family}", "--server", MX[family], "--from", OWNER, "--to", "b@mx.example"]
        done = home.devices[device].run(words, check=False)
        if "IPv6 not available" in done.stderr:
            pytest.skip(f"not run: {done.stderr.strip()}")
        assert done.returncode != 0
        assert f"<** {line.format(tickets[device]).rstrip()}" in done.stdout, done.stdout


@pytest.mark.parametrize("family", [4, 6])
def test_pythons_smtplib_reads_code_and_text(home, tickets, family):
    for device, line in ((LATER_DEVICE, LATER), (NEVER_DEVICE, NEVER)):
        words = [sys.executable, TALKERS_PY, "python_smtplib", MX[family], "25"]
        code, _, text = line.format(tickets[device]).rstrip().partition(" ")
        assert json.loads(home.devices[device].run(words).stdout) == {"code": int(code), "text": text}


def test_postfix_keeps_the_mail_at_421_and_bounces_once_at_554(home, tickets):
    require(postfix.not_possible())
    to = "person@north.example"
    servers = {}
    for device in (LATER_DEVICE, NEVER_DEVICE):
        settings = {"transport_maps": f"inline:{{ north.example=smtp:[{MX[4]}] }}", "smtp_skip_5xx_greeting": "no"}
        servers[device] = postfix.Postfix(home.devices[device], settings=settings)
        servers[device].start()
        servers[device].submit([Letter(OWNER, (to,), letter(OWNER, [to], f"{device}.1@home.example"))])
    refused, put_off = servers[NEVER_DEVICE], servers[LATER_DEVICE]
    wait_until(lambda: refused.bounces() and refused.queued() == 0, 40, "the bounce")
    wait_until(lambda: put_off.attempts() == 1, 40, "the deferral")
    put_off.flush()
    wait_until(lambda: put_off.attempts() == 2, 40, "the second attempt")
    assert (put_off.queued(), put_off.bounces(), len(refused.bounces())) == (1, [], 1)
    said = LATER.format(tickets[LATER_DEVICE]).rstrip()
    assert put_off.log().count(f"host {MX[4]}[{MX[4]}] refused to talk to me: {said}") == 2
    assert NEVER.format(tickets[NEVER_DEVICE])[:40] in " ".join(refused.bounces()[0].split())
    for server in servers.values():
        server.stop()


def test_an_established_mail_flow_is_reset_at_the_quarantine(home):
    for kind, name in (("MX", "north.example"), ("A", NORTH.name), ("AAAA", NORTH.name)):  # both addresses are one's
        home.devices["holder"].run(["dig", "+time=2", f"@{home.net.gateway(LAN)}", name, kind])
    holders = []
    for address in MX.values():
        words = [sys.executable, CALLERS, "hold", address]
        holder = home.devices["holder"].popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert holder.stdout.readline() == "held\n"
        holders.append(holder)
    home.quarantine("holder", "north.example")
    said = [json.loads(holder.communicate("go on\n", timeout=60)[0])["said"] for holder in holders]
    assert said == ["ConnectionResetError"] * 2, home.story()
    assert home.accepted("holder") == []
