"""RSASSA-PSS: what OpenSSL signs is good, and nothing that differs from it in one place."""

import hashlib
import unittest

from fakes.list_keys import encode
from fakes.lists import key

from spamgate.wire.pss import decode_key, encode_key, fingerprint, is_modulus, verifies

_DIGEST = hashlib.sha256(b"a message").digest()
_SALT = b"salt" * 8
_BY_OPENSSL = (  # over b"a message" by the first key of fakes/list_keys.py, through `cryptography` 49
    "17110457a7bbab39480cbef70af12a8b1147655f766a5040449e0e03aed6c6f143fd13bdfad48b0cd4d0f5d3bc34b84f"
    "bb2f08325473f2a62378760345fa022ad37c244909c8e5d68b83529b771ef321e30d6fc7d6e824b8086bba01ee43dd6e"
    "161f7ceb1cbd0f208995e00d0fa1e39fecc4c63b120fd3c0a93961ceb8f3b9aff950572b507eed600c14d7fb0de9c572"
    "61b0f715e64c79a9373344d530880e935461eef1c3fca788c403707099d2ca12d726c8c8c6d0bce9e1d6993a96ddb0cb"
    "43528764cb438058c7d02f56015e94d7490134fb60d5a81224ec5f32f786f212330ce9092d118d6d1009377d5c037e26"
    "523b3b403825a6c4affcede57c24e43ec489e45596595a8bbae7275e62edcbe9424d97b20b12333fae7a55ccb5efce37"
    "733a2125cd430d6bee4bc57606c0213878c55b3609b1d45c4f535b70b82b7cc61f4194a2d0970a6990f722da883b4662"
    "04b0bd7cabda0e1a7319e17fbadae4ca050c11950bb4b691a6c25013f76e14f6a50508a71e3949b3eafba203725ba408"
)


def _number(data):
    return int.from_bytes(data, "big")


class Signatures(unittest.TestCase):
    def verifies(self, signature, digest=_DIGEST, number=0):
        return verifies(key(number).modulus, signature, digest)

    def test_what_openssl_signs_is_good(self):
        signature = bytes.fromhex(_BY_OPENSSL)
        self.assertTrue(self.verifies(signature))
        self.assertFalse(self.verifies(signature, hashlib.sha256(b"a massage").digest()))
        self.assertFalse(self.verifies(signature, _DIGEST, 1))

    def test_any_salt_of_the_right_length_is_good(self):
        for salt in (_SALT, bytes(32), b"\xff" * 32):
            self.assertTrue(self.verifies(key().sign(_DIGEST, salt)))

    def test_a_salt_of_another_length_is_refused(self):
        for length in (0, 1, 20, 31, 33, 64):
            self.assertFalse(self.verifies(key().sign(_DIGEST, b"s" * length)), length)

    def test_another_padding_is_refused(self):
        wrong = (encode(_DIGEST, _SALT, trailer=0xCC), encode(_DIGEST, _SALT, one=2), encode(_DIGEST, _SALT, one=0))
        pkcs1 = b"\0\1" + b"\xff" * 330 + b"\0" + bytes(19) + _DIGEST  # as long as a PKCS#1 v1.5 one
        for encoded in wrong + (pkcs1, bytes(384), b"\0" + b"\xff" * 383, bytes(383) + b"\xbc"):
            self.assertEqual(len(encoded), 384)
            self.assertFalse(self.verifies(key().power(encoded)))

    def test_a_bit_before_the_encoded_message_is_refused(self):
        encoded = bytearray(encode(_DIGEST, _SALT))
        encoded[0] |= 0x80
        self.assertTrue(_number(encoded) < _number(key().modulus), "else this shows nothing")
        self.assertFalse(self.verifies(key().power(encoded)))

    def test_zeros_before_the_one_must_be_zeros(self):
        for at in (0, 1, 100, 317):
            self.assertFalse(self.verifies(key().power(encode(_DIGEST, _SALT, stray=at))), at)

    def test_each_flipped_bit_of_the_signature_is_refused(self):
        signature = bytearray(key().sign(_DIGEST))
        for at in range(0, 384, 13):
            signature[at] ^= 1 << at % 8
            self.assertFalse(self.verifies(bytes(signature)), at)
            signature[at] ^= 1 << at % 8
        self.assertTrue(self.verifies(bytes(signature)))

    def test_a_signature_of_another_length_is_refused(self):
        signature = key().sign(_DIGEST)
        for other in (b"", signature[:-1], signature + b"\0", b"\0" + signature, signature[1:], bytes(384), bytes(383)):
            self.assertFalse(self.verifies(other))

    def test_a_signature_not_below_the_modulus_is_refused(self):
        """Else each had a second form."""
        modulus = _number(key().modulus)
        found = 0
        for count in range(40):
            signature = _number(key().sign(_DIGEST, bytes(31) + bytes((count,))))
            if signature + modulus < 1 << 3072:
                found += 1
                self.assertFalse(self.verifies((signature + modulus).to_bytes(384, "big")))
                break
        self.assertEqual(found, 1)

    def test_what_is_no_modulus_verifies_nothing(self):
        signature = key().sign(_DIGEST)
        modulus = key().modulus
        for other in (b"", bytes(384), b"\x7f" + modulus[1:], modulus[:-1] + b"\0", modulus[1:], modulus + b"\1"):
            self.assertFalse(is_modulus(other))
            self.assertFalse(verifies(other, signature, _DIGEST))


class Keys(unittest.TestCase):
    def test_a_key_is_text_and_back(self):
        text = encode_key(key().modulus)
        self.assertEqual((len(text), decode_key(text)), (512, key().modulus))
        self.assertEqual(len(fingerprint(key().modulus)), 16)
        self.assertNotEqual(fingerprint(key().modulus), fingerprint(key(1).modulus))

    def test_what_is_no_key_is_nothing(self):
        text = encode_key(key().modulus)
        others = ["", "abc", text[:-1], text[:-4], text + "AAAA", " " + text, text + "\n"]
        for other in others + [letter * 512 for letter in "A*\u00fc"]:
            self.assertEqual(decode_key(other), b"")
