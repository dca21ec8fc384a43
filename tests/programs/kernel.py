"""The plane's parts alone against the kernel, for the tests: `micropython kernel.py WHAT FOLDER`.

Results are JSON, one object on standard output; what nft lists after each step lies in FOLDER.
"""

import gc
import json
import os
import socket
import struct
import sys
import time

import micropython

from spamgate.core import states
from spamgate.core.devices import CONFIRMED, CROWD, GRANT_MAIL_SERVER, GRANT_NONE, DeviceTable
from spamgate.core.identity import Identity
from spamgate.plane.linux_home import Home
from spamgate.plane.linux_log import PacketLog
from spamgate.plane.linux_rules import write_table
from spamgate.plane.linux_sets import KernelSets
from spamgate.plane.netfilter import Netfilter
from spamgate.plane.offload import Offload
from spamgate.store.settings import read_settings
from spamgate.wire import conntrack
from spamgate.wire.address import address_text, parse_address
from spamgate.wire.nft import ask_chain, chain_mark

MAC, RELAY_MAC = b"\2\0\0\0\0\7", b"\2\0\0\0\0\x08"
V4, V6 = parse_address("192.168.77.9"), parse_address("fd77::9")
SERVER4, SERVER6 = parse_address("198.51.100.25"), parse_address("2001:db8::19")
DAY_S = 86400
PLACES = ("192.168.77.200", "192.168.78.1", "fd77::1234", "10.99.1.1", "198.51.100.1", "fe80::1", "10.50.0.1")
FLUSHED_MS = 50  # after 10 the kernel delivers what it has collected
LOCAL = struct.pack("<H", 2) + b"\x14\xe9\x7f\0\0\1" + bytes(8)  # 127.0.0.1 port 5353


def load_table(folder):
    with open(folder + "/table.nft", "w") as file:
        write_table(file.write, read_settings('{"lan": ["br-lan", "br-guest"]}'), True)
    return os.system("nft -f %s/table.nft" % folder)


def enrol(devices, mac, address):
    """Return a device known by its MAC, or, where an address is named, by that one behind the MAC."""
    who = Identity()
    who.from_mac(mac, 0)
    if address:
        who.behind_relay(address, 0, len(address))
    device = devices.enrol(who, 0)
    devices.set_mac(device, mac, 0)
    if address:
        devices.seen(device, 0, address, 0, len(address))
    return device


class Sets:
    """Every change of the sets, one after another."""

    def __init__(self, folder):
        self._folder = folder
        self.kernel = Netfilter()
        self._devices = DeviceTable(8)
        self._known = [enrol(self._devices, *who) for who in ((MAC, b""), (RELAY_MAC, V4), (RELAY_MAC, V6))]
        self.begin(DAY_S)

    def begin(self, lasting_s):
        assert load_table(self._folder) == 0
        self.sets = KernelSets(self.kernel, self._devices, lasting_s)

    def show(self, state, flags=0, grant=GRANT_NONE):
        for device in self._known:
            self._devices.state[device] = state
            self._devices.flags[device] = flags
            self._devices.grant[device] = grant
            self.sets.show(device)

    def list(self, step):
        os.system("nft -j list table inet spamgate >%s/%s.json" % (self._folder, step))

    def run(self):
        for step in ("watched", "throttled", "quarantined", "confirmed", "released", "granted", "normal"):
            flags = CONFIRMED if step == "confirmed" else 0
            grant = GRANT_MAIL_SERVER if step == "granted" else GRANT_NONE
            named = {"confirmed": "quarantined", "granted": "released"}.get(step, step)
            for _ in range(2):  # what is there already is replaced
                self.show(states.STATE_NAMES.index(named), flags, grant)
            self.list(step)
        self.show(states.QUARANTINED, 0, GRANT_MAIL_SERVER)
        self.list("granted_and_quarantined")
        self.guards()
        self.others()
        self.begin(0)
        self.show(states.QUARANTINED)
        self.guards()
        self.list("closed")
        for device in (CROWD, enrol(self._devices, bytes(6), b"")):
            self._devices.state[device] = states.QUARANTINED
            self.sets.show(device)
        self.list("crowd")
        fine = self.sets.failures
        os.system("nft delete table inet spamgate")
        self.show(states.THROTTLED)
        return {"failures": fine, "failures_without_table": self.sets.failures, "error": self.sets.last_error}

    def guards(self):
        for _ in range(2):
            for device in self._known:
                self.sets.guard(device)
            self.sets.guard_lan("br-guest")
        self.list("guarded")
        for device in self._known:
            self.sets.unguard(device)
            self.sets.unguard(device)
        self.list("unguarded")

    def others(self):
        device = self._known[0]
        for _ in range(2):
            self.sets.empty_budget(device, 34560)
            self.sets.settle(device)
            self.sets.be_strict("br-lan")
            self.sets.has_past(device, SERVER4)
            self.sets.has_past(device, SERVER6)
            self.sets.end_flow(V4, 50000, SERVER4)
            self.sets.end_flow(V6, 258, SERVER6)
        self.list("others")


def sets(folder):
    return Sets(folder).run()


