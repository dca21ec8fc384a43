"""The lab's clean devices against a scripted internet: how they mail, and how they join the network."""

import itertools
import shutil
import subprocess
import sys

import pytest
from device_scene import MX, MX6, RELAY

from spamgate_tools.lab.waiting import wait_until

# --- clean devices --------------------------------------------------------------------------------


def test_laptop_logs_in_only_under_tls(scene, certificate):
    place = scene({RELAY: {"EHLO": ["STARTTLS", "AUTH PLAIN", "PIPELINING"]}}, certificate=certificate)
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
    place = scene({RELAY: {"EHLO": ["STARTTLS"]}}, certificate=certificate)
    story = place.run("laptop", "--ca", str(other), failed=1)
    assert {line["stage"] for line in story.did("failed")} == {"starttls"}
    assert not story.heard("message")


def test_laptop_insists_on_tls(scene):
    story = scene({RELAY: {"STARTTLS": "454 not now"}}).run("laptop", refused=1)
    assert {(line["stage"], line["code"]) for line in story.did("refused")} == {("starttls", 454)}
    assert "MAIL" not in story.verbs()


def test_nas_reports_twice_through_the_relay(scene):
    story = scene().run("nas", seconds=3.0)
    assert len(story.did("accepted")) == len(story.heard("message")) == 2
    assert {(line["server"], line["port"]) for line in story.heard("connection")} == {(RELAY, 25)}


def test_printer_scans_once(scene):
    story = scene().run("printer", "--every", "0.1")
    (message,) = story.heard("message")
    assert 250_000 < len(message["text"]) < 300_000
    assert len(story.did("accepted")) == 1


@pytest.mark.parametrize(
    "reply, tries, what", [("451 later", 3, ["refused"] * 3 + ["bounced"]), ("550 no", 1, ["refused", "bounced"])]
)
def test_a_notice_is_given_up_in_the_end(scene, reply, tries, what):
    story = scene({RELAY: {"RCPT": reply}}).run("printer", "--every", "0.1", "--retry", "0.2")
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
    shut = {MX["one.example"]: {"BANNER": "421 4.7.0 later"}, MX6["one.example"]: {"BANNER": "421 4.7.0 later"}}
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
    dead = dict.fromkeys((*MX.values(), *MX6.values()), {"BANNER": "reset"})
    story = scene(dead).run("mail-server", "--messages", "3", "--every", "0.05")
    assert len(story.did("accepted")) == 3
    assert {line["server"] for line in story.did("accepted")} == {"198.51.100.99"}


def test_mail_server_bounces_what_is_refused_for_good(scene):
    refusing = dict.fromkeys((*MX.values(), *MX6.values()), {"RCPT": "550 5.1.1 nobody"})
    story = scene(refusing).run("mail-server", "--messages", "3", "--every", "0.05")
    assert len(story.did("bounced")) == 3
    assert not story.arrived()


def test_mail_server_gives_up_what_is_too_old(scene):
    slow = dict.fromkeys((*MX.values(), *MX6.values(), "198.51.100.99"), {"RCPT": "450 4.2.0 greylisted"})
    options = ("--messages", "1", "--retry", "0.2", "--expire", "1")
    story = scene(slow).run("mail-server", *options)
    assert len(story.did("expired")) == 1
    assert len(story.did("deferred")) >= 2


@pytest.mark.parametrize("offers", [["PIPELINING"], ["8BITMIME"]])
def test_pipelining_where_it_is_offered(scene, offers):
    """Some recipients refused, one taken: the message goes, however the lines were sent."""
    place = scene(dict.fromkeys(MX.values(), {"EHLO": offers}))
    story = place.run("one-connection", "--pipelining", accepted=2)
    assert {line["recipients"] for line in story.did("accepted")} == {50}
    stamps = [line["t"] for line in story.heard("command") if line["line"].startswith("RCPT")][:50]
    assert len(stamps) == 50


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "BODY"])
def test_a_refusal_under_pipelining_is_told_with_its_stage(scene, verb):
    answers = {"EHLO": ["PIPELINING"], verb: "452 4.3.1 no room"}
    story = scene(dict.fromkeys(MX.values(), answers)).run("parallel-mx", "--pipelining", refused=3)
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
    wait_until(capture.exists, 20, "the listener")
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
# the file is there once it listens
with open(sys.argv[1], "w") as out:
    while True:
        print(link.recv(2048).hex(), file=out, flush=True)
"""
