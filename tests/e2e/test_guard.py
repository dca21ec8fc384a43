"""The guard in MicroPython between real clients and real Unbounds: it adds nothing, hides nothing, and holds out.

The router sends all port 53 of its LAN to the guard, so that a device that asks any resolver in the world meets it.
"""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest
from e2e.resolver_zone import ORIGIN, questions, zone_text
from e2e.signed_zone import Signer

from spamgate.wire.dns import Message
from spamgate_tools.compiled import search_path
from spamgate_tools.errors import UserError
from spamgate_tools.lab.host import needed
from spamgate_tools.lab.network import Network
from spamgate_tools.lab.waiting import listens, wait_until
from spamgate_tools.runtime import find_micropython

TESTS = Path(__file__).resolve().parents[1]
SEED = 20261122
PORT = 8053
DIRECT = ("198.51.100.53", 5353)  # a port that is not redirected
UPSTREAMS = ["198.51.100.53", "198.51.100.54"]
ANYWHERE = {4: "9.9.9.9", 6: "2620:fe::fe"}
HEAP = "256k"
FLAT_BYTES = 16384  # tables that grow once, and what a collection misses: ten thousand leaks do not hide in it
SETTINGS = {
    "lan": ["br-lan"],
    "guard_port": PORT,
    "guard_upstreams": UPSTREAMS,
    "guard_block": ["bad.example", f"n1.{ORIGIN}", "blocked.signed.example"],
    "guard_allow": ["fine.bad.example", f"www.n1.{ORIGIN}"],
    "guard_canary": True,
}
REDIRECT = """
table inet to_guard {
  chain incoming {
    type nat hook prerouting priority dstnat;
    iifname "br-lan" meta l4proto { tcp, udp } th dport 53 redirect to :8053
  }
}
"""
UNBOUND = """
server:
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  module-config: "iterator"
  access-control: 0.0.0.0/0 allow
  interface: {address}@53
  interface: {address}@5353
  rrset-roundrobin: no
  minimal-responses: no
  edns-buffer-size: 4096
  max-udp-size: 4096
  root-hints: ""
  local-zone: "bad.example." redirect
  local-data: "bad.example. 300 A 192.0.2.66"
  local-zone: "use-application-dns.net." redirect
  local-data: "use-application-dns.net. 300 A 192.0.2.66"
auth-zone:
  name: "{origin}"
  zonefile: "{zone}"
  for-downstream: yes
  for-upstream: no
auth-zone:
  name: "signed.example"
  zonefile: "{zone}.signed"
  for-downstream: yes
  for-upstream: no
remote-control:
  control-enable: no
"""


