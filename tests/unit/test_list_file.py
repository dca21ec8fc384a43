"""A list that was written is read again: every name in it, and no other but by chance."""

import unittest

from spamgate.wire.cursor import FormError
from spamgate.wire.list_file import HAS_CHILDREN, HAS_EXACT, ITSELF, NONE, PARENT, ListFile
from spamgate.wire.list_hash import CHILDREN, DOMAIN, EXACT, split
from spamgate.wire.list_writer import ListWriter, NameHasher, key_of


def wire(text):
    return b"".join(bytes((len(label),)) + label.encode() for label in text.split(".") if label)


def reader(body):
    """Return what ListFile reads a body with."""

    def read_into(offset, buf):
        part = body[offset : offset + len(buf)]
        buf[: len(part)] = part
        return len(part)

    return read_into


def open_list(entries, range_bits=40, allow=(), least=1, most=9, **more):
    """Return the list of these names and kinds; `more` is what else a ListWriter knows."""
    hasher = NameHasher()
    writer = ListWriter(range_bits, flags=more.pop("flags", 0), least_labels=least, most_labels=most)
    writer.allow = [hasher.full(wire(name), kind) for name, kind in allow]
    for name in more:
        setattr(writer, name, more[name])
    return ListFile(reader(writer.body([hasher.full(wire(name), kind) for name, kind in entries])))


class Names(unittest.TestCase):
    def test_a_domain_lists_itself_and_what_is_below(self):
        it = open_list([("bad.example", DOMAIN)])
        for name, how in (("bad.example", ITSELF), ("www.bad.example", PARENT), ("a.b.c.bad.example", PARENT)):
            self.assertEqual(it.how(wire(name)), how)
            self.assertEqual(it.how(wire(name) + b"\0"), how)
            self.assertTrue(it.listed(wire(name) + b"\0"))
        for name in ("example", "good.example", "xbad.example", "bad.example.org", ""):
            self.assertEqual(it.how(wire(name) + b"\0"), NONE)

    def test_an_exact_entry_lists_nothing_below(self):
        it = open_list([("bad.example", EXACT)], flags=HAS_EXACT)
        self.assertEqual(it.how(wire("bad.example")), ITSELF)
        self.assertEqual(it.how(wire("www.bad.example")), NONE)

    def test_children_leave_out_the_name_itself(self):
        it = open_list([("bad.example", CHILDREN)], flags=HAS_CHILDREN)
        self.assertEqual(it.how(wire("bad.example")), NONE)
        self.assertEqual(it.how(wire("www.bad.example")), PARENT)
        self.assertEqual(it.how(wire("a.www.bad.example")), PARENT)

    def test_a_single_label_counts_where_the_list_says_so(self):
        self.assertTrue(open_list([("zip", DOMAIN)]).listed(wire("bad.zip")))
        self.assertFalse(open_list([("zip", DOMAIN)], least=2).listed(wire("bad.zip")))

    def test_names_longer_than_any_entry_are_found_by_their_parents(self):
        it = open_list([("bad.example", DOMAIN)], least=2, most=2)
        self.assertEqual(it.how(wire("a." * 100 + "bad.example")), PARENT)

    def test_allow_entries_do_not_unlist(self):
        it = open_list([("bad.example", DOMAIN)], allow=[("ok.bad.example", DOMAIN), ("one.example", DOMAIN)])
        self.assertTrue(it.listed(wire("x.ok.bad.example")))
        self.assertTrue(it.allowed(wire("x.ok.bad.example") + b"\0"))
        self.assertTrue(it.allowed(wire("one.example")))
        self.assertFalse(it.allowed(wire("bad.example")))

    def test_thousands_are_all_found(self):
        for range_bits, chance in ((40, 0), (31, 1), (24, 5)):
            names = ["host%d.example%d.net" % (at, at % 7) for at in range(600)]
            it = open_list([(name, DOMAIN) for name in names], range_bits)
            self.assertEqual([name for name in names if it.how(wire(name)) != ITSELF], [])
            others = ["other%d.example.org" % at for at in range(600)]
            self.assertTrue(sum(it.listed(wire(name)) for name in others) <= chance)

    def test_what_is_no_name_is_not_listed(self):
        it = open_list([("bad.example", DOMAIN)])
        for name in (b"", b"\0", b"\x05bad", b"\x03bad\0\x07example\0", b"\x40" + b"a" * 64, b"\xc0\x0c", b"\1a" * 128):
            self.assertEqual((split(name, len(name), bytearray(128)), it.how(name)), (0, NONE))

    def test_an_empty_list_lists_nothing(self):
        it = open_list([], most=0)
        self.assertEqual((it.names, it.listed(wire("example.org")), it.address(bytes(4))), (0, False, False))


