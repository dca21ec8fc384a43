"""Signatures of OpenSSL, through `cryptography`, judged by both: right ones, and those of every other kind."""

import hashlib
import random

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from fakes.list_keys import encode

from spamgate.wire.pss import is_modulus, verifies

_MESSAGE = b"what is signed"
_DIGEST = hashlib.sha256(_MESSAGE).digest()
_SHA = hashes.SHA256()
_GOOD = padding.PSS(padding.MGF1(_SHA), 32)


@pytest.fixture(scope="module")
def keys():
    return [rsa.generate_private_key(65537, 3072) for _ in range(4)]


def _modulus(key) -> bytes:
    number = key.public_key().public_numbers().n
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _openssl_agrees(key, signature: bytes) -> bool:
    try:
        key.public_key().verify(signature, _MESSAGE, _GOOD, _SHA)
    except InvalidSignature:
        return False
    return True


def test_what_openssl_signs_is_good(keys):
    for key in keys:
        assert is_modulus(_modulus(key))
        for _ in range(25):
            signature = key.sign(_MESSAGE, _GOOD, _SHA)
            assert verifies(_modulus(key), signature, _DIGEST)
            assert not verifies(_modulus(key), signature, hashlib.sha256(_MESSAGE + b"!").digest())


@pytest.mark.parametrize(
    ("scheme", "digest"),
    [
        (padding.PSS(padding.MGF1(_SHA), 0), _SHA),
        (padding.PSS(padding.MGF1(_SHA), 31), _SHA),
        (padding.PSS(padding.MGF1(_SHA), 33), _SHA),
        (padding.PSS(padding.MGF1(_SHA), padding.PSS.MAX_LENGTH), _SHA),
        (padding.PSS(padding.MGF1(hashes.SHA1()), 32), _SHA),
        (padding.PSS(padding.MGF1(hashes.SHA512()), 32), hashes.SHA512()),
        (padding.PKCS1v15(), _SHA),
    ],
)
def test_other_schemes_are_refused(keys, scheme, digest):
    signature = keys[0].sign(_MESSAGE, scheme, digest)
    assert not verifies(_modulus(keys[0]), signature, _DIGEST)
    assert not _openssl_agrees(keys[0], signature)


@pytest.mark.parametrize("bits", [2048, 3064, 4096])
def test_keys_of_other_lengths_are_refused(bits):
    key = rsa.generate_private_key(65537, bits)
    assert not verifies(_modulus(key), key.sign(_MESSAGE, _GOOD, _SHA), _DIGEST)


def test_both_judge_changed_signatures_alike(keys):
    chance = random.Random(1)
    key = keys[0]
    signature = key.sign(_MESSAGE, _GOOD, _SHA)
    for _ in range(300):
        changed = bytearray(signature)
        for _ in range(chance.randrange(3)):
            changed[chance.randrange(384)] ^= 1 << chance.randrange(8)
        assert verifies(_modulus(key), bytes(changed), _DIGEST) == _openssl_agrees(key, bytes(changed))


def test_both_judge_wrong_encodings_alike(keys):
    """Whoever has the key may pad as they like: OpenSSL and we take and refuse the same."""
    key = keys[1]
    numbers = key.private_numbers()
    salts = [bytes(32), b"\xff" * 32, b"s" * 31, b"s" * 33, b""]
    encodings = [encode(_DIGEST, salt) for salt in salts]
    encodings += [encode(_DIGEST, bytes(32), trailer=trailer) for trailer in (0, 0xBB, 0xCC)]
    encodings += [encode(_DIGEST, bytes(32), one=one) for one in (0, 2, 0x81)]
    encodings += [encode(_DIGEST, bytes(32), stray=at) for at in range(0, 318, 53)]
    taken = 0
    for encoded in encodings:
        value = pow(int.from_bytes(encoded, "big"), numbers.d, numbers.public_numbers.n)
        signature = value.to_bytes(384, "big")
        assert verifies(_modulus(key), signature, _DIGEST) == _openssl_agrees(key, signature)
        taken += verifies(_modulus(key), signature, _DIGEST)
    assert taken == 2
