"""RSA-3072 signatures, checked: RSASSA-PSS-VERIFY of RFC 8017, 8.1.2, with SHA-256, MGF1-SHA256 and a salt of 32 bytes.

The exponent is 65537, so that `pow` with three arguments, which every MicroPython has, is all the arithmetic there is.
Nothing here is secret: no step needs to take the same time whatever the bytes are.
"""

import binascii
import hashlib

from spamgate.core.compat import const

MODULUS_BYTES = 384
_MODULUS_BYTES = const(384)
_HASH_BYTES = const(32)
_DB_BYTES = const(351)  # the encoded message but for the hash and its last byte
_ONE_AT = const(318)  # in the data block: zeros, a one, the salt
_TRAILER = const(0xBC)
_FIRST_BIT = const(0x80)  # emBits is 3071: one bit of the first byte is no part of the encoded message
_EXPONENT = const(65537)


def verifies(modulus: bytes, signature: bytes, digest: bytes) -> bool:
    """Is `signature` that of the message whose SHA-256 is `digest`, by the key with this modulus?"""
    if len(signature) != _MODULUS_BYTES or not is_modulus(modulus):
        return False
    number = int.from_bytes(modulus, "big")
    value = int.from_bytes(signature, "big")
    return value < number and _is_encoding(pow(value, _EXPONENT, number).to_bytes(_MODULUS_BYTES, "big"), digest)


def is_modulus(modulus: bytes) -> bool:
    """Can this be the modulus of a key of exactly 3072 bits?"""
    return len(modulus) == _MODULUS_BYTES and modulus[0] >= _FIRST_BIT and modulus[-1] & 1 == 1


def decode_key(text: str) -> bytes:
    """Return the modulus that a text has in base64, empty when it has none of 3072 bits."""
    try:
        modulus = binascii.a2b_base64(text)
    except (ValueError, TypeError):
        return b""
    return modulus if is_modulus(modulus) and encode_key(modulus) == text else b""


def encode_key(modulus: bytes) -> str:
    """Return the modulus as settings and manifests have it."""
    return binascii.b2a_base64(modulus).decode().rstrip()


def fingerprint(modulus: bytes) -> str:
    """Return the first digits of a key's digest, for people."""
    return binascii.hexlify(hashlib.sha256(modulus).digest()[:8]).decode()


def _is_encoding(encoded: bytes, digest: bytes) -> bool:
    """EMSA-PSS-VERIFY, RFC 8017, 9.1.2."""
    if encoded[-1] != _TRAILER or encoded[0] & _FIRST_BIT:
        return False
    seed = encoded[_DB_BYTES:-1]
    block = bytearray(encoded[:_DB_BYTES])
    unmask(block, seed)
    block[0] &= 0xFF ^ _FIRST_BIT
    if any(block[:_ONE_AT]) or block[_ONE_AT] != 1:
        return False
    return seed == hashlib.sha256(bytes(8) + digest + block[_ONE_AT + 1 :]).digest()


def unmask(block: bytearray, seed: bytes) -> None:
    """Take MGF1's mask (RFC 8017, B.2.1) off the block, or put it on."""
    for at in range(len(block)):
        if at % _HASH_BYTES == 0:
            mask = hashlib.sha256(seed + bytes((0, 0, 0, at // _HASH_BYTES))).digest()
        block[at] ^= mask[at % _HASH_BYTES]
