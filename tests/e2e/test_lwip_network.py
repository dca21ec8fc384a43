"""The lab's network where no kernel routes: frames as on a wire, and nobody at the router's addresses but a program."""

import os
import subprocess
import sys

import pytest

from spamgate_tools.errors import UserError
from spamgate_tools.lab.network import GUEST, LAN, Network, lan_addresses
from spamgate_tools.lab.rootless import settle
from spamgate_tools.lab.waiting import listens, wait_until
from spamgate_tools.sample.packets import checksum

_MTU_FRAME = 1514
_SERVE = (
    "import socket\n"
    "server = socket.create_server(('::', 25), family=socket.AF_INET6, dualstack_ipv6=True)\n"
    "client, _ = server.accept()\n"
    "total = 0\n"
    "while piece := client.recv(65536):\n"
    "    total += len(piece)\n"
    "print(total)\n"
)
_SEND = (
    "import socket, sys\n"
    "with socket.create_connection((sys.argv[1], 25), 20) as sock:\n"
    "    sock.sendall(bytes(400000))\n"
)
_LISTEN = (
    "import select, socket, sys\n"
    "sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))\n"
    "sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)\n"  # SO_RCVBUFFORCE
    "print('listening', flush=True)\n"
    "frames = []\n"
    "while select.select([sock, sys.stdin], [], [])[0] != [sys.stdin]:\n"  # all that came before the word to end
    "    frame, where = sock.recvfrom(70000)\n"
    "    if where[2] != socket.PACKET_OUTGOING and where[0].startswith('port'):\n"
    "        frames.append(frame.hex())\n"
    "print('\\n'.join(frames))\n"
)


@pytest.fixture
def net():
    if os.geteuid():
        pytest.skip("not run: network namespaces need root")
    try:
        settle()
        made = Network("switched", kernel_routes=False)
    except UserError as error:
        pytest.skip(f"not run: {error}")
    with made:
        yield made


def test_frames_come_with_whole_checksums_and_no_longer_than_a_wire_takes(net):
    one, other = net.host("one"), net.host("other")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    server = other.popen([sys.executable, "-c", _SERVE], **pipes)
    listener = net.router.popen([sys.executable, "-c", _LISTEN], **pipes)
    assert listener.stdout.readline() == "listening\n"
    wait_until(lambda: listens(server.pid, 25), 30, "the server")
    one.run([sys.executable, "-c", _SEND, other.address4])
    assert server.communicate()[0] == "400000\n"
    frames = [bytes.fromhex(line) for line in listener.communicate("enough\n")[0].split()]
    segments = [frame for frame in frames if frame[12:14] == b"\x08\x00" and frame[23] == 6]
    assert len(segments) > 250
    assert max(map(len, segments)) <= _MTU_FRAME
    assert {_tcp_sum(frame) for frame in segments} == {0}


def _tcp_sum(frame: bytes) -> int:
    """Return the sum over an IPv4 segment with its pseudo-header: 0 where its checksum is right."""
    total = int.from_bytes(frame[16:18], "big")
    segment = frame[34 : 14 + total]
    return checksum(frame[26:34] + b"\0\x06" + len(segment).to_bytes(2, "big") + segment)


@pytest.mark.parametrize("lan", [LAN, GUEST])
def test_the_routers_kernel_answers_nobody(net, lan):
    device = net.host("device", lan=lan)
    for address in lan_addresses(lan):
        told = device.run([sys.executable, "-c", _ASK, address.partition("/")[0]]).stdout
        assert told.strip() == "nobody"
    assert net.router.run(["ip", "-o", "addr", "show", "scope", "global"]).stdout == ""


_ASK = (
    "import socket, sys\n"
    "family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET\n"
    "sock = socket.socket(family, socket.SOCK_DGRAM)\n"
    "sock.settimeout(0.5)\n"
    "sock.connect((sys.argv[1], 9))\n"
    "try:\n"
    "    sock.send(b'x')\n"
    "    sock.recv(1)\n"
    "except TimeoutError:\n"
    "    print('nobody')\n"
    "except OSError as error:\n"
    "    print(type(error).__name__)\n"
)


def test_the_internet_knows_the_way_back_to_the_home(net):
    routes = net.internet.run(["ip", "route"]).stdout + net.internet.run(["ip", "-6", "route"]).stdout
    for network in ("192.168.77.0/24", "192.168.78.0/24", "2001:db8:77::/64", "2001:db8:78::/64"):
        assert f"{network} via" in routes
