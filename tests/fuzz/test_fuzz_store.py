"""Random settings, requests and damaged files: refused in one line, or read; a ring never names a wrong device."""

import json
import struct

from fakes.storage import FakeStorage, PowerCut
from hypothesis import given
from hypothesis import strategies as st

from spamgate.store.settings import TABLE, SettingsError, read_settings
from spamgate.store.state import StateFile
from spamgate.store.trace import TraceRing
from spamgate.wire.answers import MessageError, error_line
from spamgate.wire.messages import REQUESTS, parse_request
from spamgate.wire.nearest import nearest

KEYS = [row[0] for row in TABLE]
REQUEST_NAMES = [row[0] for row in REQUESTS]
FIELDS = ["type", "device", "grant", "time", "port", "ip", "skew", "protocol"]
TEXTS = st.text(max_size=20) | st.sampled_from(["10.0.0.1", "02:00:5e:10:00:01", "eth0", "mail-server", "/tmp", "open"])
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = st.recursive(PLAIN, lambda some: st.lists(some, max_size=4) | st.dictionaries(TEXTS, some, max_size=4))
SETTINGS = st.dictionaries(st.sampled_from(KEYS) | TEXTS, VALUES, max_size=5)
LINES = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=30), max_size=5)
DEVICES = [f"02:00:00:00:00:{number:02x}" for number in range(5)]
PORTS = st.integers(40000, 40006)


def _takes(text: str) -> bool:
    try:
        read_settings(text)
    except SettingsError as error:
        assert str(error).startswith("settings: ")
        assert "\n" not in str(error) and len(str(error)) < 300
        return False
    return True


@given(SETTINGS, st.booleans())
def test_settings_are_read_or_refused_in_one_line(values, has_lan):
    values = {"lan": ["br-lan"], **values} if has_lan else values
    text = json.dumps(values)
    if _takes(text):
        settings = read_settings(text)
        again = read_settings(json.dumps({key: getattr(settings, key) for key in KEYS}))
        assert vars(settings) == vars(again), "what was taken is in its one spelling"


@given(st.text(max_size=200) | st.text('{}[]",:0123 ', max_size=200))
def test_any_text_is_no_more_than_refused(text):
    _takes(text)


@given(st.text(max_size=80))
def test_the_nearest_word_is_a_known_one_or_none(word):
    assert nearest(word, KEYS) in ["", *KEYS]


@given(
    st.binary(max_size=200)
    | st.binary(min_size=1000, max_size=1100)
    | st.dictionaries(st.sampled_from(FIELDS), VALUES | st.sampled_from(REQUEST_NAMES)).map(
        lambda fields: json.dumps(fields).encode()
    )
)
def test_requests_are_read_or_refused_in_one_line(line):
    try:
        name, fields = parse_request(line)
    except MessageError as error:
        answer = error_line(str(error), error.hint)
        assert answer.count("\n") == 1 and len(answer) < 700
        assert set(json.loads(answer)) == {"type", "text", "hint"}
    else:
        row = REQUESTS[REQUEST_NAMES.index(name)]
        assert list(fields) == [field[0] for field in row[1]]


@given(LINES, LINES, st.lists(st.tuples(st.integers(0, 400), st.integers(1, 255)), max_size=4), st.data())
def test_a_damaged_state_is_one_that_was_saved_or_none(older, newer, flips, data):
    storage = FakeStorage()
    assert StateFile(storage).save(older) and StateFile(storage).save(newer)
    name = data.draw(st.sampled_from(["state.a", "state.b"]))
    if data.draw(st.booleans()):
        del storage.files[name][data.draw(st.integers(0, len(storage.files[name]))) :]
    for at, bits in flips:
        if at < len(storage.files[name]):
            storage.flip(name, at, bits)
    state = StateFile(storage)
    assert list(state.load()) in (older, newer)


@given(st.binary(max_size=200), st.binary(max_size=60))
def test_a_foreign_state_file_is_damaged(content, tail):
    for start in (content, b"spamgate state 1 " + tail):
        storage = FakeStorage()
        storage.files["state.b"] = bytearray(start)
        state = StateFile(storage)
        assert list(state.load()) == [] and "state.b: damaged" in state.problem


@given(
    st.integers(1, 9),
    st.lists(st.tuples(st.integers(0, 1000), PORTS, st.sampled_from(DEVICES), st.integers(-40, 107)), max_size=25),
    st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 255)), max_size=3),
    st.tuples(st.integers(0, 1000), PORTS, st.integers(0, 300)),
)
def test_a_ring_never_names_a_device_that_was_not_there(records, written, flips, question):
    storage = FakeStorage()
    ring = TraceRing(storage, records)
    for time_s, port, device, cut in written:
        storage.cut_after_bytes = cut if cut >= 0 else None
        try:
            ring.add(time_s, (b"\x0a\0\0\1", port), (b"\x0a\0\0\2", 25), device)
        except PowerCut:
            ring = TraceRing(storage, records)
    for at, bits in flips:
        if at < storage.size("trace.ring"):
            storage.flip("trace.ring", at, bits)
    ring = TraceRing(storage, records)
    time_s, port, skew_s = question
    was_there = {row[2] for row in written if row[1] == port and abs(row[0] - time_s) <= skew_s}
    assert set(ring.find(time_s, port, None, skew_s)) <= was_there
    if not flips and written and written[-1][3] < 0:
        last_s, last_port, last_device, _ = written[-1]
        assert ring.find(last_s, last_port, None, 0)[0] == last_device


@given(st.binary(max_size=1000), st.integers(0, 5))
def test_a_foreign_ring_names_nobody(content, version):
    storage = FakeStorage()
    storage.files["trace.ring"] = bytearray(content + struct.pack("<BB", version, 17) + content)
    ring = TraceRing(storage, 8)
    assert ring.find(0, 0, None, 1 << 32) == []
    assert ring.add(5, (b"\x0a\0\0\1", 7), (b"\x0a\0\0\2", 25), DEVICES[0])
    assert TraceRing(storage, 8).find(5, 7, None, 0) == [DEVICES[0]]
