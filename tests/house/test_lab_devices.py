"""The lab's device programs against a scripted internet: what they ask, whom they mail, what they report.

Everything runs in a network namespace of its own, as root or as an ordinary user where the system lets one.
"""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from spamgate_tools.lab.devices.kinds import KINDS
from spamgate_tools.lab.devices.people import HEADER

_TESTS = Path(__file__).resolve().parents[1]
_DOMAINS = ("one.example", "two.example", "three.example")
_RELAY = "198.51.100.7"
_MX = {domain: f"198.51.100.{10 + number}" for number, domain in enumerate(_DOMAINS)}
_MX6 = {domain: f"2001:db8:100::{10 + number}" for number, domain in enumerate(_DOMAINS)}
_OFFERS = {"EHLO": ["PIPELINING", "8BITMIME"]}
_BOTS = [name for name, kind in KINDS.items() if kind.is_bot]


def _records() -> dict[str, list[str]]:
    known = {
        "www.provider.example A": [_RELAY],
        "mail.provider.example A": [_RELAY],
        "one.example TXT": ['"orders"'],
    }
    for domain in _DOMAINS:
        known |= {
            f"{domain} MX": [f"20 mx2.{domain}", f"10 mx1.{domain}"],
            f"mx1.{domain} A": [_MX[domain]],
            f"mx1.{domain} AAAA": [_MX6[domain]],
            f"mx2.{domain} A": ["198.51.100.99"],
        }
    return known


