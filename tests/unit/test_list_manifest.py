"""The head of a list: written one way, read with bounds, and no bit of it can change unseen."""

import unittest

from fakes.lists import body_of, head_of, key, manifest_of

from spamgate.wire.cursor import FormError
from spamgate.wire.list_manifest import (
    DELTA,
    HEAD_BYTES,
    LIST,
    PENDING_AT,
    head_bytes,
    make_mark,
    parse_manifest,
    parse_unsigned,
    signed_digest,
    split_head,
)
from spamgate.wire.list_signing import encode_manifest, make_head
from spamgate.wire.pss import encode_key, verifies


class Heads(unittest.TestCase):
    def setUp(self):
        self.manifest = manifest_of(body_of(5000))
        self.text = encode_manifest(self.manifest)
        self.head = make_head(LIST, self.text, bytes(384))

    def test_a_head_is_taken_apart_as_it_was_made(self):
        for magic in (LIST, DELTA):
            for signature in (b"", b"\xaa" * 384):
                head = make_head(magic, self.text, signature)
                parts = split_head(head)
                self.assertEqual(len(head), HEAD_BYTES)
                self.assertEqual((parts.magic, parts.manifest, parts.signature), (magic, self.text, signature))

    def test_a_changed_bit_is_found(self):
        used = 16 + len(self.text) + 384
        for at in list(range(20)) + list(range(20, used, 37)) + [used - 1]:
            for bit in (0, 7):
                damaged = bytearray(self.head)
                damaged[at] ^= 1 << bit
                with self.assertRaises(FormError):
                    split_head(damaged)

    def test_what_is_cut_short_is_no_head(self):
        enough = 16 + len(self.text) + 384
        for length in (0, 1, 3, 4, 15, 16, 100, enough - 1):
            with self.assertRaises(FormError):
                split_head(self.head[:length])
        self.assertEqual(head_bytes(self.head[:16]), enough)
        self.assertEqual(split_head(self.head[:enough]).manifest, self.text)

    def test_other_files_are_no_heads(self):
        almost = (b"SGB2" + self.head[4:], b"SGB1" + bytes(4092))
        for text in (b"", b"<!DOCTYPE html>", b"\xff" * 5000, bytes(5000)) + almost:
            with self.assertRaises(FormError):
                split_head(text + b" " * (5000 - len(text)))

    def test_lengths_that_reach_beyond_are_refused(self):
        for length, signed in ((65535, 384), (2017, 0), (1633, 384), (0, 383), (0, 65535)):
            head = bytearray(self.head)
            head[4:8] = bytes((length & 255, length >> 8, signed & 255, signed >> 8))
            with self.assertRaises(FormError):
                split_head(head)

    def test_a_manifest_that_leaves_no_room_is_not_written(self):
        self.assertEqual(len(make_head(LIST, b"x" * 1632, bytes(384))), HEAD_BYTES)
        with self.assertRaises(FormError):
            make_head(LIST, b"x" * 1633, bytes(384))

    def test_the_mark_may_stand_where_it_waits(self):
        waiting = bytearray(b"\xff" * 16 + self.head[16:])
        waiting[PENDING_AT : PENDING_AT + 16] = make_mark(LIST, self.text, bytes(384))
        self.assertEqual(split_head(waiting, PENDING_AT).manifest, self.text)
        with self.assertRaises(FormError):
            split_head(waiting)


class Manifests(unittest.TestCase):
    def setUp(self):
        self.manifest = manifest_of(body_of(5000), next_key=encode_key(key(1).modulus))

    def test_there_is_one_text_for_each_manifest(self):
        text = encode_manifest({"b": 2, "a": 'x"\\\u00fc', "c": 1 << 33})
        self.assertEqual(text, b'{"a":"x\\"\\\\\\u00fc","b":2,"c":8589934592}')
        turned = dict([(name, self.manifest[name]) for name in sorted(self.manifest, reverse=True)])
        self.assertEqual(encode_manifest(turned), encode_manifest(self.manifest))

    def test_it_is_read_as_it_was_written(self):
        self.assertEqual(parse_manifest(encode_manifest(self.manifest)), self.manifest)

    def test_fields_that_nobody_knows_yet_are_let_be(self):
        self.manifest["zone"] = "x"
        self.assertEqual(parse_manifest(encode_manifest(self.manifest))["zone"], "x")

    def test_each_field_must_be_there_and_right(self):
        wrong = {
            "format": ("1", -1, 1 << 40),
            "size": ("", -5),
            "names": ("3",),
            "version": ("", -1),
            "created": ("x",),
            "expires": (-1,),
            "id": ("", "x" * 33, 5),
            "class": (7,),
            "board_class": ("",),
            "sha256": ("", "0" * 63, "0" * 65, "G" * 64, "A" * 64, 5),
            "next_key": ("", "x", 5),
        }
        for name, values in wrong.items():
            for value in values:
                changed = dict(self.manifest)
                changed[name] = value
                with self.assertRaises(FormError):
                    parse_manifest(encode_manifest(changed))
            del changed[name]
            if name != "next_key":
                with self.assertRaises(FormError):
                    parse_manifest(encode_manifest(changed))

    def test_a_next_key_is_there_or_not_but_never_null(self):
        text = encode_manifest(self.manifest)
        key_text = b'"' + encode_key(key(1).modulus).encode() + b'"'
        self.assertTrue(key_text in text)
        with self.assertRaises(FormError):
            parse_manifest(text.replace(key_text, b"null"))

    def test_what_nobody_has_signed_has_no_dates(self):
        for name in ("version", "created", "expires"):
            del self.manifest[name]
        self.assertEqual(parse_unsigned(encode_manifest(self.manifest)), self.manifest)
        with self.assertRaises(FormError):
            parse_manifest(encode_manifest(self.manifest))

    def test_what_is_no_object_is_refused(self):
        for text in (b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b"{}", b"[" * 1600, b'{"a":' * 300, b"NaN"):
            with self.assertRaises(FormError):
                parse_manifest(text)

    def test_the_signature_is_over_a_label_and_the_manifest(self):
        parts = split_head(head_of(self.manifest))
        self.assertTrue(verifies(key().modulus, parts.signature, signed_digest(parts.manifest)))
        self.assertFalse(verifies(key().modulus, parts.signature, signed_digest(parts.manifest + b" ")))
