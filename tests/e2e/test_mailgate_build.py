"""MicroPython with lwIP and the mail gate routes, serves sockets and sees mail: what all that is built on it needs.

tests/programs/mailgate_router.py is the router, in a network whose kernel has no address there.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spamgate_tools.errors import UserError
from spamgate_tools.lab.lwip_program import find_lwip_micropython
from spamgate_tools.lab.network import GUEST, LAN, NEXT_HOPS, WAN, WAN_ADDRESSES, Network, lan_addresses
from spamgate_tools.lab.rootless import settle

_PROGRAM = Path(__file__).resolve().parents[1] / "programs" / "mailgate_router.py"
_SIZE = 400000
_LAN_ADDRESSES = [address.partition("/")[0] for address in lan_addresses(LAN)]
_FAR = [hop.partition("/")[0] for hop in NEXT_HOPS]
_OUT, _IN = "0", "1"

# --- programs for the hosts: an echo over TCP and UDP at port 7, and who asks it ---------------------------

_SERVE = """
import socket, threading
def serve(kind):
    sock = socket.socket(socket.AF_INET6, kind)
    sock.setsockopt(41, 26, 0)
    sock.bind(("::", 7))
    return sock
def echo(sock):
    with sock:
        while piece := sock.recv(65536):
            sock.sendall(piece)
def datagrams(sock):
    while True:
        sock.sendto(*sock.recvfrom(2048))
udp, tcp = serve(socket.SOCK_DGRAM), serve(socket.SOCK_STREAM)
tcp.listen()
threading.Thread(target=datagrams, args=[udp], daemon=True).start()
print("ready", flush=True)
while True:
    threading.Thread(target=echo, args=[tcp.accept()[0]], daemon=True).start()
"""
_STREAM = """
import os, socket, sys, threading
sent, heard = os.urandom(int(sys.argv[2])), bytearray()
with socket.create_connection((sys.argv[1], 7), 20) as sock:
    sender = threading.Thread(target=lambda: (sock.sendall(sent), sock.shutdown(1)))
    sender.start()
    while piece := sock.recv(65536):
        heard += piece
    sender.join()
print("same" if heard == sent else "differs: %d" % len(heard))
"""
_DATAGRAMS = """
import socket, sys
sock = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(10)
sock.connect((sys.argv[1], 7))
sizes = 0, 1, 100, 1452, 3, 7
for size in sizes:
    sock.send(bytes(size))
print("same" if [len(sock.recv(2048)) for _ in sizes] == list(sizes) else "differs")
"""
_PING = """
import socket, struct, sys
is_six = ":" in sys.argv[1]
body = struct.pack("!HH", 77, 1) + b"spam" * 8
words = sum(struct.unpack("!18H", body)) + 0x800
total = ~((words & 0xffff) + (words >> 16)) & 0xffff  # that of IPv6 is the kernel's part
sock = socket.socket(*(socket.AF_INET6, 3, 58) if is_six else (socket.AF_INET, 3, 1))
sock.settimeout(2)
sock.setsockopt(41, 51, 1) if is_six else None  # the answer's hop limit, please
sock.sendto(struct.pack("!BBH", 128 if is_six else 8, 0, total) + body, (sys.argv[1], 0))
while True:
    heard, extra, _, _ = sock.recvmsg(200, 100)
    answer = heard if is_six else heard[20:]
    if answer[0] == (129 if is_six else 0) and answer[4:] == body:
        break
print(struct.unpack("i", extra[0][2])[0] if is_six else heard[8])
"""
_GREET = """
import socket
server = socket.create_server(("", 2500))
print("ready", flush=True)
server.accept()[0].sendall(b"hello")
"""
_KNOCK = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).close()
except ConnectionRefusedError:
    print("refused")
"""


