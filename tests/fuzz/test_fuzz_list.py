"""Lists and deltas that are damaged, cut or made up: read or refused, soon, and within the memory that there is."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spamgate.wire.cursor import FormError
from spamgate.wire.list_blocks import decode, encode
from spamgate.wire.list_codes import SLACK_BYTES, find
from spamgate.wire.list_delta import Merge
from spamgate.wire.list_delta_writer import make_delta
from spamgate.wire.list_file import NONE, ListFile
from spamgate.wire.list_hash import MAX_LABELS, STARTS_BYTES, split
from spamgate.wire.list_writer import ListWriter, NameHasher
from spamgate_tools.compiled import search_path
from spamgate_tools.errors import UserError
from spamgate_tools.runtime import find_micropython

_ROOT = Path(__file__).resolve().parents[2]
_NOISE = _ROOT / "tests" / "programs" / "list_noise.py"
_MICROPYTHON_32 = _ROOT / "build" / "micropython-unix32" / "micropython"
_COUNT = 30000 if os.environ.get("SPAMGATE_FUZZ") == "full" else 1000
_SEED = 11
_HASHER = NameHasher()
_FULL = [_HASHER.full(b"\x07host%03d\x07example" % at) for at in range(500)]


def _body(entries: list[int], allow: list[int], networks: range) -> bytes:
    writer = ListWriter(24, flags=3, least_labels=1, most_labels=5)
    writer.allow, writer.exceptions = allow, _FULL[490:]
    writer.v4 = [(bytes([at, 0, 0, 0]), 8) for at in networks]
    writer.v6 = [(bytes([32, at]) + bytes(14), 16) for at in networks]
    return writer.body(entries)


_BASE = _body(_FULL[:400], _FULL[:20], range(1, 20))
_NEW = _body(_FULL[20:420], _FULL[5:25], range(5, 30))
_DELTA = make_delta(_BASE, _NEW)
_CHANGES = st.lists(st.tuples(st.integers(0, 400) | st.integers(0, 9999), st.integers(0, 255)), max_size=4)
_NUMBERS = st.lists(st.integers(0, (1 << 30) - 1), max_size=40, unique=True).map(sorted)


def _changed(data: bytes, changes: list[tuple[int, int]], end: int) -> bytes:
    found = bytearray(data)
    for at, byte in changes:
        found[at % len(found)] = byte
    return bytes(found[: end or None])


def _reader(data: bytes):
    def read_into(offset: int, buf: bytearray) -> int:
        assert offset >= 0
        part = data[offset : offset + len(buf)]
        buf[: len(part)] = part
        return len(part)

    return read_into


@pytest.mark.parametrize("bits", [64, 32])
def test_noise_neither_stops_nor_grows_the_machine_code_of_boards(bits, tmp_path):
    (tmp_path / "list").write_bytes(_BASE)
    (tmp_path / "delta").write_bytes(_DELTA)
    try:
        micropython = find_micropython() if bits == 64 else [str(_MICROPYTHON_32)]
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    if bits == 32 and not _MICROPYTHON_32.exists():
        pytest.skip("not run: no 32-bit MicroPython, which ci/micropython.sh unix32 builds")
    words = [str(_COUNT), str(_SEED), str(tmp_path / "list"), str(tmp_path / "delta")]
    command = [*micropython, "-X", "heapsize=256k", str(_NOISE), *words]
    environment = {**os.environ, "MICROPYPATH": str(search_path(micropython))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])
    told = json.loads(done.stdout)
    assert told["read"] > _COUNT // 10 and told["refused"] > _COUNT // 10, told
    assert told["most_steps"] <= 2000, told
    assert told["after"] <= told["before"] + 256, told


@given(_CHANGES, st.integers(0, len(_BASE)), st.binary(max_size=40))
def test_a_damaged_list_is_read_or_refused(changes, end, name):
    try:
        it = ListFile(_reader(_changed(_BASE, changes, end)))
        for asked in (name, b"\x07host001\x07example\0", b"\1a\1b\x07host002\x07example"):
            it.how(asked)
            it.allowed(asked)
        it.address(b"\x0a\0\0\1")
        it.address(b"\x20\1" + bytes(14))
        list(it.prefixes(4))
    except FormError:
        pass


@given(_CHANGES, _CHANGES, st.integers(0, len(_DELTA)))
def test_a_damaged_delta_is_merged_or_refused(base_changes, changes, end):
    written = bytearray(2 * len(_NEW))

    def write(offset: int, data: memoryview) -> None:
        if offset + len(data) > len(written):
            raise FormError("too far")
        written[offset : offset + len(data)] = data

    try:
        merge = Merge(_reader(_changed(_BASE, base_changes, 0)), _reader(_changed(_DELTA, changes, end)), write)
        steps = 0
        while not merge.step():
            steps += 1
            assert steps < 5000
    except FormError:
        pass


@given(_NUMBERS, st.integers(10, 24))
def test_numbers_that_were_written_are_read_again(numbers, code_bits):
    from array import array

    room = 64 * 1024
    out = bytearray(b"\xaa" * (room + SLACK_BYTES))  # what was there before does not matter
    size = encode(array("I", numbers), len(numbers), code_bits, out, room)
    if size < 0:
        return  # a gap of so many zeros is no block's
    found = array("I", bytes(4 * (len(numbers) + 1)))
    assert decode(out, size, code_bits, found, len(found)) == len(numbers)
    assert list(found[: len(numbers)]) == numbers
    for number in numbers:
        assert find(out, size, code_bits, number) == 1
        assert find(out, size, code_bits, number + 1) == (number + 1 in numbers)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_name_or_none(name):
    count = split(name, len(name), bytearray(STARTS_BYTES))
    assert 0 <= count <= MAX_LABELS
    assert count or ListFile(_reader(_BASE)).how(name) == NONE