class Scene:
    """A scripted internet, and devices in its namespace."""

    def __init__(self, folder: Path, replies: dict, **script) -> None:
        self._folder = folder
        self._log = folder / "internet.jsonl"
        servers = dict.fromkeys((_RELAY, "198.51.100.99", *_MX.values(), *_MX6.values()), _OFFERS)
        path = folder / "script.json"
        path.write_text(json.dumps({"records": _records(), "servers": servers | replies, **script}))
        unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
        self.process = subprocess.Popen(
            [*unshare, sys.executable, str(_TESTS / "scripted_internet.py"), str(path), str(self._log)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout and self.process.stderr
        if self.process.stdout.readline() != "ready\n":
            complaint = self.process.stderr.read()
            if "not permitted" in complaint:
                pytest.skip(f"not run: no network namespaces here: {complaint.splitlines()[0]}")
            pytest.fail(complaint)

    def inside(self, *words: str) -> list[str]:
        """Return the command that runs `words` in the namespace."""
        user = [] if os.geteuid() == 0 else ["-U", "--preserve-credentials"]
        return ["nsenter", "-t", str(self.process.pid), "-n", *user, *words]

    def start(self, kind: str, *options: str, seconds: float = 60, name: str = "") -> subprocess.Popen:
        report = self._report(name or kind)
        words = ["--seed", "7", "--seconds", str(seconds), "--report", str(report), "--resolver", "192.0.2.1"]
        words += ["--name", name] if name else []
        if KINDS[kind].is_bot or kind == "mail-server":
            words += ["--idle", "0", "--domains", ",".join(_DOMAINS)]
        command = self.inside(sys.executable, "-m", "spamgate_tools.lab.devices", kind, *words, *options)
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def run(self, kind: str, *options: str, seconds: float = 60, name: str = "", **until: int) -> "Story":
        """Let a device live, at most until its report has so many lines of each kind; return what all say."""
        device = self.start(kind, *options, seconds=seconds, name=name)
        return self.end(device, name or kind, seconds, **until)

    def end(self, device: subprocess.Popen, name: str, seconds: float = 60, **until: int) -> "Story":
        deadline = time.monotonic() + seconds + 15
        while until and device.poll() is None and time.monotonic() < deadline:
            lines = Counter(line["what"].replace("-", "_") for line in self.told(name))
            if all(lines[what] >= count for what, count in until.items()):
                device.terminate()
                break
            time.sleep(0.02)
        _, complaint = device.communicate(timeout=max(2.0, deadline - time.monotonic()))
        assert (device.returncode, complaint) == (0, "")
        return Story(self.told(name), _lines(self._log))

    def told(self, name: str) -> list[dict]:
        return _lines(self._report(name))

    def _report(self, name: str) -> Path:
        return self._folder / f"{name}.jsonl"


class Story:
    """What a device reported and what the internet heard."""

    def __init__(self, report: list[dict], log: list[dict]) -> None:
        self.report = report
        self.log = log

    def did(self, what: str) -> list[dict]:
        return [line for line in self.report if line["what"] == what]

    def heard(self, what: str) -> list[dict]:
        return [line for line in self.log if line["what"] == what]

    def verbs(self, server: str = "") -> list[str]:
        return [line["line"][:4].upper() for line in self.heard("command") if server in ("", line["server"])]

    def arrived(self) -> list[str]:
        """The ids of the messages that a server has taken in, in order."""
        texts = [line["text"] for line in self.heard("message")]
        heads = [line.partition(": ") for text in texts for line in text.partition("\r\n\r\n")[0].split("\r\n")]
        return [value for name, _, value in heads if name == HEADER]

    def asked(self) -> Counter:
        return Counter(line["type"] for line in self.heard("query"))


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def scene(tmp_path):
    if not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        pytest.skip("not run: no unshare, nsenter or ip here")
    scenes: list[Scene] = []

    def make(replies: dict | None = None, **script) -> Scene:
        scenes.append(Scene(tmp_path, replies or {}, **script))
        return scenes[-1]

    yield make
    for made in scenes:
        made.process.kill()
        made.process.communicate()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("not run: no openssl here")
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    new = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=mail.provider.example",
    ]
    names = ["-addext", "subjectAltName=DNS:mail.provider.example"]
    subprocess.run([*new, *names, "-keyout", path, "-out", path], check=True, capture_output=True)
    return str(path)


# --- every kind ---------------------------------------------------------------------------------


def test_every_kind_ends_on_sigterm(scene):
    place = scene()
    devices = {kind: place.start(kind) for kind in KINDS}
    while not all(place.told(kind) for kind in KINDS):
        time.sleep(0.05)
    time.sleep(0.5)
    for kind, device in devices.items():
        assert device.poll() is None, kind
        device.send_signal(signal.SIGTERM)
    for kind, device in devices.items():
        _, complaint = device.communicate(timeout=2)
        assert (device.returncode, complaint) == (0, "")
        report = place.told(kind)
        assert (report[0]["what"], report[-1]["what"]) == ("start", "stop")
        assert {line["device"] for line in report} == {kind}
        assert report[-1]["counts"] == dict(Counter(line["what"] for line in report[:-1]))
        assert [line["t"] for line in report] == sorted(line["t"] for line in report)


@pytest.mark.parametrize("kind", ["phone", "parallel-mx"])
def test_ends_when_its_time_is_up(scene, kind):
    began = time.monotonic()
    story = scene(dict.fromkeys(_MX.values(), {"BANNER": "silence"})).run(kind, seconds=1.0)
    assert 1.0 < time.monotonic() - began < 4.0
    assert story.report[-1]["t"] - story.report[0]["t"] < 1.5


def test_every_message_can_be_followed(scene, certificate):
    place = scene(certificate=certificate)
    devices = {kind: place.start(kind, "--every", "0.2") for kind in (*_BOTS, "laptop", "mail-server")}
    for kind, device in devices.items():
        story = place.end(device, kind, accepted=3)
        sent = [line["message"] for line in story.did("sent")]
        accepted = [line["message"] for line in story.did("accepted")]
        assert len(set(sent)) == len(sent) >= 3
        assert len(set(accepted)) == len(accepted) >= 3
        assert set(accepted) <= set(sent)
        assert set(accepted) <= set(story.arrived())
        assert story.report[-1]["counts"]["accepted"] == len(accepted)


def test_bots_go_on_when_refused(scene):
    place = scene(dict.fromkeys((*_MX.values(), *_MX6.values()), {"RCPT": "554 5.7.1 go away"}))
    devices = {kind: place.start(kind, "--every", "0.1") for kind in _BOTS}
    for kind, device in devices.items():
        story = place.end(device, kind, refused=7)
        refused = story.did("refused")
        assert {(line["code"], line["stage"], line["text"]) for line in refused} == {(554, "rcpt", "5.7.1 go away")}
        assert story.report[-1]["counts"].get("accepted", 0) == 0
        if kind != "one-connection":
            assert max(line["attempt"] for line in refused) >= 2


@pytest.mark.parametrize(
    "reply, expected",
    [
        ({"BANNER": "421 4.7.0 later"}, ("refused", "banner", 421)),
        ({"BANNER": "close"}, ("failed", "banner", "closed")),
        ({"EHLO": "close", "HELO": "close"}, ("failed", "helo", "closed")),
        ({"BODY": "451 no disk"}, ("refused", "body", 451)),
        ({"MAIL": "nonsense"}, ("failed", "mail", "unreadable reply")),
        ({"DATA": "reset"}, ("failed", "data", "reset")),
    ],
)
def test_what_goes_wrong_is_told(scene, reply, expected):
    story = scene(dict.fromkeys(_MX.values(), reply)).run("parallel-mx", **{expected[0]: 3})
    seen = {
        (line["what"], line["stage"], line.get("code", line.get("reason"))) for line in story.report if "stage" in line
    }
    assert seen == {expected}


def test_an_absent_server_is_told(scene):
    story = scene().run("hard-coded-resolver", "--addresses", "198.51.100.200", "--every", "0.2", failed=2)
    assert {(line["stage"], line["reason"]) for line in story.did("failed")} <= {
        ("connect", "Network is unreachable"),
        ("connect", "refused"),
    }


@pytest.mark.parametrize("options", [("parallel-mx",), ("mail-server",)])
def test_bots_without_recipients_say_what_is_missing(options, tmp_path):
    done = _alone(*options, "--report", str(tmp_path / "report"))
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].endswith(
        "needs recipients; name their domains with --domains a.example,b.example"
    )


