"""What our readers make of configurations against what Unbound, BIND and dnsmasq do with the same ones.

Random zones over few labels, so that names, wildcards and exceptions lie above, below and upon each other; every name
is asked for that could tell a difference.
"""

import random
from pathlib import Path

import pytest
from exact_lists import is_blocked
from peer_resolvers import dnsmasq, named, unbound

from spamgate_tools.blocklist.formats import FORMATS
from spamgate_tools.blocklist.intake import Intake

_SEEDS = (1, 2, 3)
_TOP = "t{}.example"
_TREES = 60


def read(format: str, text: str, rpz: str = "auto") -> Intake:
    intake = Intake(text.encode(), rpz=rpz)
    FORMATS[format].read(intake)
    return intake


def names_below(top: str) -> list[str]:
    """Return a name, three below it, and so on down to three levels."""
    names = [top]
    for _ in range(3):
        names += [f"{label}.{name}" for name in names for label in "ab" if f"{label}.{name}" not in names]
    return sorted(set(names))


def differences(blocks, intake: Intake, names: list[str]) -> list[tuple[str, bool]]:
    found = ((name, blocks(name)) for name in names)
    return [(name, blocked) for name, blocked in found if blocked != is_blocked(intake.entries, name)]


# --- policy zones ---------------------------------------------------------------------------------


def test_policy_zones_block_and_pass_what_they_do_in_unbound(tmp_path: Path) -> None:
    for seed in _SEEDS:
        zone, asked = policy_zone(seed)
        intake = read("rpz", zone)
        folder = tmp_path / str(seed)
        folder.mkdir()
        with unbound(folder, zones=(f"$ORIGIN rpz0.example.\n{zone}",)) as peer:
            assert differences(peer.blocks, intake, asked) == [], seed
        assert sum(is_blocked(intake.entries, name) for name in asked) > 100


def test_policy_zones_block_and_pass_what_they_do_in_bind(tmp_path: Path) -> None:
    zone, asked = policy_zone(_SEEDS[0])
    zone += "once.example CNAME once.example.\n*.once.example CNAME .\n"  # what passthru was written as once
    asked += names_below("once.example")
    intake = read("rpz", zone)
    with named(tmp_path, policy=f"$TTL 60\n{zone}") as peer:
        assert differences(peer.blocks, intake, asked) == []
    assert sum(is_blocked(intake.entries, name) for name in asked) > 100


def policy_zone(seed: int) -> tuple[str, list[str]]:
    """Return a zone made from a seed, and the names to ask for."""
    rng = random.Random(seed)
    lines = ["@ SOA ns.example. host.example. 1 3600 600 86400 60", " NS ns.example."]
    asked: list[str] = []
    for number in range(_TREES):
        top = _TOP.format(number)
        lines += policy(rng, top)
        asked += names_below(top)
    return "\n".join((*lines, "")), asked


def policy(rng: random.Random, top: str) -> list[str]:
    """Return triggers for one tree of names.

    No plain trigger stands below a wildcard that blocks: there, a list and a zone differ (see the test below).
    """
    action = rng.choice((".", "*."))
    shapes = {
        "name": [f"{top} CNAME {action}"],
        "wildcard": [f"*.{top} CNAME {action}"],
        "both": [f"{top} CNAME {action}", f"*.{top} CNAME {action}"],
        "passed below": [f"*.{top} CNAME {action}", f"a.{top} CNAME rpz-passthru.", f"*.a.{top} CNAME rpz-passthru."],
        "blocked below": [f"*.{top} CNAME rpz-passthru.", f"a.{top} CNAME {action}", f"*.b.{top} CNAME {action}"],
        "passed itself": [f"{top} CNAME rpz-passthru.", f"*.{top} CNAME {action}"],
        "with times": [f"*.{top} 60 IN CNAME {action}", f"b.{top} CNAME rpz-passthru.", f"*.b.{top} CNAME ."],
        "deep": [f"a.b.{top} CNAME {action}", f"*.b.a.{top} 60 IN CNAME {action}"],
    }
    return shapes[rng.choice(sorted(shapes))]


# --- Unbound's own settings -----------------------------------------------------------------------


def test_local_zones_and_data_block_what_they_do_in_unbound(tmp_path: Path) -> None:
    for seed in _SEEDS:
        rng = random.Random(seed)
        lines: list[str] = []
        asked: list[str] = []
        for number in range(_TREES):
            top = _TOP.format(number)
            lines += local_zones(rng, top)
            asked += names_below(top)
        intake = read("unbound", "server:\n" + "\n".join(lines))
        folder = tmp_path / str(seed)
        folder.mkdir()
        with unbound(folder, server="\n".join(lines)) as peer:
            assert differences(peer.blocks, intake, asked) == [], seed
        assert sum(is_blocked(intake.entries, name) for name in asked) > 100


def local_zones(rng: random.Random, top: str) -> list[str]:
    """Return settings for one tree of names, the longest of which decides."""
    blocking = rng.choice(("always_nxdomain", "always_null", "always_refuse", "refuse", "static", "always_nodata"))
    passing = rng.choice(("transparent", "always_transparent", "typetransparent", "inform"))
    shapes = {
        "zone": [f'local-zone: "{top}" {blocking}'],
        "passed below": [f'local-zone: "{top}." {blocking}', f'  local-zone: "a.{top}" {passing}  # freed'],
        "blocked below": [f'local-zone: "{top}" {passing}', f'local-zone: "a.b.{top}" {blocking}'],
        "redirected": [f'local-zone: "{top}" redirect', f'local-data: "{top} A 0.0.0.0"'],
        "data only": [f'local-data: "b.{top} A 0.0.0.0"', f"local-data: 'b.{top} 60 IN AAAA ::'"],
        "deep": [f"local-zone: b.a.{top} {blocking}"],
    }
    return shapes[rng.choice(sorted(shapes))]


