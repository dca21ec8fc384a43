"""firmware/LIST_FORMAT.md is enough to read a list: a reader made from it finds in tests/golden what is there.

`python tests/house/test_list_format.py` writes the golden files anew, when the format has changed on purpose.
"""

import hashlib
import json
import re
import struct
import zlib
from pathlib import Path

import pytest

from spamgate.wire.list_delta import Merge
from spamgate.wire.list_delta_writer import make_delta
from spamgate.wire.list_file import HAS_CHILDREN, HAS_EXACT, ListFile
from spamgate.wire.list_hash import CHILDREN, DOMAIN, EXACT
from spamgate.wire.list_manifest import DELTA, DELTA_HEAD_BYTES, LIST
from spamgate.wire.list_signing import encode_manifest, make_head
from spamgate.wire.list_writer import ListWriter, NameHasher, key_of

_ROOT = Path(__file__).resolve().parents[2]
_DOCUMENT = _ROOT / "firmware" / "LIST_FORMAT.md"
_GOLDEN = _ROOT / "tests" / "golden"
_RANGE_BITS = 20  # so few that names collide, and exceptions are needed


# --- a reader by the document ------------------------------------------------------------------


class Stranger:
    """Reads a list as the document says, with nothing of ours."""

    def __init__(self, data: bytes) -> None:
        magic, length, signed, crc, zero = struct.unpack("<4sHHII", data[:16])
        self.manifest = json.loads(data[16 : 16 + length])
        assert (magic, zero) == (b"SGB1", 0)
        assert crc == zlib.crc32(data[:8] + data[16 : 16 + length + signed])
        assert set(data[16 + length + signed : 4096]) == {0xFF}
        self.body = data[4096:]
        assert hashlib.sha256(self.body).hexdigest() == self.manifest["sha256"]
        fields = struct.unpack("<4s4BIIHBB5I8s", self.body[:48])
        self.magic, self.r, self.k, self.b, self.flags, self.names, self.seed = fields[:7]
        self.largest, self.least, self.most, blocks, self.allow, self.v4, self.v6, self.exceptions, _ = fields[7:]
        self.index_end = 48 + 3 * ((1 << self.b) + 1)
        self.allow_at = self.index_end + blocks
        self.v4_at = self.allow_at + 8 * self.allow
        self.v6_at = self.v4_at + 5 * self.v4
        assert len(self.body) == self.v6_at + 17 * self.v6 == self.manifest["size"]

    def hash(self, name: bytes, kind: int) -> tuple[int, int]:
        mask = (1 << 30) - 1
        a, b = self.seed, 0x2545F491
        for byte in reversed(name):
            a = ((a ^ byte) * 0x2C1B3C6D) & mask
            b = ((b + (a >> 9)) * 0x297A2D39) & mask
            a = a ^ (b >> 15)
        a = ((a ^ (a >> 16) ^ kind) * 0x21F0AAAD) & mask
        b = ((b ^ (b >> 15) ^ a) * 0x15D35A2D) & mask
        a = ((a ^ (b >> 14)) * 0x2C1B3C6D) & mask
        b = b ^ (a >> 15)
        return (a >> 10) << 20 | b >> 10, (a & 0x3FF) << 10 | (b & 0x3FF)

    def block(self, number: int) -> tuple[list[int], list[tuple[int, int]]]:
        """Return rests and exceptions."""
        start, end = (int.from_bytes(self.body[at : at + 3], "little") for at in (48 + 3 * number, 51 + 3 * number))
        data = self.body[self.index_end + (start & 0x7FFFFF) : self.index_end + (end & 0x7FFFFF)]
        exceptions = []
        if start >> 23:
            data, records = data[: -1 - 8 * data[-1]], data[-1 - 8 * data[-1] : -1]
            exceptions = [struct.unpack("<II", records[at : at + 8]) for at in range(0, len(records), 8)]
        bits = "".join(f"{byte:08b}" for byte in data)
        rests, value, at = [], 0, 0
        while "1" in bits[at:]:
            one = bits.index("1", at)
            value += (one - at) << self.k | int(bits[one + 1 : one + 1 + self.k] or "0", 2)
            rests.append(value)
            at = one + 1 + self.k
        return rests, exceptions

    def has(self, name: bytes, kind: int) -> bool:
        value, extra = self.hash(name, kind)
        value >>= 40 - self.r
        rest = value & (1 << self.r - self.b) - 1
        rests, exceptions = self.block(value >> self.r - self.b)
        return rest in rests and (rest, extra) not in exceptions

    def listed(self, name: bytes) -> bool:
        above = _above(name)
        return self.has(name, EXACT) or any(self.has(it, DOMAIN) for it in [name, *above]) or self._below(above)

    def _below(self, above: list[bytes]) -> bool:
        return any(self.has(it, CHILDREN) for it in above)

    def allowed(self, name: bytes) -> bool:
        value, extra = self.hash(name, DOMAIN)
        whole = value << 20 | extra
        record = struct.pack("<II", whole >> 30, whole & (1 << 30) - 1)
        there = [self.body[at : at + 8] for at in range(self.allow_at, self.v4_at, 8)]
        return record in there or any(self.allowed(it) for it in _above(name)[:1])

    def prefixes(self) -> list[str]:
        found = [self.body[at : at + 5] for at in range(self.v4_at, self.v6_at, 5)]
        found += [self.body[at : at + 17] for at in range(self.v6_at, len(self.body), 17)]
        return [f"{it[:-1].hex()}/{it[-1]}" for it in found]