def test_a_report_that_cannot_be_written_is_named(tmp_path):
    done = _alone("phone", "--report", str(tmp_path))
    assert (done.returncode, done.stderr) == (
        2,
        f"phone: {tmp_path}: Is a directory; name a file to write with --report\n",
    )


def test_help_has_an_example_and_every_kind():
    done = _alone("--help")
    assert done.returncode == 0
    assert "example" in done.stdout
    assert all(f"  {kind} " in done.stdout for kind in KINDS)


def _alone(*words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "spamgate_tools.lab.devices", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)


# --- bots ----------------------------------------------------------------------------------------


def test_parallel_mx_has_the_pace_of_the_capture(scene):
    story = scene().run("parallel-mx", seconds=6.0)
    times = [line["t"] for line in story.did("connect")]
    assert 4.0 < len(times) / (times[-1] - times[0]) < 6.5
    assert len({line["server"] for line in story.did("connect")}) == len(_DOMAINS)
    assert any(line["result"] == "NXDOMAIN" for line in story.did("lookup"))
    hellos = {line["line"] for line in story.heard("command") if line["line"].startswith("HELO")}
    senders = {line["line"] for line in story.heard("command") if line["line"].startswith("MAIL")}
    assert (len(hellos), len(senders)) == (1, 1)
    assert senders.pop().startswith("MAIL FROM: <")


def test_parallel_mx_is_parallel(scene):
    slow = dict.fromkeys(_MX.values(), {"BANNER": "silence"})
    story = scene(slow).run("parallel-mx", connect=9)
    assert not story.did("accepted")


def test_name_guesser_never_asks_mx(scene):
    story = scene().run("name-guesser", "--every", "0.2", accepted=1)
    assert set(story.asked()) == {"A"}
    guessed = {line["name"].partition(".")[0] for line in story.heard("query")}
    assert guessed == {"mx", "mail", "smtp", "mx1"}


