"""Lists follow one another under load, and are cut off in the middle: what all of them name is never unblocked."""

import ast
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from e2e.life import Home, soon
from e2e.list_home import LIST_KEY, SignedList, body_of
from e2e.mail_home import IS_LONG, require

from spamgate_tools.compiled import search_path
from spamgate_tools.errors import UserError
from spamgate_tools.lab.accounts import PROVIDERS
from spamgate_tools.lab.host import needed
from spamgate_tools.lab.network import LAN
from spamgate_tools.runtime import find_micropython

SEED = 20261123
UPDATES = 100 if IS_LONG else 10
KILLS = 60 if IS_LONG else 8
_REFUSED = 111
RATE = 400  # queries a second
LISTED = PROVIDERS[:5]
_BARRED = PROVIDERS[5].exchanges[0]
_CALLERS = str(Path(__file__).with_name("callers.py"))
# Calls a server over and over until its standard input ends; then says how often which error came (0: it answered).
_CALLS_ON = """
import collections, select, socket, sys
found = collections.Counter()
while not select.select([sys.stdin], [], [], 0.05)[0]:
    with socket.socket() as sock:
        sock.settimeout(10)
        found[sock.connect_ex((sys.argv[1], 7007))] += 1
print(dict(found))
"""


@pytest.fixture
def home():
    require()
    try:
        needed("dnsperf")
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    with Home("updates", ["tv", "laptop"]) as home:
        (home.folder / "state").mkdir()
        home.start_router(list_key=LIST_KEY, guard="all", fail="closed")
        yield home


class Updates:
    """Makes lists that all name LISTED, each with other names beside them, and hands them to the router."""

    def __init__(self, home, chance):
        self.home, self.chance = home, chance
        self.number = 0
        self.file = home.folder / "home.sgb"

    def next(self):
        self.number += 1
        names = [f"n{self.chance.randrange(10**6)}.bad.example" for _ in range(self.chance.randrange(50, 8000))]
        networks = [f"{_BARRED.address4}/32", f"{_BARRED.address6}/128", f"192.0.2.{self.number % 256}/32"]
        new = SignedList(body_of(names + [one.domain for one in LISTED], networks), self.number)
        self.file.write_bytes(new.file())
        self.file.with_suffix(".head").write_bytes(new.head())
        return new

    def start(self):
        """Start the program that fetches, as `spamgate blocklist pull` does."""
        micropython = find_micropython()
        words = [*micropython, "-X", "heapsize=1m", "-m", "spamgate.app.list_pull"]
        words += ["--config", str(self.home.folder / "gateway.json"), "--from", str(self.file)]
        environment = {**os.environ, "MICROPYPATH": str(search_path(micropython))}
        return self.home.net.router.popen(words, log="pull.log", env=environment)

    def take(self):
        """Make the next list and let it be fetched."""
        new = self.next()
        assert self.start().wait(60) == 0, self.home.net.router.last_words("pull.log")
        return new

    def in_force(self):
        """Return the version that the gateway serves."""
        rows = [row.fields for row in self.home.ask("lists") if row.fields.get("state") == "in force"]
        return rows[0]["version"] if rows else 0


def start_load(home, seconds):
    """Ask for listed names all the time."""
    names = [name for one in LISTED for name in (one.domain, one.exchanges[0].name, one.exchanges[1].name)]
    queries = home.net.router.folder / "queries"
    queries.write_text("".join(f"{name} {'A' if name.startswith('mx') else 'MX'}\n" for name in names))
    words = ["dnsperf", "-s", home.net.gateway(LAN), "-d", str(queries), "-l", str(seconds), "-Q", str(RATE), "-t", "2"]
    return home.devices["laptop"].popen(words, stdout=subprocess.PIPE, text=True)


def start_calls(home):
    """Let a device call a listed address all the time."""
    echo = [sys.executable, _CALLERS, "echo", _BARRED.address4, "7007"]
    home.internet.serve(echo, "echo.log", 7007, "tcp")
    words = [sys.executable, "-c", _CALLS_ON, _BARRED.address4]
    return home.devices["tv"].popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def codes(load, seconds):
    """Return {response code: count} at the end of the load."""
    said = load.communicate(timeout=seconds)[0]
    line = next(line for line in said.splitlines() if "Response codes:" in line)
    return {code: int(count) for code, count in re.findall(r"([A-Z]+) (\d+)", line)}


def stop(load):
    """End the load; dnsperf then says what it has seen."""
    load.send_signal(2)
    return codes(load, 20)


def test_a_hundred_updates_under_load_unblock_nothing(home, record_property):
    updates = Updates(home, random.Random(SEED))
    first = updates.take()
    soon(lambda: updates.in_force() == first.version, "the first list", home)
    soon(lambda: any(event["event"] == "barred" for event in home.log("list")), "addresses in the kernel", home, 20)
    calls = start_calls(home)
    load = start_load(home, 600)
    began = time.monotonic()
    for _ in range(UPDATES):
        new = updates.take()
        assert updates.in_force() == new.version
    took_s = time.monotonic() - began
    found = stop(load)
    called = ast.literal_eval(calls.communicate(timeout=60)[0])
    assert set(found) == {"NXDOMAIN"}, found
    assert found["NXDOMAIN"] > RATE * took_s / 2, (found, took_s)
    assert set(called) == {_REFUSED} and called[_REFUSED] > 5 * took_s, (called, took_s)
    record_property("blocked", (found, called, took_s))
    assert len([event for event in home.log("list") if event["event"] == "in force"]) == UPDATES + 1
    assert home.status()["heap_free"] > 40000


def test_killed_anywhere_in_an_update_it_serves_the_old_list_or_the_new(home, record_property):
    chance = random.Random(SEED)
    updates = Updates(home, chance)
    began = time.monotonic()
    old = updates.take()
    usual_s = time.monotonic() - began
    soon(lambda: updates.in_force() == old.version, "the first list", home)
    soon(lambda: any(event["event"] == "barred" for event in home.log("list")), "addresses in the kernel", home, 20)
    calls = start_calls(home)
    load = start_load(home, 600)
    served = old.version
    for number in range(KILLS):
        new = updates.next()
        fetch = updates.start()
        time.sleep(chance.uniform(0, usual_s))
        fetch.kill()
        fetch.wait()
        if number % 4 == 3:
            home.kill()
            home.restart()
        before, served = served, updates.in_force()
        assert before <= served <= new.version  # one that came whole may be heard of a little later
    last = updates.take()
    soon(lambda: updates.in_force() == last.version, "the last list", home)
    found = stop(load)
    assert set(found) == {"NXDOMAIN"}, found
    assert found["NXDOMAIN"] > 100
    called = ast.literal_eval(calls.communicate(timeout=60)[0])
    assert set(called) == {_REFUSED}, called
    record_property("blocked", (found, called))
