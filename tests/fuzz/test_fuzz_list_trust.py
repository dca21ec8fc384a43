"""Random heads, manifests, files of keys and slots: refused in one line, and only what is whole is ever in force."""

import json
import random

from fakes.lists import NOW_S, Delta, List, check, device, key, merge, names_list, push
from fakes.nor import SECTOR, Nor, PowerCut
from fakes.storage import FakeStorage
from hypothesis import given, settings
from hypothesis import strategies as st

from spamgate.store.list_trust import TRUST_FILE, Trust
from spamgate.store.list_update import FullUpdate, unfinished_head
from spamgate.wire.cursor import FormError
from spamgate.wire.list_manifest import DELTA, HEAD_BYTES, LIST, parse_manifest, parse_unsigned, split_head
from spamgate.wire.list_rules import RefusedError
from spamgate.wire.list_signing import encode_manifest, make_head
from spamgate.wire.pss import decode_key, encode_key, verifies

_SLOT = 0x7000
_OLDER, _OLD, _NEW = (List(18000, seed, age) for seed, age in ((1, 10), (2, 5), (3, 1)))
_RANDOM = random.Random(1)
_ENTRIES = sorted(_RANDOM.getrandbits(60) for _ in range(1200))
_BASE, _MADE = names_list(_ENTRIES[:1100], 9), names_list(_ENTRIES[60:], 3)
_DELTA = Delta(_BASE, _MADE)

KNOWN = ["any", "8MiB", "exact", "default", "0" * 64, encode_key(key(1).modulus)]
_XS = List(b"x" * 3000, 0, 1)


def _kept_keys():
    storage = FakeStorage()
    push(device(Nor(_SLOT).slots, storage), List(9000, 1, 5, next_key=encode_key(key(1).modulus)))
    return json.loads(bytes(storage.files[TRUST_FILE]))


_KEPT = _kept_keys()
WORDS = st.text(max_size=40) | st.sampled_from(KNOWN)
PLAIN = st.none() | st.booleans() | st.integers() | st.integers(0, 1 << 40) | WORDS
VALUES = st.recursive(PLAIN, lambda some: st.lists(some, max_size=3) | st.dictionaries(WORDS, some, max_size=3))
NAMES = st.sampled_from([*_OLD.manifest, "next_key"])


@given(st.binary(max_size=5000), st.sampled_from([b"", LIST, DELTA]))
def test_random_heads_are_refused(data, magic):
    try:
        split_head(magic + data)
    except FormError as error:
        assert "\n" not in str(error)
    else:
        raise AssertionError("a CRC-32 of random bytes")


@given(st.binary(max_size=1700), st.booleans())
def test_whatever_a_head_brings_is_refused_unless_it_is_signed(text, has_signature):
    text = text[:1632] if has_signature else text
    head = make_head(LIST, text[:2000], b"\x5a" * 384 if has_signature else b"")
    lists = device(Nor(_SLOT).slots)
    try:
        FullUpdate(lists, head, NOW_S)
    except RefusedError as error:
        assert "signed" in str(error)
    else:
        raise AssertionError("nobody signed that")


@given(st.binary(max_size=300) | st.text('{}[]",:0123456789 eE+-.ntf\\u', max_size=300).map(str.encode))
def test_random_text_is_no_manifest(text):
    for parse in (parse_manifest, parse_unsigned):
        try:
            parse(text)
        except FormError as error:
            assert len(str(error)) < 80
        else:
            raise AssertionError(text)


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4))
def test_a_manifest_with_strange_values_is_read_or_refused(changes):
    text = json.dumps({**_OLD.manifest, **changes}).encode()
    try:
        manifest = parse_manifest(text)
    except FormError:
        return
    again = parse_manifest(encode_manifest(manifest))
    assert again == manifest and 0 <= manifest["size"] < 1 << 40


@given(st.binary(min_size=384, max_size=384), st.binary(min_size=384, max_size=384))
def test_random_bytes_are_no_signature(modulus, signature):
    digest = bytes(32)
    assert not verifies(b"\xff" + modulus[1:-1] + b"\x01", signature, digest)
    assert not verifies(modulus, signature, digest)
    assert not verifies(key().modulus, signature, digest)