# --- BIND's own settings ---------------------------------------------------------------------------


def test_zones_block_what_they_do_in_bind(tmp_path: Path) -> None:
    (tmp_path / "null.zone").write_text("$TTL 60\n@ SOA ns.example. a.example. 1 3600 600 86400 60\n@ NS ns.example.\n")
    asked = [name for number in range(20) for name in names_below(_TOP.format(number))]
    zones = [
        f'zone "{name}" {{ type {("master", "primary")[number % 2]}; file "null.zone"; allow-query {{ any; }}; }};'
        for number, name in enumerate(random.Random(_SEEDS[0]).sample(asked, 40))
    ]
    zones += ["// no zone", "/* none", "either */", 'zone "t21.example" { type forward; forwarders { 127.0.0.9; }; };']
    intake = read("bind", "\n".join(zones))
    with named(tmp_path, zones="\n".join(zones)) as peer:
        assert differences(peer.blocks, intake, asked) == []
    assert list(intake.skipped) == ["zone of another type"]


# --- dnsmasq ----------------------------------------------------------------------------------------


def test_addresses_and_servers_block_what_they_do_in_dnsmasq(tmp_path: Path) -> None:
    for seed in _SEEDS:
        rng = random.Random(seed)
        lines: list[str] = []
        asked: list[str] = []
        for number in range(_TREES):
            top = _TOP.format(number)
            lines += settings(rng, top)
            asked += names_below(top)
        intake = read("dnsmasq", "\n".join(lines))
        folder = tmp_path / str(seed)
        folder.mkdir()
        with dnsmasq(folder, "\n".join(lines)) as peer:
            assert differences(peer.blocks, intake, asked) == [], seed
        assert sum(is_blocked(intake.entries, name) for name in asked) > 100


def settings(rng: random.Random, top: str) -> list[str]:
    """Return settings for one tree of names, the longest of which decides."""
    answer = rng.choice(("0.0.0.0", "", "#", "127.0.0.1"))
    shapes = {
        "address": [f"address=/{top}/{answer}"],
        "local": [f"local=/{top}/"],
        "server": [f"server=/.{top}/"],
        "several": [f"address=/a.{top}/b.{top}/{answer}"],
        "passed below": [f"server=/{top}/", f"server=/a.{top}/#"],
        "blocked below": [f"server=/{top}/#", f"server=/a.b.{top}/"],
        "below only": [f"address=/*.{top}/{answer}"],
    }
    return shapes[rng.choice(sorted(shapes))]


# --- anything upon anything -----------------------------------------------------------------------

TOLD_OF = ("here the exceptions win", "are in the zone below a wildcard")  # where a list cannot mean the same
HEAD = "$TTL 60\n@ SOA ns.example. host.example. 1 3600 600 86400 60\n NS ns.example.\n"
PEERS = {
    "dnsmasq": ("dnsmasq", dnsmasq),
    "unbound": ("unbound", lambda folder, text: unbound(folder, server=text)),
    "policy in unbound": (
        "rpz",
        lambda folder, text: unbound(folder, zones=(f"$ORIGIN rpz0.example.\n{HEAD}{text}\n",)),
    ),
    "policy in bind": ("rpz", lambda folder, text: named(folder, policy=f"{HEAD}{text}\n")),
}


@pytest.mark.parametrize("peer", PEERS)
def test_where_a_list_means_something_else_the_report_says_so(peer: str, tmp_path: Path) -> None:
    """Each tree of names is read by itself, so that its notes are about it; the resolver has all of them."""
    format, run = PEERS[peer]
    rng = random.Random(_SEEDS[0])
    trees = {_TOP.format(number): anything(rng, format, _TOP.format(number)) for number in range(_TREES)}
    same = 0
    with run(tmp_path, "\n".join(line for lines in trees.values() for line in lines)) as resolver:
        for top, lines in trees.items():
            intake = read(format, "\n".join((HEAD * (format == "rpz"), *lines)), rpz="exact")
            found = differences(resolver.blocks, intake, names_below(top))
            same += not found
            assert not found or any(told in note for note in intake.notes for told in TOLD_OF), (lines, found)
    assert same > _TREES * 3 / 4


def anything(rng: random.Random, format: str, top: str) -> list[str]:
    """Return settings for up to four names of one tree, chosen blindly."""
    lines = []
    for name in rng.sample(names_below(top), rng.randint(1, 4)):
        blocks = rng.random() < 0.65
        if format == "dnsmasq":
            lines.append(f"server=/{name}/" + "#" * (not blocks))
        elif format == "unbound":
            lines.append(f'local-zone: "{name}" ' + ("always_nxdomain" if blocks else "transparent"))
        else:
            lines.append(rng.choice(("", "*.")) + f"{name} CNAME " + ("." if blocks else "rpz-passthru."))
    return lines


def test_what_is_hidden_from_a_wildcard_is_told(tmp_path: Path) -> None:
    lines = ("@ SOA ns.example. host.example. 1 3600 600 86400 60", "*.t.example CNAME .", "a.t.example CNAME *.")
    zone = "\n".join((*lines, ""))
    intake = read("rpz", zone)
    with unbound(tmp_path, zones=(f"$ORIGIN rpz0.example.\n{zone}",)) as peer:
        asked = names_below("t.example")
        hidden = [(name, False) for name in asked if name.endswith(".a.t.example")]
        assert differences(peer.blocks, intake, asked) == hidden != []
    assert any(note.startswith("1 names are in the zone below a wildcard") for note in intake.notes)