class Bits:
    """Bits of a delta, the highest of a byte first."""

    def __init__(self, data: bytes) -> None:
        self._bits = "".join(f"{byte:08b}" for byte in data)
        self._at = 0

    def take(self, count: int) -> int:
        self._at += count
        return int(self._bits[self._at - count : self._at] or "0", 2)

    def zeros(self) -> int:
        """Take zeros and the one behind them."""
        start, self._at = self._at, self._bits.index("1", self._at) + 1
        return self._at - 1 - start


def merged_by_a_stranger(base: "Stranger", delta: bytes) -> bytes:
    """Return the body that a delta makes of a base, by the document."""
    body = delta[2048:]
    assert body[:32] == hashlib.sha256(base.body).digest()
    removed, added, removed_bytes, added_bytes, told, *tables = struct.unpack("<11I", body[80:124])
    codes, at = Bits(body[128 : 128 + removed_bytes]), 128 + removed_bytes
    ranks, rank = set(), -1
    for _ in range(removed):
        rank += 1 + (codes.zeros() << body[124]) + codes.take(body[124])
        ranks.add(rank)
    new, at = Bits(body[at : at + added_bytes]), at + added_bytes
    end = at + 12 * (told if told != 0xFFFFFFFF else 0)
    placed = [struct.unpack("<3I", body[place : place + 12]) for place in range(at, end, 12)]
    index, blocks, first = b"", b"", 0
    for number in range(1 << base.b):
        rests, exceptions = base.block(number)
        kept = [rest for place, rest in enumerate(rests, first) if place not in ranks]
        first += len(rests)
        while new.take(1):
            kept.append(new.take(base.r - base.b))
            added -= 1
        if told != 0xFFFFFFFF:
            exceptions = [record[1:] for record in placed if record[0] == number]
        index += (len(blocks) | bool(exceptions) << 23).to_bytes(3, "little")
        blocks += _block(sorted(kept), exceptions, base.k)
    assert not added
    index += len(blocks).to_bytes(3, "little")
    return body[32:80] + index + blocks + _tables(base, body[end:], tables)


def _block(rests: list[int], exceptions: list[tuple[int, int]], k: int) -> bytes:
    bits, last = "", 0
    for rest in rests:
        gap, last = rest - last, rest
        bits += "0" * (gap >> k) + "1" + (f"{gap & (1 << k) - 1:0{k}b}" if k else "")
    bits += "0" * (-len(bits) % 8)
    data = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    records = b"".join(struct.pack("<II", *record) for record in exceptions)
    return data + (records + bytes([len(exceptions)]) if exceptions else b"")


def _tables(base: "Stranger", told: bytes, counts: list[int]) -> bytes:
    """Return allow entries and prefixes."""
    found, at = b"", 0
    starts = (base.allow_at, base.v4_at, base.v6_at, len(base.body))
    for number, size in enumerate((8, 5, 17)):
        gone, come = counts[2 * number : 2 * number + 2]
        ranks, at = struct.unpack(f"<{gone}I", told[at : at + 4 * gone]), at + 4 * gone
        old = [base.body[place : place + size] for place in range(starts[number], starts[number + 1], size)]
        made = [record for rank, record in enumerate(old) if rank not in ranks]
        for _ in range(come):
            made.insert(int.from_bytes(told[at : at + 4], "little"), told[at + 4 : at + 4 + size])
            at += 4 + size
        found += b"".join(made)
    assert at == len(told)
    return found


def _above(name: bytes) -> list[bytes]:
    """Return the names above, without the root."""
    rest = name[1 + name[0] :]
    return [rest, *_above(rest)] if rest else []


def wire(text: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split("."))


# --- the golden list ---------------------------------------------------------------------------