def test_hard_coded_resolver_passes_the_home_by(scene):
    story = scene().run("hard-coded-resolver", "--every", "0.2", accepted=1)
    assert {line["resolver"] for line in story.heard("query")} == {"198.51.100.53"}
    assert set(story.asked()) == {"MX", "A"}


def test_addresses_by_heart_need_no_dns(scene):
    story = scene().run("hard-coded-resolver", "--addresses", ",".join(_MX.values()), "--every", "0.2", accepted=2)
    assert story.asked() == {"TXT": 1}
    assert {line["server"] for line in story.heard("message")} <= set(_MX.values())


def test_ipv6_rotator_changes_its_address(scene):
    story = scene().run("ipv6-rotator", "--every", "0.3", address=2, accepted=12)
    peers = {line["peer"] for line in story.heard("message")}
    assert len(peers) >= 2
    assert peers <= {line["address"] for line in story.did("address")}
    assert all(peer.startswith("2001:db8:77:") for peer in peers)
    assert set(story.asked()) == {"MX", "AAAA"}


def test_one_connection_says_it_all_on_one(scene):
    story = scene().run("one-connection", accepted=4)
    assert len(story.heard("connection")) == 1
    assert len(story.heard("message")) >= 4
    assert {line["recipients"] for line in story.did("accepted")} == {50}
    senders = [line["line"] for line in story.heard("command") if line["line"].startswith("MAIL")]
    assert len(set(senders)) == len(senders)


def test_one_connection_begins_anew_when_cut_off(scene):
    story = scene(dict.fromkeys(_MX.values(), {"RSET": "reset"})).run("one-connection", accepted=2)
    assert len(story.heard("connection")) >= 2


def test_mac_rotator_is_somebody_else_each_time(scene):
    story = scene().run("mac-rotator", "--every", "0.1", accepted=3)
    guises = story.did("address")
    assert len({line["mac"] for line in guises}) == len(guises) >= 3
    assert len({line["address"] for line in guises}) == len(guises)


def test_the_same_seed_writes_to_the_same_people(scene, tmp_path):
    heard = []
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        place = Scene(tmp_path / str(number), {})
        try:
            log = place.run("hard-coded-resolver", "--every", "0.3", accepted=3).heard("command")
        finally:
            place.process.kill()
            place.process.communicate()
        heard.append([line["line"] for line in log if line["line"].startswith("RCPT")])
    assert all(first == second for first, second in zip(*heard, strict=False))
    assert min(map(len, heard)) >= 2


# --- clean devices --------------------------------------------------------------------------------


def test_laptop_logs_in_only_under_tls(scene, certificate):
    place = scene({_RELAY: {"EHLO": ["STARTTLS", "AUTH PLAIN", "PIPELINING"]}}, certificate=certificate)
    story = place.run("laptop", "--password", "secret", "--ca", certificate, "--every", "0.5", accepted=2, web=1)
    assert {line["port"] for line in story.heard("connection")} == {587}
    first = [line for line in story.log if line.get("peer") and line["what"] in ("command", "sealed")]
    verbs = ["sealed" if line["what"] == "sealed" else line["line"][:4] for line in first]
    assert verbs[:7] == ["EHLO", "STAR", "sealed", "EHLO", "AUTH", "MAIL", "RCPT"]
    assert len({line["certificate"] for line in story.did("tls")}) == 1


def test_laptop_does_not_send_to_a_stranger(scene, certificate, tmp_path):
    """The server shows a certificate that the laptop does not trust."""
    other = tmp_path / "other.pem"
    shutil.copy("/dev/null", other)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", other, "-out", other],
        check=True,
        capture_output=True,
    )
    place = scene({_RELAY: {"EHLO": ["STARTTLS"]}}, certificate=certificate)
    story = place.run("laptop", "--ca", str(other), failed=1)
    assert {line["stage"] for line in story.did("failed")} == {"starttls"}
    assert not story.heard("message")


