"""The real nft takes the table for every setting, and the exemption from flow offload does what it says.

Flow offload itself is not run: it needs a kernel with CONFIG_NF_FLOW_TABLE.
"""

import json
import os
import shutil
import subprocess

import pytest

from spamgate.plane.linux_rules import write_table
from spamgate.plane.offload import find_rules
from spamgate.store.settings import read_settings

_LARGE = {"later_port": 65535, "never_port": 65534, "guard_port": 65533, "log_group": 65535, "normal_burst": 10000}
SETTINGS = {
    "default": {},
    "one_lan": {"lan": ["eth0"]},
    "many": {"lan": ["br-lan", "eth0.7", "wl_ap+2", "a@b", "abcdefghijklmno", "lan1", "lan-2", "v.100"]},
    "monitor_only": {"monitor_only": True},
    "no_budget": {"budget_per_day": 0},
    "least": {"budget_per_day": 1, "normal_per_minute": 1, "normal_burst": 1, "log_group": 0, "later_port": 1024},
    "most": {"budget_per_day": 100, "normal_per_minute": 10000, **_LARGE},
    "guard_all": {"guard": "all"},
    "guard_off": {"guard": "off", "fail": "closed"},
}


@pytest.fixture(autouse=True)
def _as_root():
    for program in ("nft", "unshare"):
        if not shutil.which(program):
            pytest.skip(f"not run: {program} is not installed")
    if os.geteuid():
        pytest.skip("not run: network namespaces need root")


def sh(script: str, given: str = "") -> str:
    """Run a script in a network namespace of its own."""
    done = subprocess.run(
        ["unshare", "-n", "sh", "-ec", script], input=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def table(with_zone: bool, **given) -> str:
    parts: list[str] = []
    write_table(parts.append, read_settings(json.dumps({"lan": ["br-lan", "br-guest"], **given})), with_zone)
    return "".join(parts)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("with_zone", [True, False])
def test_nft_takes_the_table_again_and_again(name, with_zone, tmp_path):
    file = tmp_path / "table.nft"
    file.write_text(table(with_zone, **SETTINGS[name]))
    counted = sh(f"nft -c -f {file}; nft -f {file}; nft -f {file}; nft list tables; nft -j list table inet spamgate")
    assert counted.startswith("table inet spamgate\n{")
    listing = json.loads(counted.partition("\n")[2])["nftables"]
    sets = {entry["set"]["name"]: entry["set"] for entry in listing if "set" in entry}
    assert sorted(sets["lan"]["elem"]) == sorted(SETTINGS[name].get("lan", ["br-lan", "br-guest"]))
    hooks = [entry["chain"] for entry in listing if "chain" in entry and "hook" in entry["chain"]]
    assert all(chain["policy"] == "accept" for chain in hooks), "a table that stops what it does not know"


def test_what_nft_lists_of_it_is_taken_too(tmp_path):
    """Administrators save the rules that are in force and load them again."""
    file, saved = tmp_path / "table.nft", tmp_path / "saved.nft"
    file.write_text(table(True))
    listed = sh(
        f"nft -f {file}; nft add element inet spamgate states '{{ 02:00:00:00:00:07 timeout 1h : goto quarantined }}';"
        f"nft list ruleset >{saved}; nft flush ruleset; nft -f {saved}; nft list ruleset"
    )
    assert "02:00:00:00:00:07 timeout 1h" in listed


# --- the exemption of port 25 -------------------------------------------------------------------------

CONDITIONS = (
    "meta l4proto { tcp, udp }",
    "meta l4proto tcp",
    "ip protocol tcp",
    "ip protocol { tcp, udp } ct state new",
    "ct state new,established",
    "tcp dport { 25, 80, 443 }",
    "ct state new counter",
)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_port_25_is_exempt_in_both_directions_and_nothing_else_is(condition, tmp_path):
    """A counter stands where a rule that offloads would put flows; it must not count mail."""
    rule = find_rules([f"{condition} flow add @f # handle 1"])[0]
    text = rule.exempt_text().removesuffix(rule.action)
    file = tmp_path / "rules.nft"
    chain = "type filter hook output priority 0"
    file.write_text(f"table inet t {{\n chain c {{\n {chain}\n {text} counter comment \"here\"\n }}\n}}\n")
    listed = sh(f"ip link set lo up; nft -f {file}; {syns(25)}; nft list ruleset; echo; {syns(80)}; nft list ruleset")
    mail, _, web = listed.partition("\n\n")
    assert counted(mail) == 0
    assert counted(web) > 0
    offloading, _, _ = line_of(web).rpartition("counter packets ")
    assert find_rules([f"{offloading}flow add @f # handle 2"])[0].is_exempt(), web


def syns(port: int) -> str:
    """Return the command that sends a SYN to a port nobody listens on, and so a RST from it."""
    return f"python3 -c 'import socket; socket.socket().connect_ex((\"127.0.0.1\", {port}))'"


def counted(listing: str) -> int:
    return int(line_of(listing).rpartition("counter packets ")[2].split()[0])


def line_of(listing: str) -> str:
    return next(line for line in listing.splitlines() if "here" in line)
