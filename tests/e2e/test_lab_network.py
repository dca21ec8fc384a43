"""The lab's network: a home that reaches an internet, and nothing that stays behind, however a run ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spamgate_tools.errors import UserError
from spamgate_tools.lab.leftovers import NAMESPACES, is_running, processes_in
from spamgate_tools.lab.lines import Follower
from spamgate_tools.lab.network import GUEST, LAN, PORT, Network
from spamgate_tools.lab.rootless import settle
from spamgate_tools.lab.waiting import wait_until

SERVER4, SERVER6 = "198.51.100.25", "2001:db8:100::25"
_CONNECT = "import socket, sys; print(socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).recv(100).decode())"
_TRY = "import socket, sys; print(socket.socket().connect_ex((sys.argv[1], 25)))"
_REDIRECT = """
table inet test {
  chain incoming {
    type nat hook prerouting priority dstnat;
    iifname "br-lan" ip daddr 198.51.100.25 tcp dport 25 redirect to :9
  }
}
"""
_SERVE = (
    "import socket\n"
    "server = socket.create_server(('::', 25), family=socket.AF_INET6, dualstack_ipv6=True)\n"
    "while True:\n"
    "    client, peer = server.accept()\n"
    "    client.sendall(peer[0].removeprefix('::ffff:').encode())\n"
    "    client.close()\n"
)
_DIES = (
    "import json, os, signal\n"
    "from pathlib import Path\n"
    "from spamgate_tools.lab.leftovers import NAMESPACES, processes_in\n"
    "from spamgate_tools.lab.network import Network\n"
    "net = Network('killed')\n"
    "net.host('device')\n"
    "net.router.popen(['setsid', '--fork', 'sleep', '600'])\n"
    "net.router.run(['sleep', '0.2'])\n"
    "there = sorted(NAMESPACES.glob(net.folder.name + '-*'))\n"
    "print(json.dumps([str(net.folder), len(there), processes_in(there)]), flush=True)\n"
    "os.kill(os.getpid(), signal.SIGKILL)\n"
)


@pytest.fixture(autouse=True)
def _as_root():
    if os.geteuid():
        pytest.skip("not run: network namespaces need root")
    try:
        settle()
    except UserError as error:
        pytest.skip(f"not run: {error}")


@pytest.fixture
def net():
    with Network("test") as made:
        made.internet.add_address(SERVER4)
        made.internet.add_address(SERVER6)
        made.internet.serve([sys.executable, "-c", _SERVE], "server.log", 25, "tcp")
        yield made


def _namespaces() -> str:
    return subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout


def _seen_from(host, address: str, port: int = 25) -> str:
    """Return the address under which a server sees the host."""
    return host.run([sys.executable, "-c", _CONNECT, address, str(port)]).stdout.strip()


@pytest.mark.parametrize("lan", [LAN, GUEST])
def test_ipv4_is_translated_and_ipv6_is_not(net, lan):
    device = net.host("device", lan=lan)
    assert _seen_from(device, SERVER4) == "203.0.113.77"
    assert _seen_from(device, SERVER6) == device.global6


def test_devices_of_a_lan_reach_each_other(net):
    one, other = net.host("one"), net.host("other")
    other.serve([sys.executable, "-c", _SERVE], "server.log", 25, "tcp")
    assert _seen_from(one, other.address4) == one.address4
    assert _seen_from(one, other.address6) == one.address6


def test_a_device_has_the_mac_it_was_given(net):
    device = net.host("device", mac="02:11:22:33:44:55")
    assert "02:11:22:33:44:55" in device.run(["ip", "link", "show", "eth0"]).stdout


def test_programs_find_the_resolver_they_were_told(net):
    device = net.host("device")
    before = Path("/etc/resolv.conf").read_bytes()
    device.use_resolver("192.0.2.1")
    assert device.run(["cat", "/etc/resolv.conf"]).stdout == "nameserver 192.0.2.1\n"
    assert Path("/etc/resolv.conf").read_bytes() == before


def test_a_failing_command_says_where_and_why(net):
    with pytest.raises(UserError, match="router: `ls /nowhere` failed .*No such file"):
        net.router.run(["ls", "/nowhere"])


def test_a_server_that_ends_says_its_last_words(net):
    with pytest.raises(UserError, match="router: sh ended: so be it"):
        net.router.serve(["sh", "-c", "echo so be it; exit 3"], "server.log", 99)


def test_the_end_removes_programs_namespaces_and_files():
    with Network("test") as net:
        folder = net.folder
        process = net.router.popen(["sleep", "600"])
        net.router.popen(["setsid", "--fork", "sleep", "600"]).wait(5)
        inside = processes_in([NAMESPACES / net.router.namespace])
    assert process.wait(20) < 0
    assert process.pid in inside and len(inside) > 1
    assert not folder.exists()
    assert folder.name not in _namespaces()
    assert not any(is_running(pid) for pid in inside)


def test_the_next_run_removes_what_a_killed_one_left():
    done = subprocess.run([sys.executable, "-c", _DIES], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    folder, namespaces, inside = json.loads(done.stdout)
    assert namespaces == 3 and inside
    with Network("another") as net:  # whose tests begin at the same time may have come before it
        wait_until(lambda: not Path(folder).exists(), 30, "the end of what was left")
        assert Path(folder).name not in _namespaces()
        assert not any(is_running(pid) for pid in inside)
        assert net.folder.exists()


def test_two_networks_live_side_by_side(net):
    with Network("other") as other:
        assert _seen_from(net.host("device"), SERVER4) == "203.0.113.77"
        assert other.folder.exists()
    assert _seen_from(net.hosts["device"], SERVER4) == "203.0.113.77"


def test_the_referee_counts_connections_to_port_25_also_redirected_ones(net):
    device, guest = net.host("device"), net.host("guest", lan=GUEST)
    net.router.popen([sys.executable, "-m", "spamgate_tools.lab.referee", PORT], log="referee.jsonl")
    sightings = Follower(net.router.folder / "referee.jsonl")
    seen: list[dict] = []

    def has_seen(count: int) -> bool:
        seen.extend(sightings.read())
        return len(seen) >= count

    wait_until(lambda: has_seen(1), 30, "the referee")
    before = time.time()
    net.router.run(["nft", "-f", "-"], input=_REDIRECT)
    device.run([sys.executable, "-c", _TRY, SERVER4])
    for host, address in ((device, SERVER6), (guest, SERVER4)):
        _seen_from(host, address)
    with pytest.raises(UserError):
        _seen_from(device, SERVER4, 26)
    wait_until(lambda: has_seen(4), 30, "the referee's sightings")
    assert [(event["device"], event["from"], event["to"]) for event in seen[1:]] == [
        (device.mac, device.address4, SERVER4),
        (device.mac, device.global6, SERVER6),
        (guest.mac, guest.address4, SERVER4),
    ]
    assert before <= seen[1]["t"] <= seen[3]["t"] <= time.time()
