"""A gateway with a blocklist: names and addresses are barred exactly, the owner's word goes first, hits are told."""

import ipaddress
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from e2e.life import Home, soon
from e2e.list_home import LIST_KEY, STRANGER, SignedList, body_of, put_in_slot
from e2e.mail_home import require

from spamgate_tools.compiled import search_path
from spamgate_tools.errors import UserError
from spamgate_tools.lab.accounts import PROVIDERS
from spamgate_tools.lab.network import LAN
from spamgate_tools.runtime import find_micropython

SEED = 20261123
LISTED, SPARED, FREE = PROVIDERS[0], PROVIDERS[1], PROVIDERS[2]
_CONNECTS = (
    "import socket, sys\n"
    "for line in sys.stdin.read().split():\n"
    "    family = socket.AF_INET6 if ':' in line else socket.AF_INET\n"
    "    sock = socket.socket(family)\n"
    "    sock.settimeout(3)\n"
    "    print(line, sock.connect_ex((line, 7)))\n"
    "    sock.close()\n"
)
# Says something to a server again and again, until that fails.
_GOES_ON = (
    "import socket, sys, time\n"
    "sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
    "print('connected', flush=True)\n"
    "try:\n"
    "    while True:\n"
    "        sock.sendall(b'x')\n"
    "        time.sleep(0.1)\n"
    "except OSError as error:\n"
    "    print(type(error).__name__)\n"
)
_EASES = "from spamgate.plane.linux import LinuxPlane; LinuxPlane.ease_lists(None)"
_REFUSED = 111


@pytest.fixture
def home():
    require()
    with Home("lists", ["tv", "laptop"]) as home:
        (home.folder / "state").mkdir()
        yield home


def start(home, body, **settings):
    """Start the gateway with this list in a slot, and wait until it is in force."""
    new = SignedList(body, 1)
    for suffix, data in (("body", new.body), ("head", new.head())):
        (home.folder / "state" / f"list_a.{suffix}").write_bytes(data)
    home.start_router(**{"list_key": LIST_KEY, "guard": "all", **settings})
    return new


def events(home, what):
    return [event for event in home.log("list") if event["event"] == what]


def wait_for_sets(home, count=1):
    soon(lambda: len(events(home, "barred")) >= count, "addresses in the kernel", home, 20)


def ask(home, name, device="tv", kind="A"):
    """Return the status and the answers that a device gets for a name."""
    words = ["dig", "+tries=1", "+time=3", f"@{home.net.gateway(LAN)}", name, kind]
    said = home.devices[device].run(words).stdout
    answers = [line.split()[-1] for line in said.splitlines() if line and not line.startswith(";")]
    return said.split("status: ")[1].split(",")[0], answers


def hits(home, device):
    """Return what the gateway has counted of a device."""
    mac = home.devices[device].mac
    (row,) = [line.fields for line in home.ask("devices") if line.fields["device"] == mac]
    return row["listed"]


def lists_table(home):
    return home.net.router.run(["nft", "list", "table", "inet", "spamgate_lists"], check=False).stdout


def has_table(home):
    return bool(lists_table(home))


# --- names ----------------------------------------------------------------------------------------------------


def test_listed_names_and_those_below_are_blocked_and_nothing_else(home):
    body = body_of([LISTED.domain, SPARED.domain], allow=[SPARED.exchanges[0].name])
    start(home, body, guard_allow=[LISTED.exchanges[1].name])
    assert ask(home, FREE.domain, kind="MX")[0] == "NOERROR"  # from now on the gateway knows the device
    for name in (LISTED.domain, LISTED.exchanges[0].name, "x.y." + LISTED.domain, LISTED.domain.upper()):
        assert ask(home, name) == ("NXDOMAIN", []), name
    assert ask(home, SPARED.domain, kind="MX")[0] == "NXDOMAIN"
    for exchange in (FREE.exchanges[0], SPARED.exchanges[0], LISTED.exchanges[1]):
        assert ask(home, exchange.name) == ("NOERROR", [exchange.address4]), exchange.name
    opt = home.devices["tv"].run(["dig", "+edns=0", f"@{home.net.gateway(LAN)}", LISTED.domain]).stdout
    assert "EDE: 15 (Blocked)" in opt
    assert "list" in opt.split("EDE: 15")[1].splitlines()[0]
    over_tcp = home.devices["tv"].run(["dig", "+tcp", f"@{home.net.gateway(LAN)}", LISTED.domain]).stdout
    assert "NXDOMAIN" in over_tcp
    soon(lambda: hits(home, "tv") == {"names": 7, "addresses": 0}, f"the hits: {hits(home, 'tv')}", home)


