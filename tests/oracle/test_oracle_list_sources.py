"""Real lists against what is known of them: counts, equal formats, Python's ipaddress, Unbound's own tests of policies.

What a list holds is read a second time here, by a few lines that know only that one file.
"""

import ipaddress
import re
from pathlib import Path

import pytest
from exact_lists import is_blocked, is_in
from shared_data import NOT_THERE, shared_data

from spamgate_tools.blocklist.detect import detect
from spamgate_tools.blocklist.entry import CHILDREN, DOMAIN, EXACT, Entries
from spamgate_tools.blocklist.formats import FORMATS
from spamgate_tools.blocklist.intake import Intake
from spamgate_tools.blocklist.names import wire_name
from spamgate_tools.blocklist.report import SourceReport
from spamgate_tools.blocklist.source import read_source

DATA = shared_data()

BLOCKLISTPROJECT = {"ransomware": 1_904, "scam": 8_527, "tiktok": 3_725, "vaping": 108}
BLOCKLISTPROJECT_FORMATS = {"": "hosts", "-nl": "plain", "-ags": "adblock", "-dnsmasq": "dnsmasq"}
URLHAUS_NAMES, URLHAUS_ADDRESSES = 272, 2_308
URLHAUS_FORMATS = {
    "hosts-online.txt": "hosts",
    "rpz-online.conf": "rpz",
    "dnsmasq-online.conf": "dnsmasq",
    "unbound-online.conf": "unbound",
    "bind-online.conf": "bind",
    "dnscrypt-blocked-names-online.txt": "plain",
}


@pytest.fixture(scope="module")
def lists() -> Path:
    folder = DATA and DATA / "blocklists"
    if not folder or not folder.is_dir():
        pytest.skip(NOT_THERE)
    return folder


def reasons(report: SourceReport) -> dict[str, int]:
    return {reason: skipped.count for reason, skipped in report.skipped.items()}


def only_domains(entries: Entries) -> set[bytes]:
    """Return the names, where each is listed with what is below it and none is anything else."""
    assert not any((entries.blocked[EXACT], entries.blocked[CHILDREN], *entries.allowed.values()))
    return entries.blocked[DOMAIN]


# --- the same list in several formats -------------------------------------------------------------


@pytest.mark.parametrize("name", BLOCKLISTPROJECT)
def test_blocklistproject_is_the_same_in_each_format(lists: Path, name: str) -> None:
    found = {}
    for ending, format in BLOCKLISTPROJECT_FORMATS.items():
        report = read_source(str(lists / "blocklistproject" / f"{name}{ending}.txt"))
        assert (report.format, report.duplicates, report.skipped) == (format, 0, {})
        found[format] = frozenset(only_domains(report.entries))
    assert len(set(found.values())) == 1
    assert len(found["hosts"]) == BLOCKLISTPROJECT[name]


def test_urlhaus_has_the_same_names_and_addresses_in_each_format(lists: Path) -> None:
    folder = lists / "urlhaus-online"
    addresses = read_source(str(folder / "urlhaus-filter-dnscrypt-blocked-ips-online.txt"))
    assert (addresses.format, addresses.taken, addresses.skipped) == ("addresses", URLHAUS_ADDRESSES, {})
    names = set()
    for ending, format in URLHAUS_FORMATS.items():
        report = read_source(str(folder / f"urlhaus-filter-{ending}"))
        assert (report.format, report.skipped, report.entries.networks) == (format, {}, set())
        names.add(frozenset(only_domains(report.entries)))
    assert [len(each) for each in names] == [URLHAUS_NAMES]
    for ending, format in (("domains-online.txt", "plain"), ("agh-online.txt", "adblock")):
        report = read_source(str(folder / f"urlhaus-filter-{ending}"))
        assert (report.format, report.skipped) == (format, {})
        assert {frozenset(only_domains(report.entries))} == names
        assert report.entries.networks == addresses.entries.networks


def test_the_reports_say_where_formats_differ(lists: Path) -> None:
    """A hosts file knows hosts only, RPZ names only: both are said to be taken with what is below."""
    folder = lists / "urlhaus-online"
    hosts = read_source(str(folder / "urlhaus-filter-hosts-online.txt"))
    assert "with everything below" in hosts.sense
    zone = str(folder / "urlhaus-filter-rpz-online.conf")
    rpz = read_source(zone)
    assert "its plain triggers are taken with everything below them, since it has no wildcards" in rpz.notes
    intake = Intake(Path(zone).read_bytes(), rpz="exact")
    FORMATS["rpz"].read(intake)
    assert intake.entries.blocked[EXACT] == rpz.entries.blocked[DOMAIN]


# --- counts -------------------------------------------------------------------------------------------


def test_stevenblack_gives_every_name_but_the_machines_own(lists: Path) -> None:
    report = read_source(str(lists / "stevenblack" / "hosts_2019-03-27_fakenews-gambling-porn-social"))
    assert report.format == "hosts"
    counts = report.entries.counts()
    assert reasons(report) == {"the machine's own names": 14, "name without a dot": 1}
    assert counts == {"domains": 55_980, "exact": 0, "children": 0, "allowed": 0, "addresses": 2}
    assert 55_980 + 2 + 1 == 55_983  # "Number of unique domains", as its head says


