"""The engine finds the one infected device of a made home, and its counters are what really happened.

The ledger was counted where the traffic was made; both runtimes must say the same to the byte.
"""

import json

import pytest

from spamgate_tools.errors import UserError
from spamgate_tools.replay import RUNTIMES, Replay
from spamgate_tools.runtime import find_micropython
from spamgate_tools.sample_home import INFECTED, Sample

_SEEDS = range(1, 6)


@pytest.fixture(scope="module", params=_SEEDS)
def evening(request, tmp_path_factory) -> tuple[Sample, str]:
    made = Sample(request.param)
    path = tmp_path_factory.mktemp("evening") / "home.pcap"
    path.write_bytes(made.capture)
    return made, str(path)


def _replayed(path: str, runtime: str, heap_kb: int = 512) -> bytes:
    run = Replay([path], runtime=runtime, heap_kb=heap_kb)
    lines = b"".join(run.lines())
    run.finish()
    return lines


@pytest.fixture(scope="module")
def events(evening) -> list[dict]:
    return [json.loads(line) for line in _replayed(evening[1], "cpython").splitlines()]


def test_both_runtimes_say_the_same(evening):
    try:
        find_micropython()
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    first, second = (_replayed(evening[1], runtime) for runtime in RUNTIMES)
    assert first and first == second


def test_a_small_heap_comes_to_the_same_verdicts(evening, events):
    """Its tables are smaller: a fast bot's counts of the distinct start anew, the verdicts do not change."""
    try:
        find_micropython()
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    small = [json.loads(line) for line in _replayed(evening[1], "micropython", 256).splitlines()]
    changes = [
        [(event["device"], event["t"], event["to"]) for event in run if event["type"] == "verdict"]
        for run in (small, events)
    ]
    assert changes[0] == changes[1]


def test_the_tables_of_a_large_home_come_to_the_same(evening):
    assert _replayed(evening[1], "cpython", 8192) == _replayed(evening[1], "cpython")


def test_the_infected_device_is_named(events):
    guilty = [event for event in events if event["type"] == "device" and event["state"] in ("throttled", "quarantined")]
    assert [(device["device"], device["name"]) for device in guilty] == [("00:00:5e:00:53:2a", INFECTED)]
    throttled = [event for event in events if event["type"] == "verdict" and event["to"] == "throttled"]
    assert [verdict["name"] for verdict in throttled] == [INFECTED]
    assert throttled[0]["smtp_connects"] <= 2


def test_nobody_else_is_above_watched(events):
    others = [event for event in events if event["type"] == "device" and event["name"] != INFECTED]
    assert len(others) == 8
    assert {device["state"] for device in others} <= {"normal", "watched"}


def test_counters_are_what_happened(evening, events):
    keys = ("device", "name", "smtp", "submission", "dns")
    told = [{key: event[key] for key in keys} for event in events if event["type"] == "device"]
    happened = evening[0].ledger()["devices"]
    assert sorted(told, key=_mac) == sorted(happened, key=_mac)


def _mac(device: dict) -> str:
    return device["device"]
