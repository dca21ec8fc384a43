"""The gateway is killed, frozen, stopped, started twice and lets an exception slip: nobody's packets wait for it."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from e2e.life import MX, MX6, NORTH, Home, first_word, soon, told
from e2e.mail_home import IS_LONG, require

from spamgate_tools.compiled import search_path
from spamgate_tools.lab.accounts import RESOLVER4, RESOLVER6
from spamgate_tools.runtime import find_micropython

KILLS = 10 if IS_LONG else 1
RATE = 2000  # datagrams a second
RESOLVES_AGAIN_S = 5.0
IN_FORCE_S = 1.0
ECHO_PORT = 7007
CALLERS = str(Path(__file__).with_name("callers.py"))
FAILING = Path(__file__).parents[1] / "programs" / "failing_gateway.py"
REFUSED = "ConnectionRefusedError"


@pytest.fixture
def home():
    require()
    with Home("life", ["bot", "laptop", "server"]) as home:
        yield home


def start_load(home, seconds):
    """Send datagrams and a TCP stream from the laptop to an echo for so long."""
    words = [sys.executable, CALLERS, "echo", NORTH.address4, str(ECHO_PORT)]
    home.internet.serve(words, "echo.log", ECHO_PORT, "tcp")
    load = home.start("laptop", "load", NORTH.address4, ECHO_PORT, seconds, RATE)
    assert first_word(load) == "loading"
    return load


def assert_nothing_lost(load):
    told_of = told(load)
    assert told_of["sent"] > RATE, told_of
    assert (told_of["lost"], told_of["resent"]) == (0, 0), told_of


def start_gateway_in(home, *, program=("-m", "spamgate.app.gateway"), **environment):
    """Start a gateway with the settings of the one that runs; returns the process."""
    micropython = find_micropython()
    words = [*micropython, "-X", "heapsize=512k", *program, "--config", str(home.folder / "gateway.json")]
    variables = {**os.environ, "MICROPYPATH": str(search_path(micropython)), **environment}
    return home.net.router.popen(words, log="second.log", env=variables)


@pytest.mark.parametrize("round", range(KILLS))
def test_a_kill_loses_no_packet_and_takes_back_no_verdict(home, round, record_property):
    home.start_router()
    home.throttle("bot")
    time.sleep(0.1 * round)  # somewhere between two renewals of the lease
    load = start_load(home, 5)
    resolvers = (home.net.gateway("br-lan"), RESOLVER4, RESOLVER6)
    askers = [home.start("bot", "keep_asking", at, NORTH.name, 8, 5353 + n) for n, at in enumerate(resolvers)]
    assert [first_word(asker) for asker in askers] == ["asking"] * 3
    time.sleep(0.3)
    killed = time.monotonic()
    home.kill()

    assert home.says("bot", MX[9]) == home.says("bot", MX6[9]) == REFUSED
    assert home.says("laptop", MX[9]) == "220"
    assert home.do("laptop", "ask", home.net.gateway("br-lan"), NORTH.name)["rcode"] == 0
    outages = []
    for asker in askers:
        answered = told(asker)["answered"]
        assert [at for at in answered if at < killed], "it did not resolve while the gateway lived"
        outages.append(min([at for at in answered if at > killed], default=killed + 99) - killed)
    assert max(outages) < RESOLVES_AGAIN_S
    over_tcp = home.devices["bot"].run(["dig", "+tcp", "+short", "+time=2", f"@{RESOLVER4}", NORTH.name, "A"])
    assert over_tcp.stdout.strip() == NORTH.address4
    assert_nothing_lost(load)
    assert home.says("bot", MX[9]) == home.says("bot", MX6[9]) == REFUSED

    restarted_s = home.restart()
    assert home.says("bot", MX[9]) == home.says("bot", MX6[9]) == "421"
    record_property("figures", {"outages_s": [round_to(one) for one in outages], "restart_s": round_to(restarted_s)})
    assert restarted_s < IN_FORCE_S


def settled_state(home):
    """Return the state files once nothing is written to them any more."""
    state = None
    while state != (state := state_files(home)):
        time.sleep(1)
    return state


def state_files(home):
    return {file.name: file.read_bytes() for file in home.state_folder.glob("state.*")}


def round_to(seconds):
    return float(f"{seconds:.2f}")


def test_a_restart_remembers_states_evidence_tickets_grants_and_confirmations(home):
    home.start_router()
    home.throttle("bot")
    home.says("server", MX[0])
    home.order("grant", "server", grant="mail-server")
    before = home.ask("explain", device=home.devices["bot"].mac)
    home.wait_for_saved("bot", "throttled")
    home.wait_for_saved("server", "granted")
    home.kill()
    home.restart()
    after = home.ask("explain", device=home.devices["bot"].mac)
    assert [row["kind"] for row in after[0].fields["evidence"]] == [row["kind"] for row in before[0].fields["evidence"]]
    for field in ("from", "to", "score", "smtp_connects", "messages_accepted"):
        assert after[0].fields[field] == before[0].fields[field]
    for field in ("state", "ticket", "grant", "confirmed"):
        assert after[-1].fields[field] == before[-1].fields[field]
    assert before[-1].fields["ticket"]
    assert before[-1].fields["ticket"] in home.do("bot", "call", MX[9])["line"]
    assert home.ask("explain", device=home.devices["server"].mac)[-1].fields["grant"] == "mail-server"
    assert home.mail_around("server") == ["250"] * 6
    assert home.seen_state("bot") == "throttled"


def test_a_second_start_is_refused_and_harms_nothing(home):
    home.start_router()
    home.throttle("bot")
    home.wait_for_saved("bot", "throttled")
    state = settled_state(home)
    second = start_gateway_in(home)
    assert second.wait(60) == 2
    assert "a gateway is running here already" in home.net.router.last_words("second.log")
    assert state_files(home) == state
    assert home.seen_state("bot") == "throttled"
    assert home.says("bot", MX[9]) == "421"
    assert home.log("error") == []


def test_sigint_stops_it_and_leaves_no_table(home):
    home.start_router()
    home.throttle("bot")
    home.router.stop_gateway()
    assert home.router.gateway.returncode == 0
    assert home.table() == ""
    assert home.says("bot", MX[9]) == "220"
    assert home.do("bot", "ask", home.net.gateway("br-lan"), NORTH.name)["rcode"] == 0
    assert len(home.log("stop")) == 1
    home.restart()
    assert home.says("bot", MX[9]) == "421"


def test_an_exception_ends_it_and_leaves_the_verdicts(home):
    home.start_router()
    home.throttle("bot")
    home.wait_for_saved("bot", "throttled")
    home.kill()
    now = home.folder / "fail"
    failing = start_gateway_in(home, program=[str(FAILING)], FAIL_WHEN_THERE=str(now))
    soon(lambda: home.says("bot", MX[9]) == "421", "the gateway that is going to fail", home)
    now.touch()
    assert failing.wait(60) == 1
    words = (home.folder / "second.log").read_text()
    assert "Traceback" in words and "RuntimeError: as told" in words
    assert home.says("bot", MX[9]) == REFUSED
    assert home.says("laptop", MX[9]) == "220"
    home.restart()
    assert home.seen_state("bot") == "throttled"


def test_a_frozen_gateway_holds_nobody_up(home):
    home.start_router()
    home.throttle("bot")
    load = start_load(home, 4)
    home.router.gateway.send_signal(signal.SIGSTOP)
    try:
        time.sleep(3.2)  # the leases of the guard run out too
        assert home.do("laptop", "mail", MX[9], "laptop.1@home.example")["said"] == 250
        assert home.do("bot", "ask", RESOLVER4, NORTH.name, 5353)["rcode"] == 0
        assert home.says("bot", MX[9]) != "220"
    finally:
        home.router.gateway.send_signal(signal.SIGCONT)
    assert_nothing_lost(load)
    assert home.says("bot", MX[9]) == "421"
    assert home.status()["lost"] == 0
