"""The made home is the same everywhere, well-formed to an independent reader, and touches no real name or address."""

import hashlib
import io
import ipaddress
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field

import dns.message
import dns.name
import dns.rdatatype
import dpkt
import pytest
from click.testing import CliRunner

from spamgate_tools import sample_home
from spamgate_tools.sample_home import INFECTED, Sample

# The first evening on CPython 3.11; another Python must make the same.  Changes with the story only.
_SHA256_OF_SEED_1 = "b143e6c15e7b63cc83ae4a11f03b70dbfcf816aecf843995166b742a1e3896eb"

_OUTSIDE = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "2001:db8::/32")
_INSIDE = ("192.168.77.0/24", "fd5a:8c21:e7d4:1::/64", "fe80::/64")
_GROUPS = ("0.0.0.0", "255.255.255.255", "224.0.0.251", "ff02::2")
_NETWORKS = [ipaddress.ip_network(text) for text in (*_OUTSIDE, *_INSIDE, *_GROUPS)]
_ZONES = (b"example", b"test", b"invalid", b"arpa", b"local")  # arpa: home.arpa (RFC 8375)
_DOMAIN = re.compile(rb"[A-Za-z][\w-]*(?:\.[\w-]+)+")
_DOCUMENTATION_MAC = b"\x00\x00\x5e\x00\x53"
_MAIL_PORTS = (25, 465, 587)
_VERBS = ("HELO", "EHLO", "MAIL", "RCPT", "DATA", "AUTH", "STARTTLS")


@pytest.fixture(scope="module")
def sample() -> Sample:
    return Sample(1)


@pytest.fixture(scope="module")
def frames(sample) -> list[dpkt.ethernet.Ethernet]:
    return [dpkt.ethernet.Ethernet(frame) for _, frame in _records(sample.capture)]


@pytest.fixture(scope="module")
def connections(frames) -> "list[Connection]":
    return _connections(frames)


def _records(capture: bytes) -> list[tuple[float, bytes]]:

    return list(dpkt.pcap.Reader(io.BytesIO(capture)))


def _ip(frame) -> dpkt.ip.IP | dpkt.ip6.IP6 | None:
    return frame.data if isinstance(frame.data, (dpkt.ip.IP, dpkt.ip6.IP6)) else None


# --- the same everywhere -------------------------------------------------------------------------


def _made_elsewhere(path, seed: int, hash_seed: str) -> str:
    command = [sys.executable, "-m", "spamgate_tools.sample_home", "--seed", str(seed), str(path)]
    done = subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_one_seed_gives_one_capture(tmp_path):
    digests = {_made_elsewhere(tmp_path / "home.pcap", 1, hash_seed) for hash_seed in ("1", "2", "random")}
    assert digests == {_SHA256_OF_SEED_1}


def test_another_seed_gives_another_capture(sample):
    assert Sample(2).capture != sample.capture


@pytest.mark.parametrize("seed", range(1, 6))
def test_an_evening_has_its_size(seed):
    made = Sample(seed)
    times = [time for time, _ in _records(made.capture)]
    assert times == sorted(set(times))
    assert 20 * 60 < times[-1] - times[0] < 40 * 60
    assert 10_000 < len(times) < 25_000


# --- well-formed ---------------------------------------------------------------------------------


def test_every_frame_has_right_lengths_and_checksums(frames):
    kinds: Counter = Counter()
    for frame in frames:
        packet = _ip(frame)
        if packet is None:
            assert frame.type == dpkt.ethernet.ETH_TYPE_ARP
            continue
        if isinstance(packet, dpkt.ip.IP):
            assert dpkt.in_cksum(bytes(packet)[:20]) == 0
            assert packet.len == len(bytes(packet))
        else:
            assert packet.plen == len(packet.data)
        body = bytes(packet.data)
        kinds[packet.p] += 1
        # A sum over data that holds its own checksum comes out as 0.
        assert dpkt.in_cksum((b"" if packet.p == dpkt.ip.IP_PROTO_ICMP else _pseudo_header(packet, body)) + body) == 0
    assert {dpkt.ip.IP_PROTO_TCP, dpkt.ip.IP_PROTO_UDP, dpkt.ip.IP_PROTO_ICMP6} <= set(kinds)


