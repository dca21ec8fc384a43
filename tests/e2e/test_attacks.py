"""Attacks on the gateway itself: the suspect stays suspected, memory stays flat, and nobody else notices much.

Each attack comes from a device of the home whose bot was found before, while another device mails and a steady load
passes.  Everything is bounded in count and rate; SPAMGATE_LONG=1 sends ten times as much.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from e2e.life import MX, MX6, NORTH, Home, first_word, soon, told
from e2e.mail_home import IS_LONG, require

from spamgate_tools.lab.accounts import RESOLVER4
from spamgate_tools.lab.leftovers import NAMESPACES, processes_in

ATTACK = str(Path(__file__).with_name("attack.py"))
CALLERS = str(Path(__file__).with_name("callers.py"))
MUCH = 10 if IS_LONG else 1
FORGED_MACS = 10_000 * MUCH
ENDLESS = 1_000_000  # frames; what sends them is ended
FLAT_BYTES = 6144  # names, addresses as text, open sockets: what a table that was empty before may hold
CACHE_BYTES = 32768  # the guard's cache, which fills once
ECHO_PORT = 7007
MOST_STARVED = 5  # datagrams that find the heap in pieces too small for them
LOAD_RATE = 500  # datagrams a second
LOST_OF_1000 = 5  # where two cores build and send the attack too
SERVERS = MX[:8]
HELD_BACK = ("421", "TimeoutError")  # who has a connection half open from each of its ports has none left


class Siege:
    """A home with a suspect that attacks, and what of the others' life goes on."""

    def __init__(self, home):
        self.home = home
        words = [sys.executable, CALLERS, "echo", NORTH.address4, str(ECHO_PORT)]
        home.internet.serve(words, "echo.log", ECHO_PORT, "tcp")
        home.throttle("bot")
        self.written = 0
        self.mail("nas", MX[0])
        self.figures = {}

    def mail(self, device, server):
        """Mail once on port 25, as the device has before; what is said."""
        self.written += 1
        return self.home.do(device, "mail", server, f"{device}.{self.written}@home.example")["said"]

    def run(self, kind, *arguments, device="bot", may_fill_bytes=FLAT_BYTES):
        """Let a device attack, and others live beside it; returns what the attack told."""
        home = self.home
        before, starved = self.settled(), self.starved()
        words = [sys.executable, ATTACK, kind, *map(str, arguments)]
        attack = home.devices[device].popen(words, stdout=subprocess.PIPE, text=True)
        load = home.start("laptop", "load", NORTH.address4, ECHO_PORT, 2, LOAD_RATE)
        assert first_word(load) == "loading"
        said = [self.mail("nas", MX[0])]
        submitted = home.submit_587("laptop", f"laptop.{self.written}@home.example", "friend@north.example")
        loaded = told(load)
        attacked = json.loads(attack.communicate(timeout=120)[0])
        said.append(self.mail("nas", MX[0]))
        after = self.settled()
        self.figures[kind] = {
            **attacked,
            "heap": after["heap_used"] - before["heap_used"],
            "packets": after["packets"] - before["packets"],
            "unseen": after["lost"] - before["lost"],
            "load_lost": f"{loaded['lost']} of {loaded['sent']}",
        }
        assert said == [250, 250], "mail of another device did not pass"
        assert submitted.returncode == 0, submitted.stdout
        assert loaded["lost"] * 1000 <= loaded["sent"] * LOST_OF_1000, loaded
        assert after["heap_used"] <= before["heap_used"] + may_fill_bytes, self.figures[kind]
        assert self.starved() - starved <= MOST_STARVED * MUCH
        self.check_suspect()
        return attacked

    def starved(self):
        """Return how often the heap was full."""
        texts = [event["text"] for event in self.home.log("error")]
        return sum(int(text.split()[4]) for text in texts if text.startswith("the heap was full"))

    def settled(self):
        """Return the status once the gateway has worked off what waits."""
        status = self.home.status()
        while (following := self.home.status())["packets"] != status["packets"]:
            status = following
            time.sleep(0.2)
        return following

    def check_suspect(self):
        """The suspect is suspected, held back and guarded, and its owner is told why."""
        home = self.home
        assert home.seen_state("bot") in ("throttled", "quarantined")
        assert home.says("bot", MX6[9]) == "421"
        assert home.says("bot", MX[9]) in HELD_BACK
        explained = home.ask("explain", device=home.devices["bot"].mac)
        assert explained[0].fields["evidence"], "nobody knows any more why"
        assert home.router.gateway.poll() is None
        assert "quarantined" not in {verdict["to"] for name in ("laptop", "nas") for verdict in home.verdicts(name)}


    def silence_resolver(self, seconds):
        """Let the home's resolver say nothing for so long from now on."""
        inside = processes_in([NAMESPACES / self.home.internet.namespace])
        resolvers = [pid for pid in inside if Path(f"/proc/{pid}/comm").read_text() == "unbound\n"]
        assert resolvers, "there is no resolver"
        for pid in resolvers:
            os.kill(pid, signal.SIGSTOP)
            threading.Timer(seconds, os.kill, (pid, signal.SIGCONT)).start()

    def router_mac(self):
        return self.home.net.router.mac


