"""Real clients against the real responder in MicroPython: each reads why it is refused, by "its MX", and no reset.

A home's router redirects port 25 to the responder, except that one address of the internet stands for a device whose
quarantine the owner has confirmed.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from e2e.talkers import TALKERS

from spamgate_tools.errors import UserError
from spamgate_tools.lab.home_server import OWNER
from spamgate_tools.lab.host import needed
from spamgate_tools.lab.letters import letter
from spamgate_tools.lab.network import Network
from spamgate_tools.lab.postfix import Postfix, not_possible
from spamgate_tools.lab.submit import Letter
from spamgate_tools.lab.waiting import listens, wait_until
from spamgate_tools.runtime import find_micropython

TESTS = Path(__file__).resolve().parents[1]
LATER_PORT, NEVER_PORT = 8421, 8554
MX = {4: "198.51.100.25", 6: "2001:db8:100::25"}  # nobody is there
CONFIRMED_MX = {4: "198.51.100.26", 6: "2001:db8:100::26"}
LATER = "421 4.7.0 Mail from this connection is held back by the gateway; ticket {}; see http://192.168.77.1/\r\n"
NEVER = "554 5.7.1 Mail from this connection is refused by the gateway; ticket {}; see http://192.168.77.1/\r\n"
SEQUENCE = "503 5.5.1 Bad sequence of commands\r\n"
BYE = "221 2.0.0 Bye\r\n"
HEAP = "96k"  # compiling on the spot included
FLAT_BYTES = 2048  # a collection may miss that much; a thousand connections that leak do not hide in it
REDIRECT = f"""
table inet to_responder {{
  chain incoming {{
    type nat hook prerouting priority dstnat;
    iifname "br-lan" ip daddr {CONFIRMED_MX[4]} tcp dport 25 redirect to :{NEVER_PORT}
    iifname "br-lan" ip6 daddr {CONFIRMED_MX[6]} tcp dport 25 redirect to :{NEVER_PORT}
    iifname "br-lan" tcp dport 25 redirect to :{LATER_PORT}
  }}
}}
"""


class Home:
    """A router with the responder, a device that is redirected, and one that floods."""

    def __init__(self, network):
        self.router, self.internet = network.router, network.internet
        self.device, self.flooder = network.host("device"), network.host("flooder")
        self.tickets = {4: ticket(self.device.address4, ".", 10), 6: "000010"}
        self.router.run(["nft", "-f", "-"], input=REDIRECT)
        program = [*find_micropython(), "-X", "heapsize=" + HEAP, str(TESTS / "programs" / "responder.py")]
        self.process = self.router.popen(
            [*program, str(LATER_PORT), str(NEVER_PORT)],
            log="responder",
            env={**os.environ, "MICROPYPATH": str(TESTS.parent / "firmware")},
        )
        self._log = self.router.folder / "responder"
        for port in (LATER_PORT, NEVER_PORT):
            wait_until(lambda port=port: listens(self.process.pid, port), 30, f"the responder (see {self._log})")

    def report(self):
        """Return the next report of the responder, begun after this call."""
        seen = self._lines()
        wait_until(lambda: self._lines() > seen + 1, 30, f"a report in {self._log.read_text()[-1000:]!r}")
        return json.loads(self._log.read_text().splitlines()[seen + 1])

    def _lines(self):
        return self._log.read_text().count("\n")


def ticket(address, separator, base):
    return "".join(f"{int(part, base):02X}" for part in address.split(separator)[-3:])


def talker(kind, address, port=25):
    return [sys.executable, str(TESTS / "e2e" / "talkers.py"), kind, address, str(port)]


def talk(host, kind, address, port=25):
    """Return what a talker of e2e/talkers.py tells."""
    return json.loads(host.run(talker(kind, address, port)).stdout)


@pytest.fixture(scope="module")
def home():
    try:
        needed("ip", "nft")
        find_micropython()
        network = Network("responder")
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    with network:
        home = Home(network)
        yield home
        assert home.process.poll() is None, "the responder has ended by itself"


# --- what clients read ---------------------------------------------------------------------------

ANSWERED = {  # commands that are answered, QUIT not counted, and whether QUIT is said
    "one_segment": (99, True),
    "never_quits": (99, False),
    "before_banner": (99, False),
    "half_closes": (99, True),
    "bytewise": (1, True),
    "long_line": (1, True),
    "silent": (0, False),
    "by_the_book": (2, True),
}


@pytest.fixture(scope="module")
def told(home):
    """What each talker tells: all talk at once, since some only stop when they are parted from."""
    talking = {
        (kind, address): home.device.popen(talker(kind, address), stdout=subprocess.PIPE, text=True)
        for kind, (_, quits) in ANSWERED.items()
        for address in (*MX.values(), *(CONFIRMED_MX.values() if quits else ()))
    }
    return {which: json.loads(process.communicate(timeout=60)[0]) for which, process in talking.items()}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("kind", ANSWERED)
def test_every_talker_reads_421_from_its_mx(home, told, kind, family):
    answer = told[kind, MX[family]]
    line = LATER.format(home.tickets[family])
    commands, quits = ANSWERED[kind]
    assert answer["heard"] == line + line * min(commands, 3) + BYE * quits
    assert answer["error"] is None
    assert answer["peer"] == [MX[family], 25]
    assert answer["seconds"] < 8


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("kind", [kind for kind, (_, quits) in ANSWERED.items() if quits])
def test_every_talker_that_quits_reads_554_and_503(home, told, kind, family):
    answer = told[kind, CONFIRMED_MX[family]]
    commands = ANSWERED[kind][0]
    assert answer["heard"] == NEVER.format(home.tickets[family]) + SEQUENCE * min(commands, 20) + BYE
    assert answer["error"] is None
    assert answer["peer"] == [CONFIRMED_MX[family], 25]


def test_every_talker_is_tried():
    assert {talker.__name__ for talker in TALKERS} == set(ANSWERED)


def test_pythons_smtplib_reads_code_and_text(home):
    for address, line in ((MX[4], LATER), (CONFIRMED_MX[4], NEVER)):
        code, _, text = line.format(home.tickets[4]).rstrip().partition(" ")
        assert talk(home.device, "python_smtplib", address) == {"code": int(code), "text": text}


def test_swaks_reads_the_line_and_quits(home):
    try:
        needed("swaks")
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    for address, line in ((MX[4], LATER), (CONFIRMED_MX[4], NEVER)):
        words = ["swaks", "--server", address, "--from", "a@trial.example", "--to", "b@mx.example", "--timeout", "9"]
        done = home.device.run(words, check=False)
        assert done.returncode != 0
        assert f"<** {line.format(home.tickets[4]).rstrip()}" in done.stdout
        assert " -> QUIT" in done.stdout and f"<-  {BYE.rstrip()}" in done.stdout


def test_who_was_not_redirected_is_refused_just_the_same(home):
    wan = home.router.run(["ip", "-j", "-4", "addr", "show", "dev", "wan0"])
    outside = json.loads(wan.stdout)[0]["addr_info"][0]["local"]
    for host, address in ((home.device, "192.168.77.1"), (home.internet, outside)):
        number = ticket(host.address4, ".", 10)
        told = talk(host, "by_the_book", address, LATER_PORT)
        assert told["heard"] == LATER.format(number) * 3 + BYE
        told = talk(host, "by_the_book", address, NEVER_PORT)
        assert told["heard"] == NEVER.format(number) + SEQUENCE * 2 + BYE


# --- Postfix ---------------------------------------------------------------------------------------

LETTERS = [Letter(OWNER, [to], letter(OWNER, [to], to)) for to in ("b@later.example", "b@never.example")]
ROUTES = f"inline:{{ later.example=smtp:[{MX[4]}], never.example=smtp:[{CONFIRMED_MX[4]}] }}"


def start_postfix(host, **settings):
    server = Postfix(host, settings={"transport_maps": ROUTES, "inet_protocols": "ipv4", **settings})
    server.start()
    return server


def test_postfix_keeps_the_mail_at_421_and_bounces_once_at_554(home):
    if not_possible():
        pytest.skip(f"not run: {not_possible()}")
    takes_554 = start_postfix(home.device, smtp_skip_5xx_greeting="no")
    as_installed = start_postfix(home.flooder)
    for server in (takes_554, as_installed):
        server.submit(LETTERS)
    wait_until(lambda: takes_554.bounces() and takes_554.queued() == 1, 40, "Postfix's bounce")
    wait_until(lambda: as_installed.attempts() == 2, 40, "Postfix's deferral")
    takes_554.flush()
    wait_until(lambda: takes_554.attempts() == 2, 40, "Postfix's second attempt")
    said = LATER.format(home.tickets[4]).rstrip()
    assert takes_554.log().count(f"host {MX[4]}[{MX[4]}] refused to talk to me: {said}") == 2
    assert len(takes_554.bounces()) == 1
    assert NEVER.format(home.tickets[4])[:40] in " ".join(takes_554.bounces()[0].split())
    assert (takes_554.queued(), as_installed.queued(), len(as_installed.bounces())) == (1, 2, 0)
    for server in (takes_554, as_installed):
        server.stop()


# --- floods ----------------------------------------------------------------------------------------


def test_memory_is_flat_and_later_clients_are_served(home, record_property):
    talk(home.flooder, "idle_crowd", MX[4])  # tables have their size now
    before = settled(home)
    figures = {"syn_flood": talk(home.flooder, "syn_flood", MX[4]), "half_open": half_open(home.router)}
    figures["connection_flood"] = talk(home.flooder, "connection_flood", MX[4])
    figures["idle_crowd"] = talk(home.flooder, "idle_crowd", MX[4])
    figures["while_idle"] = while_idle(home)
    for _ in range(5):
        talk(home.flooder, "long_line", MX[4])
    after = settled(home)
    record_property("figures", {"before": before, "after": after, **figures})
    assert after["heap_bytes"] <= before["heap_bytes"] + FLAT_BYTES
    assert figures["half_open"] > 0
    assert figures["idle_crowd"] == {"greeted": 500, "failed": 0}
    flood = figures["connection_flood"]
    assert flood["greeted"] == flood["connections"]
    assert after["clients"] - before["clients"] >= flood["connections"] + 1000
    told = talk(home.device, "by_the_book", MX[4])
    assert told["heard"].endswith(BYE) and told["seconds"] < 1


def half_open(router):
    """Return how many connections wait for the third part of their handshake."""
    return router.run(["ss", "-Htn", "state", "syn-recv"]).stdout.count("\n")


def while_idle(home):
    """Return how another device fares while a crowd holds all the places that it may."""
    crowd = home.flooder.popen(talker("idle_crowd", MX[4]))
    answers = []
    while crowd.poll() is None:
        answers.append(talk(home.device, "by_the_book", MX[4]))
    assert crowd.returncode == 0
    assert all(told["heard"].endswith(BYE) and told["error"] is None for told in answers)
    return {"answers": len(answers), "slowest_s": max(told["seconds"] for told in answers)}


def settled(home):
    """Return the first report in which the heap has stopped falling."""
    report = home.report()
    while (following := home.report())["heap_bytes"] < report["heap_bytes"]:
        report = following
        time.sleep(0.1)
    return following