def test_who_does_not_pass_the_guard_is_overheard(home):
    """Its queries are answered by whoever it asks; that it wants what is listed is known all the same."""
    start(home, body_of([LISTED.domain]), guard="suspects", guard_allow=["mx2." + LISTED.domain])
    assert ask(home, LISTED.exchanges[0].name)[0] == "NOERROR"
    assert ask(home, LISTED.exchanges[1].name)[0] == "NOERROR"
    assert ask(home, FREE.exchanges[0].name)[0] == "NOERROR"
    soon(lambda: hits(home, "tv")["names"] == 1, "the hit", home)
    assert home.says("tv", FREE.exchanges[0].address4) == "220"
    mac = home.devices["tv"].mac
    verdict = next(line.fields for line in home.ask("explain", device=mac) if line.fields["type"] == "verdict")
    assert "listed_name" in [row["kind"] for row in verdict["evidence"]]
    assert home.seen_state("tv") == "normal"


def test_monitor_only_tells_and_lets_pass(home):
    start(home, body_of([LISTED.domain], [f"{FREE.exchanges[0].address4}/32"]), monitor_only=True)
    wait_for_sets(home)
    assert ask(home, LISTED.exchanges[0].name)[0] == "NOERROR"
    assert home.says("tv", FREE.exchanges[0].address4) == "220"
    soon(lambda: hits(home, "tv") == {"names": 1, "addresses": 1}, "the hits", home)


# --- addresses ------------------------------------------------------------------------------------------------


def _networks(chance):
    """Return networks of many sizes in address space that the internet's machine answers for."""
    four = [ipaddress.ip_network((chance.randrange(198 << 24 | 18 << 16, 198 << 24 | 20 << 16), 32)) for _ in range(60)]
    wide = [one.supernet(new_prefix=chance.choice((20, 24, 27, 30, 31))) for one in four]
    base = int(ipaddress.ip_address("2001:db8:200::"))
    six = [ipaddress.ip_network((base | chance.getrandbits(76), 128)) for _ in range(40)]
    return wide + [one.supernet(new_prefix=chance.choice((56, 64, 100, 127, 128))) for one in six]


def _probes(networks, chance):
    """Return the first and last address of each network, their neighbours, and others."""
    found = set()
    for network in networks:
        first, last = int(network[0]), int(network[-1])
        make = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address
        inside = chance.randrange(first, last + 1)
        found.update(make(number) for number in (first - 1, first, inside, last, last + 1))
    return sorted(found, key=lambda one: (one.version, one))


@pytest.mark.parametrize("seed", [SEED])
def test_the_kernel_bars_exactly_what_is_listed(home, seed):
    chance = random.Random(seed)
    networks = _networks(chance)
    probes = _probes(networks, chance)
    home.internet.ip("route add local 198.18.0.0/15 dev lo", "route add local 2001:db8:200::/40 dev lo")
    home.net.router.ip("route add 198.18.0.0/15 via 203.0.113.1", "route add 2001:db8:200::/40 via 2001:db8:113::1")
    spared = ipaddress.ip_network((int(networks[0][0]), 32 if networks[0].version == 4 else 128))
    start(home, body_of(["x.example"], map(str, networks)), list_allow=[str(spared)])
    wait_for_sets(home)
    words = [sys.executable, "-c", _CONNECTS]
    done = home.devices["tv"].run(words, input="\n".join(map(str, probes)), timeout=120)
    said = {line.split()[0]: int(line.split()[1]) for line in done.stdout.splitlines()}
    assert len(said) == len(probes) > 300
    # A server that is not there refuses too: so the kernel's own count of what it turned away tells them apart.
    rows = json.loads(home.net.router.run(["nft", "-j", "list", "table", "inet", "spamgate_lists"]).stdout)["nftables"]
    told = [row["set"] for row in rows if row.get("set", {}).get("name") in ("told4", "told6")]
    seen = {element["elem"]["val"]["concat"][1] for one in told for element in one.get("elem", [])}
    expected = {str(one) for one in probes if any(one in net for net in networks) and one not in spared}
    assert {str(ipaddress.ip_address(one)) for one in seen} == expected
    late = [one for one in said if said[one] != _REFUSED]
    assert not expected.intersection(late), f"waits for an answer: {late}"


def test_a_device_that_calls_what_is_listed_is_told_and_others_call_on(home):
    server, other = LISTED.exchanges[0], FREE.exchanges[0]
    start(home, body_of(["x.example"], [f"{server.address4}/32", f"{server.address6}/128"]))
    wait_for_sets(home)
    for address in (server.address4, server.address6):
        assert home.says("tv", address) == "ConnectionRefusedError"
    assert home.says("tv", other.address4) == home.says("tv", other.address6) == "220"
    assert home.devices["tv"].run(["ping", "-c1", "-W2", server.address4], check=False).returncode
    soon(lambda: hits(home, "tv") == {"names": 0, "addresses": 2}, f"the hits: {hits(home, 'tv')}", home)
    assert home.says("laptop", other.address4) == "220"  # now the gateway knows it
    home.order("grant", "laptop", grant="mail-server")
    assert home.says("laptop", server.address4) == "220"
    home.order("grant", "laptop", grant="none")
    assert home.says("laptop", server.address4) == "ConnectionRefusedError"
    micropython = find_micropython()
    environment = {**os.environ, "MICROPYPATH": str(search_path(micropython))}
    home.net.router.run([*micropython, "-c", _EASES], env=environment)  # as the gateway does after ten minutes
    soon(lambda: "established" in lists_table(home), "connections under way to be let alone", home)
    for address in (server.address4, server.address6):
        assert home.says("laptop", address) == "ConnectionRefusedError"
    assert home.says("laptop", other.address4) == "220"


