"""Lists and deltas with bits changed, cut and made up: `micropython list_noise.py COUNT SEED LIST DELTA`.

Each is looked through or merged with the machine code that boards run, which checks no index by itself.  Prints a line
of JSON: how many were read, how many refused, the most steps of a merge, and what the heap held before and after.
"""

import gc
import json
import sys

from spamgate.core.errors import SpamgateError
from spamgate.wire.list_delta import Merge
from spamgate.wire.list_file import ListFile

_HEADER_BYTES = 48
_DELTA_HEADER_AT = 32
_CODES_AT = 128
_CHANGES = 4
_NAMES = [b"\x07host%03d\x07example\0" % at for at in range(40)] + [b"\1a" * 127, b"\3www\x07host001\x07example\0"]
_ADDRESSES = (bytes(4), b"\x0a\1\2\3", b"\xff" * 4, bytes(16), b"\x20\1" + bytes(14))


class Random:
    """The same numbers in every interpreter."""

    def __init__(self, seed):
        self._state = seed

    def below(self, limit):
        self._state = (self._state * 1103515245 + 12345) & 0x3FFFFFFF
        return (self._state >> 7) % limit


class Bytes:
    """Something to read, in which some bytes are others, and which may end early."""

    def __init__(self, data):
        self._data = data
        self._changed = {}
        self._end = len(data)

    def change(self, random, important):
        """Change bytes, half of them among the `important` first ones."""
        self._changed = {}
        self._end = random.below(len(self._data)) if not random.below(8) else len(self._data)
        for _ in range(random.below(_CHANGES) + 1):
            at = random.below(important if random.below(2) else len(self._data))
            self._changed[at] = (0, 255, 1, 128, random.below(256))[random.below(5)]

    def read_into(self, offset, buf):
        if offset < 0:
            raise AssertionError("before the beginning")
        end = min(offset + len(buf), self._end)
        count = max(0, end - offset)
        buf[:count] = self._data[offset:end]
        for at, byte in self._changed.items():
            if offset <= at < offset + count:
                buf[at - offset] = byte
        return count


class Counts:
    def __init__(self):
        self.read = self.refused = self.most_steps = 0

    def look(self, read_into):
        """Do all that can be done with a list."""
        try:
            it = ListFile(read_into)
            for name in _NAMES:
                it.how(name)
                it.allowed(name)
            for packed in _ADDRESSES:
                it.address(packed)
            self.read += 1
        except SpamgateError:
            self.refused += 1

    def merge(self, read_base, read_delta, most_bytes):
        def write(offset, data):
            if not 0 <= offset <= most_bytes - len(data):
                raise SpamgateError("too far")

        steps = 0
        try:
            merge = Merge(read_base, read_delta, write)
            while not merge.step():
                steps += 1
            self.read += 1
        except SpamgateError:
            self.refused += 1
        self.most_steps = max(self.most_steps, steps)


def main(count, seed, list_path, delta_path):
    with open(list_path, "rb") as file:
        body = Bytes(file.read())
    with open(delta_path, "rb") as file:
        delta = Bytes(file.read())
    size = 2 * body._end
    random = Random(seed)
    counts = Counts()
    before = 0
    for number in range(count):
        if number == count // 8:
            gc.collect()
            before = gc.mem_alloc()
        body.change(random, _HEADER_BYTES)
        counts.look(body.read_into)
        if not number & 7:
            body._changed = {} if random.below(2) else body._changed
            delta.change(random, _CODES_AT)
            counts.merge(body.read_into, delta.read_into, size)
    body._changed = delta._changed = {}
    gc.collect()
    told = {"read": counts.read, "refused": counts.refused, "most_steps": counts.most_steps}
    print(json.dumps(dict(told, before=before, after=gc.mem_alloc())))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
