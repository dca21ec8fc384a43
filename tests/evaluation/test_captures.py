"""Real captures as homes: every method meets them.  Ours finds the bot at its second connection and nobody else."""

import json
import os
from dataclasses import replace
from functools import cache

import pytest
from shared_data import NOT_THERE, shared_data

from spamgate_tools.corpus.facts import MX, NXDOMAIN, SILENT, Errand, Home, Question
from spamgate_tools.corpus.senders import sender_home
from spamgate_tools.evaluation.captured import Judged, captured_homes, judge_captures, rows
from spamgate_tools.evaluation.captures import read_capture
from spamgate_tools.evaluation.frames import write_capture
from spamgate_tools.evaluation.methods import METHODS
from spamgate_tools.replay import Replay

_DATA = shared_data()
_SPAMBOT = "pcap_spambot/spambot_2010-11-18_part1.pcap"
_PROBE = "pcap_spambot/cnc4_2010-04-13_helo_probe.pcap"
_BOT = bytes((192, 168, 1, 222))

needs_data = pytest.mark.skipif(_DATA is None, reason=NOT_THERE)


@cache
def _judged() -> list[Judged]:
    return judge_captures(_DATA, ["none", "spamgate"])


def _fates(capture: str) -> dict[str, Judged]:
    return {it.method: it for it in _judged() if it.capture == capture}


@needs_data
def test_a_capture_is_read_as_counted_with_tshark():
    truth = json.loads((_DATA / _SPAMBOT).with_suffix(".truth.json").read_text())
    home = read_capture(_DATA / _SPAMBOT, [_BOT])
    acts = [act for _, _, act in home.plan()]
    questions = [act for act in acts if isinstance(act, Question)]
    calls = [act.tries[0][0] for act in acts if isinstance(act, Errand)]
    assert len(calls) == truth["smtp_connect_attempts"]
    assert len({call.host.address for call in calls}) == truth["smtp_distinct_destinations"]
    assert len(questions) == truth["dns_queries"]
    assert len([question for question in questions if question.qtype == MX]) == truth["mx_queries"]
    assert len([question for question in questions if question.rcode == NXDOMAIN]) == truth["nxdomain_replies"]
    helos = [call for call in calls if call.outcome != SILENT and call.banner.code < 400 and call.helo]
    assert len(helos) == truth["smtp_commands"]["HELO"]


@needs_data
def test_ours_finds_the_bot_at_its_second_connection():
    fate = _fates(_SPAMBOT)["spamgate"]
    assert fate.is_sender
    assert fate.record.calls_before <= 2
    assert fate.record.accepted_us == []


@needs_data
def test_without_a_detector_the_bot_mails_as_it_did():
    run = Replay([str(_DATA / _SPAMBOT)], runtime="cpython")
    (device,) = (line for line in map(json.loads, run.lines()) if line["type"] == "device")
    run.finish()
    assert len(_fates(_SPAMBOT)["none"].record.accepted_us) == device["smtp"]["messages_accepted"] > 0


@needs_data
def test_ours_touches_nobody_else():
    touched = {
        (it.capture, it.device) for it in _judged() if it.method == "spamgate" and it.record.acted_us is not None
    }
    assert {capture for capture, _ in touched} == {_SPAMBOT}


@needs_data
def test_the_table_has_all_methods(tmp_path):
    for name in ("labels.tsv", _SPAMBOT, _PROBE, "pcap_smtp/zeek/smtp.pcap"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        os.symlink(_DATA / name, tmp_path / name)
    table = rows(judge_captures(tmp_path, list(METHODS)))
    assert [row["capture"] for row in table] == [_PROBE, _SPAMBOT, "pcap_smtp: 1 captures"]
    assert all(set(row["methods"]) == set(METHODS) for row in table)
    assert table[1]["methods"]["spamgate"] == "acts at connection 2 of 287; 0 messages taken"
    assert table[1]["methods"]["none"].startswith("never")
    assert table[2]["methods"]["block_25"] == "acts against 2 (2 use port 25)"
    assert table[2]["methods"]["spamgate"] == "acts against 0 (2 use port 25)"


def test_a_made_home_is_read_back(tmp_path):
    """Frames of a home, read as a capture, hold what its devices did."""
    home = _begun(sender_home("mx-6", 3))
    write_capture(home, tmp_path / "home.pcap")
    (found,) = (other for _, other in captured_homes(tmp_path))
    assert _said(found) == _said(home)


def _begun(home: Home) -> Home:
    """Return the home's first twelve connections to port 25."""
    acts = [act for act in home.plan() if isinstance(act[2], Errand) and act[2].tries][:12]
    return replace(home, plan=lambda: iter(acts))


def _said(home: Home) -> list[tuple]:
    calls = [act.tries[0][0] for _, _, act in home.plan() if isinstance(act, Errand) and act.tries]
    return [(call.host.address, call.port, call.outcome, call.helo, _letters(call)) for call in calls]


def _letters(call) -> list[tuple]:
    if call.starts_tls:
        return []
    names = [[(name, reply.code) for name, reply in letter.recipients] for letter in call.letters]
    return [(letter.sender, heard, letter.is_accepted) for letter, heard in zip(call.letters, names, strict=True)]