def made() -> tuple[bytes, bytes, dict]:
    """Return the golden list, the golden delta, and what is said of the list."""
    hasher = NameHasher()
    domains = [f"domain{at}.example" for at in range(600)]
    entries = {name: DOMAIN for name in domains} | {"exact.example.org": EXACT, "children.example.org": CHILDREN}
    full = [hasher.full(wire(name), kind) for name, kind in entries.items()]
    listed = {key_of(it, _RANGE_BITS)[0] for it in full}
    innocent = [f"innocent{at}.example" for at in range(20000)]
    unlucky = [name for name in innocent if key_of(hasher.full(wire(name)), _RANGE_BITS)[0] in listed]
    writer = ListWriter(_RANGE_BITS, flags=HAS_EXACT | HAS_CHILDREN, least_labels=2, most_labels=3)
    writer.allow = [hasher.full(wire(name)) for name in ("good.domain7.example", "fine.example.net")]
    writer.exceptions = [hasher.full(wire(name)) for name in unlucky]
    writer.v4 = [(bytes([10, 0, 0, 0]), 8), (bytes([192, 0, 2, 128]), 25)]
    writer.v6 = [(bytes.fromhex("20010db8") + bytes(12), 33)]
    body = writer.body(full)
    writer.allow, writer.exceptions = writer.allow[:1], writer.exceptions[2:]
    writer.v4 = [(bytes(4), 8), *writer.v4[1:]]
    newer = writer.body(full[9:] + [hasher.full(wire(f"new{at}.example")) for at in range(9)])
    delta = make_head(DELTA, _manifest(newer))[:DELTA_HEAD_BYTES] + make_delta(body, newer)
    said = {
        "listed": [*domains[::20], "www.domain7.example", "exact.example.org", "a.children.example.org"],
        "not_listed": [*unlucky, "example", "example.org", "www.exact.example.org", "children.example.org"],
        "allowed": ["good.domain7.example", "x.good.domain7.example", "fine.example.net"],
        "prefixes": ["0a000000/8", "c0000280/25", "20010db8" + "00" * 12 + "/33"],
    }
    return make_head(LIST, _manifest(body)) + body, delta, said


def _manifest(body: bytes) -> bytes:
    manifest = {"board_class": "any", "class": "exact", "format": 1, "id": "golden", "size": len(body)}
    return encode_manifest(
        manifest | {"names": ListFile(_reader(body)).names, "sha256": hashlib.sha256(body).hexdigest()}
    )


def _reader(body: bytes):
    def read_into(offset: int, buf: bytearray) -> int:
        part = body[offset : offset + len(buf)]
        buf[: len(part)] = part
        return len(part)

    return read_into


# --- tests -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def said() -> dict:
    return json.loads((_GOLDEN / "list.json").read_text())


@pytest.fixture(scope="module")
def golden() -> bytes:
    return (_GOLDEN / "list.sgb").read_bytes()


def test_the_writer_still_makes_the_golden_bytes(golden, said):
    data, delta, says = made()
    assert data == golden
    assert delta == (_GOLDEN / "list.sgd").read_bytes()
    assert says == said


def test_a_stranger_reads_the_golden_list(golden, said):
    stranger = Stranger(golden)
    assert stranger.exceptions == 10
    assert sum(len(stranger.block(number)[0]) for number in range(1 << stranger.b)) == stranger.names
    assert [name for name in said["listed"] if not stranger.listed(wire(name))] == []
    assert [name for name in said["not_listed"] if stranger.listed(wire(name))] == []
    assert [name for name in said["allowed"] if not stranger.allowed(wire(name))] == []
    assert not stranger.allowed(wire("domain7.example"))
    assert stranger.prefixes() == said["prefixes"]


def test_our_reader_says_the_same(golden, said):
    ours, stranger = ListFile(_reader(golden[4096:])), Stranger(golden)
    names = [f"domain{at}.example" for at in range(5000)] + said["listed"] + said["not_listed"] + said["allowed"]
    assert [name for name in names if ours.listed(wire(name)) != stranger.listed(wire(name))] == []
    assert [name for name in names if ours.allowed(wire(name)) != stranger.allowed(wire(name))] == []


def test_a_stranger_and_we_merge_the_golden_delta_to_the_same_list(golden):
    delta = (_GOLDEN / "list.sgd").read_bytes()
    length = struct.unpack("<H", delta[4:6])[0]
    manifest = json.loads(delta[16 : 16 + length])
    theirs = merged_by_a_stranger(Stranger(golden), delta)
    assert hashlib.sha256(theirs).hexdigest() == manifest["sha256"]
    ours = bytearray(manifest["size"])

    def write(offset: int, data: memoryview) -> None:
        ours[offset : offset + len(data)] = data

    merge = Merge(_reader(golden[4096:]), _reader(delta[DELTA_HEAD_BYTES:]), write)
    while not merge.step():
        pass
    assert ours == theirs


def test_the_document_gives_the_hash_of_its_example():
    pattern = r"For `(.+?)`, seed 0, kind DOMAIN:\s+hash (0x\w+), EXTRA (0x\w+)"
    text, value, extra = re.search(pattern, _DOCUMENT.read_text()).groups()
    name = text.encode().decode("unicode_escape").encode("latin-1")
    assert Stranger((_GOLDEN / "list.sgb").read_bytes()).hash(name, DOMAIN) == (int(value, 16), int(extra, 16))


if __name__ == "__main__":
    _GOLDEN.mkdir(exist_ok=True)
    golden_file, golden_delta, golden_said = made()
    (_GOLDEN / "list.sgb").write_bytes(golden_file)
    (_GOLDEN / "list.sgd").write_bytes(golden_delta)
    (_GOLDEN / "list.json").write_text(json.dumps(golden_said, indent=1) + "\n")
