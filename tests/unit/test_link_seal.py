"""Sealed records: read by the other end in their order and as they were, or not at all."""

import binascii
import unittest

from fakes.aes import make_aes

from spamgate.wire.link_seal import RECORD_BYTES, TAG_BYTES, TEXT_BYTES, AuthError, Mac, Seal, is_same, text_size

_CIPHER_KEY = b"k" * 32
_MAC_KEY = b"m" * 32


def _seal():
    return Seal(make_aes(_CIPHER_KEY), Mac(_MAC_KEY))


def _sealed(seal, text):
    record = bytearray(RECORD_BYTES)
    record[2 : 2 + len(text)] = text
    return record[: seal.seal(record, len(text))]


def _opened(seal, record):
    text = bytearray(record)
    size = seal.open(text, len(record) - TAG_BYTES)
    return bytes(text[2 : 2 + size])


class Codes(unittest.TestCase):
    def test_codes_are_those_of_rfc_4231(self):
        for key, text, code in (
            (b"\x0b" * 20, b"Hi There", b"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                b"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (b"\xaa" * 20, b"\xdd" * 50, b"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        ):
            self.assertEqual(binascii.hexlify(Mac(key).of(text)), code)
            self.assertEqual(binascii.hexlify(Mac(key).of(text[:3], memoryview(text)[3:])), code)

    def test_only_equal_codes_are_the_same(self):
        self.assertTrue(is_same(b"abc", b"abc"))
        for other in (b"abd", b"bbc", b"ab", b"abcd", b""):
            self.assertFalse(is_same(b"abc", other))


class Records(unittest.TestCase):
    def test_texts_of_every_length_come_back(self):
        ours, theirs = _seal(), _seal()
        for size in (1, 2, 15, 16, 17, 255, 256, 257, 500, TEXT_BYTES, 3):
            text = bytes([(size + at) & 255 for at in range(size)])
            record = _sealed(ours, text)
            self.assertEqual((len(record), text_size(record)), (size + 18, size))
            self.assertEqual(_opened(theirs, record), text)

    def test_the_key_stream_is_counter_mode_and_never_the_same_twice(self):
        """Zeros encrypted show the stream: the blocks 0, 1, 2... in ECB mode."""
        seal = _seal()
        stream = b"".join([bytes(_sealed(seal, bytes(size))[2:-TAG_BYTES]) for size in (5, 300, 500, 500)])
        blocks = b"".join([bytes(14) + bytes([at >> 8, at & 255]) for at in range(82)])
        self.assertEqual(stream, make_aes(_CIPHER_KEY)(blocks)[: len(stream)])

    def test_any_changed_byte_is_refused(self):
        record = _sealed(_seal(), b"release the camera")
        for at in range(len(record)):
            changed = bytearray(record)
            changed[at] ^= 0x10
            with self.assertRaises(AuthError):
                _opened(_seal(), changed)

    def test_repeated_left_out_and_swapped_records_are_refused(self):
        ours = _seal()
        records = [_sealed(ours, b"record %d" % number) for number in range(3)]
        for order in ((0, 0), (1,), (0, 2), (0, 1, 0), (0, 1, 1)):
            theirs = _seal()
            for number in order[:-1]:
                _opened(theirs, records[number])
            with self.assertRaises(AuthError):
                _opened(theirs, records[order[-1]])

    def test_a_record_of_another_key_is_refused(self):
        record = _sealed(Seal(make_aes(_CIPHER_KEY), Mac(_CIPHER_KEY)), b"status")
        with self.assertRaises(AuthError):
            _opened(_seal(), record)

    def test_what_was_sealed_does_not_show(self):
        self.assertFalse(b"camera" in _sealed(_seal(), b"release the camera"))

    def test_a_length_that_no_record_has_is_refused(self):
        for head in (b"\x00\x00", b"\x04\x01", b"\xff\xff", b"GE"):
            with self.assertRaises(AuthError):
                text_size(head)
        self.assertEqual(text_size(b"\x04\x00"), TEXT_BYTES)


if __name__ == "__main__":
    unittest.main()
