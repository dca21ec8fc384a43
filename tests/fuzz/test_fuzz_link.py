"""Anything on a board's line: no frame is taken that is none, nothing grows, and what is asked is answered."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from fakes.line import FakeLine
from fakes.link import Pair
from fakes.storage import FakeStorage
from hypothesis import given
from hypothesis import strategies as st

from spamgate.service.link import Link
from spamgate.wire.link_channel import BINARY, TEXT
from spamgate.wire.link_messages import LINK_REQUESTS
from spamgate_tools.compiled import search_path
from spamgate_tools.decode_link import decode_link
from spamgate_tools.errors import UserError
from spamgate_tools.runtime import find_micropython

_NOISE = Path(__file__).resolve().parents[1] / "programs" / "link_noise.py"
_FRAMES = 100_000
_SEED = 1
_NAMES = [row[0] for row in LINK_REQUESTS]
_BEGUN = [b"~", b"}", b"~~T\0", b"~O\0\1\0\xfa\xf0abcd~"]
_BYTES = st.lists(st.binary(max_size=300) | st.sampled_from(_BEGUN), max_size=12)
_LINES = st.builds(
    lambda name, more: json.dumps({"type": name, **more}).encode() + b"\n",
    st.sampled_from(_NAMES) | st.text(max_size=5),
    st.dictionaries(st.sampled_from(["name", "size", "sha256", "value"]), st.integers(0, 3000) | st.text(max_size=70)),
)
_SAID = st.lists(st.tuples(st.sampled_from([TEXT, BINARY]), _LINES | st.binary(max_size=400)), max_size=8)


class _Commands:
    """Answers every request."""

    def __getattr__(self, name):
        assert name in _NAMES
        return lambda fields, send: send(f'{{"type":"{name}"}}\n')


def _board(pair: Pair) -> Link:
    class Ends:
        read_into = pair.down.read_into
        write = pair.up.write

    link = Link(Ends, _Commands(), lambda: pair.now_ms, lambda: b"abcd")
    link.accept_files(FakeStorage(), lambda name: True)
    link.while_waiting = pair.others
    pair.board.turn = lambda came, goes, now_ms: link.poll(now_ms)
    pair.board.channel = link.channel
    return link


def test_of_100000_frames_out_of_thin_air_none_is_taken_and_the_heap_stays_as_it_is():
    try:
        micropython = find_micropython()
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    command = [*micropython, "-X", "heapsize=150k", str(_NOISE), str(_FRAMES), str(_SEED)]
    environment = {**os.environ, "MICROPYPATH": str(search_path(micropython))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert (told["taken"], told["sessions"], told["asked"], told["heard"]) == (0, 0, 0, 1), told
    assert told["damaged"] > _FRAMES * 0.9
    assert told["after"] <= told["before"], told


@given(_BYTES)
def test_any_bytes_leave_a_board_that_can_be_asked(pieces):
    pair = Pair(FakeLine(200), FakeLine(200))
    _board(pair)
    for piece in pieces:
        pair.down.write(piece)
        pair.run(2, lambda: False)
    assert pair.open()
    pair.host.channel.send(TEXT, b'{"type":"hello"}\n', 0, 17)
    assert pair.run(500, lambda: b"done" in pair.host.text)


@given(_SAID)
def test_anything_said_in_a_session_leaves_a_board_that_can_be_asked(said):
    pair = Pair(FakeLine(200), FakeLine(200))
    link = _board(pair)
    assert pair.open()
    for kind, content in said:
        at = 0
        while at < len(content) and pair.host.channel.is_open and pair.run(500, pair.host.channel.has_room):
            at += pair.host.channel.send(kind, content, at, min(len(content), at + 200))
        pair.run(20, lambda: False)
    pair.run(500, pair.host.channel.is_idle)
    assert pair.open()
    assert len(link._request) <= 1024
    pair.host.text = bytearray()
    pair.host.channel.send(TEXT, b'{"type":"hello"}\n', 0, 17)
    assert pair.run(500, lambda: b"done" in pair.host.text)


@given(_BYTES.map(b"".join))
def test_any_bytes_can_be_decoded(data):
    for told in decode_link(data):
        json.dumps(told)
        assert 0 <= told["at"] <= len(data)