@given(st.text(max_size=600) | st.binary(max_size=400).map(lambda data: data.hex()))
def test_random_text_is_no_key(text):
    assert decode_key(text) == b""


@given(st.binary(max_size=5000) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_a_random_file_of_keys_brings_no_key(data):
    storage = FakeStorage()
    storage.files[TRUST_FILE] = bytearray(data)
    trust = Trust(storage, encode_key(key().modulus))
    assert trust.fingerprint() == Trust(FakeStorage(), encode_key(key().modulus)).fingerprint()


@given(st.lists(VALUES, max_size=3), VALUES)
def test_a_file_of_keys_with_the_right_anchor_brings_whole_keys_only(keys, last):
    storage = FakeStorage()
    kept = {**_KEPT, "keys": [*keys, {"n": encode_key(key(2).modulus), "last": last}]}
    storage.files[TRUST_FILE] = bytearray(json.dumps(kept).encode())
    trust = Trust(storage, encode_key(key().modulus))
    taken = trust.fingerprint() == Trust(FakeStorage(), encode_key(key(2).modulus)).fingerprint()
    assert taken == (not keys and last is None) or trust.problem


@given(st.integers(0, 2 * _SLOT - 1), st.binary(min_size=1, max_size=64))
def test_whatever_is_overwritten_what_serves_is_whole(at, data):
    nor = Nor(_SLOT)
    lists = device(nor.slots)
    push(lists, _OLDER)
    push(lists, _OLD)
    for place, byte in enumerate(data, at):
        nor.sectors[place % (2 * _SLOT) // SECTOR][place % SECTOR] = byte
    lists = device(nor.slots)
    check(lists)
    assert lists.manifest is None or _OLD.is_in(lists) or _OLDER.is_in(lists)
    assert len(unfinished_head(lists)) in (0, HEAD_BYTES // 2)
    push(lists, _NEW)
    assert _NEW.is_in(device(nor.slots))


@given(st.binary(max_size=3000))
def test_a_random_body_is_refused_and_the_old_list_stays(body):
    nor = Nor(_SLOT)
    lists = device(nor.slots)
    push(lists, _OLD)
    lists.look()
    update = FullUpdate(lists, _XS.head, NOW_S)
    body += b"x" * (len(_XS.body) - len(body))
    update.take(body, 0, len(body))
    try:
        update.finish()
    except RefusedError:
        pass
    assert _OLD.is_in(device(nor.slots)) or body == _XS.body


@given(st.binary(min_size=1, max_size=40), st.integers(0, len(_DELTA.body)))
def test_a_damaged_delta_makes_the_signed_list_or_none(data, at):
    nor = Nor(0x4000)
    lists = device(nor.slots)
    push(lists, _BASE)
    changed = Delta(_BASE, _MADE)
    changed.body = changed.body[:at] + data + changed.body[at + len(data) :]
    try:
        merge(lists, changed)
    except RefusedError:
        assert _BASE.is_in(lists)
    else:
        assert _MADE.is_in(lists)
    again = device(nor.slots)
    assert not check(again) and again.manifest == lists.manifest


@settings(max_examples=20)
@given(st.randoms(use_true_random=False))
def test_a_life_of_power_cuts(chance):
    """Updates, cut and cut again: the version in force never falls, and what serves is whole."""
    nor, storage = Nor(_SLOT), FakeStorage()
    best = 0
    lists_of_life = [List(chance.randrange(5000, 24000), number, 100 - number) for number in range(6)]
    for new in lists_of_life:
        for _ in range(chance.randrange(4)):
            nor.power_on()
            lists = device(nor.slots, storage)
            assert not check(lists)
            version = lists.manifest["version"] if lists.manifest else 0
            assert version >= best
            best = version
            nor.cut_at, nor.tear = chance.randrange(1, 40), chance.choice([None, chance])
            try:
                push(lists, new, 3000)
            except (PowerCut, RefusedError):
                continue
    nor.power_on()
    last = List(20000, 99, 1)
    push(_checked(device(nor.slots, storage)), last)
    assert last.is_in(device(nor.slots, storage))


def _checked(lists):
    assert not check(lists)
    return lists