class Exceptions(unittest.TestCase):
    def test_a_collision_that_was_found_is_no_hit(self):
        hasher = NameHasher()
        entries = [("host%d.example" % at, DOMAIN) for at in range(500)]
        listed = set(key_of(hasher.full(wire(name)), 20)[0] for name, _ in entries)
        hashed = (wire("innocent%d.example" % at) for at in range(80000))
        unlucky = [name for name in hashed if key_of(hasher.full(name), 20)[0] in listed]
        self.assertTrue(len(unlucky) > 20)
        self.assertEqual([open_list(entries, 20).how(name) for name in unlucky[:3]], [ITSELF] * 3)
        it = open_list(entries, 20, exceptions=[hasher.full(name) for name in unlucky])
        self.assertEqual(it.exceptions, len(set(key_of(hasher.full(name), 20) for name in unlucky)))
        self.assertEqual([name for name in unlucky if it.listed(name)], [])
        self.assertEqual([name for name, _ in entries if not it.listed(wire(name))], [])


class Addresses(unittest.TestCase):
    V4 = [(b"\x01\x02\0\0", 16), (b"\xc0\0\x02\x08", 29), (b"\xcb\0\x71\x05", 32)]
    V6 = [(b"\x20\x01\x0d\xb8" + bytes(12), 33), (b"\xfd" + bytes(15), 128)]

    def test_prefixes(self):
        it = open_list([], v4=self.V4, v6=self.V6)
        self.assertTrue(it.address(b"\x20\1\x0d\xb8\x7f" + bytes(11)))
        for packed in (b"\1\2\0\0", b"\1\2\xff\xff", b"\xc0\0\2\x0f", b"\xcb\0\x71\5"):
            self.assertTrue(it.address(packed))
        for packed in (b"\1\1\xff\xff", b"\1\3\0\0", b"\xc0\0\2\x10", b"\xcb\0\x71\4", b"\xff\xff\xff\xff", bytes(4)):
            self.assertFalse(it.address(packed))
        self.assertFalse(it.address(b"\x20\1\x0d\xb8\x80" + bytes(11)))
        self.assertEqual((list(it.prefixes(4)), list(it.prefixes(16))), (self.V4, self.V6))

    def test_everything(self):
        self.assertTrue(open_list([], v4=[(bytes(4), 0)]).address(b"\1\2\3\4"))

    def test_prefixes_within_each_other_are_refused(self):
        for wrong in ([self.V4[1], self.V4[0]], [(b"\1\0\0\0", 8), (b"\1\2\0\0", 16)], [(b"\1\0\0\1", 8)]):
            self.assertRaises(FormError, open_list, [], v4=wrong)


class Form(unittest.TestCase):
    def test_the_same_entries_give_the_same_bytes(self):
        hasher = NameHasher()
        entries = [hasher.full(wire("host%d.example" % at)) for at in range(500)]
        writer = ListWriter(31, most_labels=2)
        self.assertEqual(writer.body(entries), writer.body(reversed(entries + entries[:9])))

    def test_bodies_cut_short_are_refused(self):
        body = ListWriter(40, most_labels=2).body([NameHasher().full(wire("bad.example"))])
        self.assertEqual(ListFile(reader(body)).size(), len(body))
        self.assertRaises(FormError, ListFile, reader(body[:47]))
        self.assertRaises(FormError, ListFile, reader(b"SGL2" + body[4:]))
        for size in (60, len(body) - 1):
            self.assertRaises(FormError, ListFile(reader(body[:size])).listed, wire("bad.example"))


if __name__ == "__main__":
    unittest.main()