def marks(folder):
    """Which changes of the table are noticed."""
    kernel = Netfilter()
    told = {}

    def look(step):
        told[step] = chain_mark(kernel.reply, kernel.ask(ask_chain(kernel.request, "spamgate", "passed_on")))

    look("absent")
    load_table(folder)
    look("loaded")
    look("again")
    os.system("nft add rule inet spamgate passed_on counter")
    look("one_rule_more")
    load_table(folder)
    look("loaded_anew")
    os.system("nft flush chain inet spamgate passed_on")
    look("flushed_chain")
    os.system("nft flush ruleset")
    look("flushed")
    return told


class Reader:
    """In the place of a watcher: counts frames and the bytes in them."""

    def __init__(self):
        self.frames = 0
        self.bytes = 0

    def frame(self, link_type, buf, start, end):
        self.frames += 1
        self.bytes += end - start


def log(folder):
    """Read what the kernel logs with the heap locked, then more than it can keep for us."""
    with open(folder + "/log.nft", "w") as file:
        file.write("table inet logged {\n chain out {\n type filter hook output priority 0\n")
        file.write(" udp dport 5353 log group 7 snaplen 80 queue-threshold 8\n }\n}\n")
    assert os.system("ip link set lo up && nft -f %s/log.nft" % folder) == 0
    reader = Reader()
    packets = PacketLog(7, bytearray(24576))
    told = {"refused": [packets.start(), PacketLog(7, bytearray(64)).start()]}
    sock = socket.socket(2, 2)
    send_many(sock, 40)
    drain(packets, reader)
    send_many(sock, 4000)
    time.sleep_ms(FLUSHED_MS)
    reader.frames = reader.bytes = 0
    before = packets.packets
    gc.collect()
    micropython.heap_lock()
    try:
        while packets.read(reader):
            pass
    finally:
        micropython.heap_unlock()
    told["locked"] = [packets.packets - before + packets.lost, packets.cut, reader.bytes > 80 * reader.frames]
    told["lost_of_4000"] = packets.lost
    before = packets.packets
    lost = packets.lost
    send_many(sock, 60000)
    drain(packets, reader)
    send_many(sock, 1)
    drain(packets, reader)
    told["flood"] = [packets.packets - before, packets.lost - lost]
    packets.close()
    return told


def drain(packets, reader):
    time.sleep_ms(FLUSHED_MS)
    while packets.read(reader):
        pass


def send_many(sock, count):
    for _ in range(count):
        sock.sendto(b"x" * 100, LOCAL)


def home(folder):
    """Which networks are inside, with more addresses than one answer holds, and while interfaces come and go."""
    told = {}
    here = Home(Netfilter(), ["br-lan", "br-guest"], ["wan0"], ["10.99.0.0/16"])

    def look(step):
        changed = here.refresh()
        inside = []
        for text in PLACES:
            packed = parse_address(text)
            if here.contains(packed, 0, len(packed)):
                inside.append(text)
        lan = sorted([address_text(address) for address, _, _ in here.lan_addresses if address[0] != 0xFE])
        own = parse_address("203.0.113.77")
        told[step] = [changed, inside, lan, here.missing, here.router.contains(own, 0, 4), list(here.router.mac)]

    look("nothing")
    os.system("ip link add many type bridge && ip link set many up")
    with open(folder + "/many", "w") as file:
        for number in range(120):
            file.write("addr add 10.50.%d.1/24 dev many\n" % number)
            file.write("addr add fd50:%x::1/64 dev many nodad\n" % number)
    assert os.system("ip -batch %s/many" % folder) == 0
    for name, mac, addresses in (
        ("wan0", "02:53:00:00:00:01", ("203.0.113.77/24",)),
        ("br-lan", "02:53:47:00:77:01", ("192.168.77.1/24", "fd77::1/64")),
        ("br-guest", "02:53:47:00:78:01", ("192.168.78.1/24",)),
    ):
        os.system("ip link add %s address %s type bridge && ip link set %s up" % (name, mac, name))
        for address in addresses:
            os.system("ip addr add %s dev %s%s" % (address, name, " nodad" if ":" in address else ""))
    look("there")
    look("same")
    os.system("ip link del br-guest")
    look("gone")
    os.system("ip link add br-guest type bridge && ip link set br-guest up && ip addr add 192.168.78.1/24 dev br-guest")
    look("back")
    return told


def offload(folder):
    """Exempt port 25 from the flow offload that is set up, twice, and give the rules back; what was reported."""
    reports = []
    exemption = Offload(folder)
    for step in ("exempt", "still_exempt"):
        exemption.exempt(reports.append)
        os.system("nft list ruleset >%s/%s" % (folder, step))
    problem = exemption.problem
    exemption.restore()
    os.system("nft list ruleset >%s/restored" % folder)
    return {"reports": reports, "problem": problem}


def connections(folder):
    """Where redirected and translated connections really go: of lines `CLIENT PORT SERVER PORT` on standard input."""
    kernel = Netfilter()
    told = []
    for line in sys.stdin:
        client, port, server, server_port, is_reply = line.split()
        asked = conntrack.Tuple(parse_address(client), int(port), parse_address(server), int(server_port))
        size = kernel.ask(conntrack.ask(kernel.request, conntrack.TCP, asked, is_reply == "reply"))
        try:
            found = conntrack.read(kernel.reply, size)
        except Exception as error:
            told.append(str(error))
            continue
        ends = [(one.source, one.source_port, one.target, one.target_port) for one in found]
        told.append([[address_text(end[0]), end[1], address_text(end[2]), end[3]] for end in ends])
    return told


print(json.dumps(globals()[sys.argv[1]](sys.argv[2])))