def _pseudo_header(packet, body: bytes) -> bytes:
    return packet.src + packet.dst + len(body).to_bytes(4, "big") + bytes(3) + bytes([packet.p])


@dataclass
class Connection:
    """One TCP connection: the bytes of either side by their place behind the SYN."""

    client_mac: bytes
    server: bytes
    port: int
    isn: list[int | None] = field(default_factory=lambda: [None, None])
    data: list[dict[int, int]] = field(default_factory=lambda: [{}, {}])
    resent: int = 0

    def take(self, side: int, segment) -> None:
        if segment.flags & dpkt.tcp.TH_SYN:
            assert self.isn[side] in (None, segment.seq)
            self.isn[side] = segment.seq
            assert not segment.data
            return
        if segment.flags & dpkt.tcp.TH_RST:
            return
        start = self._place(side, segment.seq)
        assert self._place(1 - side, segment.ack) <= len(self.data[1 - side]) + 1 + 1  # the FIN has a place of its own
        for at, byte in enumerate(segment.data):
            self.resent += at == 0 and start in self.data[side]
            assert self.data[side].setdefault(start + at, byte) == byte

    def _place(self, side: int, number: int) -> int:
        return (number - self.isn[side]) & 0xFFFFFFFF

    def text(self, side: int) -> bytes:
        places = sorted(self.data[side])
        assert places == list(range(1, len(places) + 1)), "a hole"
        return bytes(self.data[side][place] for place in places)


def _connections(frames) -> list[Connection]:
    found: dict[tuple, Connection] = {}
    everyone = []
    for frame in frames:
        packet = _ip(frame)
        if packet is None or not isinstance(packet.data, dpkt.tcp.TCP):
            continue
        segment = packet.data
        ends = ((packet.src, segment.sport), (packet.dst, segment.dport))
        is_new = segment.flags & (dpkt.tcp.TH_SYN | dpkt.tcp.TH_ACK) == dpkt.tcp.TH_SYN
        if is_new and (ends not in found or found[ends].isn[0] != segment.seq):
            found[ends] = found[ends[::-1]] = Connection(frame.src, packet.dst, segment.dport)
            everyone.append(found[ends])
        connection = found[ends]
        connection.take(int(packet.src == connection.server), segment)
    return everyone


def test_every_connection_is_whole(connections):
    whole = [connection for connection in connections if connection.isn[1] is not None]
    for connection in whole:
        connection.text(0)
        connection.text(1)
    assert len(whole) > 400
    assert sum(connection.resent for connection in connections) >= 10, "some segments are seen twice"


def test_dns_is_read_by_dnspython(frames):
    questions: Counter = Counter()
    for payload in _dns_payloads(frames, 53):
        message = dns.message.from_wire(payload)
        questions[dns.rdatatype.to_text(message.question[0].rdtype)] += 1
    assert set(questions) == {"A", "AAAA", "MX", "HTTPS"}
    assert questions["MX"] > 300


def _dns_payloads(frames, port: int) -> list[bytes]:
    datagrams = [packet.data for packet in map(_ip, frames) if packet and isinstance(packet.data, dpkt.udp.UDP)]
    return [udp.data for udp in datagrams if port in (udp.sport, udp.dport)]


# --- nothing real --------------------------------------------------------------------------------


def test_every_address_is_reserved(frames):
    addresses = {address for packet in map(_ip, frames) if packet for address in (packet.src, packet.dst)}
    strange = [ip for ip in map(ipaddress.ip_address, addresses) if not any(ip in net for net in _NETWORKS)]
    assert len(addresses) > 250 and not strange


def test_every_mac_is_reserved_or_private(frames):
    stations = {frame.src for frame in frames}
    assert all(mac[:5] == _DOCUMENTATION_MAC or mac[0] & 3 == 2 for mac in stations)
    assert len(stations) == 9


def test_every_name_is_reserved(frames, connections):
    names = {name for payload in _dns_payloads(frames, 53) + _dns_payloads(frames, 5353) for name in _names(payload)}
    assert len(names) > 300
    assert not [name for name in names if name.labels and name.labels[-2] not in _ZONES[:3] + _ZONES[4:]]
    said = {name for connection in connections for name in _names_said(connection)}
    assert len(said) > 100
    assert not [name for name in said if name.rpartition(b".")[2] not in _ZONES]


