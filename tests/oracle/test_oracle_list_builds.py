"""Real lists through the real command: every format of a source gives the same bytes; a list answers as a set does."""

import hashlib
import ipaddress
import json
import os
import subprocess
import sys
from bisect import bisect_right
from pathlib import Path

import pytest
from shared_data import NOT_THERE, shared_data

DATA = shared_data()
pytestmark = pytest.mark.skipif(DATA is None, reason=NOT_THERE)

_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
_LISTS = (DATA or Path()) / "blocklists"
_LEGIT = (DATA or Path()) / "legit"
_URLHAUS = "urlhaus-online/urlhaus-filter-{}"
_URLHAUS_NAMES = (
    "hosts-online.txt",
    "rpz-online.conf",
    "dnsmasq-online.conf",
    "unbound-online.conf",
    "bind-online.conf",
    "dnscrypt-blocked-names-online.txt",
)
_COUNTS = {"ransomware": 1904, "scam": 8527, "tiktok": 3725, "vaping": 108}


@pytest.fixture(scope="module")
def universe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small one: what is shipped has a test of its own."""
    path = tmp_path_factory.mktemp("universe") / "universe.txt"
    path.write_text((_LEGIT / "top_sites_moz500_odd.txt").read_text())
    return path


def _run(*words: str | Path) -> list[dict]:
    environment = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run(
        [_SPAMGATE, "blocklist", *map(str, words), "--json"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return [json.loads(line) for line in done.stdout.splitlines()]


def _built(output: Path, *sources: str | Path, universe: Path) -> dict:
    """Build from sources, and return what is said of the list."""
    return _run("build", *sources, "-o", output, "--universe", universe)[-1]


def _names(path: Path) -> set[str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {line for line in lines if line}


@pytest.mark.parametrize("name", _COUNTS)
def test_every_format_of_blocklistproject_gives_the_same_bytes(name, tmp_path, universe):
    digests = set()
    for form in ("", "-nl", "-ags", "-dnsmasq"):
        output = tmp_path / f"{form}.sgb"
        facts = _built(output, _LISTS / "blocklistproject" / f"{name}{form}.txt", universe=universe)
        dropped = facts["dropped"]
        assert facts["names"] + dropped["covered"] == _COUNTS[name]
        digests.add(hashlib.sha256(output.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_every_format_of_urlhaus_gives_the_same_names(tmp_path, universe):
    files = [_LISTS / _URLHAUS.format(it) for it in _URLHAUS_NAMES]
    facts = [_built(tmp_path / f"{at}.sgb", file, universe=universe) for at, file in enumerate(files)]
    assert len({it["sha256"] for it in facts}) == 1
    assert facts[0]["names"] + facts[0]["dropped"]["covered"] == 272

    whole = [_LISTS / _URLHAUS.format(it) for it in ("domains-online.txt", "agh-online.txt")]
    addresses = _LISTS / _URLHAUS.format("dnscrypt-blocked-ips-online.txt")
    both = {_built(tmp_path / f"{it.name}.sgb", it, universe=universe)["sha256"] for it in whole}
    parts = _built(tmp_path / "parts.sgb", files[0], addresses, universe=universe)
    assert both == {parts["sha256"]}, "these two hold 2,308 addresses besides the names"


def test_well_known_names_are_hit_as_by_an_exact_set(tmp_path, universe):
    output = tmp_path / "list.sgb"
    sources = [_LISTS / "blocklistproject" / f"{name}-nl.txt" for name in _COUNTS]
    sources.append(_LISTS / "disposable" / "disposable_email_domains_pypi_0.0.293_blocklist.txt")
    (hosts,) = (_LISTS / "stevenblack").iterdir()
    _built(output, *sources, hosts, universe=universe)
    listed = {name.lower() for path in sources for name in _names(path)}
    listed |= {line.split()[1] for line in _names(hosts) if line.startswith("0.0.0.0 ") and "." in line.split()[1]}
    listed.discard("0.0.0.0")
    asked = _well_known()
    queries = tmp_path / "names.txt"
    queries.write_text("\n".join(asked))
    answers = _run("query", output, "--file", queries)
    assert [it["name"] for it in answers] == asked
    expected = [any(name.split(".", at)[-1] in listed for at in range(name.count(".") + 1)) for name in asked]
    assert [it["listed"] for it in answers] == expected
    assert 20 < sum(expected) < len(asked)


def _well_known() -> list[str]:
    """Names of all kinds: sites, their parts, mailbox domains, mail servers, submission servers."""
    names = set().union(*(_names(path) for path in _LEGIT.glob("*.txt")))
    for path in _LEGIT.glob("*.tsv"):
        rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
        names.update(name.rstrip(".") for row in rows for name in (row[0], row[2]) if name)
    for path in _LEGIT.glob("*.json"):
        for service in json.loads(path.read_text(encoding="utf-8")).values():
            names.update((*service.get("domains", ()), *filter(None, (service.get("host"),))))
    return sorted(names)


def test_drop_answers_as_ipaddress_does(tmp_path, universe):
    output = tmp_path / "drop.sgb"
    files = [_LISTS / "spamhaus" / f"drop_v{version}.txt" for version in (4, 6)]
    facts = _built(output, *files, universe=universe)
    networks = [ipaddress.ip_network(text) for path in files for text in _names(path)]
    by_version = {4: [], 6: []}
    for network in networks:
        by_version[network.version].append(network)
    joined = {version: list(ipaddress.collapse_addresses(them)) for version, them in by_version.items()}
    assert (facts["networks_v4"], facts["networks_v6"]) == (len(joined[4]), len(joined[6]))
    assert sum(network.num_addresses for network in by_version[4]) == 16_278_016, "some of them twice"
    edges = {edge for network in networks for edge in (network[0], network[-1], network[0] - 1, network[-1] + 1)}
    asked = sorted(map(str, edges))
    (tmp_path / "asked.txt").write_text("\n".join(asked))
    answers = _run("query", output, "--file", tmp_path / "asked.txt")
    expected = [_is_in(ipaddress.ip_address(text), joined) for text in asked]
    assert [it["listed"] for it in answers] == expected
    assert {it["by"] for it in answers if it["listed"]} == {"address"}
    assert True in expected and False in expected


def _is_in(address: ipaddress.IPv4Address | ipaddress.IPv6Address, joined: dict[int, list]) -> bool:
    networks = joined[address.version]
    at = bisect_right(networks, address, key=lambda network: network[0]) - 1
    return at >= 0 and address in networks[at]
