"""Each kind of bot in a home whose router runs the real gateway: contained, named with reasons, and nobody else pays.

What was accepted is what the mail servers say; they take everything, so that no leak is hidden by a refusal.
"""

import os
import sys
import time
from pathlib import Path

import pytest
from e2e.mail_home import DOMAINS, IS_LONG, PASSWORD, MailHome, require
from e2e.plane_table import agrees, table

from spamgate.core.evidence import FAMILY_CONNECT, TABLE
from spamgate_tools.lab import lwip_program
from spamgate_tools.lab.accounts import EXCHANGES, LARGE_PROVIDERS
from spamgate_tools.lab.home_server import OWNER
from spamgate_tools.lab.lines import Follower
from spamgate_tools.lab.mx import exchangers

_SEED = int(os.environ.get("SPAMGATE_SEED", "7"))
_PATIENCE_S = 40.0
_AFTERWARDS_S = 3.0  # how long a bot may go on trying after its verdict, at least
_CUT_S = 1.0
_FAR_S = 0.15
_BOT = "tv-stick"
_CONNECT_KINDS = {row[0] for row in TABLE if row[1] == FAMILY_CONNECT}
_PLANES = ("linux", "lwip") if IS_LONG else ("linux",)  # together they live in test_lwip_lab.py
_STOPPED = ("throttled", "quarantined")

# kind, options of its program, most messages that any server may accept
_BOTS = {
    "parallel-mx": ("parallel-mx", {}, 2),
    "name-guesser": ("name-guesser", {}, 5),
    "hard-coded resolver": ("hard-coded-resolver", {}, 5),
    "addresses by heart": ("hard-coded-resolver", {"addresses": ",".join(row.address4 for row in EXCHANGES)}, 5),
    "ipv6-rotator": ("ipv6-rotator", {}, 5),
    "one-connection": ("one-connection", {}, 5),
}


class Home(MailHome):
    """A home with a bot, and with clean devices that live beside it."""

    def __init__(self, plane: str, **servers: object) -> None:
        devices = (_BOT, "laptop", "phone", "nas")
        super().__init__("bots", devices, lambda authority: exchangers(authority, **servers), plane)
        self._start_web()
        self.start_router()
        self.programs = {}
        account = {"user": OWNER, "password": PASSWORD, "ca": self.authority.certificate, "every": 1.0}
        self.live("laptop", "laptop", **account)
        self.live("phone", "phone")
        self.live("nas", "nas", every=0.5)

    def _start_web(self) -> None:
        (self.internet.folder / "index.html").write_text("A page.")
        words = [sys.executable, "-m", "http.server", "80", "--directory", str(self.internet.folder)]
        self.internet.serve(words, "web.log", 80, "tcp")

    def live(self, device: str, kind: str, **options: object) -> None:
        """Start a device's program; it joins the network under the device's name."""
        host = self.devices[device]
        told = {"name": device, "host-name": device, "report": self._report(device), "seed": _SEED, **options}
        words = [word for key, value in told.items() for word in (f"--{key}", str(value))]
        self.programs[device] = host.popen(
            [sys.executable, "-m", "spamgate_tools.lab.devices", kind, *words], "bot.log"
        )

    def end(self) -> None:
        """Let all devices' programs end; none may have failed, nor the gateway."""
        assert self.router and self.router.gateway and self.router.gateway.poll() is None, self.router.last_words()
        for program in self.programs.values():
            program.terminate()
        ended = {device: program.wait(30) for device, program in self.programs.items()}
        assert ended == dict.fromkeys(self.programs, 0)

    def told(self, device: str, *kinds: str) -> list[dict]:
        """Return what a device reported of these kinds."""
        return [line for line in Follower(self._report(device)).read() if line["what"] in kinds]

    def _report(self, device: str) -> Path:
        return self.devices[device].folder / "report.jsonl"


def _plane(request: pytest.FixtureRequest) -> str:
    require(*([lwip_program.why_not()] if request.param == "lwip" else []))
    return str(request.param)


@pytest.fixture(params=_PLANES)
def home(request):
    with Home(_plane(request)) as made:
        yield made


@pytest.mark.parametrize("name", _BOTS)
def test_contained(home, name):
    kind, options, most = _BOTS[name]
    home.live(_BOT, kind, domains=",".join(DOMAINS), idle=1.0, **options)
    verdict = _verdict(home)
    _let_go_on(home, verdict)
    home.end()
    _is_contained(home, verdict, most)
    assert not agrees(name, "linux", len(home.accepted(_BOT)))
    _is_named(home, verdict)
    _is_cut_off(home, verdict)
    _others_are_well(home)


def test_the_table_of_planes_has_a_row_for_each():
    assert set(table()) == {*_BOTS, "mac-rotator"}


