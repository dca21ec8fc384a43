"""The C module `mailgate` in memory: as few places as it has, its errors, and its ring of records.

It judges nothing.  `record` puts a frame into the ring as the hook would.
"""

import struct

ENOENT, ENOMEM = 2, 12
PLACES, PASTS, RING_BYTES, TEXT_BYTES = 32, 64, 4096, 160
OUT, IN = 0, 1
PASS, LATER, NEVER, RESET, DROP = range(5)  # actions, as records have them
COUNTS = 14


class Events:
    """What poll would take; in a FakeLoop, too."""

    def __init__(self, gate):
        self._gate = gate

    def fileno(self):
        return -2

    def is_readable(self):
        return bool(self._gate._ring)


class FakeGate:
    """`verdicts` are (state, is settled, ticket, seconds) by key, `drained` seconds by key, `ended` connections."""

    NORMAL, GRANTED, THROTTLED, QUARANTINED, CONFIRMED = range(5)
    LATER, NEVER, SORRY, BYE = range(4)  # texts
    RECORD_HEAD = 12

    def __init__(self):
        self.started = None
        self.is_on = False
        self.verdicts = {}
        self.drained = {}
        self.pasts = []
        self.ended = []
        self.texts = {}
        self.limited = None
        self.strict_s = 0
        self.lost = 0
        self.told = []  # the name of each order
        self._ring = []

    # --- as mailgate.pyi has it ---

    def start(self, *words):
        self.started = words

    def Events(self):  # noqa: N802  the module's name
        return Events(self)

    def enable(self, on):
        self.is_on = on

    def put(self, key, state, is_settled, ticket, lasting_s):
        assert len(key) in (6, 10, 22) and 0 <= ticket < 1 << 24 and lasting_s >= 0
        self.told.append("put")
        if key not in self.verdicts and len(self.verdicts) >= PLACES:
            raise OSError(ENOMEM)
        self.verdicts[key] = (state, is_settled, ticket, lasting_s)

    def remove(self, key):
        self.told.append("remove")
        self.drained.pop(key, None)
        return self.verdicts.pop(key, None) is not None

    def drain(self, key, seconds):
        self.told.append("drain")
        if key not in self.verdicts:
            raise OSError(ENOENT)
        self.drained[key] = seconds

    def past(self, mac, server, has_past):
        self.told.append("past")
        pair = (mac, server)
        if pair in self.pasts:
            self.pasts.remove(pair)
        if has_past:
            assert len(self.pasts) < PASTS, "the module would overwrite one that is needed"
            self.pasts.append(pair)

    def end(self, client, port, server):
        self.told.append("end")
        self.ended.append((client, port, server))

    def limits(self, refill_s, per_minute, burst):
        self.limited = (refill_s, per_minute, burst)

    def strict(self, seconds):
        self.told.append("strict")
        self.strict_s = seconds

    def text(self, which, text):
        if len(text) > TEXT_BYTES:
            raise ValueError("too long")
        self.texts[which] = text

    def read_into(self, buf):
        put = 0
        while self._ring and put + len(self._ring[0]) <= len(buf):
            record = self._ring.pop(0)
            buf[put : put + len(record)] = record
            put += len(record)
        return put

    def counts(self):
        return (0, 0, 0, self.lost) + (0,) * (COUNTS - 4)

    # --- the hook's side ---

    def record(self, frame, direction=OUT, action=PASS, snap=640):
        """Put a frame into the ring, or count it as lost."""
        record = record_of(frame, direction, action, snap)
        if sum([len(waiting) for waiting in self._ring]) + len(record) > RING_BYTES:
            self.lost += 1
        else:
            self._ring.append(record)


def record_of(frame, direction=OUT, action=PASS, snap=640):
    """Return the record of a frame, head and all."""
    cut = frame[:snap]
    size = FakeGate.RECORD_HEAD + len(cut)
    padding = -size % 4
    return struct.pack("HBBIHH", size + padding, direction, action, 1234, len(cut), len(frame)) + cut + bytes(padding)