class Home:
    """A router with the guard, two resolvers in the internet, and a device that asks."""

    def __init__(self, network):
        self.router, self.internet, self.device = network.router, network.internet, network.host("device")
        self.router.run(["nft", "-f", "-"], input=REDIRECT)
        self.zone = self.internet.folder / "zone"
        self.zone.write_text(zone_text(random.Random(SEED)))
        self.signer = Signer(random.Random(SEED))
        names = {"www": "192.0.2.7", "blocked": "192.0.2.66"}
        Path(f"{self.zone}.signed").write_text(self.signer.zone_text(names))
        self.unbounds = {}
        for address in UPSTREAMS:
            self.internet.add_address(address)
            self.start_unbound(address)
        self._start_guard()
        self._asker = self.device.popen(
            [sys.executable, str(TESTS / "e2e" / "asker.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start_unbound(self, address):
        settings = self.internet.folder / f"{address}.conf"
        folder = self.internet.folder
        settings.write_text(UNBOUND.format(folder=folder, address=address, origin=ORIGIN, zone=self.zone))
        self.unbounds[address] = process = self.internet.popen(["unbound", "-d", "-c", str(settings)], log="unbound")
        wait_until(lambda: listens(process.pid, 53, "udp", address), 30, f"Unbound at {address}")
        wait_until(lambda: listens(process.pid, 53, "tcp", address), 30, f"Unbound at {address}, over TCP")

    def stop_unbound(self, address):
        process = self.unbounds.pop(address)
        process.terminate()
        process.wait()

    def _start_guard(self):
        settings = self.router.folder / "settings"
        settings.write_text(json.dumps(SETTINGS))
        micropython = find_micropython()
        words = [*micropython, "-X", "heapsize=" + HEAP, str(TESTS / "programs" / "guard.py"), str(settings)]
        self.guard = self.router.popen(
            [*words, "192.168.77.1", "fd77:77::1", "2001:db8:77::1"],
            log="guard",
            env={**os.environ, "MICROPYPATH": str(search_path(micropython))},
        )
        wait_until(lambda: listens(self.guard.pid, PORT, "udp"), 30, f"the guard (see {self.router.folder})")

    def ask_all(self, messages, to=(ANYWHERE[4], 53), tcp=False, seconds=2.0):
        """Return the answers to raw messages, None for each that did not come."""
        job = {"to": to, "messages": [message.hex() for message in messages], "tcp": tcp, "seconds": seconds}
        self._asker.stdin.write(json.dumps(job) + "\n")
        self._asker.stdin.flush()
        return [answer and bytes.fromhex(answer) for answer in json.loads(self._asker.stdout.readline())]

    def ask(self, message, **options):
        return self.ask_all([message], **options)[0]

    def report(self):
        """Return the next report of the guard, begun after this call."""
        log = self.router.folder / "guard"
        seen = log.read_text().count("\n")
        wait_until(lambda: log.read_text().count("\n") > seen + 1, 30, f"a report in {log}")
        return json.loads(log.read_text().splitlines()[seen + 1])


@pytest.fixture(scope="module")
def home():
    try:
        needed("ip", "nft", "unbound", "dig", "kdig")
        find_micropython()
        network = Network("guard")
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    with network:
        home = Home(network)
        yield home
        assert home.guard.poll() is None, "the guard has ended by itself"


def made(name, qtype="A", flags=0x0100, payload=0, do=False, ident=0x1234):
    """Return a query in wire form."""
    query = dns.message.make_query(name, qtype, use_edns=0 if payload else False, payload=payload, want_dnssec=do)
    query.flags, query.id = flags, ident
    return query.to_wire()


def without_ttls(wire):
    """Return the message with every TTL zero, but for what OPT has in its place."""
    copy = bytearray(wire)
    message = Message()
    message.read(wire, 0, len(wire))
    while message.next_record():
        if message.rtype != 41:
            copy[message.rdata_at - 6 : message.rdata_at - 2] = bytes(4)
    return bytes(copy)


# --- it adds nothing and hides nothing -----------------------------------------------------------


@pytest.mark.parametrize("seed", [SEED])
def test_a_thousand_names_are_answered_byte_by_byte_as_unbound_does(home, seed):
    rng = random.Random(seed)
    allowed = [one for one in questions(rng) if not one.name.lower().endswith(f"n1.{ORIGIN}")]
    wires = [made(q.name, q.qtype, q.flags, q.payload, q.do, rng.randrange(65536)) for q in allowed]
    direct = home.ask_all(wires, to=DIRECT)
    guarded = home.ask_all(wires)
    for question, expected, got in zip(allowed, direct, guarded, strict=True):
        assert got is not None and expected is not None, question
        assert without_ttls(got) == without_ttls(expected), question
    shapes = {(wire[3] & 15, wire[2] >> 1 & 1, wire[6:8] > b"\0\0") for wire in direct}
    assert shapes >= {(0, 0, True), (0, 0, False), (3, 0, False), (0, 1, False)}, "the zone has lost some of its shapes"
    assert max(map(len, direct)) > 1232


def test_answers_out_of_the_guards_memory_are_unbounds_too(home):
    wires = [made(f"n{number}.{ORIGIN}", payload=payload) for number in (0, 2, 6, 10) for payload in (0, 1232)]
    wires += [made(f"no.n{number}.{ORIGIN}") for number in (0, 2)]
    before = home.report()["answered"]
    for _ in range(4):
        guarded = home.ask_all(wires)
    for expected, got in zip(home.ask_all(wires, to=DIRECT), guarded, strict=True):
        assert without_ttls(got) == without_ttls(expected)
    assert home.report()["answered"] == before + 4 * len(wires)


def test_tcp_answers_are_unbounds_too_pipelined_and_big(home):
    numbers = [number for number in range(70) if number != 1]
    wires = [made(f"n{number}.{ORIGIN}", "TXT" if number % 10 == 5 else "A", ident=number) for number in numbers]
    by_id = {answer[:2]: answer for answer in home.ask_all(wires, to=DIRECT, tcp=True)}
    guarded = home.ask_all(wires, tcp=True)
    assert len(by_id) == len(wires) and None not in guarded
    for got in guarded:
        assert without_ttls(got) == without_ttls(by_id[got[:2]])
    assert max(map(len, guarded)) > 4000


def test_a_cut_answer_is_had_whole_over_tcp(home):
    for program in (["dig", "+noedns"], ["kdig", "+noedns"]):
        cut = home.device.run([*program, f"@{ANYWHERE[4]}", "+ignore", f"n7.{ORIGIN}", "A"]).stdout.lower()
        assert " tc " in cut.split("flags:")[1].split(";")[0]
        whole = home.device.run([*program, f"@{ANYWHERE[4]}", "+short", f"n7.{ORIGIN}", "A"]).stdout
        assert len(whole.split()) >= 40


def test_dig_and_kdig_with_every_option_see_what_unbound_sent(home):
    options = (
        ["+edns=0", "+bufsize=4096"],
        ["+dnssec"],
        ["+cdflag", "+adflag"],
        ["+norecurse"],
        ["+nsid"],
        ["+subnet=192.0.2.0/24"],
        ["+tcp", "+dnssec"],
        ["+edns=1"],
    )
    for program in ("dig", "kdig"):
        for words in options:
            command = [program, *words, "n8.Zone.eXample", "A"]
            direct = home.device.run([*command, f"@{DIRECT[0]}", "-p", str(DIRECT[1])], check=False).stdout
            guarded = home.device.run([*command, f"@{ANYWHERE[4]}"], check=False).stdout
            assert told(guarded) == told(direct) and len(told(direct)) > 2, command


def told(output):
    """Return the lines that tell of the message, without its id, time and place."""
    dull = ("id:", " time", "server:", "when:", "msg size", "from ", "received", "cookie", "<<>>", "(1 server")
    return [line for line in output.lower().splitlines() if line and not any(word in line for word in dull)]


def test_a_validating_client_trusts_what_is_passed_on_and_nothing_that_is_blocked(home):
    try:
        needed("delv")
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    anchor = home.device.folder / "anchor"
    anchor.write_text(f'trust-anchors {{ signed.example. static-key 257 3 8 "{home.signer.key}"; }};\n')
    validated = ["delv", f"@{ANYWHERE[4]}", "-a", str(anchor), "+root=signed.example", "A"]
    assert "; fully validated" in home.device.run([*validated, "www.signed.example"]).stdout
    refused = home.device.run([*validated, "blocked.signed.example"], check=False)
    assert "validated" not in refused.stdout and "192.0.2.66" not in refused.stdout + refused.stderr


def test_ipv6_clients_are_answered_by_whom_they_asked(home):
    wire = made(f"n2.{ORIGIN}")
    for tcp in (False, True):
        assert without_ttls(home.ask(wire, to=(ANYWHERE[6], 53), tcp=tcp)) == without_ttls(home.ask(wire, to=DIRECT))


# --- what it answers itself ------------------------------------------------------------------------


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("name", ["bad.example", "www.Bad.EXAMPLE", f"n1.{ORIGIN}", f"a.b.n1.{ORIGIN}"])
def test_blocked_names_and_those_below_say_why_only_to_who_asks_with_opt(home, name, tcp):
    for qtype in ("A", "AAAA", "MX", "HTTPS"):
        plain = dns.message.from_wire(home.ask(made(name, qtype), tcp=tcp))
        assert plain.rcode() == dns.rcode.NXDOMAIN and plain.edns == -1
        assert plain.question[0].name.to_text(omit_final_dot=True) == name, "0x20"
        rich = dns.message.from_wire(home.ask(made(name, qtype, 0x0110, 1232, do=True), tcp=tcp))
        assert rich.rcode() == dns.rcode.NXDOMAIN and rich.flags & dns.flags.CD and rich.ednsflags & dns.flags.DO
        assert [(one.otype, one.code) for one in rich.options] == [(dns.edns.OptionType.EDE, dns.edns.EDECode.BLOCKED)]


def test_allowed_wins(home):
    for name in ("fine.bad.example", "very.fine.bad.example"):
        assert dns.message.from_wire(home.ask(made(name))).answer[0][0].to_text() == "192.0.2.66"
    wire = made(f"www.n1.{ORIGIN}")
    assert without_ttls(home.ask(wire)) == without_ttls(home.ask(wire, to=DIRECT))


@pytest.mark.parametrize("qtype", ["A", "AAAA", "HTTPS"])
def test_the_canary_does_not_exist(home, qtype):
    for program in ("dig", "kdig"):
        said = home.device.run([program, f"@{ANYWHERE[4]}", "use-application-dns.net", qtype]).stdout
        assert "NXDOMAIN" in said and "ANSWER: 0" in said.replace("ANSWER; 0", "ANSWER: 0") and "192.0.2.66" not in said


def test_dig_and_kdig_show_the_error(home):
    for program, text in (("dig", "EDE: 15 (Blocked): (settings)"), ("kdig", "EDE: 15 (Blocked): 'settings'")):
        assert text in home.device.run([program, "+edns", f"@{ANYWHERE[4]}", "bad.example"]).stdout
        assert "EDE" not in home.device.run([program, "+noedns", f"@{ANYWHERE[4]}", "bad.example"]).stdout


@pytest.mark.parametrize("seed", [SEED])
def test_malformed_packets_are_refused_or_met_with_silence(home, seed):
    rng = random.Random(seed)
    whole = made(f"n2.{ORIGIN}", payload=1232)
    broken = [whole[:size] for size in range(len(whole) - 11)]
    broken += [bytes(rng.randrange(256) for _ in range(rng.randrange(600))) for _ in range(100)]
    broken += [whole[:12] + bytes(rng.randrange(256) for _ in range(40)) for _ in range(50)]
    for _ in range(100):
        at = rng.randrange(len(whole))
        broken.append(whole[:at] + bytes([rng.randrange(256)]) + whole[at + 1 :])
    answers = home.ask_all(broken, seconds=0.03)
    for sent, got in zip(broken, answers, strict=True):
        assert got is None or (got[:2] == sent[:2] and got[2] & 0x80), sent.hex()
    assert all(got is None or got[3] & 15 == dns.rcode.FORMERR for got in answers[: len(whole) - 11])
    home.ask_all([message for message in broken if len(message) > 11][:60], tcp=True, seconds=1)
    assert home.ask(whole)[3] & 15 == 0


# --- what goes wrong -------------------------------------------------------------------------------


def test_a_dead_upstream_is_got_around_and_two_are_servfail_until_one_is_back(home):
    assert home.ask(made(f"n10.{ORIGIN}"))[3] & 15 == 0
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
    assert home.ask(made(f"n16.{ORIGIN}"))[3] & 15 == 0


def test_ten_thousand_queries_at_once_leave_memory_flat_and_the_guard_answering(home):
    home.ask_all([made(f"x{number}.{ORIGIN}") for number in range(300)])
    before = home.report()
    flood(home, 10000)
    wait_until(lambda: answers(home, f"n20.{ORIGIN}"), 3, "an answer after the flood")
    for address in UPSTREAMS:
        home.stop_unbound(address)
    flood(home, 10000)
    for address in UPSTREAMS:
        home.start_unbound(address)
    wait_until(lambda: answers(home, f"n21.{ORIGIN}"), 6, "an answer after the flood")
    time.sleep(5)  # until nothing waits any more
    after = home.report()
    assert after["answered"] - before["answered"] > 1000
    assert after["heap_bytes"] - before["heap_bytes"] < FLAT_BYTES


def answers(home, name):
    """Is the name resolved, asked once as a stub resolver does again and again?"""
    answer = home.ask(made(name), seconds=0.5)
    return answer is not None and answer[3] & 15 == 0


FLOOD = """
import random, socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
rng = random.Random(1)
for number in range(int(sys.argv[1])):
    name = b"\\x08%08x\\4zone\\7example\\0" % rng.getrandbits(32)
    sock.sendto(rng.randbytes(2) + b"\\1\\0\\0\\1" + bytes(6) + name + b"\\0\\1\\0\\1", ("9.9.9.9", 53))
"""


def flood(home, count):
    home.device.run([sys.executable, "-c", FLOOD, str(count)])