class Router:
    """The program in the network's router."""

    def __init__(self, net: Network, command: list[str]) -> None:
        words = [word for lan in (LAN, GUEST) for word in ("lan", lan, *lan_addresses(lan))]
        words += ["wan", WAN, *WAN_ADDRESSES, "via", *_FAR]
        self.process = net.router.popen(
            [*command, str(_PROGRAM), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n"

    def order(self, words: str) -> list[str]:
        """Return what it printed since the last order, up to its "done"."""
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline()) != "done\n":
            assert line, f"it ended: {lines}"
            lines.append(line)
        return lines

    def records(self) -> list[tuple[str, bytes]]:
        """Return the direction and the frame of what was recorded."""
        lines = [line.split() for line in self.order("counts")]
        return [(words[1], bytes.fromhex(words[3])) for words in lines if words[0] == "record"]


@pytest.fixture(scope="module")
def net():
    if os.geteuid():
        pytest.skip("not run: network namespaces need root")
    try:
        find_lwip_micropython()
        settle()
        made = Network("mailgate", kernel_routes=False)
    except UserError as error:
        pytest.skip(f"not run: {error}")
    with made:
        made.host("one")
        made.host("other", lan=GUEST)
        for name in ("one", "internet"):
            server = made.hosts[name].popen([sys.executable, "-c", _SERVE], stdout=subprocess.PIPE, text=True)
            assert server.stdout.readline() == "ready\n"
        yield made


@pytest.fixture(scope="module")
def router(net):
    started = Router(net, find_lwip_micropython())
    yield started
    started.process.kill()


def _said(net: Network, host: str, program: str, *words: object) -> str:
    done = net.hosts[host].run([sys.executable, "-c", program, *map(str, words)], check=False)
    return done.stdout.strip() or done.stderr.strip()[-200:]


@pytest.mark.parametrize("address", _LAN_ADDRESSES)
def test_lwip_answers_at_the_routers_addresses(net, router, address):
    assert _said(net, "one", _PING, address) == "255"


@pytest.mark.parametrize("address", _FAR)
def test_a_ping_goes_through_one_hop(net, router, address):
    assert _said(net, "one", _PING, address) == "63"


@pytest.mark.parametrize("address", ["192.168.77.10", "2001:db8:77::10"])
@pytest.mark.parametrize("host", ["other", "internet"])
def test_streams_and_datagrams_go_to_another_network(net, router, host, address):
    assert _said(net, host, _STREAM, address, _SIZE) == "same"
    assert _said(net, host, _DATAGRAMS, address) == "same"


@pytest.mark.parametrize("address", _FAR)
def test_streams_and_datagrams_go_to_the_internet(net, router, address):
    assert _said(net, "one", _STREAM, address, _SIZE) == "same"
    assert _said(net, "one", _DATAGRAMS, address) == "same"


@pytest.mark.parametrize(("host", "address"), [("one", "192.168.77.1"), ("internet", "203.0.113.77")])
def test_sockets_of_micropython_are_lwips(net, router, host, address):
    assert _said(net, host, _STREAM, address, 50000) == "same"
    assert _said(net, host, _DATAGRAMS, address) == "same"


def test_micropython_connects_by_lwip_and_hears_a_refusal(net, router):
    with net.hosts["internet"].popen([sys.executable, "-c", _GREET], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "ready\n"
        assert router.order(f"connect {_FAR[0]} 2500")[-1] == "heard b'hello'\n"
    assert router.order(f"connect {_FAR[0]} 2501")[-1].startswith("failed ")


@pytest.mark.parametrize(("address", "kind", "to_port"), [(_FAR[0], b"\x08\x00", 36), (_FAR[1], b"\x86\xdd", 56)])
def test_a_mail_connections_first_packets_are_recorded_both_ways(net, router, address, kind, to_port):
    router.records()
    assert _said(net, "one", _KNOCK, address, 25) == "refused"
    seen = router.records()
    mac = bytes.fromhex(net.hosts["one"].mac.replace(":", ""))
    out = [frame for way, frame in seen if way == _OUT and frame[12:14] == kind]
    back = [frame for way, frame in seen if way == _IN and frame[12:14] == kind]
    assert [frame[6:12] for frame in out] == [mac]
    assert out[0][to_port : to_port + 2] == (25).to_bytes(2, "big")
    assert [frame[:6] for frame in back] == [mac]


def test_counts_go_up_and_nothing_is_lost_on_the_way(net, router):
    before = list(map(int, router.order("counts")[-1].split()))
    assert _said(net, "one", _PING, _FAR[0]) == "63"
    after = list(map(int, router.order("counts")[-1].split()))
    forwarded, received, sent = (late - early for early, late in zip(before[-3:], after[-3:], strict=True))
    assert forwarded == 2
    assert received >= 2 and sent >= 2


def test_stopped_it_is_silent_and_started_again_it_routes(net, router):
    router.order("stop")
    assert "timed out" in _said(net, "one", _PING, _FAR[0])
    router.order("start")
    for address in (*_FAR, *_LAN_ADDRESSES):
        assert _said(net, "one", _PING, address) in ("63", "255")
    assert _said(net, "one", _STREAM, "192.168.77.1", 5000) == "same"


def test_it_ends_by_itself_while_packets_come(net, router):
    flood = "import socket\nsock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n" + (
        f"while True:\n    sock.sendto(bytes(100), ({_FAR[0]!r}, 9))\n"
    )
    flooder = net.hosts["one"].popen([sys.executable, "-c", flood])
    try:
        router.order("counts")
        router.process.stdin.write("quit\n")
        router.process.stdin.flush()
        assert router.process.stdout.read().endswith("stopped\n")
        assert router.process.wait(20) == 0
    finally:
        flooder.kill()
