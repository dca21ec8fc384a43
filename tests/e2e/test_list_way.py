"""The whole way of a list, by the commands that people use: from its sources to what a device is refused."""

import ipaddress
import json
import re
import sys
from pathlib import Path

import pytest
from e2e.life import Home, soon
from e2e.mail_home import require
from shared_data import NOT_THERE, shared_data

from spamgate_tools.lab.accounts import PROVIDERS
from spamgate_tools.lab.network import LAN

_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
_WEB = "198.51.100.90"
_LISTED, _SPARED, _FREE = PROVIDERS[0], PROVIDERS[1], PROVIDERS[2]
_SERVER = str(Path(__file__).with_name("list_server.py"))


@pytest.fixture
def home():
    require()
    with Home("way", ["tv"]) as home:
        yield home


class Maker:
    """Somebody who makes lists, and the web server where they lie."""

    def __init__(self, home):
        self.home = home
        self.folder = home.internet.folder / "lists"
        self.folder.mkdir()
        home.internet.add_address(_WEB)
        self.spamgate("keygen", "home.key")
        self.key = (self.folder / "home.pub").read_text().strip()
        home.internet.serve([sys.executable, _SERVER, "80", str(self.folder)], "asked.80", 80, "tcp")

    def spamgate(self, *words):
        return self.home.internet.run([_SPAMGATE, "blocklist", *map(str, words)], cwd=self.folder, timeout=120).stdout

    def make(self, *sources):
        """Build and sign what routers then find."""
        universe = self.folder / "universe.txt"
        universe.write_text("www.example.net\n")
        options = ["--universe", universe, "--board-class", "router"]
        self.spamgate("build", *sources, "-o", "home.sgb", *options)
        return json.loads(self.spamgate("sign", "home.sgb", "--key", "home.key", "--json"))["manifest"]["version"]


def status(home, name, kind="A"):
    said = home.devices["tv"].run(["dig", "+tries=1", "+time=3", f"@{home.net.gateway(LAN)}", name, kind]).stdout
    return said.split("status: ")[1].split(",")[0]


def pull(home):
    return home.net.router.run([_SPAMGATE, "blocklist", "pull", "--config", str(home.folder / "gateway.json")]).stdout


def in_the_kernel(home):
    """Return the networks in the sets that the rules lead to."""
    text = home.net.router.run(["nft", "-j", "list", "table", "inet", "spamgate_lists"]).stdout
    rows = json.loads(text)["nftables"]
    chains = [row["chain"]["name"] for row in rows if "chain" in row]
    pair = next(name[-1] for name in chains if name.startswith("leads_to_"))
    found = []
    for row in rows:
        if row.get("set", {}).get("name") in (f"listed4_{pair}", f"listed6_{pair}"):
            for element in row["set"].get("elem", []):
                prefix = element["prefix"] if isinstance(element, dict) else {"addr": element, "len": ""}
                found.append(ipaddress.ip_network(f"{prefix['addr']}/{prefix['len']}".rstrip("/")))
    return found


def test_from_sources_to_refusals(home):
    maker = Maker(home)
    hosts, plain = maker.folder / "hosts.txt", maker.folder / "plain.txt"
    hosts.write_text(f"# bad\n0.0.0.0 {_LISTED.domain}\n0.0.0.0 {_SPARED.domain}\n")
    plain.write_text("other.example\n")
    networks = maker.folder / "drop.txt"
    networks.write_text(f"{_FREE.exchanges[1].address4}/32 ; SBL1\n{_FREE.exchanges[1].address6}/128 ; SBL2\n")
    first = maker.make(hosts, plain, networks)
    given = {"list_key": maker.key, "list_url": f"http://{_WEB}/home.sgb", "guard": "all"}
    home.start_router(**given, guard_allow=[_SPARED.domain])
    assert status(home, _LISTED.domain, "MX") == "NOERROR"
    assert f"version {first} " in pull(home)
    soon(lambda: status(home, _LISTED.domain, "MX") == "NXDOMAIN", "the list in force", home)
    assert status(home, f"www.{_LISTED.domain}") == "NXDOMAIN"
    assert status(home, _SPARED.domain, "MX") == status(home, _FREE.domain, "MX") == "NOERROR"
    soon(lambda: home.says("tv", _FREE.exchanges[1].address4) == "ConnectionRefusedError", "its addresses", home)
    assert home.says("tv", _FREE.exchanges[1].address6) == "ConnectionRefusedError"
    assert home.says("tv", _FREE.exchanges[0].address4) == "220"
    old = (maker.folder / "home.sgb").read_bytes()
    (maker.folder / "old.sgb").write_bytes(old)
    hosts.write_text(f"0.0.0.0 {_FREE.domain}\n")
    second = maker.make(hosts, plain, networks)
    maker.spamgate("diff", "old.sgb", "home.sgb", "-o", f"home.from-{first}.sgd")
    said = pull(home)
    assert re.search(rf"version {second} .*\(delta, \d+ bytes", said), said
    soon(lambda: status(home, _FREE.domain, "MX") == "NXDOMAIN", "the next list in force", home)
    assert status(home, _LISTED.domain, "MX") == "NOERROR"


def test_spamhaus_drop_is_in_the_kernel_as_pythons_ipaddress_reads_it(home):
    data = shared_data()
    if data is None:
        pytest.skip(NOT_THERE)
    sources = [file for file in sorted((data / "blocklists" / "spamhaus").iterdir()) if file.name.startswith("drop_")]
    expected = []
    for file in sources:
        for line in file.read_text().splitlines():
            if line and line[0] not in ";#":
                expected.append(ipaddress.ip_network(line.split(";")[0].strip()))
    assert len(expected) > 500
    joined = [one for kind in (4, 6) for one in ipaddress.collapse_addresses(n for n in expected if n.version == kind)]
    maker = Maker(home)
    maker.make(*sources)
    home.start_router(list_key=maker.key, list_url=f"http://{_WEB}/home.sgb")
    pull(home)
    soon(lambda: any(event["event"] == "barred" for event in home.log("list")), "addresses in the kernel", home, 30)
    assert sorted(map(str, in_the_kernel(home))) == sorted(map(str, joined))
