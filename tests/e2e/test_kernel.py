"""The plane's parts and the kernel agree: what is put into sets is what nft reads there, and what is logged is read.

Each program of `tests/programs/kernel.py` runs in MicroPython in a network namespace of its own.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spamgate_tools.errors import UserError
from spamgate_tools.runtime import find_micropython

TESTS = Path(__file__).resolve().parents[1]
DAY_S = 86400
MAC, RELAY_MAC = "02:00:00:00:00:07", "02:00:00:00:00:08"
V4, V6 = "192.168.77.9", "fd77::9"
SERVER4, SERVER6 = "198.51.100.25", "2001:db8::19"


def run(what: str, folder: Path, *, before: str = "", given: str = "") -> dict | list:
    """Run one program in a namespace, after the shell commands `before`; return what it tells."""
    try:
        micropython = find_micropython()
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    for program in ("unshare", "nft", "ip"):
        if not shutil.which(program):
            pytest.skip(f"not run: {program} is not installed")
    if os.geteuid():
        pytest.skip("not run: network namespaces need root")
    program = [*micropython, "-X", "heapsize=512k", str(TESTS / "programs" / "kernel.py"), what, str(folder)]
    script = f'mount -t sysfs sysfs /sys; {before}\n"$@"'
    done = subprocess.run(
        ["unshare", "-nm", "sh", "-ec", script, "sh", *program],
        env={**os.environ, "MICROPYPATH": str(TESTS.parent / "firmware")},
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


# --- sets ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """What nft lists after each step, and what the program told."""
    folder = tmp_path_factory.mktemp("sets")
    told = run("sets", folder)
    return told, {file.stem: elements(json.loads(file.read_text())) for file in folder.glob("*.json")}


def elements(listing: dict) -> dict:
    """Return {set: {element: (seconds or None, chain)}} of the sets that hold something."""
    found: dict = {}
    for entry in listing["nftables"]:
        body = entry.get("set") or entry.get("map")
        for element in (body or {}).get("elem", ()):
            chain = ""
            if "map" in entry:
                element, verdict = element
                chain = verdict.get("jump", verdict).get("target", verdict)
            timeout_s = None
            if isinstance(element, dict) and "elem" in element:
                timeout_s = element["elem"].get("timeout")
                assert timeout_s is None or 0 < element["elem"]["expires"] <= timeout_s
                element = element["elem"]["val"]
            if isinstance(element, dict):
                element = " ".join(str(part) for part in element["concat"])
            found.setdefault(body["name"], {})[element] = (timeout_s, chain)
    found.pop("lan")
    return found


def in_maps(chain: str, timeout_s: int | None = DAY_S) -> dict:
    held = (timeout_s, chain)
    return {
        "states": {MAC: held},
        "states4": {f"{RELAY_MAC} {V4}": held},
        "states6": {f"{RELAY_MAC} {V6}": held},
    }


def in_sets(name: str, timeout_s: int | None) -> dict:
    held = (timeout_s, "")
    return {name: {MAC: held}, name + "4": {f"{RELAY_MAC} {V4}": held}, name + "6": {f"{RELAY_MAC} {V6}": held}}


def without(found: dict, *names: str) -> dict:
    return {name: held for name, held in found.items() if name.rstrip("46") not in names}


@pytest.mark.parametrize("step", ["watched", "released", "normal"])
def test_who_is_not_stopped_is_in_no_set(listed, step):
    assert listed[1][step] == {}


@pytest.mark.parametrize("step", ["throttled", "granted"])
def test_who_is_throttled_or_granted_goes_its_way_for_a_day(listed, step):
    assert listed[1][step] == in_maps(step)


@pytest.mark.parametrize("step", ["quarantined", "confirmed", "granted_and_quarantined"])
def test_who_is_quarantined_is_stopped_as_well(listed, step):
    chain = "confirmed" if step == "confirmed" else "quarantined"
    assert listed[1][step] == {**in_maps(chain), **in_sets("stopped", DAY_S)}


def test_the_guard_is_leased_by_the_second(listed):
    assert listed[1]["closed"].keys() >= {"guarded_lan"}
    assert without(listed[1]["unguarded"], "states", "stopped") == {"guarded_lan": {"br-guest": (None, "")}}


def test_other_sets_hold_what_they_are_for(listed):
    lease_s = next(iter(listed[1]["others"]["guarded_lan"].values()))[0]
    assert 2 <= lease_s <= 5
    assert without(listed[1]["others"], "states", "stopped", "guarded_lan") == {
        "drained": {MAC: (34560, "")},
        "settled": {MAC: (DAY_S, "")},
        "strict": {"br-lan": (DAY_S, "")},
        "past4": {f"{MAC} {SERVER4}": (8 * DAY_S, "")},
        "past6": {f"{MAC} {SERVER6}": (8 * DAY_S, "")},
        "ended4": {f"{V4} 50000 {SERVER4}": (3600, "")},
        "ended6": {f"{V6} 258 {SERVER6}": (3600, "")},
    }


def test_closed_verdicts_have_no_end(listed):
    assert listed[1]["closed"] == {
        **in_maps("quarantined", None),
        **in_sets("stopped", None),
        "guarded_lan": {"br-guest": (None, "")},
    }
    assert listed[1]["guarded"] == {**listed[1]["closed"], **in_sets("guarded", None)}


def test_nothing_of_that_is_refused_and_a_table_that_is_gone_is_noticed(listed):
    assert listed[0]["failures"] == 0
    assert listed[0]["failures_without_table"] > 0
    assert listed[0]["error"] == 2  # ENOENT


def test_a_table_that_another_program_changes_is_noticed(tmp_path):
    marks = run("marks", tmp_path)
    assert marks.pop("again") == marks["loaded"]
    assert marks.pop("absent") == marks.pop("flushed") == -1
    assert marks["one_rule_more"] != marks["loaded"] != marks["flushed_chain"]
    assert -1 not in marks.values()


# --- what is logged, and where the home ends ----------------------------------------------------------


def test_packets_are_read_off_the_kernel_s_log_without_allocating(tmp_path):
    told = run("log", tmp_path)
    assert told["refused"] == [0, 1], "EPERM: the group is taken"
    assert told["locked"] == [4000, told["locked"][1], True]
    assert told["lost_of_4000"] <= told["locked"][1], "only what a full buffer cut"
    read, lost = told["flood"]
    assert read + lost == 60001
    assert lost > 0, "more than the kernel keeps for us"


def test_the_home_is_known_beside_many_addresses_and_while_interfaces_change(tmp_path):
    told = run("home", tmp_path)
    lan = ["192.168.77.1", "192.168.78.1", "fd77::1"]
    mac = [2, 0x53, 0x47, 0, 0x77, 1]
    inside = ["192.168.77.200", "192.168.78.1", "fd77::1234", "10.99.1.1", "fe80::1"]
    assert told["nothing"][1:5] == [["10.99.1.1", "fe80::1"], [], ["br-lan", "br-guest"], False]
    there = told["there"]
    assert there[0] and [text for text in there[1] if text != "10.50.0.1"] == inside
    assert there[2:] == [lan, [], True, mac]
    assert told["same"] == [False, *there[1:]]
    gone = told["gone"]
    assert "192.168.78.1" not in gone[1] and gone[2:4] == [["192.168.77.1", "fd77::1"], ["br-guest"]]
    assert told["back"][0] and told["back"][2:] == there[2:]


# --- connections -------------------------------------------------------------------------------------

CONNECT = """
import socket, sys, time
listeners = [socket.create_server(("127.0.0.1", 8421)), socket.create_server(("::1", 8421), family=socket.AF_INET6)]
clients = []
for address, source in (("127.0.0.9", "127.0.0.1"), ("fd00::9", "::1")):
    clients.append(socket.create_connection((address, 25), 3, (source, 40001)))