def test_adguard_gives_every_pure_rule_and_counts_the_rest(lists: Path) -> None:
    file = lists / "adguard" / "adguard_sdn_filter_2019-04-13.txt"
    report = read_source(str(file))
    rules = [line for line in file.read_text().splitlines() if line and line[0] != "!"]
    assert len(rules) == 27_565
    entries = report.entries
    assert report.taken + report.duplicates + sum(reasons(report).values()) == len(rules)
    pure = {found[1] for found in (re.fullmatch(r"\|\|([^*/^$|]+)\^", rule) for rule in rules) if found}
    names = {name for name in pure if not re.fullmatch(r"[\d.]+", name) and name[-1] != "."}
    assert entries.blocked[DOMAIN] >= {wire_name(name.encode()) for name in names}
    exceptions = {found[1] for found in (re.fullmatch(r"@@\|\|(.+)\^\|?", rule) for rule in rules) if found}
    assert entries.allowed[DOMAIN] == {wire_name(name.encode()) for name in exceptions}
    assert (len(pure), len(exceptions)) == (27_069, 20)  # the 21st has no beginning
    assert reasons(report)["pattern with *"] + reasons(report)["rule about an address of a page"] > 100


def test_plain_lists_of_other_kinds_are_read_whole(lists: Path) -> None:
    for name, format, count in (
        ("disposable/disposable_email_domains_pypi_0.0.293_blocklist.txt", "plain", 10_181),
        ("disposable/npm_disposable-email-domains_1.0.62_wildcard.json", "json", 399),
        ("doh/nDPI_doh_dot_hosts.txt", "plain", 68),
        ("dnsbl_zones/zones_spamassassin_4.0.1.txt", "plain", 14),
    ):
        report = read_source(str(lists / name))
        assert (report.format, len(only_domains(report.entries)), report.skipped) == (format, count, {})


# --- addresses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "count", "skipped"), [
    ("spamhaus/drop_v4.txt", 1_363, {}),
    ("spamhaus/drop_v6.txt", 78, {}),
    ("spamhaus/asn.txt", 6_464, {}),
    ("blocklistproject/abuse.ip", 19_925, {"network of a home, of the machine itself or of groups": 1}),
])  # fmt: skip
def test_addresses_are_those_that_python_reads(lists: Path, name: str, count: int, skipped: dict[str, int]) -> None:
    file = lists / name
    report = read_source(str(file))
    assert (report.format, report.taken, reasons(report)) == ("addresses", count, skipped)
    lines = (line.strip() for line in file.read_text().splitlines())
    truth = {ipaddress.ip_network(line) for line in lines if line and line[0] != "#"}
    own = {network for network in truth if network.is_loopback}
    assert {(net.network_address.packed, net.prefixlen) for net in truth - own} == report.entries.networks
    assert len(own) == sum(skipped.values())


def test_drop_covers_the_addresses_it_says_it_covers(lists: Path) -> None:
    report = read_source(str(lists / "spamhaus" / "drop_v4.txt"))
    networks = [ipaddress.ip_network((packed, length)) for packed, length in report.entries.networks]
    assert sum(network.num_addresses for network in networks) == 16_278_016


def test_drop_is_the_same_in_each_of_its_forms(lists: Path) -> None:
    data = (lists / "spamhaus" / "drop_v4.txt").read_text()
    cidrs = [line for line in data.splitlines() if line[0] != "#"]
    text = "; Spamhaus DROP List\n" + "".join(f"{cidr} ; SBL{number}\n" for number, cidr in enumerate(cidrs))
    objects = "".join(f'{{"cidr":"{cidr}","sblid":"SBL{at}","rir":"ripencc"}}\n' for at, cidr in enumerate(cidrs))
    objects += '{"type":"metadata","timestamp":1719890010,"size":99,"records":1363}\n'
    found = []
    for form in (data, text, objects):
        assert detect(form.encode()) == "addresses"
        intake = Intake(form.encode())
        FORMATS["addresses"].read(intake)
        assert intake.skipped == {}
        found.append(intake.entries.networks)
    assert found[0] == found[1] == found[2]


# --- well-known names -------------------------------------------------------------------------------------


def test_well_known_names_hit_as_an_exact_set_of_names_hits(lists: Path) -> None:
    """Each list, read by a line of its own here, against all names of legit/: the same hits, one for one."""
    legit = DATA and DATA / "legit"
    assert legit
    files = ("cliqz_top500_all_request_hosts.txt", "top_sites_moz500_odd.txt", "free_email_domains_a.txt")
    known = sorted({name for file in files for name in (legit / file).read_text().split()})
    assert len(known) > 8_000
    hits = 0
    for name in ("scam", "tiktok", "ransomware"):
        path = lists / "blocklistproject" / f"{name}-ags.txt"
        exact = {line[2:-1] for line in path.read_text().splitlines() if line[:2] == "||"}
        entries = read_source(str(path)).entries
        for text in known:
            labels = text.split(".")
            truth = any(".".join(labels[at:]) in exact for at in range(len(labels)))
            assert is_in(entries.blocked, wire_name(text.encode())) == truth, text
            hits += truth
    assert hits > 0


