"""The program of an ESP32 with its own sockets and radio, all but the chip, in a home of network namespaces.

What it is for: addresses are text there, sockets are ten, and the network comes and goes.  How the plane judges is
tested elsewhere.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spamgate_tools.compiled import search_path
from spamgate_tools.errors import UserError
from spamgate_tools.lab.host import needed
from spamgate_tools.lab.network import Network
from spamgate_tools.lab.unbound import Resolver
from spamgate_tools.lab.waiting import listens, wait_until
from spamgate_tools.runtime import find_micropython

TESTS = Path(__file__).resolve().parents[1]
HEAP = "512k"  # the fakes are compiled on the spot
RESOLVER = "198.51.100.53"
CLOCK = "198.51.100.123"
ROUTER = "192.168.77.1"
DOMAINS = 12
YEAR_S = 1795348800  # 2026-11-22
# Asks for MX and address of each domain as a bot does, then talks to whatever it is told; prints what it met.
BOT = """
import socket, subprocess, sys, time
board, domains = sys.argv[1], int(sys.argv[2])
def dig(*words):
    return subprocess.run(["dig", "+short", "+tries=1", "@" + board, *words], capture_output=True, text=True).stdout
for number in range(domains):
    exchange = dig("shop%d.example" % number, "MX").split()[-1]
    address = dig(exchange, "A").strip()
    said = ""
    if address == board:
        for wait_s in (0.5, 1, 2, 0):  # the port is closed until the tick after the verdict
            try:
                with socket.create_connection((address, 25), 5) as connection:
                    said = connection.recv(200).decode().strip()
                break
            except ConnectionRefusedError:
                if not wait_s:
                    raise
                time.sleep(wait_s)
    print(number, address, said, flush=True)
"""
NTP = """
import socket, struct, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[1], 123))
stamp = struct.pack(">II", int(sys.argv[2]) + 2208988800, 0)
while True:
    asked, peer = sock.recvfrom(100)
    sock.sendto(bytes((0x24, 1, 6, 0xEC)) + bytes(20) + asked[40:48] + stamp + stamp, peer)
"""


# Opens more connections than the board has sockets, to both of its services, and says nothing.
CROWD = """
import socket, sys, time
held = []
for number in range(30):
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex((sys.argv[1], 53 if number % 2 else 25))
    held.append(sock)
time.sleep(60)
"""


class Home:
    """A board at an address of its own, a device that asks it, and an internet."""

    def __init__(self, network):
        self.board, self.device, internet = network.host("board"), network.host("device"), network.internet
        self.internet = internet
        for address in (RESOLVER, CLOCK):
            internet.add_address(address)
        records = [("time.example", "A", CLOCK), ("www.example", "A", "192.0.2.80")]
        for number in range(DOMAINS):
            records.append((f"shop{number}.example", "MX", f"10 mail.shop{number}.example."))
            records.append((f"mail.shop{number}.example", "A", f"192.0.2.{number + 1}"))
        Resolver(internet, records, [RESOLVER]).start()
        internet.popen([sys.executable, "-c", NTP, CLOCK, str(YEAR_S)], log="ntp")
        (self.board.folder / "flash").mkdir()
        settings = {"wifi_name": "Home", "wifi_password": "secret-of-home", "time_server": "time.example"}
        (self.board.folder / "flash" / "settings.json").write_text(json.dumps(settings))
        self.air((self.board.address4, "255.255.255.0", ROUTER, RESOLVER))
        self.process = self._start()
        wait_until(self.serves, 40, f"the board (see {self.board.folder})")

    def _start(self):
        micropython = find_micropython()
        path = f"{search_path(micropython)}:{TESTS}"
        words = [*micropython, "-X", "heapsize=" + HEAP, str(TESTS / "programs" / "esp32_board.py")]
        environment = {**os.environ, "MICROPYPATH": path}
        log = "board"
        options = {"env": environment, "stdin": subprocess.PIPE}
        return self.board.popen([*words, str(self.board.folder)], log=log, **options)

    def air(self, given):
        scratch = self.board.folder / "air.new"
        scratch.write_text(json.dumps({"given": given}))
        scratch.rename(self.board.folder / "air")

    def serves(self):
        return listens(self.process.pid, 53, "udp")

    def dig(self, *words):
        command = ["dig", "+short", "+tries=1", "+time=3", f"@{self.board.address4}", *words]
        return self.device.run(command, check=False).stdout.strip()

    def has_said(self, text):
        return text in (self.board.folder / "board").read_text(errors="replace")

    def sockets(self):
        """Return the most sockets that the board ever had."""
        lines = (self.board.folder / "board").read_text(errors="replace").splitlines()
        return max(int(line.split()[1]) for line in lines if line.startswith("SOCKETS"))


@pytest.fixture(scope="module")
def home():
    try:
        needed("ip", "nft", "dig")
        network = Network("chip")
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    with network:
        home = Home(network)
        yield home
        assert home.process.poll() is None, f"the board has ended by itself: {home.board.last_words('board')}"
        assert home.sockets() <= 10


def test_it_joins_and_answers_over_udp_and_tcp(home):
    assert home.dig("www.example", "A") == "192.0.2.80"
    assert home.dig("www.example", "A", "+tcp") == "192.0.2.80"
    assert home.dig("shop1.example", "MX") == "10 mail.shop1.example."


def test_it_sets_its_clock(home):
    wait_until(lambda: home.has_said("DATE 2026-11-22"), 30, "the time from the network")


def test_a_bot_is_sent_to_the_board_and_told_to_come_later(home):
    bot = home.device.run([sys.executable, "-c", BOT, home.board.address4, str(DOMAINS)])
    met = [line.split(" ", 2) for line in bot.stdout.splitlines()]
    assert [number for number, _, _ in met] == [str(number) for number in range(DOMAINS)], bot.stderr
    sent_home = [said for _, address, said in met if address == home.board.address4]
    assert len(sent_home) >= 4 and all(said.startswith("421 4.7.0 ") for said in sent_home), met
    others = [address for _, address, _ in met if address != home.board.address4]
    assert all(address.startswith("192.0.2.") for address in others) and len(others) <= 4, met


def test_more_callers_than_there_are_sockets_are_refused_and_forgotten(home):
    callers = home.device.popen([sys.executable, "-c", CROWD, home.board.address4])
    time.sleep(2)
    assert home.process.poll() is None
    callers.terminate()
    callers.wait()
    wait_until(lambda: home.dig("www.example", "A", "+tcp") == "192.0.2.80", 40, "an answer over TCP")
    assert home.dig("www.example", "A") == "192.0.2.80"


def test_the_network_goes_and_comes_back_with_another_address(home):
    before = home.board.address4
    home.air(None)
    wait_until(lambda: not home.serves(), 30, "the guard to leave the address that is gone")
    other = before.rsplit(".", 1)[0] + ".99"
    home.board.ip(f"addr add {other}/24 dev eth0")
    home.air((other, "255.255.255.0", ROUTER, other))
    wait_until(home.serves, 40, "the guard at the new address")
    command = ["dig", "+short", "+tries=1", f"@{other}", "www.example", "A"]
    wait_until(lambda: home.device.run(command, check=False).stdout.strip() == "", 1, "no resolver is there yet")
    home.air((before, "255.255.255.0", ROUTER, RESOLVER))
    wait_until(lambda: home.dig("www.example", "A") == "192.0.2.80", 40, "the old address and its resolver")