def _names(payload: bytes) -> set[dns.name.Name]:
    message = dns.message.from_wire(payload)
    sets = [rrset for section in message.sections for rrset in section]
    hosts = [rdata.exchange for rrset in sets if rrset.rdtype == dns.rdatatype.MX for rdata in rrset]
    return {rrset.name for rrset in sets} | set(hosts)


def _names_said(connection: Connection) -> list[bytes]:
    """Names in the plain text of mail, from the banner to the final dot."""
    if connection.port not in (25, 587) or connection.isn[1] is None:
        return []
    return [name for side in (0, 1) for name in _DOMAIN.findall(b"\n".join(_lines(connection, side)))]


def _lines(connection: Connection, side: int) -> list[bytes]:
    """Lines of one side, up to where TLS begins."""
    text = connection.text(side)
    mark = b"STARTTLS\r\n" if side == 0 else b"220 2.0.0 Ready to start TLS\r\n"
    cut = text.find(mark)
    return (text if cut < 0 else text[: cut + len(mark)]).split(b"\r\n")


# --- the ledger ------------------------------------------------------------------------------------


def test_the_ledger_is_what_the_capture_holds(sample, connections):
    for account in sample.ledger()["devices"]:
        mac = bytes.fromhex(account["device"].replace(":", ""))
        own = [connection for connection in connections if connection.client_mac == mac]
        for key, ports in (("smtp", (25,)), ("submission", (465, 587))):
            _assert_same(account[key], [connection for connection in own if connection.port in ports])


def _assert_same(told: dict, seen: list[Connection]) -> None:
    assert told["connects"] == len(seen)
    assert told["destinations"] == len({connection.server for connection in seen})
    talks = [connection for connection in seen if connection.isn[1] is not None and connection.port != 465]
    said = Counter(line.split()[0].decode() for talk in talks for line in _lines(talk, 0) if line)
    assert told["helo"] == said["HELO"] + said["EHLO"]
    for verb in _VERBS[2:]:
        assert told[verb.lower()] == said[verb]
    codes = Counter(line[:3].decode() for talk in talks for line in _lines(talk, 1) if line[3:4] == b" ")
    assert told["replies"] == dict(sorted(codes.items()))


def test_the_ledger_counts_questions_once(sample, frames):
    asked: dict[bytes, set] = {}
    for frame in frames:
        packet = _ip(frame)
        if packet and isinstance(packet.data, dpkt.udp.UDP) and packet.data.dport == 53:
            payload = packet.data.data
            question = dns.message.from_wire(payload).question[0]
            asked.setdefault(frame.src, set()).add((packet.data.sport, payload[:2], question.rdtype, question.name))
    for account in sample.ledger()["devices"]:
        mac = bytes.fromhex(account["device"].replace(":", ""))
        own = asked.get(mac, set())
        exchanges = [name for *_, kind, name in own if kind == dns.rdatatype.MX]
        told = account["dns"]
        assert (told["queries"], told["mx"], told["mx_names"]) == (len(own), len(exchanges), len(set(exchanges)))


def test_one_device_spams_and_it_is_named(sample):
    accounts = {account["name"]: account for account in sample.ledger()["devices"]}
    busy = [name for name, account in accounts.items() if account["smtp"]["destinations"] > 1]
    assert busy == [INFECTED]
    assert accounts["nas"]["smtp"]["messages_accepted"] == accounts["ups-cellar"]["smtp"]["messages_accepted"] == 1
    assert accounts["laptop"]["submission"]["starttls"] >= 3
    assert accounts["phone"]["submission"]["connects"] >= 1


# --- the command -----------------------------------------------------------------------------------


def test_help_has_an_example():
    shown = CliRunner().invoke(sample_home.main, ["--help"])
    assert shown.exit_code == 0 and "python -m spamgate_tools.sample_home --seed" in shown.output


def test_a_file_that_cannot_be_written_is_one_line(tmp_path):
    shown = CliRunner().invoke(sample_home.main, [str(tmp_path / "none" / "home.pcap")])
    assert shown.exit_code == 2
    assert shown.output.splitlines() == [
        f"Error: {tmp_path}/none/home.pcap: cannot be written: No such file or directory"
    ]