def test_laptop_insists_on_tls(scene):
    story = scene({_RELAY: {"STARTTLS": "454 not now"}}).run("laptop", refused=1)
    assert {(line["stage"], line["code"]) for line in story.did("refused")} == {("starttls", 454)}
    assert "MAIL" not in story.verbs()


def test_nas_reports_twice_through_the_relay(scene):
    story = scene().run("nas", seconds=3.0)
    assert len(story.did("accepted")) == len(story.heard("message")) == 2
    assert {(line["server"], line["port"]) for line in story.heard("connection")} == {(_RELAY, 25)}


def test_printer_scans_once(scene):
    story = scene().run("printer", "--every", "0.1")
    (message,) = story.heard("message")
    assert 250_000 < len(message["text"]) < 300_000
    assert len(story.did("accepted")) == 1


@pytest.mark.parametrize(
    "reply, tries, what", [("451 later", 3, ["refused"] * 3 + ["bounced"]), ("550 no", 1, ["refused", "bounced"])]
)
def test_a_notice_is_given_up_in_the_end(scene, reply, tries, what):
    story = scene({_RELAY: {"RCPT": reply}}).run("printer", "--every", "0.1", "--retry", "0.2")
    assert [line["what"] for line in story.report if line["what"] in ("refused", "bounced")] == what
    assert len(story.heard("connection")) == tries


@pytest.mark.parametrize("kind", ["phone", "tv", "console"])
def test_the_others_send_no_mail(scene, kind):
    story = scene().run(kind, web=2, lookup=8)
    assert not story.heard("connection")
    if kind == "tv":
        assert {line["resolver"] for line in story.heard("query")} == {"198.51.100.53"}
        assert any(line["result"] == "NXDOMAIN" for line in story.did("lookup"))


def test_mail_server_honours_421(scene):
    """Put off by one domain: it leaves that one alone for a while, and nothing is lost or sent twice."""
    shut = {_MX["one.example"]: {"BANNER": "421 4.7.0 later"}, _MX6["one.example"]: {"BANNER": "421 4.7.0 later"}}
    story = scene(shut).run("mail-server", "--messages", "9", "--every", "0.05", "--retry", "1", seconds=3.5)
    assert len(story.did("sent")) == 9
    assert sorted(story.arrived()) == sorted(line["message"] for line in story.did("accepted"))
    assert len(set(story.arrived())) == len(story.did("accepted")) == 6
    assert not story.did("bounced")
    deferred = {line["message"] for line in story.did("deferred")}
    assert len(deferred) == 3 and not deferred & set(story.arrived())
    goodbyes = [line["t"] for line in story.did("refused")]
    assert not any(0.3 < later - sooner < 0.9 for sooner, later in itertools.pairwise(goodbyes))


def test_mail_server_tries_the_next_server(scene):
    dead = dict.fromkeys((*_MX.values(), *_MX6.values()), {"BANNER": "reset"})
    story = scene(dead).run("mail-server", "--messages", "3", "--every", "0.05")
    assert len(story.did("accepted")) == 3
    assert {line["server"] for line in story.did("accepted")} == {"198.51.100.99"}


def test_mail_server_bounces_what_is_refused_for_good(scene):
    refusing = dict.fromkeys((*_MX.values(), *_MX6.values()), {"RCPT": "550 5.1.1 nobody"})
    story = scene(refusing).run("mail-server", "--messages", "3", "--every", "0.05")
    assert len(story.did("bounced")) == 3
    assert not story.arrived()


def test_mail_server_gives_up_what_is_too_old(scene):
    slow = dict.fromkeys((*_MX.values(), *_MX6.values(), "198.51.100.99"), {"RCPT": "450 4.2.0 greylisted"})
    options = ("--messages", "1", "--retry", "0.2", "--expire", "1")
    story = scene(slow).run("mail-server", *options)
    assert len(story.did("expired")) == 1
    assert len(story.did("deferred")) >= 2


