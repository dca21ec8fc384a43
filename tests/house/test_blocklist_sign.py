"""`spamgate blocklist keygen`, `sign` and `verify` as their users meet them; and what they sign, a device takes."""

import base64
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fakes.lists import body_of
from fakes.nor import Nor
from fakes.storage import FakeStorage

from spamgate.store.list_slots import ListSlots
from spamgate.store.list_trust import Trust
from spamgate.store.list_update import FullUpdate
from spamgate.wire.list_manifest import DELTA, HEAD_BYTES, LIST, parse_manifest, split_head
from spamgate.wire.list_signing import encode_manifest, make_head
from spamgate_tools.blocklist.keys import make_keys, read_private, read_public
from spamgate_tools.blocklist.signing import Terms, judge_file, sign_file
from spamgate_tools.errors import UserError

_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
_BODY = body_of(20000)
_NOW_S = int(time.time())


def _run(folder: Path, *words: object) -> subprocess.CompletedProcess:
    command = [_SPAMGATE, "blocklist", *map(str, words)]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=60
    )


def _unsigned(path: Path, body: bytes = _BODY) -> Path:
    manifest = {"board_class": "any", "class": "exact", "format": 1, "id": "default", "names": 3, "size": len(body)}
    manifest["sha256"] = hashlib.sha256(body).hexdigest()
    path.write_bytes(make_head(LIST, encode_manifest(manifest)) + body)
    return path


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Path:
    """Return a folder with two keys."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("home.key", "next.key"):
        make_keys(folder / name, None)
    return folder


@pytest.fixture
def signed(tmp_path, keys) -> Path:
    path = _unsigned(tmp_path / "home.sgb")
    sign_file(path, read_private(keys / "home.key", None), Terms(_NOW_S, 30))
    return path


def _device(keys: Path, name: str = "home.pub") -> ListSlots:
    trust = Trust(FakeStorage(), (keys / name).read_text().strip())
    lists = ListSlots(tuple(Nor(0x8000).slots), trust, "default", "8MiB")
    lists.look()
    return lists


def _push(lists: ListSlots, path: Path) -> None:
    data = path.read_bytes()
    update = FullUpdate(lists, data[:HEAD_BYTES], _NOW_S)
    update.take(data, HEAD_BYTES + update.offset, len(data))
    update.finish()


# --- from the key to the device --------------------------------------------------------------------


def test_from_a_key_to_a_device(tmp_path):
    made = _run(tmp_path, "keygen", "home.key")
    assert (made.returncode, made.stderr) == (0, "")
    assert "home.key" in made.stdout and "list_key" in made.stdout and "PRIVATE" not in made.stdout
    assert (tmp_path / "home.key").stat().st_mode & 0o777 == 0o600
    assert len(base64.b64decode((tmp_path / "home.pub").read_text())) == 384
    _unsigned(tmp_path / "home.sgb")
    done = _run(tmp_path, "sign", "home.sgb", "--key", "home.key", "--expires-days", "7", "--json")
    told = json.loads(done.stdout)
    manifest = told["manifest"]
    assert (done.returncode, done.stderr, told["type"]) == (0, "", "sign")
    assert manifest["expires"] - manifest["created"] == 7 * 86400 and manifest["version"] == manifest["created"] // 60
    good = _run(tmp_path, "verify", "home.sgb", "--key", "home.pub")
    assert (good.returncode, good.stderr) == (0, "") and f"good; version {manifest['version']}" in good.stdout
    data = (tmp_path / "home.sgb").read_bytes()
    assert data[HEAD_BYTES:] == _BODY and (tmp_path / "home.head").read_bytes() == data[:HEAD_BYTES]
    lists = _device(tmp_path)
    _push(lists, tmp_path / "home.sgb")
    assert lists.manifest == manifest


@pytest.mark.parametrize("verb", ["keygen", "sign", "verify"])
def test_help_has_an_example(tmp_path, verb):
    done = _run(tmp_path, verb, "--help")
    assert done.returncode == 0 and "Example" in done.stdout and "--json" in done.stdout


def test_verify_says_no_with_exit_1_and_cannot_with_2(tmp_path, keys, signed):
    done = _run(tmp_path, "verify", "home.sgb", "--key", keys / "next.pub", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["good"], done.stderr) == (1, False, "")
    assert told["problems"] == ["is not signed with this key, or was changed since"]
    done = _run(tmp_path, "verify", keys / "home.key", "--key", keys / "next.pub")
    assert done.returncode == 2 and "not a list" in done.stderr and len(done.stderr.splitlines()) == 1


# --- keys ------------------------------------------------------------------------------------------


def test_a_key_is_never_overwritten(keys):
    with pytest.raises(UserError, match="is there already; a key that devices trust cannot be made again"):
        make_keys(keys / "home.key", None)
    with pytest.raises(UserError, match="name of a public key"):
        make_keys(keys / "x.pub", None)


def test_a_key_may_have_a_passphrase(tmp_path):
    (tmp_path / "words").write_text("open sesame\n")
    done = _run(tmp_path, "keygen", "home.key", "--passphrase-file", "words", "--json")
    assert json.loads(done.stdout)["private"] == "home.key"
    assert b"ENCRYPTED" in (tmp_path / "home.key").read_bytes()
    _unsigned(tmp_path / "home.sgb")
    done = _run(tmp_path, "sign", "home.sgb", "--key", "home.key")
    assert done.returncode == 2 and "needs its passphrase; name a file" in done.stderr
    with pytest.raises(UserError, match="the passphrase does not open it"):
        read_private(tmp_path / "home.key", b"wrong")
    done = _run(tmp_path, "sign", "home.sgb", "--key", "home.key", "--passphrase-file", "words")
    assert done.returncode == 0, done.stderr
    assert not judge_file(tmp_path / "home.sgb", read_public(tmp_path / "home.pub"), _NOW_S).problems


def test_a_passphrase_that_is_not_needed_is_no_trouble(keys):
    assert read_private(keys / "home.key", b"not needed").key_size == 3072


def test_other_keys_are_refused(tmp_path):
    pkcs8 = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    short, cube = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(3, 3072)
    for key in (short, cube, ec.generate_private_key(ec.SECP256R1())):
        (tmp_path / "other.key").write_bytes(key.private_bytes(*pkcs8))
        with pytest.raises(UserError, match="is no RSA key of 3072 bits with exponent 65537"):
            read_private(tmp_path / "other.key", None)
    for text in ("", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        (tmp_path / "other.key").write_text(text)
        with pytest.raises(UserError, match="holds no private key in PEM"):
            read_private(tmp_path / "other.key", None)
        with pytest.raises(UserError, match="holds no public key of 3072 bits"):
            read_public(tmp_path / "other.key")
    with pytest.raises(UserError, match="cannot be read"):
        read_public(tmp_path / "none.pub")


def test_a_public_key_may_be_pem(tmp_path, keys):
    key = read_private(keys / "home.key", None).public_key()
    spki = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "home.pem").write_bytes(spki)
    assert read_public(tmp_path / "home.pem") == read_public(keys / "home.pub")


# --- signing ---------------------------------------------------------------------------------------


def test_who_signs_twice_in_a_minute_gets_two_versions(signed, keys):
    key = read_private(keys / "home.key", None)
    versions = [sign_file(signed, key, Terms(_NOW_S, 30))["version"] for _ in range(3)]
    assert versions == sorted(set(versions)) and versions[0] > _NOW_S // 60
    lists = _device(keys)
    _push(lists, signed)
    assert lists.manifest["version"] == versions[-1]


def test_a_list_that_is_built_again_is_newer_than_what_was_signed_under_its_name(signed, keys):
    key = read_private(keys / "home.key", None)
    first = parse_manifest(split_head(signed.read_bytes()).manifest)
    _unsigned(signed, body_of(20001, 7))
    assert sign_file(signed, key, Terms(_NOW_S, 30))["version"] == first["version"] + 1


def test_a_version_may_be_given_but_not_one_that_devices_refuse(signed, keys):
    key = read_private(keys / "home.key", None)
    assert sign_file(signed, key, Terms(_NOW_S, 30, version=5))["version"] == 5
    with pytest.raises(UserError, match="ahead of its time, and devices would refuse it; leave --version out"):
        sign_file(signed, key, Terms(_NOW_S, 30, version=_NOW_S // 60 + 1))
    far = Terms(_NOW_S + 10 * 86400, 30)
    sign_file(signed, key, far)
    with pytest.raises(UserError, match="far in the future; set this machine's clock"):
        sign_file(signed, key, Terms(_NOW_S, 30))


def test_a_damaged_list_is_not_signed(signed, keys):
    key = read_private(keys / "home.key", None)
    data = signed.read_bytes()
    for damaged, said in ((data[:-1], "has 19999 bytes"), (data[:-1] + b"!", "another digest")):
        signed.write_bytes(damaged)
        with pytest.raises(UserError, match=said):
            sign_file(signed, key, Terms(_NOW_S, 30))
        assert signed.read_bytes() == damaged


def test_a_delta_is_not_signed(tmp_path, signed, keys):
    parts = split_head(signed.read_bytes())
    delta = tmp_path / "x.sgd"
    delta.write_bytes(make_head(DELTA, parts.manifest, parts.signature)[:2048] + b"delta")
    with pytest.raises(UserError, match="is a delta; sign the list"):
        sign_file(delta, read_private(keys / "home.key", None), Terms(_NOW_S, 30))
    judgement = judge_file(delta, read_public(keys / "home.pub"), _NOW_S)
    assert (judgement.is_delta, judgement.problems) == (True, [])


def test_the_mode_of_a_file_stays_and_nothing_is_left_beside_it(signed, keys):
    signed.chmod(0o604)
    sign_file(signed, read_private(keys / "home.key", None), Terms(_NOW_S, 30))
    assert signed.stat().st_mode & 0o777 == 0o604
    assert sorted(path.name for path in signed.parent.iterdir()) == ["home.head", "home.sgb"]


def test_the_next_key_is_followed_by_devices(tmp_path, signed, keys):
    done = _run(tmp_path, "sign", "home.sgb", "--key", keys / "home.key", "--next-key", keys / "next.pub")
    assert done.returncode == 0 and "sign the next list with that key" in done.stdout
    lists = _device(keys)
    _push(lists, signed)
    sign_file(signed, read_private(keys / "next.key", None), Terms(_NOW_S, 30))
    assert "next_key" not in parse_manifest(split_head(signed.read_bytes()).manifest)
    _push(lists, signed)
    sign_file(signed, read_private(keys / "home.key", None), Terms(_NOW_S, 30))
    with pytest.raises(Exception, match="replaced"):
        _push(lists, signed)
    done = _run(tmp_path, "sign", "home.sgb", "--key", keys / "next.key", "--next-key", keys / "next.pub")
    assert done.returncode == 2 and "is the key that signs" in done.stderr


# --- judging ---------------------------------------------------------------------------------------


def test_each_problem_is_named(tmp_path, signed, keys):
    modulus = read_public(keys / "home.pub")
    assert judge_file(signed, modulus, _NOW_S).problems == []
    assert "expired" in judge_file(signed, modulus, _NOW_S + 31 * 86400).problems[0]
    assert "in the future" in judge_file(signed, modulus, _NOW_S - 2 * 86400).problems[0]
    assert "not signed;" in judge_file(_unsigned(tmp_path / "bare.sgb"), modulus, _NOW_S).problems[0]
    data = bytearray(signed.read_bytes())
    data[-5] ^= 1
    signed.write_bytes(data)
    assert judge_file(signed, modulus, _NOW_S).problems == ["its body has another digest than the manifest says"]
    data[100] ^= 1
    signed.write_bytes(data)
    with pytest.raises(UserError, match="damaged"):
        judge_file(signed, modulus, _NOW_S)