open(sys.argv[1], "w").close()
time.sleep(60)
"""
REDIRECT = """
table inet nat {
  chain output { type nat hook output priority -100; tcp dport 25 redirect to :8421; }
}
"""


def test_the_server_that_a_redirected_client_meant_is_known(tmp_path):
    """Asked for by what the responder sees of it, and by what the client sees; others are unknown."""
    (tmp_path / "nat.nft").write_text(REDIRECT)
    (tmp_path / "connect.py").write_text(CONNECT)
    before = f"""
        cd {tmp_path}; ip link set lo up; ip -6 addr add fd00::9/128 dev lo nodad; nft -f nat.nft
        {sys.executable} connect.py ready & trap "kill $!" EXIT
        for _ in $(seq 600); do test -e ready && break; sleep 0.05; done
    """
    asked = [
        "127.0.0.1 8421 127.0.0.1 40001 reply",
        "127.0.0.1 40001 127.0.0.9 25 original",
        "::1 8421 ::1 40001 reply",
        "::1 40001 fd00::9 25 original",
        "127.0.0.1 40002 127.0.0.9 25 original",
    ]
    told = run("connections", tmp_path, before=before, given="\n".join(asked) + "\n")
    four = [["127.0.0.1", 40001, "127.0.0.9", 25], ["127.0.0.1", 8421, "127.0.0.1", 40001]]
    six = [["::1", 40001, "fd00::9", 25], ["::1", 8421, "::1", 40001]]
    assert told == [four, four, six, six, "no connection"]


# --- flow offload -----------------------------------------------------------------------------------

FLOW_TABLE = """
table inet fw4 {
  flowtable ft { hook ingress priority 0; devices = { lo }; }
  chain forward { type filter hook forward priority 0; meta l4proto { tcp, udp } flow add @ft; }
}
"""


def test_flow_offload_is_exempted_and_restored_in_the_kernel(tmp_path):
    file = tmp_path / "flows.nft"
    file.write_text(FLOW_TABLE)
    if subprocess.run(["unshare", "-n", "nft", "-f", str(file)], capture_output=True, check=False).returncode:
        pytest.skip("not run: this kernel has no flow tables (CONFIG_NF_FLOW_TABLE)")
    told = run("offload", tmp_path, before=f"nft -f {file}; nft list ruleset >{tmp_path}/before")
    assert told == {"reports": ["flow offload: port 25 exempted in inet fw4 forward"], "problem": ""}
    before, exempt, again, after = [
        (tmp_path / step).read_text() for step in ("before", "exempt", "still_exempt", "restored")
    ]
    assert "th dport { 0-24, 26-65535 } th sport { 0-24, 26-65535 } flow add @ft" in exempt
    assert (again, after) == (exempt, before)
