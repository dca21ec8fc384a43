"""A router fetches lists from servers of files, good and bad: only what is signed, whole and newer comes into force."""

import json
import os
import sys
import threading
import time
from pathlib import Path

import pytest
from e2e.expired_certificate import expired_certificate
from e2e.list_home import DAY_S, LIST_KEY, STRANGER, SignedList, body_of

from spamgate.wire.pss import encode_key
from spamgate_tools.compiled import search_path
from spamgate_tools.errors import UserError
from spamgate_tools.lab.accounts import Authority
from spamgate_tools.lab.host import needed
from spamgate_tools.lab.network import Network
from spamgate_tools.lab.unbound import Resolver
from spamgate_tools.runtime import find_micropython

SERVER = "198.51.100.80"
RESOLVER = "198.51.100.53"
NAMES = [f"n{number}.bad.example" for number in range(3000)]
_SERVER = str(Path(__file__).with_name("list_server.py"))
_RECORDS = [(name, "A", SERVER) for name in ("lists.example", "other.example", "old.example")]
_MOST_S = 20
_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
_FETCH = (
    "from spamgate.hal.web import Web, WebError\n"
    "try:\n"
    "    answer = Web('{ca}').get('{url}', {within_s})\n"
    "    buf = bytearray(4096)\n"
    "    total = 0\n"
    "    count = answer.read_into(buf)\n"
    "    while count:\n"
    "        total += count\n"
    "        count = answer.read_into(buf)\n"
    "    print(answer.head.status, total)\n"
    "except WebError as error:\n"
    "    print(error)\n"
)


class World:
    """A router without a gateway, and web servers in the internet; every test has a state folder of its own."""

    def __init__(self, network):
        self.router, self.internet = network.router, network.internet
        for address in (SERVER, RESOLVER):
            self.internet.add_address(address)
        Resolver(self.internet, _RECORDS, [RESOLVER]).start()
        self.router.use_resolver(RESOLVER)
        self.web = self.internet.folder / "web"
        self.web.mkdir()
        self.authority = Authority(self.internet.folder / "authority")
        made = self.authority.issue("lists.example")
        self.serve(80)
        self.serve(443, made.certificate, made.key)
        old = self.internet.folder / "old.pem"
        old.write_bytes(expired_certificate(self.authority, made.key))
        self.serve(8443, old, made.key)
        self._number = 0

    def serve(self, port, *tls):
        words = [sys.executable, _SERVER, str(port), str(self.web), *map(str, tls)]
        self.internet.serve(words, f"asked.{port}", port, "tcp")

    def asked(self, port=80):
        """Return what the server was asked, the answers' status last."""
        return [line.split() for line in (self.internet.folder / f"asked.{port}").read_text().splitlines()]

    def new_state(self):
        """Begin with a router that has no list."""
        self._number += 1
        self.state = self.router.folder / f"state{self._number}"
        for file in self.web.iterdir():
            file.unlink()

    def settings(self, **other):
        file = self.router.folder / "settings.json"
        given = {"lan": ["br-lan"], "state_dir": str(self.state), "control": str(self.router.folder / "none")}
        given.update(list_key=LIST_KEY, list_url="http://lists.example/home.sgb")
        file.write_text(json.dumps({**given, **other}))
        return str(file)

    def pull(self, *words, **settings):
        """Fetch; return (exit code, what was told)."""
        micropython = find_micropython()
        command = [*micropython, "-X", "heapsize=1m", "-m", "spamgate.app.list_pull"]
        environment = {**os.environ, "MICROPYPATH": str(search_path(micropython))}
        began = time.monotonic()
        done = self.router.run([*command, "--config", self.settings(**settings), *words], check=False, env=environment)
        assert time.monotonic() - began < _MOST_S
        assert done.stdout, done.stderr
        told = json.loads(done.stdout)
        return done.returncode, told

    def takes(self, expected, *words, **settings):
        code, told = self.pull(*words, **settings)
        assert (code, told["ok"], told["version"]) == (0, True, expected.version), told
        assert self.in_force() == expected.body
        return told

    def refuses(self, word, *words, **settings):
        """Fetch what is not to be taken: what serves goes on to serve."""
        before = self.in_force()
        code, told = self.pull(*words, **settings)
        assert (code, told["ok"]) == (1, False), told
        assert word in told["said"], told
        assert "\n" not in told["said"]
        assert self.in_force() == before
        return told

    def in_force(self):
        """Return the body of the newest whole list on disk."""
        found = {}
        for letter in "ab":
            head = self.state / f"list_{letter}.head"
            if head.is_file() and head.read_bytes()[:4] == b"SGB1":
                text = head.read_bytes()[16:]
                manifest = json.loads(text[: text.index(b"}") + 1])
                found[manifest["version"]] = (self.state / f"list_{letter}.body").read_bytes()
        return found[max(found)] if found else b""

    def fetch(self, url, within_s, ca=""):
        """Fetch a file with the router's web client alone; return what it says."""
        micropython = find_micropython()
        script = _FETCH.format(url=url, within_s=within_s, ca=ca)
        environment = {**os.environ, "MICROPYPATH": str(search_path(micropython))}
        done = self.router.run([*micropython, "-X", "heapsize=512k", "-c", script], env=environment)
        return done.stdout.strip()


