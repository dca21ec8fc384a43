"""A stranger's bytes: frames that nobody sent are never taken, and cost no memory."""

import os
import random
import time

import pytest
from hil.bench import Bench

from spamgate_tools.link.client import Client

_SEED = 7
_LONG = bool(os.environ.get("SPAMGATE_LONG"))
_FLAG, _ESCAPE, _BIT = 0x7E, 0x7D, 0x20
_KINDS = b"TBAOoR"
_MOST_CONTENT = 24
_BATCH = 500
_PATIENCE_S = 90.0
_SETTLED_S = 6
_PAUSE_S = 0.002
_SAME_HEAP_BYTES = 2048


def _frames(chance: random.Random, count: int) -> bytes:
    """Return frames with random content and a random CRC, escaped as the link's are: control characters are orders."""
    out = bytearray()
    for _ in range(count):
        frame = bytes([chance.choice(_KINDS)]) + chance.randbytes(5 + chance.randrange(_MOST_CONTENT))
        out.append(_FLAG)
        for byte in frame:
            is_plain = byte >= _BIT and byte not in (_FLAG, _ESCAPE)
            out += bytes([byte]) if is_plain else bytes([_ESCAPE, byte ^ _BIT])
        out.append(_FLAG)
    return bytes(out)


def _pour(client: Client, data: bytes) -> None:
    """Send to the board what no session has made; hear what it says to that."""
    view = memoryview(data)
    end = time.monotonic() + _PATIENCE_S
    while view:
        assert time.monotonic() < end, "the board takes nothing any more"
        view = view[client.transport.write(view) :]
        if view:
            time.sleep(_PAUSE_S)
    with pytest.raises(TimeoutError):
        client.receive(0)


def _metrics(client: Client) -> dict:
    return next(iter(list(client.request("metrics"))))


def _free(client: Client) -> int:
    """Return the most that is free in three seconds: what a turn has borrowed is back by then."""
    seen = []
    for _ in range(3):
        seen.append(_metrics(client)["heap_free"])
        time.sleep(1)
    return max(seen)


def _settle(client: Client) -> None:
    """Wait until the board has made what it makes in its first seconds, and has answered everything once."""
    list(client.request("settings"))
    while _metrics(client)["uptime_s"] < _SETTLED_S:
        time.sleep(1)


@pytest.mark.needs("application")
def test_random_frames_are_not_taken_and_no_memory_grows(bench: Bench) -> None:
    chance = random.Random(_SEED)
    count = 100_000 if _LONG else bench.rig.random_frames
    with bench.link() as client:
        _settle(client)
        before = list(client.request("settings"))
        free = _free(client)
        for _ in range(0, count, _BATCH):
            _pour(client, _frames(chance, _BATCH))
        assert list(client.request("settings")) == before, f"seed {_SEED}"
        assert free - _free(client) < _SAME_HEAP_BYTES, f"seed {_SEED}"