# --- Unbound's tests of policy zones ------------------------------------------------------------------------

_ZONE = re.compile(r"TEMPFILE_CONTENTS \S+\n(.*?)TEMPFILE_END", re.DOTALL)
_TRANSFER = re.compile(r"IN AXFR\nSECTION ANSWER\n(.*?)ENTRY_END", re.DOTALL)
_STEP = re.compile(
    r"STEP \d+ QUERY( ADDRESS \S+)?\s+ENTRY_BEGIN(.*?)ENTRY_END\s+STEP \d+ CHECK_ANSWER\s+ENTRY_BEGIN(.*?)ENTRY_END",
    re.DOTALL,
)
_UPSTREAM = re.compile(r"(SECTION QUESTION\n\S+\.\s+IN\s+\w+)\nSECTION ANSWER\n(.*?)(?=ENTRY_END|SECTION)", re.DOTALL)
_QUESTION = re.compile(r"SECTION QUESTION\n(\S+)\.\s+IN\s+\w+")

# Of each file: how many queries Unbound blocked or passed as our list does; for how many it did what no list can say,
# since the trigger is an address or the action an answer or TCP; and how many it blocked for the name of a server.
PEER_QUERIES = {
    "rpz_axfr.rpl": (8, 6, 0),
    "rpz_clientip.rpl": (3, 6, 0),
    "rpz_nsdname.rpl": (1, 1, 2),
    "rpz_passthru.rpl": (3, 0, 0),
    "rpz_qname.rpl": (6, 8, 0),
    "rpz_qname_tcponly.rpl": (2, 1, 0),
    "rpz_respip.rpl": (5, 9, 0),
}
SKIPPED_TRIGGERS = {
    "rpz_axfr.rpl": {"answer with data of its own": 2, "trigger rpz-ip": 4},
    "rpz_clientip.rpl": {"trigger rpz-client-ip": 7},
    "rpz_nsdname.rpl": {"trigger rpz-nsdname": 7},
    "rpz_passthru.rpl": {"answer with data of its own": 3, "trigger rpz-client-ip": 2, "trigger rpz-ip": 1},
    "rpz_qname.rpl": {"answer with data of its own": 5, "action rpz-drop": 1, "action rpz-tcp-only": 1},
    "rpz_qname_tcponly.rpl": {"action rpz-tcp-only": 1},
    "rpz_respip.rpl": {"trigger rpz-ip": 14},
}


@pytest.fixture(scope="module", params=sorted(PEER_QUERIES))
def peer_test(request: pytest.FixtureRequest) -> tuple[str, str]:
    folder = DATA and DATA / "rpz_peer" / "unbound_1.17.1"
    if not folder or not folder.is_dir():
        pytest.skip(NOT_THERE)
    return request.param, (folder / request.param).read_text()


def policy_entries(zones: list[str]) -> tuple[Entries, dict[str, int]]:
    """Return what several zones block and pass together, and what of them was skipped."""
    together, skipped = Entries(), dict[str, int]()
    for zone in zones:
        intake = Intake(zone.encode())
        FORMATS["rpz"].read(intake)
        together.add(intake.entries)
        for reason, each in intake.skipped.items():
            skipped[reason] = skipped.get(reason, 0) + each.count
    return together, skipped


def test_policy_zones_do_what_unbounds_own_tests_expect(peer_test: tuple[str, str]) -> None:
    name, text = peer_test
    entries, skipped = policy_entries(_ZONE.findall(text))
    assert skipped == SKIPPED_TRIGGERS[name]
    before, _, after = text.partition("TIME_PASSES")  # the zone is then fetched anew, as it is at its master
    done = outcomes(before, entries)
    if after:
        done += outcomes(after, policy_entries(_TRANSFER.findall(text))[0])
    assert len(done) == text.count(" CHECK_ANSWER")
    assert (done.count("same"), done.count("other"), done.count("different")) == PEER_QUERIES[name]


def outcomes(text: str, entries: Entries) -> list[str]:
    """Return for each query whether the list says what Unbound did, or Unbound did what no list can say."""
    upstream = [(each[0].split(), each[1].split()) for each in _UPSTREAM.findall(text)]
    done = []
    for address, query, answer in _STEP.findall(text):
        found = _QUESTION.search(query)
        assert found
        flags = re.search(r"REPLY (.*)", answer)[1].split()  # type: ignore[index]
        records = answer.partition("SECTION ANSWER\n")[2].split()
        is_blocked_there = "AA" in flags and "TC" not in flags and not records
        is_passed_there = "AA" not in flags and records and (found[0].split(), records) in upstream
        if (address and "AA" in flags) or not (is_blocked_there or is_passed_there):
            done.append("other")
        else:
            done.append("same" if is_blocked(entries, found[1]) == is_blocked_there else "different")
    return done
