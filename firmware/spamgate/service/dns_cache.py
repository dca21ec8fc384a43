"""A small cache of upstream answers, for what a home asks again and again.

A query finds the answer to one with the very same bytes behind the id (flags, name in the same case, type, class, OPT
record), so the asker gets what the upstream would have said, with the TTLs counted down.  An answer is kept only if its
question was asked before not long ago: names made to be asked once, as bots and block lists make them, cost nothing
and push nothing out.  Never kept: errors other than NXDOMAIN, answers that are cut, long, or without a lifetime.

The rule when it is full: an answer takes the place of another with a like hash; beyond 8 KB others go one by one.
"""

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.wire.cursor import FormError
from spamgate.wire.dns import Message

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.service.dns_query import Query

_PLACES = const(64)
_MASK = const(63)
_MOST_BYTES = const(8192)  # of questions and answers together
_ANSWER_BYTES = const(512)
_QUESTION_BYTES = const(128)
_LIFE_S = const(300)
_ASKED = const(256)
_KEY = const(0)
_BEHIND_ID = const(1)
_CAME_MS = const(2)
_LIFE_MS = const(3)
_OPT = const(41)
_TC = const(0x02)
_NXDOMAIN = const(3)


class Cache:
    """Answers by hash of the query's bytes behind the id."""

    def __init__(self) -> None:
        self.kept: "list[tuple | None]" = [None] * _PLACES  # (key, answer behind the id, when it came, life in ms)
        self._bytes = 0
        self._hand = 0  # where the next that has to go is looked for
        self.asked = bytearray(_ASKED)  # by low byte of a hash of 16 bits: the high byte of what was asked last
        self._message = Message()

    def find_into(self, buf: bytearray, query: "Query", now_ms: int) -> int:
        """Write the answer to the query, with the TTLs of now, and return its size; 0: there is none."""
        kept = self.kept[query.mark & _MASK]
        if kept is None or kept[_KEY] != query.datagram[0][2:] or elapsed(now_ms, kept[_CAME_MS]) >= kept[_LIFE_MS]:
            return 0
        size = len(kept[_BEHIND_ID]) + 2
        buf[:2] = query.datagram[0][:2]
        buf[2:size] = kept[_BEHIND_ID]
        self._age(buf, size, elapsed(now_ms, kept[_CAME_MS]) // 1000)
        return size

    def keep(self, wire: bytes, answer: bytes, mark: int, now_ms: int) -> None:
        """Keep the answer to the query, which was asked before, if it is worth it."""
        life_s = 0
        if len(answer) <= _ANSWER_BYTES and len(wire) <= _QUESTION_BYTES and not answer[2] & _TC:
            life_s = self._life_s(answer)
        if life_s:
            self._store(mark & _MASK, (wire[2:], answer[2:], now_ms, life_s * 1000))

    def sweep(self, now_ms: int) -> None:
        """Forget what is too old, before the clock goes round."""
        for place in range(_PLACES):
            kept = self.kept[place]
            if kept is not None and elapsed(now_ms, kept[_CAME_MS]) >= kept[_LIFE_MS]:
                self._drop(place)

    def clear(self) -> None:
        """Forget all."""
        for place in range(_PLACES):
            self._drop(place)

    def _age(self, buf: bytearray, size: int, age_s: int) -> None:
        message = self._message
        message.read(buf, 0, size)
        while message.next_record():
            if message.rtype != _OPT:
                _age(buf, message.rdata_at - 6, age_s)

    def _life_s(self, answer: bytes) -> int:
        """Return for how long the answer holds: the least TTL in it; 0: it is not to be kept."""
        message = self._message
        life_s = _LIFE_S
        records = 0
        try:
            message.read(answer, 0, len(answer))
            while message.next_record():
                if message.rtype != _OPT:
                    records += 1
                    life_s = min(life_s, _ttl_s(answer, message.rdata_at - 6))
        except FormError:
            return 0
        return life_s if records and message.rcode in (0, _NXDOMAIN) else 0

    def _store(self, place: int, kept: tuple) -> None:
        self._drop(place)
        self._bytes += len(kept[_KEY]) + len(kept[_BEHIND_ID])
        while self._bytes > _MOST_BYTES:
            self._drop(self._hand)
            self._hand = (self._hand + 1) & _MASK
        self.kept[place] = kept

    def _drop(self, place: int) -> None:
        kept = self.kept[place]
        if kept is not None:
            self.kept[place] = None
            self._bytes -= len(kept[_KEY]) + len(kept[_BEHIND_ID])


def _ttl_s(buf: bytes, at: int) -> int:
    """Return the TTL at `at`, at most as long as we keep anything; a negative one is 0 (RFC 2181 8)."""
    if buf[at] or buf[at + 1]:
        return 0 if buf[at] & 0x80 else _LIFE_S
    return min(buf[at + 2] << 8 | buf[at + 3], _LIFE_S)


def _age(buf: bytearray, at: int, age_s: int) -> None:
    """Take `age_s`, which is less than it and below 2**16, from the TTL at `at`."""
    low = (buf[at + 2] << 8 | buf[at + 3]) - age_s
    high = (buf[at] << 8 | buf[at + 1]) - (low < 0)
    buf[at] = high >> 8
    buf[at + 1] = high & 0xFF
    buf[at + 2] = low >> 8 & 0xFF
    buf[at + 3] = low & 0xFF
