"""A delta merged with its base gives the bytes of the list that it was made for; what is no delta gives FormError."""

import unittest

from spamgate.wire.cursor import FormError
from spamgate.wire.list_delta import CODES_AT, COUNTS_AT, Merge
from spamgate.wire.list_delta_writer import make_delta
from spamgate.wire.list_writer import HASH_BITS, ListWriter, NameHasher

HASHER = NameHasher()
NAMES = [HASHER.full(b"\x04h%03d\x07example" % at) for at in range(700)]


def body(entries, range_bits=24, exceptions=(), allow=(), v4=(), v6=()):
    writer = ListWriter(range_bits, least_labels=2, most_labels=2)
    writer.exceptions, writer.allow, writer.v4, writer.v6 = exceptions, allow, v4, v6
    return writer.body(entries)


def reader(data):
    def read_into(offset, buf):
        part = data[offset : offset + len(buf)]
        buf[: len(part)] = part
        return len(part)

    return read_into


class Flash:
    """Takes every byte once, as flash that was erased does."""

    def __init__(self, size):
        self.data = bytearray(size)
        self.written = bytearray(size)

    def write(self, offset, data):
        if offset < 0 or offset + len(data) > len(self.data):
            raise FormError("too far")
        if any(self.written[offset : offset + len(data)]):
            raise AssertionError("written twice")
        self.data[offset : offset + len(data)] = data
        for at in range(offset, offset + len(data)):
            self.written[at] = 1


def merged(base, delta, size):
    flash = Flash(size)
    merge = Merge(reader(base), reader(delta), flash.write)
    steps = 0
    while not merge.step():
        steps += 1
        if steps > 3000:
            raise AssertionError("no end")
    return bytes(flash.data)


class Merging(unittest.TestCase):
    def check(self, base, new):
        delta = make_delta(base, new)
        self.assertEqual(merged(base, delta, len(new)), new)
        return len(delta)

    def test_names_come_and_go(self):
        base = body(NAMES[:400])
        for entries in (NAMES[:400], NAMES[:399], NAMES[1:400], NAMES[20:420], NAMES[:380] + NAMES[500:530]):
            self.check(base, body(entries))

    def test_a_delta_of_nothing_is_small(self):
        base = body(NAMES[:400])
        self.assertEqual(self.check(base, base), CODES_AT + 128)  # a bit for each of 1024 blocks

    def test_exceptions_stay_or_are_told(self):
        shift = HASH_BITS - 24
        collisions = [NAMES[at] >> shift << shift | at for at in range(0, 60, 7)]
        base = body(NAMES[:300], exceptions=collisions)
        self.check(base, body(NAMES[:310], exceptions=collisions))
        self.check(base, body(NAMES[:310], exceptions=collisions[2:] + [NAMES[5] >> shift << shift | 77]))
        self.check(base, body(NAMES[:310]))
        self.check(body(NAMES[:310]), base)

    def test_allow_entries_and_prefixes_come_and_go(self):
        prefixes = [(bytes((at, 0, 0, 0)), 8) for at in range(1, 60)]
        v6 = [(bytes((32, at)) + bytes(14), 16) for at in range(40)]
        base = body(NAMES[:99], allow=NAMES[300:350], v4=prefixes, v6=v6[:20])
        for allow, v4, six in (
            (NAMES[310:360], prefixes[1:], v6[:20]),
            (NAMES[300:301], prefixes[:30] + [(b"\x33\1\0\0", 16)], v6[10:]),
            ((), (), ()),
            (NAMES[300:350], prefixes, v6[:20]),
        ):
            new = body(NAMES[:98], allow=allow, v4=v4, v6=six)
            self.check(base, new)
            self.check(new, base)

    def test_lists_of_other_shapes_have_no_delta(self):
        base = body(NAMES[:400])
        self.assertEqual(make_delta(base, body([at << 48 for at in range(2100)])), None)  # fewer low bits
        self.assertEqual(make_delta(base, body(NAMES[:400], range_bits=25)), None)


class Refusing(unittest.TestCase):
    def test_a_delta_for_another_list(self):
        base = body(NAMES[:400])
        delta = make_delta(base, body(NAMES[:380] + NAMES[500:530]))
        for other in (body(NAMES[:399]), body(NAMES[1:401]), body(NAMES[:700]), body(NAMES[:400], 25), base[:900]):
            try:
                made = merged(other, delta, 2 * len(base))
            except FormError:
                continue
            self.assertNotEqual(made[: len(base)], base)

    def test_deltas_cut_short_and_changed(self):
        base = body(NAMES[:400], exceptions=NAMES[500:503], allow=NAMES[:9])
        new = body(NAMES[9:410], exceptions=NAMES[501:504], allow=NAMES[2:12])
        delta = make_delta(base, new)
        for size in (0, 31, 79, CODES_AT - 1, CODES_AT, len(delta) - 40, len(delta) - 1):
            self.assertRaises(FormError, merged, base, delta[:size], len(new))
        for at in range(COUNTS_AT, CODES_AT - 4):
            wrong = bytearray(delta)
            wrong[at] ^= 0x81
            try:
                self.assertNotEqual(merged(base, bytes(wrong), len(new)), new)
            except FormError:
                pass


if __name__ == "__main__":
    unittest.main()
