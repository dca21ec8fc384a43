"""From a time and a port, as a report from outside names them, to the one of five devices behind NAT."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from e2e.life import MX, NORTH, Home, soon, told
from e2e.mail_home import require

from spamgate_tools.lab.accounts import SUBMISSION_SERVER

DEVICES = [f"device{number}" for number in range(5)]
SAME_PORT, SAME_PORT6 = 40000, 41000  # all five connect from it: NAT must give four of them another one
SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
PUBLIC = "203.0.113.77"
SKEW_S = 60


@pytest.fixture(scope="module")
def home():
    require()
    with Home("trace", DEVICES) as home:
        home.start_router()
        mail_at_once(home, NORTH.address4, "over4", SAME_PORT)
        mail_at_once(home, NORTH.address6, "over6", SAME_PORT6)
        home.submit_587(DEVICES[3], "over587@home.example", "friend@north.example")
        soon(lambda: len(seen_outside(home)) == 2 * len(DEVICES) + 1, "all mail", home)
        yield home


def mail_at_once(home, server, name, port):
    """Let all devices mail at the same time, from the same local port, to the same server."""
    mailing = [home.start(device, "mail", server, f"{name}.{device}@home.example", port) for device in DEVICES]
    assert [told(one)["said"] for one in mailing] == [250] * len(DEVICES)


def seen_outside(home):
    """Return what servers know of each message's connection, by message id: what a report would name."""
    return {message["id"]: message for message in home.mail.accepted()}


def run_trace(home, *options):
    """Run `spamgate trace`; return its exit code and what it prints."""
    words = [SPAMGATE, "trace", "--socket", str(home.router.control), *options]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


def trace(home, *options):
    """Return the device that `spamgate trace` names, or None, and who it could have been."""
    code, text = run_trace(home, *options, "--json")
    answer = json.loads(text)
    assert (code, answer["type"]) == (0 if answer["device"] else 1, "trace")
    return answer["device"], answer["candidates"]


def when(message, shift_s=0.0):
    return datetime.fromtimestamp(message["t"] + shift_s, UTC).isoformat()


def expect_all(home, name, ip_of):
    """Each device's message leads to it, by time and port as the server saw them."""
    for device in DEVICES:
        host, message = home.devices[device], seen_outside(home)[f"{name}.{device}@home.example"]
        ip = ip_of(host)
        assert message["client"] == ip
        found = trace(home, "--time", when(message), "--port", str(message["port"]), "--ip", ip)
        assert found == (host.mac, [host.mac]), (device, message)


def test_nat_gave_them_ports_of_their_own(home):
    ports = [message["port"] for name, message in seen_outside(home).items() if name.startswith("over4.")]
    assert len(set(ports)) == len(DEVICES)


def test_each_device_is_named_by_the_port_that_the_server_saw(home):
    expect_all(home, "over4", lambda host: PUBLIC)


def test_each_device_is_named_by_its_address_over_ipv6(home):
    expect_all(home, "over6", lambda host: host.global6)


def test_over_ipv6_the_address_tells_apart_what_one_port_cannot(home):
    message = seen_outside(home)[f"over6.{DEVICES[2]}@home.example"]
    assert message["port"] == SAME_PORT6
    device, candidates = trace(home, "--time", when(message), "--port", str(SAME_PORT6))
    assert device is None
    assert set(candidates) == {home.devices[device].mac for device in DEVICES}


def test_submissions_are_traced_too(home):
    (message,) = [one for one in seen_outside(home).values() if one["server"] == SUBMISSION_SERVER.name]
    assert message["server_port"] == 587
    device, _ = trace(home, "--time", when(message), "--port", str(message["port"]), "--ip", message["client"])
    assert device == home.devices[DEVICES[3]].mac


@pytest.mark.parametrize("off", [-1, 1])
def test_a_port_off_by_one_is_unknown(home, off):
    taken = {message["port"] for message in seen_outside(home).values()}
    for device in DEVICES:
        message = seen_outside(home)[f"over4.{device}@home.example"]
        port = message["port"] + off
        if port not in taken:
            assert trace(home, "--time", when(message), "--port", str(port), "--ip", PUBLIC) == (None, [])


@pytest.mark.parametrize("shift_s", [-SKEW_S - 5, SKEW_S + 5])
def test_another_time_is_unknown(home, shift_s):
    message = seen_outside(home)[f"over4.{DEVICES[0]}@home.example"]
    found = trace(home, "--time", when(message, shift_s), "--port", str(message["port"]), "--ip", PUBLIC)
    assert found == (None, [])


def test_another_address_is_unknown(home):
    message = seen_outside(home)[f"over4.{DEVICES[0]}@home.example"]
    found = trace(home, "--time", when(message), "--port", str(message["port"]), "--ip", "203.0.113.78")
    assert found == (None, [])


def test_without_a_port_nobody_is_guessed(home):
    message = seen_outside(home)[f"over4.{DEVICES[0]}@home.example"]
    device, candidates = trace(home, "--time", when(message), "--ip", PUBLIC)
    assert device is None
    assert set(candidates) == {home.devices[device].mac for device in DEVICES}


def test_people_read_the_device_or_unknown(home):
    message = seen_outside(home)[f"over4.{DEVICES[1]}@home.example"]
    asked = ["--time", str(message["t"]), "--ip", PUBLIC]
    assert run_trace(home, *asked, "--port", str(message["port"])) == (0, home.devices[DEVICES[1]].mac)
    assert run_trace(home, *asked, "--port", "1") == (1, "unknown")
    code, text = run_trace(home, *asked)
    assert code == 1 and text.startswith("unknown\ncould have been: 02:00:00:00:77:")


def test_what_the_gateway_refused_itself_is_nobodys():
    require()
    with Home("untraced", ["bot"]) as home:
        home.start_router()
        home.throttle("bot")
        began = time.time()
        assert home.do("bot", "call", MX[9], 25, SAME_PORT)["said"] == "421"
        assert trace(home, "--time", str(began), "--port", str(SAME_PORT)) == (None, [])


def test_connections_are_remembered_over_a_kill(home):
    home.kill()
    home.restart()
    expect_all(home, "over4", lambda host: PUBLIC)
    expect_all(home, "over6", lambda host: host.global6)