@pytest.fixture(scope="module")
def running():
    if os.geteuid():
        pytest.skip("not run: it needs root")
    try:
        needed("ip", "nft", "unbound", "openssl")
        find_micropython()
        network = Network("pull")
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    with network:
        yield World(network)


@pytest.fixture
def world(running):
    running.new_state()
    return running


def newer(number=1, **other):
    """Return a list of other names than any other number's."""
    names = NAMES[number:] + [f"only{number}.example"]
    return SignedList(body_of(names, ["192.0.2.0/24"]), number, len(names), **other)


# --- as it should be ------------------------------------------------------------------------------------------


def test_a_list_is_taken_once_and_asked_for_by_its_head_only(world):
    one, two = newer(1), newer(2)
    one.put(world.web)
    assert world.takes(one)["bytes"] == 4096 + len(one.file())
    before = len(world.asked())
    assert world.takes(one)["bytes"] == 0
    (row,) = world.asked()[before:]
    assert (row[0], row[-1]) == ("/home.head", "304")
    two.put(world.web)
    world.takes(two)
    assert b"only1" not in two.body
    assert world.in_force() != one.body


def put_delta(world, old, new, data=b""):
    new.put(world.web)
    (world.web / f"home.from-{old.version}.sgd").write_bytes(data or new.delta_from(old))


def test_a_delta_is_taken_where_one_leads_here(world):
    one, two, three = newer(1), newer(2), newer(3)
    one.put(world.web)
    world.takes(one)
    put_delta(world, one, two)
    told = world.takes(two)
    assert "delta" in told["said"]
    assert told["bytes"] < 4096 + 2048 + 1000
    put_delta(world, one, three)  # from a list that this router has no more
    assert "whole list" in world.takes(three)["said"]


@pytest.mark.parametrize("fault", ["html", "cut", "flipped", "of another", "stranger's", "too long"])
def test_a_bad_delta_costs_nothing_but_the_whole_list(world, fault):
    one, two = newer(1), newer(2)
    one.put(world.web)
    world.takes(one)
    good = two.delta_from(one)
    bad = {
        "html": b"<!DOCTYPE html>" * 400,
        "cut": good[:-9],
        "flipped": good[:-20] + bytes([good[-20] ^ 4]) + good[-19:],
        "of another": two.delta_from(newer(7)),
        "stranger's": newer(2, key=STRANGER).delta_from(one),
        "too long": good + bytes(1 << 20),
    }
    put_delta(world, one, two, bad[fault])
    assert "whole list" in world.takes(two)["said"]


@pytest.mark.parametrize("manner", ["chunked", "moved"])
def test_any_way_that_servers_have(world, manner):
    one = newer()
    one.put(world.web)
    world.takes(one, list_url=f"http://lists.example/{manner}/home.sgb")


def test_a_file_of_this_machine(world):
    one = newer()
    one.put(world.web, "drive")
    world.takes(one, "--from", str(world.web / "drive.sgb"))
    world.refuses("is not there", "--from", str(world.web / "none.sgb"))


def test_what_was_cut_goes_on_where_it_was(world):
    body = body_of([f"n{number}.large.example" for number in range(60000)])
    one = SignedList(body, 1)
    one.put(world.web)
    told = world.refuses("broke off", list_url="http://lists.example/cut/home.sgb")
    assert 4096 < told["bytes"] < len(body)
    before = len(world.asked())
    assert world.takes(one)["bytes"] < len(body) * 2 // 3
    assert [row[1] for row in world.asked()[before:] if row[0] == "/home.sgb"][0].startswith("bytes=")


def test_a_server_without_ranges_sends_all_again(world):
    body = body_of([f"n{number}.large.example" for number in range(60000)])
    one = SignedList(body, 1)
    one.put(world.web)
    world.refuses("broke off", list_url="http://lists.example/cut/home.sgb")
    world.takes(one, list_url="http://lists.example/chunked/home.sgb")


def test_certificates_are_checked(world):
    one = newer()
    one.put(world.web)
    trusted = {"list_ca": str(world.authority.certificate)}
    told = {
        "https://lists.example/home.sgb": "",
        "https://other.example/home.sgb": "does not match",
        "https://old.example:8443/home.sgb": "expired",
        "https://lists.example:80/home.sgb": "TLS",
        "https://lists.example/away/home.sgb": "away from https",
    }
    for url, word in list(told.items())[1:]:
        world.refuses(word, list_url=url, **trusted)
    world.refuses("not correctly signed", list_url="https://lists.example/home.sgb")
    world.refuses("no certificates", list_url="https://lists.example/home.sgb", list_ca="/etc/hostname")
    world.takes(one, list_url="https://lists.example/home.sgb", **trusted)