def test_what_is_listed_is_cut_off_even_if_it_was_there_before(home):
    server = FREE.exchanges[0]
    start(home, body_of(["x.example"]))
    assert home.says("tv", server.address4) == "220"
    echo = [sys.executable, str(Path(__file__).with_name("callers.py")), "echo", server.address4, "7007"]
    home.internet.serve(echo, "echo.log", 7007, "tcp")
    words = [sys.executable, "-c", _GOES_ON, server.address4, "7007"]
    before = home.devices["tv"].popen(words, stdout=subprocess.PIPE, text=True)
    assert before.stdout.readline() == "connected\n"
    put_in_slot(home, SignedList(body_of(["x.example"], [f"{server.address4}/32"]), 2), "b")
    wait_for_sets(home)
    assert before.communicate(timeout=30)[0] == "ConnectionResetError\n"
    assert home.says("tv", server.address4) == "ConnectionRefusedError"
    put_in_slot(home, SignedList(body_of(["y.example"]), 3), "a")
    soon(lambda: len(events(home, "in force")) == 3, "the third list", home)
    soon(lambda: home.says("tv", server.address4) == "220", "nothing barred any more", home)
    assert not has_table(home)


def test_a_table_that_was_flushed_comes_back_with_its_addresses(home):
    server = LISTED.exchanges[0]
    start(home, body_of(["x.example"], [f"{server.address4}/32"]))
    wait_for_sets(home)
    home.net.router.run(["nft", "flush", "ruleset"])
    wait_for_sets(home, 2)
    assert home.says("tv", server.address4) == "ConnectionRefusedError"


# --- which list is in force -------------------------------------------------------------------------------------


def test_what_is_put_in_a_slot_is_taken_only_if_it_is_signed_and_whole(home):
    good = start(home, body_of([LISTED.domain]))
    assert ask(home, LISTED.domain, kind="MX")[0] == "NXDOMAIN"
    put_in_slot(home, SignedList(body_of([FREE.domain]), 2, key=STRANGER), "b")
    time.sleep(3)
    assert ask(home, LISTED.domain, kind="MX")[0] == "NXDOMAIN"
    assert ask(home, FREE.domain, kind="MX")[0] == "NOERROR"
    bad = SignedList(body_of([FREE.domain]), 3)
    bad.body = bad.body[:-1] + bytes([bad.body[-1] ^ 1])
    put_in_slot(home, bad, "b")
    soon(lambda: events(home, "dropped"), "the damaged list dropped", home)
    assert ask(home, LISTED.domain, kind="MX")[0] == "NXDOMAIN"
    rows = {row.fields["slot"]: row.fields for row in home.ask("lists") if row.fields["type"] == "list"}
    assert (rows["a"]["state"], rows["a"]["version"]) == ("in force", good.version)


def test_killed_and_started_again_it_serves_at_once(home):
    start(home, body_of([LISTED.domain], [f"{FREE.exchanges[0].address4}/32"]))
    wait_for_sets(home)
    home.kill()
    assert home.says("tv", FREE.exchanges[0].address4) == "ConnectionRefusedError"  # as verdicts, while nobody is there
    home.restart()
    assert home.says("tv", FREE.exchanges[0].address4) == "ConnectionRefusedError"
    assert ask(home, LISTED.domain, kind="MX")[0] == "NXDOMAIN"
    wait_for_sets(home)
    assert home.says("tv", FREE.exchanges[0].address4) == "ConnectionRefusedError"
    home.router.stop_gateway()
    assert not has_table(home)
    home._has_gateway = False


def test_what_a_killed_gateway_barred_is_taken_away_when_no_lists_are_wanted(home):
    start(home, body_of(["x.example"], [f"{FREE.exchanges[0].address4}/32"]))
    wait_for_sets(home)
    home.kill()
    home.router._settings["list_key"] = ""
    home.restart()
    assert home.says("tv", FREE.exchanges[0].address4) == "220"
    assert not has_table(home)


def test_without_a_key_nothing_of_this_is_there(home):
    start(home, body_of([LISTED.domain]), list_key="")
    assert ask(home, LISTED.domain, kind="MX")[0] == "NOERROR"
    with pytest.raises(UserError, match="no lists are taken here"):
        home.ask("lists")
    assert not has_table(home)
