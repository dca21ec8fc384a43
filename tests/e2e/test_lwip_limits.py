"""Plane `lwip` pressed hard: many messages over one connection, floods of connections, a day's events in seconds.

What holds is in C and asks nobody: Python may be late, its ring of records may overflow, and verdicts are in force.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from e2e.life import MX, MX6, NORTH, Home, first_word, soon
from e2e.mail_home import require

from spamgate_tools.lab import lwip_program
from spamgate_tools.lab.accounts import RESOLVER4

ATTACK = str(Path(__file__).with_name("attack.py"))
CALLERS = str(Path(__file__).with_name("callers.py"))
LWIP_CALLERS = str(Path(__file__).with_name("lwip_callers.py"))
ECHO_PORT = 7007
MESSAGES = 50
FLOWS = 128  # that one device may hold: GATE_FLOWS_A_DEVICE of firmware/mailgate/gate.h
MORE = 1.25  # as many times, since a flow that finds no cell takes that of another of its device, which is forgotten
CROWD = 300
# A day of the home that `python -m spamgate_tools.sample_home --seed 1` makes, whose half hour has 4,300 packets of
# DNS and 5,020 of mail in 1,886 s: 197,000 and 230,000, half of them answers
QUERIES, SEGMENTS = 98_500, 115_000
RATE = 12_000  # a second, at most
FLAT_HEAP, FLAT_RSS_KB = 6144, 256


@pytest.fixture(scope="module")
def home():
    require(lwip_program.why_not())
    devices = ["bot", "laptop", "nas", "tcp-flooder", "udp-flooder", "busy"]
    with Home("pressed", devices, plane="lwip") as home:
        home.start_router(grants={home.devices["busy"].mac: "mail-server"})
        words = [sys.executable, CALLERS, "echo", NORTH.address4, str(ECHO_PORT)]
        home.internet.serve(words, "echo.log", ECHO_PORT, "tcp")
        assert home.do("nas", "mail", MX[0], "nas.0@home.example")["said"] == 250
        yield home


def run(home, device, *words):
    """Run a program of lwip_callers.py to its end, and return what it told."""
    return json.loads(home.devices[device].run([sys.executable, LWIP_CALLERS, *map(str, words)]).stdout)


def start(home, device, *words):
    """Start one that waits for a word on its standard input, and wait until it does."""
    command = [sys.executable, LWIP_CALLERS, *map(str, words)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = home.devices[device].popen(command, **pipes)
    assert first_word(process) == "held"
    return process


def go_on(process):
    return json.loads(process.communicate("go on\n", timeout=120)[0])


def metrics(home):
    return home.router.ask("metrics")[0]


def test_fifty_messages_in_one_breath_over_an_old_connection_find_no_budget(home):
    """The connection was there before the verdict; behind it each message must be paid for."""
    held = start(home, "bot", "pipeline", MX[8], MESSAGES, "breath")
    home.throttle("bot")
    before = len(home.accepted("bot"))
    told = go_on(held)
    assert told == {"taken": 0, "end": "ConnectionResetError"}
    assert home.arrived("breath") == []
    assert home.state("bot") == "throttled", home.story()
    assert len(home.accepted("bot")) == before
    assert [home.says("bot", address) for address in (MX[9], MX6[9])] == ["421", "421"]


def test_a_device_that_floods_connections_has_a_quarter_of_the_table(home):
    crowded = metrics(home)["crowded"]
    flood = start(home, "tcp-flooder", "crowd", NORTH.address4, ECHO_PORT, CROWD)
    others = run(home, "laptop", "connect", NORTH.address4, ECHO_PORT, 20)
    datagrams = run(home, "udp-flooder", "datagrams", NORTH.address4, ECHO_PORT, CROWD)
    mailed = home.do("nas", "mail", MX[0], "nas.1@home.example")["said"]
    told = go_on(flood)
    assert (others["made"], mailed) == (20, 250)
    assert others["slowest_s"] < 1
    assert FLOWS <= told["held"] <= FLOWS * MORE
    assert 0 < datagrams["back"] <= FLOWS * MORE
    counted = metrics(home)["crowded"] - crowded  # a busy machine loses datagrams that nobody refused
    assert told["refused"] == CROWD - told["held"]
    assert CROWD - FLOWS * MORE <= counted - told["refused"] <= CROWD - max(FLOWS, datagrams["back"])


def test_a_days_events_in_seconds_leave_verdicts_in_force_and_memory_flat(home, record_property):
    if home.state("bot") == "normal":
        home.throttle("bot")
    start_day(home, 0.1).communicate(timeout=120)  # tables have their size now
    before, before_kb = metrics(home), resident_kb(home)
    busy = start_day(home, 1)
    said = []
    while busy.poll() is None:
        said.append(home.says("bot", MX[9]))
        said.append(home.do("nas", "mail", MX[0], f"nas.{len(said) + 2}@home.example")["said"])
        time.sleep(0.3)  # a connection that is over is kept by a NAPT for 20 s: more would be a flood
    sent = json.loads(busy.communicate()[0])
    soon(lambda: home.says("laptop", MX[3]) == "220", "a server for a device that nobody suspects", home)
    after, after_kb = metrics(home), resident_kb(home)
    figures = {key: after[key] - before[key] for key in ("records", "lost", "heap_used")}
    record_property("figures", {**sent, **figures, "rss_kb": after_kb - before_kb})
    assert sent["sent"] == QUERIES + SEGMENTS
    assert set(said) == {"421", 250} and len(said) > 4
    seen = after["out"] + after["in"] - before["out"] - before["in"]  # a busy machine loses some before lwIP has them
    assert seen > sent["sent"] and figures["records"] + figures["lost"] >= 0.9 * seen, (seen, figures)
    assert figures["lost"] > 0, "the ring was never full"
    assert figures["heap_used"] <= FLAT_HEAP, figures
    assert after_kb - before_kb <= FLAT_RSS_KB
    assert {verdict["device"] for verdict in home.verdicts()} == {home.devices["bot"].mac}, home.story()


def start_day(home, share):
    """Begin to send this share of a day's events."""
    device = home.devices["busy"]
    counts = f"{int(QUERIES * share)},{int(SEGMENTS * share)}"
    words = [ATTACK, "a_day", home.net.router.mac, str(RATE), device.address4, RESOLVER4, MX[4], counts]
    return device.popen([sys.executable, *words], stdout=subprocess.PIPE, text=True)


def resident_kb(home):
    """Return the memory that the whole program has: Python, lwIP and the gate."""
    status = Path(f"/proc/{home.router.gateway.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
