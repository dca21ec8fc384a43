"""What a list does on a device, for the bench: `micropython list_lookups.py VERB FILE ...`; prints a line of JSON.

all LIST NAMES       looks for every name of a file: how many are missed
probe LIST N SEED    looks for N made-up names, none of which is listed: how many are taken for listed ones
rate LIST NAMES      look-ups a second of processor time: names of two labels (two reads each), listed ones, and what is
                     below these; and the bytes allocated meanwhile
ram LIST             bytes of heap that an open list takes
merge LIST DELTA OUT merges: seconds, and the most milliseconds of a step
"""

import gc
import json
import sys
import time

from spamgate.wire.list_file import ListFile

_HEAD_BYTES = 4096
_DELTA_HEAD_BYTES = 2048
_ROUNDS = 100
_SAMPLE = 200
_EVERY = 5003  # line of the file


def reader(path, head=_HEAD_BYTES):
    file = open(path, "rb")  # noqa: SIM115  for as long as the program runs

    def read_into(offset, buf):
        file.seek(head + offset)
        return file.readinto(buf)

    return read_into


def wire(text):
    found = b""
    for label in text.split("."):
        found += bytes((len(label),)) + label.encode()
    return found + b"\0"


def look_for_all(path, names):
    it = ListFile(reader(path))
    missed = count = 0
    with open(names) as file:
        for line in file:
            count += 1
            missed += not it.listed(wire(line.rstrip()))
    return {"names": count, "missed": missed}


def probe(path, count, seed):
    """Every name has another first label of ten bytes, below a name of one label that no list has."""
    it = ListFile(reader(path))
    name = bytearray(b"\x0aseed000000\x07invalid\0")
    name[1:5] = b"%04d" % int(seed)
    listed = it.listed
    hits = done = 0
    count = int(count)
    for high in range(count // 10000):
        name[5:11] = b"%06d" % high
        for middle in range(100):
            name[6] = 128 + middle
            for low in range(100):
                name[5] = 128 + low
                hits += listed(name)
        done += 10000
    return {"probes": done, "hits": hits}


def rate(path, names):
    it = ListFile(reader(path))
    listed = []
    with open(names) as file:
        for number, line in enumerate(file):
            if number % _EVERY == 0 and line.count(".") == 1:
                listed.append(wire(line.rstrip()))
    listed = listed[:_SAMPLE]
    others = [b"\x0eno%012d\3com\0" % number for number in range(len(listed))]
    told = {}
    for what, asked in (("two_labels", others), ("listed", listed), ("below", [b"\3www" + name for name in listed])):
        told[what], told["allocated"], hits = timed(it, asked)
        if hits != (0 if what == "two_labels" else _ROUNDS * len(asked)):
            raise ValueError(what)
    return told


def timed(it, asked):
    """Return look-ups a second, the bytes allocated, and how many were listed."""
    gc.collect()
    look = it.listed
    hits = 0
    start_s = time.clock()
    before = gc.mem_alloc()
    for _ in range(_ROUNDS):
        for name in asked:
            hits += look(name)
    allocated = gc.mem_alloc() - before
    return round(_ROUNDS * len(asked) / (time.clock() - start_s)), allocated, hits


def ram(path):
    read_into = reader(path)
    gc.collect()
    before = gc.mem_alloc()
    it = ListFile(read_into)
    gc.collect()
    return {"bytes": gc.mem_alloc() - before, "names": it.names}


def merge(path, delta, out):
    from spamgate.wire.list_delta import Merge

    with open(out, "wb") as file:

        def write(offset, data):
            file.seek(offset)
            file.write(data)

        work = Merge(reader(path), reader(delta, _DELTA_HEAD_BYTES), write)
        start = before = time.ticks_us()
        longest_us = 0
        while not work.step():
            now = time.ticks_us()
            longest_us = max(longest_us, time.ticks_diff(now, before))
            before = now
        return {"seconds": time.ticks_diff(time.ticks_us(), start) / 1000000, "step_ms": longest_us / 1000}


_VERBS: dict = {"all": look_for_all, "probe": probe, "rate": rate, "ram": ram, "merge": merge}

if __name__ == "__main__":
    print(json.dumps(_VERBS[sys.argv[1]](*sys.argv[2:])))
