"""The lab's device programs against a scripted internet: what all kinds have in common, and the bots."""

import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from device_scene import DOMAINS, MX, MX6, Scene

from spamgate_tools.lab.devices.kinds import KINDS

BOTS = [name for name, kind in KINDS.items() if kind.is_bot]


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
        _, complaint = device.communicate(timeout=20)
        assert (device.returncode, complaint) == (0, "")
        report = place.told(kind)
        assert (report[0]["what"], report[-1]["what"]) == ("start", "stop")
        assert {line["device"] for line in report} == {kind}
        assert report[-1]["counts"] == dict(Counter(line["what"] for line in report[:-1]))
        assert [line["t"] for line in report] == sorted(line["t"] for line in report)


@pytest.mark.parametrize("kind", ["phone", "parallel-mx"])
def test_ends_when_its_time_is_up(scene, kind):
    story = scene(dict.fromkeys(MX.values(), {"BANNER": "silence"})).run(kind, seconds=1.0)
    assert 1.0 <= time.time() - story.report[0]["t"] < 4.0
    assert story.report[-1]["t"] - story.report[0]["t"] < 1.5


def test_every_message_can_be_followed(scene, certificate):
    place = scene(certificate=certificate)
    devices = {kind: place.start(kind, "--every", "0.2") for kind in (*BOTS, "laptop", "mail-server")}
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
    place = scene(dict.fromkeys((*MX.values(), *MX6.values()), {"RCPT": "554 5.7.1 go away"}))
    devices = {kind: place.start(kind, "--every", "0.1") for kind in BOTS}
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
    story = scene(dict.fromkeys(MX.values(), reply)).run("parallel-mx", **{expected[0]: 3})
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
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


# --- bots ----------------------------------------------------------------------------------------


def test_parallel_mx_has_the_pace_of_the_capture(scene):
    story = scene().run("parallel-mx", seconds=6.0)
    times = [line["t"] for line in story.did("connect")]
    assert 4.0 < len(times) / (times[-1] - times[0]) < 6.5
    assert len({line["server"] for line in story.did("connect")}) == len(DOMAINS)
    assert any(line["result"] == "NXDOMAIN" for line in story.did("lookup"))
    hellos = {line["line"] for line in story.heard("command") if line["line"].startswith("HELO")}
    senders = {line["line"] for line in story.heard("command") if line["line"].startswith("MAIL")}
    assert (len(hellos), len(senders)) == (1, 1)
    assert senders.pop().startswith("MAIL FROM: <")


def test_parallel_mx_is_parallel(scene):
    slow = dict.fromkeys(MX.values(), {"BANNER": "silence"})
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
    story = scene().run("hard-coded-resolver", "--addresses", ",".join(MX.values()), "--every", "0.2", accepted=2)
    assert story.asked() == {"TXT": 1}
    assert {line["server"] for line in story.heard("message")} <= set(MX.values())


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
    story = scene(dict.fromkeys(MX.values(), {"RSET": "reset"})).run("one-connection", accepted=2)
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