@pytest.fixture
def siege(record_property):
    require()
    with Home("siege", ["bot", "laptop", "nas", "flooder", "late"]) as home:
        home.start_router()
        siege = Siege(home)
        yield siege
        record_property("figures", siege.figures)
        print(json.dumps(siege.figures))  # noqa: T201  shown with -s


def test_ten_thousand_forged_macs(siege):
    home = siege.home
    for _ in range(2):  # the second wave finds all tables full
        siege.run("forged_macs", siege.router_mac(), 8000, FORGED_MACS, RESOLVER4, *SERVERS)
    rows = [line.fields for line in home.ask("devices")]
    assert len(rows) < 100
    assert {home.devices[name].mac for name in ("bot", "nas")} <= {row["device"] for row in rows}


def test_who_comes_when_the_table_is_full_is_judged_with_the_crowd(siege):
    home = siege.home
    siege.run("forged_macs", siege.router_mac(), 1000, 100, RESOLVER4)
    assert home.says("late", MX[9]) == "220"
    assert home.mail_around("late", 12)[-1] == "421"
    assert siege.mail("nas", MX[0]) == 250


def test_a_flood_of_syns_from_one_device(siege):
    address = siege.home.devices["flooder"].address4
    siege.run("own_syn_flood", siege.router_mac(), 8000, 20_000 * MUCH, address, *SERVERS, device="flooder")
    assert siege.home.seen_state("flooder") == "throttled"
    siege.run("own_syn_flood", siege.router_mac(), 8000, 20_000 * MUCH, siege.home.devices["bot"].address4, *SERVERS)


def test_a_flood_of_syns_from_addresses_that_nobody_has(siege):
    siege.run("syn_flood", siege.router_mac(), 8000, 20_000 * MUCH, *SERVERS)


def test_a_flood_of_questions_through_the_guard(siege):
    home = siege.home
    address = home.devices["bot"].address4
    flood = ("dns_flood", siege.router_mac(), 5000, 10_000 * MUCH, address, RESOLVER4)
    siege.run(*flood, may_fill_bytes=CACHE_BYTES)
    siege.run(*flood)
    soon(lambda: home.do("bot", "ask", RESOLVER4, NORTH.name)["rcode"] == 0, "an answer to the flooder", home, 5)


def test_a_flood_of_questions_while_the_resolver_is_silent(siege):
    """What waits for it fills the heap until the next datagram finds no piece large enough; then fewer may wait."""
    flood = ("dns_flood", siege.router_mac(), 5000, 10_000 * MUCH, siege.home.devices["bot"].address4, RESOLVER4)
    for _ in range(2):
        siege.silence_resolver(1.0)
        siege.run(*flood, may_fill_bytes=CACHE_BYTES)


def test_a_bot_is_found_while_another_floods(siege):
    home = siege.home
    address = home.devices["bot"].address4
    words = [sys.executable, ATTACK, "dns_flood", siege.router_mac(), 5000, ENDLESS, address, RESOLVER4]
    flood = home.devices["bot"].popen(list(map(str, words)))
    said = home.mail_around("late")
    assert flood.poll() is None, "the flood was over before it mattered"
    assert said.count("250") <= 2 and said[3:] == ["421"] * 3, f"{said}\n{home.story()}"
    flood.terminate()
    flood.wait(60)
    siege.check_suspect()


def test_half_open_and_silent_connections_to_the_responder(siege):
    siege.run("half_open", 500, MX[9], 25)


def test_lines_without_an_end(siege):
    home = siege.home
    assert siege.run("long_lines", MX[9], 25, 64, 20 * MUCH)["said"] == ["421 "] * 20 * MUCH
    siege.run("long_lines", RESOLVER4, 53, 64, 20 * MUCH)
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(20)
        control.connect(str(home.router.control))
        for _ in range(5):
            control.sendall(b"x" * 65536 + b"\n")
            assert b"a request of more than" in control.recv(4096)