@pytest.mark.parametrize("offers", [["PIPELINING"], ["8BITMIME"]])
def test_pipelining_where_it_is_offered(scene, offers):
    """Some recipients refused, one taken: the message goes, however the lines were sent."""
    place = scene(dict.fromkeys(_MX.values(), {"EHLO": offers}))
    story = place.run("one-connection", "--pipelining", accepted=2)
    assert {line["recipients"] for line in story.did("accepted")} == {50}
    stamps = [line["t"] for line in story.heard("command") if line["line"].startswith("RCPT")][:50]
    assert len(stamps) == 50


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "BODY"])
def test_a_refusal_under_pipelining_is_told_with_its_stage(scene, verb):
    answers = {"EHLO": ["PIPELINING"], verb: "452 4.3.1 no room"}
    story = scene(dict.fromkeys(_MX.values(), answers)).run("parallel-mx", "--pipelining", refused=3)
    assert {(line["stage"], line["code"]) for line in story.did("refused")} == {(verb.lower(), 452)}
    assert not story.did("failed")


# --- joining the network ----------------------------------------------------------------------------


@pytest.fixture
def dhcp_server(scene, tmp_path):
    if not shutil.which("dnsmasq"):
        pytest.skip("not run: no dnsmasq here")
    place = scene()
    subprocess.run(place.inside("ip", "addr", "add", "192.0.2.2/24", "dev", "eth1"), check=True)
    leases = tmp_path / "leases"
    server = subprocess.Popen(
        place.inside(
            *("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--user=root", "--no-ping"),
            *("--interface=eth1", "--bind-interfaces", "--dhcp-authoritative"),
            *("--dhcp-range=192.0.2.10,192.0.2.110", f"--dhcp-leasefile={leases}"),
        ),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr
    for line in server.stderr:
        if "DHCP, IP range" in line:
            break
    else:
        pytest.skip("not run: dnsmasq does not start here")
    yield place, leases
    server.kill()
    server.communicate()


def test_a_device_joins_with_its_name(dhcp_server):
    place, leases = dhcp_server
    story = place.run("phone", "--host-name", "annas-phone", lease=1)
    (lease,) = story.did("lease")
    assert (lease["name"], lease["address"], lease["server"]) == ("annas-phone", "192.0.2.10", "192.0.2.2")
    assert leases.read_text().split()[3] == "annas-phone"


def test_two_behind_a_repeater_have_a_chaddr_each(dhcp_server):
    place, leases = dhcp_server
    for number in (1, 2):
        chaddr = f"02:00:00:00:99:0{number}"
        name = f"guest{number}"
        story = place.run("phone", "--host-name", name, "--chaddr", chaddr, name=name, lease=1)
        address = story.did("lease")[0]["address"]
        source = place.run("phone", "--source", address, name=f"{name}-again", web=1)
        assert {line["peer"] for line in source.heard("page")} >= {address}
    rows = [row.split()[1:4:2] for row in leases.read_text().splitlines() if row.startswith(tuple("0123456789"))]
    assert sorted(rows) == [["02:00:00:00:99:01", "guest1"], ["02:00:00:00:99:02", "guest2"]]


def test_without_a_dhcp_server_the_name_is_sent_all_the_same(scene, tmp_path):
    place = scene()
    capture = tmp_path / "frames"
    listener = subprocess.Popen(place.inside(sys.executable, "-c", _LISTEN, str(capture)))
    time.sleep(0.3)
    story = place.run("phone", "--host-name", "annas-phone", web=1)
    listener.kill()
    listener.wait()
    assert story.did("no-lease")[0]["name"] == "annas-phone"
    frames = [bytes.fromhex(line) for line in capture.read_text().splitlines()]
    kinds = [frame[frame.index(b"\x63\x82\x53\x63") + 6] for frame in frames if b"annas-phone" in frame]
    assert kinds == [1, 1, 3]


_LISTEN = """
import socket, sys
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
link.bind(("eth1", 0x0800))
with open(sys.argv[1], "w") as out:
    while True:
        print(link.recv(2048).hex(), file=out, flush=True)
"""
