"""Looking a name up in a list takes nothing from the heap; an open list has at most 2 KB, and a merge 8 KB."""

import gc
import io
import unittest

import micropython

from spamgate.wire.list_delta import Merge
from spamgate.wire.list_delta_writer import make_delta
from spamgate.wire.list_file import HAS_CHILDREN, HAS_EXACT, ITSELF, NONE, PARENT, ListFile
from spamgate.wire.list_hash import CHILDREN, DOMAIN, EXACT
from spamgate.wire.list_writer import ListWriter, NameHasher

_MOST_BYTES = 2048
_MOST_MERGING = 8192
_NAMES = (
    (b"\x07host123\x07example\0", ITSELF),
    (b"\3www\x07host123\x07example\0", PARENT),
    (b"\5exact\2eu\0", ITSELF),
    (b"\1a\x08children\2eu\0", PARENT),
    (b"\4good\x07example\0", NONE),
    (b"\1a\1b\1c\1d\4good\x07example\0", NONE),
    (b"\1a" * 100 + b"\0", NONE),
    (b"\0", NONE),
    (b"\x3f\0", NONE),
)


def reader(body):
    file = io.BytesIO(body)

    def read_into(offset, buf):
        file.seek(offset)
        return file.readinto(buf)

    return read_into


def opened():
    hasher = NameHasher()
    entries = [hasher.full(b"\x07host%03d\x07example" % at, DOMAIN) for at in range(500)]
    entries += [hasher.full(b"\5exact\2eu", EXACT), hasher.full(b"\x08children\2eu", CHILDREN)]
    writer = ListWriter(40, flags=HAS_EXACT | HAS_CHILDREN, least_labels=1, most_labels=3)
    return reader(writer.body(entries))


class NoAllocation(unittest.TestCase):
    def test_looking_up_does_not_allocate(self):
        it = ListFile(opened())
        for name, how in _NAMES:
            said = -1
            micropython.heap_lock()
            try:
                for _ in range(5):
                    said = it.how(name)
                    it.listed(name)
            finally:
                micropython.heap_unlock()
            self.assertEqual((name, said), (name, how))

    def test_an_open_list_is_small_whatever_its_blocks_have(self):
        read_into = opened()

        def with_largest_block(offset, buf):
            count = read_into(offset, buf)
            if not offset:
                buf[16:18] = b"\xb0\x04"  # 1200
            return count

        gc.collect()
        before = gc.mem_alloc()
        it = ListFile(with_largest_block)
        gc.collect()
        self.assertTrue(gc.mem_alloc() - before <= _MOST_BYTES, gc.mem_alloc() - before)
        self.assertEqual(it.how(_NAMES[0][0]), ITSELF)

    def test_a_merge_holds_little_whatever_it_has_done(self):
        hasher = NameHasher()
        entries = [hasher.full(b"\x07host%03d\x07example" % at, DOMAIN) for at in range(500)]
        base, new = ListWriter(40).body(entries[:450]), ListWriter(40).body(entries[50:])
        read_base, read_delta = reader(base), reader(make_delta(base, new))
        gc.collect()
        before = gc.mem_alloc()
        merge = Merge(read_base, read_delta, lambda offset, data: None)
        steps = most = 0
        while not merge.step():
            steps += 1
            if not steps & 127:
                gc.collect()
                most = max(most, gc.mem_alloc() - before)
        self.assertTrue(0 < most <= _MOST_MERGING, most)


if __name__ == "__main__":
    unittest.main()
