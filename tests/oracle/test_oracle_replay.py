"""The whole program on real captures: who is named, how early, and with which counters.

The truth beside the spambot captures was counted with tshark, each frame of the bot once though the captures
hold it twice.  Where nobody sends spam, nobody may be above `watched`.
"""

import csv
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from shared_data import NOT_THERE, shared_data

from spamgate_tools.errors import UserError
from spamgate_tools.replay import RUNTIMES, Replay, program

_DATA = shared_data()
_SMALL_KB = 256
_FOLDERS = ("pcap_benign", "pcap_malware_nonspam", "pcap_smtp", "pcap_spambot", "pcap_dns")
_ABOVE_WATCHED = ("throttled", "quarantined", "released")
_SPAMBOT = "pcap_spambot/spambot_2010-11-18_part1.pcap"
_PROBE = "pcap_spambot/cnc4_2010-04-13_helo_probe.pcap"
_BOT = "192.168.1.222"

# Captures that end in a fault, of which all that came before must still be reported.
_FAULTY = {
    "pcap_smtp/suricata/smtp-to-comma__10.7.29.101_49898-178.63.41.150_25.pcap": "the file is damaged at byte 3695: "
    "the next record's length is 3.9 GB (tshark stops there too)",
}

pytestmark = pytest.mark.skipif(_DATA is None, reason=NOT_THERE)


def _captures(*folders: str) -> list[str]:
    if _DATA is None:
        return []
    found = [path for folder in folders for path in (_DATA / folder).rglob("*") if path.suffix in (".pcap", ".pcapng")]
    return sorted(path.relative_to(_DATA).as_posix() for path in found)


def _labelled(label: str) -> list[tuple[str, str]]:
    if _DATA is None:
        return []
    with open(_DATA / "labels.tsv", encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    return [(row["file"], row["host"]) for row in rows if row["label"] == label]


@cache
def _run(capture: str, runtime: str, heap_kb: int = 512) -> tuple[bytes, str]:
    """Return what the program wrote, and its complaint."""
    try:
        run = Replay([str(_DATA / capture)], runtime=runtime, heap_kb=heap_kb)
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    lines = b"".join(run.lines())
    try:
        run.finish()
    except UserError as error:
        return lines, str(error)
    return lines, ""


def _events(capture: str) -> list[dict]:
    return [json.loads(line) for line in _run(capture, "cpython")[0].splitlines()]


def _device(capture: str, address: str) -> dict:
    found = [event for event in _events(capture) if event["type"] == "device" and address in event["addresses"]]
    assert len(found) == 1, f"{len(found)} devices have {address}"
    return found[0]


def _truth(capture: str) -> dict:
    return json.loads((_DATA / capture).with_suffix(".truth.json").read_text())


@pytest.mark.parametrize("capture", [_SPAMBOT, _PROBE])
def test_counters_of_the_bot_are_the_truth(capture):
    device = _device(capture, _BOT)
    truth = _truth(capture)
    smtp = device["smtp"]
    assert smtp["connects"] == truth["smtp_connect_attempts"]
    assert smtp["destinations"] == truth["smtp_distinct_destinations"]
    for command in ("HELO", "MAIL", "RCPT", "DATA"):
        assert smtp[command.lower()] == truth["smtp_commands"].get(command, 0), command
    assert smtp["replies"] == truth["smtp_replies"]
    assert device["dns"] == {
        "queries": truth["dns_queries"],
        "mx": truth["mx_queries"],
        "mx_names": truth["mx_distinct_names"],
        "nxdomain": truth["nxdomain_replies"],
    }
    assert device["first_smtp"] == truth["first_smtp_syn_epoch"]


def test_the_bot_is_throttled_before_its_third_connection():
    verdicts = [event for event in _events(_SPAMBOT) if event["type"] == "verdict" and event["to"] == "throttled"]
    assert len(verdicts) == 1
    assert verdicts[0]["smtp_connects"] <= 2
    assert verdicts[0]["messages_accepted"] == 0
    assert {row["kind"] for row in verdicts[0]["evidence"]} >= {"mx_query", "mx_connect"}
    assert verdicts[0]["device"] == _device(_SPAMBOT, _BOT)["device"]


def test_the_probing_bot_is_watched():
    assert _device(_PROBE, _BOT)["state"] in ("watched", *_ABOVE_WATCHED)


@pytest.mark.parametrize("capture", _captures("pcap_benign", "pcap_malware_nonspam"))
def test_nobody_who_sends_no_spam_is_above_watched(capture):
    assert [event for event in _events(capture) if event.get("state", event.get("to")) in _ABOVE_WATCHED] == []


@pytest.mark.parametrize(("capture", "host"), _labelled("mail_captured"))
def test_captured_mail_is_no_spam(capture, host):
    lines = [event for event in _events(capture) if event["type"] == "device"]
    assert host in [address for device in lines for address in device["addresses"]]
    assert [event for event in _events(capture) if event.get("state", event.get("to")) in _ABOVE_WATCHED] == []


@pytest.mark.parametrize("heap_kb", [_SMALL_KB, 512])
@pytest.mark.parametrize("capture", _captures(*_FOLDERS))
def test_both_runtimes_say_the_same(capture, heap_kb):
    micropython, cpython = (_run(capture, runtime, heap_kb) for runtime in RUNTIMES)
    assert micropython == cpython
    assert bool(micropython[1]) == (capture in _FAULTY), micropython[1]


def test_the_spambot_fits_a_small_heap_and_gives_the_same_events():
    assert _run(_SPAMBOT, "micropython", _SMALL_KB) == _run(_SPAMBOT, "micropython")


def test_the_heap_does_not_grow():
    """Four readings after collection, at each quarter of the capture, in a heap that just holds everything."""
    try:
        command, environment = program("micropython", _SMALL_KB)
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    command += ["--stats", str(_DATA / _SPAMBOT)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    heap = json.loads(done.stderr.splitlines()[-1])["heap"]
    assert len(heap) == 4
    assert heap[3] <= heap[0], heap


def test_a_truncated_capture_is_reported_up_to_the_fault(tmp_path):
    """Cut anywhere, the events before the cut are those of the whole file."""
    whole = (_DATA / _SPAMBOT).read_bytes()
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(whole[:200000])
    done = subprocess.run(
        [str(Path(sys.executable).with_name("spamgate")), "replay", "--json", "--runtime", "cpython", str(cut)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "cut.pcap: packet " in done.stderr and len(done.stderr.splitlines()) == 1
    before = [line for line in _run(_SPAMBOT, "cpython")[0].decode().splitlines() if '"verdict"' in line]
    assert [line for line in done.stdout.splitlines() if '"verdict"' in line] == before
    assert '"type":"device"' in done.stdout.splitlines()[-1]