# --- attacks of who has the server, or sits before it ----------------------------------------------------------


def test_nothing_is_taken_that_is_not_signed_newer_and_for_us(world):
    now_s = int(time.time())
    good = newer(5)
    good.put(world.web)
    world.takes(good)
    for word, bad in (
        ("not signed with the key", newer(6, key=STRANGER)),
        ("not newer", newer(4)),
        ("expired", newer(6, created=now_s - 40 * DAY_S, expires=now_s - DAY_S, version=now_s // 60 - 40 * 1440)),
        ("in the future", newer(6, created=now_s + 3 * DAY_S, expires=now_s + 9 * DAY_S)),
        ("ahead of the time", newer(6, version=now_s // 60 + 9)),
        ("this is for 'default'", newer(6, id="other")),
        ("boards of class 4MiB", newer(6, board_class="4MiB")),
        ("format 2", newer(6, format=2)),
        ("a slot here takes", newer(6, size=1 << 30)),
    ):
        bad.put(world.web)
        world.refuses(word)
    unsigned = world.web / "home.head"
    unsigned.write_bytes(bytes(4096))
    world.refuses("not a list")
    newer(6).put(world.web)
    last = newer(6)
    world.takes(last)


def test_a_key_that_was_replaced_signs_nothing_newer(world):
    lists = [newer(1, next_key=encode_key(STRANGER.modulus)), newer(2, key=STRANGER), newer(3)]
    for number in (0, 1):
        lists[number].put(world.web)
        world.takes(lists[number])
    lists[2].put(world.web)
    world.refuses("a key that was replaced")


def test_head_and_list_must_be_of_one_piece(world):
    one, two = newer(1), newer(2)
    two.put(world.web)
    (world.web / "home.sgb").write_bytes(one.file())
    world.refuses("another list than its .head")
    (world.web / "home.sgb").write_bytes(two.head() + one.body[: len(two.body)].ljust(len(two.body), b"\0"))
    world.refuses("another digest")
    (world.web / "home.sgb").write_bytes(two.file()[:-100])
    world.refuses("the manifest says")
    (world.web / "home.sgb").unlink()
    world.refuses("home.sgb: is not there")
    two.put(world.web)
    world.takes(two)


@pytest.mark.parametrize(
    ("manner", "word"),
    [
        ("html", "no head of a list"),
        ("loop", "without end"),
        ("endless", "no head of a list"),
        ("headers", "too long"),
        ("longer", "more bytes come"),
        ("coded", "coded"),
    ],
)
def test_a_server_cannot_keep_us_busy_or_full(world, manner, word):
    good, newest = newer(1), newer(2)
    good.put(world.web)
    world.takes(good)
    newest.put(world.web)
    told = world.refuses(word, list_url=f"http://lists.example/{manner}/home.sgb")
    assert told["bytes"] <= 4 * len(newest.file())  # of a delta that would be longer, and of the list
    assert sum(file.stat().st_size for file in world.state.iterdir()) < 5 * len(newest.file())
    world.takes(newest)


def test_a_slow_server_is_left(world):
    (world.web / "home.head").write_bytes(newer().head())
    began = time.monotonic()
    for place in ("lists.example/slow", "203.0.113.99"):  # a byte now and then, and nobody there
        assert world.fetch(f"http://{place}/home.head", 2).endswith("the server took longer than 2 s")
    assert time.monotonic() - began < 10
    assert world.fetch("http://lists.example/home.head", 20) == "200 4096"


def test_servers_that_are_none(world):
    for url, word in (
        ("http://lists.example:9/home.sgb", "refuses connections"),
        ("http://nobody.example/home.sgb", "not known here"),
        ("http://lists.example:443/home.sgb", ""),
    ):
        world.refuses(word, list_url=url)


def test_two_at_once_are_one(world):
    fresh = newer()
    fresh.put(world.web)
    world.settings()
    done = []

    def fetch():
        command = [_SPAMGATE, "blocklist", "pull", "--json", "--config", str(world.router.folder / "settings.json")]
        done.append(world.router.run(command, check=False))

    threads = [threading.Thread(target=fetch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    codes = sorted(one.returncode for one in done)
    assert codes[0] == 0, [one.stderr for one in done]
    assert all(one.returncode == 0 or "being fetched already" in one.stderr for one in done)
    world.takes(fresh)


def test_settings_that_take_no_lists_are_told(world):
    for word, other in (("list_key", {"list_key": "", "list_url": ""}), ("list_url", {"list_url": ""})):
        command = [_SPAMGATE, "blocklist", "pull", "--config", world.settings(**other)]
        done = world.router.run(command, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert word in done.stderr