def _verdict(home: Home) -> dict:
    """Wait for the bot to be stopped, and return the verdict that did it, and when it was `seen`."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        for line in home.verdicts(_BOT):
            if line["to"] in _STOPPED:
                return {**line, "seen": time.time()}
        time.sleep(0.02)
    return pytest.fail(f"not stopped; {len(home.accepted(_BOT))} messages accepted\n{home.story()}")


def _let_go_on(home: Home, verdict: dict) -> None:
    """Let the bot try for a while, until it has been refused when all that was open had ended."""
    time.sleep(_AFTERWARDS_S)
    deadline = time.monotonic() + _PATIENCE_S
    while not _refused_after(home, verdict) and time.monotonic() < deadline:
        time.sleep(0.1)


def _refused_after(home: Home, verdict: dict) -> list[dict]:
    return [line for line in home.told(_BOT, "refused") if line["t"] > verdict["seen"] + _CUT_S]


def _is_contained(home: Home, verdict: dict, most: int) -> None:
    accepted = home.accepted(_BOT)
    assert len(accepted) <= most, (len(accepted), verdict, home.story())


def _is_named(home: Home, verdict: dict) -> None:
    assert (verdict["device"], verdict["name"]) == (home.devices[_BOT].mac, _BOT), home.story()
    assert {row["kind"] for row in verdict["evidence"]} & _CONNECT_KINDS, verdict
    servers = {address for row in EXCHANGES for address in row.addresses}
    peers = {row["peer"] for row in verdict["evidence"] if row["kind"] in _CONNECT_KINDS}
    assert peers <= servers, verdict


def _is_cut_off(home: Home, verdict: dict) -> None:
    """It goes on trying and hears the gateway; what was open at the verdict ended within a second."""
    late = verdict["seen"] + _CUT_S
    assert not [line for line in home.told(_BOT, "accepted") if line["t"] > late], home.story()
    after = _refused_after(home, verdict)
    assert len(after) >= 1 and {line["code"] for line in after} <= {421}, (after, home.story())
    assert {line["text"].partition(" ")[0] for line in after} == {"4.7.0"}


def _others_are_well(home: Home) -> None:
    mac = home.devices[_BOT].mac
    assert {line["device"] for line in home.verdicts()} == {mac}, home.story()
    for device in ("laptop", "nas"):
        sent = [line["message"] for line in home.told(device, "sent")]
        wrong = home.told(device, "refused", "failed", "bounced")
        assert sent and not wrong, wrong
        arrived = {line["id"].partition("@")[0] for line in home.accepted(device)}
        assert set(sent[:-1]) <= arrived  # the last may have been under way


@pytest.fixture(params=_PLANES)
def distant_home(request):
    """As `home`, with servers that take their time, so that connections overlap."""
    with Home(_plane(request), reply_ms=int(1000 * _FAR_S)) as made:
        yield made


def test_quarantine_cuts_what_is_open(distant_home):
    """Three providers that nobody looked up, and a fifth forged sender: proof, while two connections are open."""
    home = distant_home
    known = ",".join(provider.exchanges[0].address4 for provider in LARGE_PROVIDERS[:3])
    options = {"addresses": known, "senders": "many", "every": 0.5, "seed": 7}  # three providers in four messages
    home.live(_BOT, "hard-coded-resolver", domains=",".join(DOMAINS), idle=1.0, **options)
    home.wait_for(_BOT, "quarantined", _PATIENCE_S)
    quarantined = time.time()
    verdict = {**home.verdicts(_BOT)[-1], "seen": quarantined}
    _let_go_on(home, verdict)
    home.end()
    assert "many_senders" in {row["kind"] for row in verdict["evidence"]}
    cut = [line for line in home.told(_BOT, "failed") if abs(line["t"] - quarantined) <= _CUT_S]
    assert cut and {line["reason"] for line in cut} == {"reset"}, (quarantined, home.told(_BOT, "failed"))
    # a server that has the final dot answers it once more
    late = [line for line in home.accepted(_BOT) if line["t"] > quarantined + _FAR_S]
    assert not late, home.story()
    assert len(home.accepted(_BOT)) <= 5, home.story()
    _is_named(home, verdict)
    _is_cut_off(home, verdict)
    _others_are_well(home)


def test_a_new_mac_each_time(home):
    """Whoever it pretends to be: the house's young devices share one budget."""
    home.live(_BOT, "mac-rotator", domains=",".join(DOMAINS), idle=1.0, every=0.5)
    deadline = time.monotonic() + _PATIENCE_S
    while len(home.told(_BOT, "address")) < 12 and time.monotonic() < deadline:
        time.sleep(0.1)
    home.end()
    assert len(home.told(_BOT, "address")) >= 12
    assert len(home.accepted(_BOT)) <= 5, home.story()
    assert not agrees("mac-rotator", "linux", len(home.accepted(_BOT)))
    macs = {line["mac"] for line in home.told(_BOT, "address")}
    assert {line["device"] for line in home.verdicts() if line["to"] in _STOPPED} <= macs, home.story()
    assert {line["device"] for line in home.verdicts()} <= macs | {home.devices[_BOT].mac}, home.story()
