"""A reliable channel over a line that loses, doubles and flips bytes: text and binary each way, all in order.

The same file on both sides.  Nothing in it reads or writes: it is given what came and the time, and says what goes.

A session.  The host opens (kind O, with a nonce) until the board answers (o, with a nonce of its own and the host's).
Both nonces make the value from which the CRCs of all other frames start, another for each direction: what comes from an
older session, or is echoed by a prompt, is damaged.  A board that has no session says so (R) when it starts and when it
gets frames it cannot read, at most once a second: so the host learns of a reset at once.

Within it.  Content goes in numbered frames, T for text and B for bytes.  Each side announces in O and o how many bytes,
as they are on the line, may be on their way to it unconfirmed: its window.  An A confirms all frames before a number,
and by a mask those of the next eight which came already.  A line does not change the order: a frame is lost as soon as
one that was sent after it is confirmed, and only it is sent again.  Without any confirmation the oldest is sent again
when the time that a confirmation takes has passed, and each time after twice as long.

Frames are as long as lets some of them fill the window; each lost one makes the next ones shorter, each confirmed one
a little longer, which where one byte of a hundred is damaged ends at about 36 bytes, the best there.
"""

import binascii
import struct

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.wire.link_frame import LEAST_FRAME, MAX_FRAME, OVERHEAD, FrameReader, fitting, write_frame

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable, Protocol

    class Receiver(Protocol):
        """Told when a session begins and is over, and given content, to be taken now.  It may not call the channel."""

        def opened(self) -> None: ...
        def received(self, kind: int, buf: bytearray, start: int, end: int) -> None: ...
        def lost(self) -> None: ...


TEXT = 0x54
BINARY = 0x42
WINDOW = 250  # what a board announces whose input ring has 260 bytes
HOST_WINDOW = 4096
SPAN = 8  # frames on their way at most

OPEN = const(0x4F)
OPENED = const(0x6F)
RESET = const(0x52)
CONFIRM = const(0x41)
_VERSION = const(1)
_OPEN_AGAIN_MS = const(250)
_RESET_AGAIN_MS = const(1000)
_PATIENCE_MS = const(10000)  # without any confirmation of what was sent
_FIRST_WAIT_MS = const(300)
_LEAST_WAIT_MS = const(10)
_MOST_WAIT_MS = const(2000)
_MOST_BACK_OFF_MS = const(500)  # a line has nobody to make room for; a busy board has its ring full
_FIRST_FRAME = const(64)
_LONGER = const(4)
_GREATEST = const(236)  # MAX_FRAME, but number and CRC may need escapes
_SLACK = const(8)
_COPIES = const(3)
_FREE = const(0)
_QUEUED = const(1)
_SENT = const(2)
_CONFIRMED = const(3)


class _Slot:
    """One frame that is not confirmed yet."""

    def __init__(self, size: int) -> None:
        self.buf = bytearray(size)
        self.view = memoryview(self.buf)
        self.state = _FREE
        self.size = 0
        self.sent_ms = 0
        self.order = 0  # of all frames that were sent
        self.is_again = False
        self.copies = 0  # on their way


class Channel:
    """One side of a link.

    `nonce` returns four random bytes; `slots` frames of `frame_bytes` may be on their way from here, `window` bytes to
    here.  Give it what comes with `reader.inbox` and `feed`, and send what `pending` returns, telling it with `wrote`.
    """

    def __init__(
        self,
        receiver: "Receiver",
        nonce: "Callable[[], bytes]",
        is_host: bool = False,
        window: int = WINDOW,
        slots: int = 3,
        frame_bytes: int = 112,
    ) -> None:
        self.reader = FrameReader()
        self.is_open = False
        self.resent = 0
        self.damaged = 0
        self.window = 0  # the other side's
        self.round_trip_ms = 0
        self.least_wait_ms = _LEAST_WAIT_MS  # more where the line loses nothing, and only the other side may be busy
        self._receiver = receiver
        self._make_nonce = nonce
        self._is_host = is_host
        self._own_window = window
        self._greatest = min(frame_bytes, _GREATEST)
        self._frame_bytes = self._most = self._their_greatest = self._greatest
        self._slots = [_Slot(self._greatest + _SLACK) for _ in range(min(slots, SPAN))]
        self._order: "list[_Slot]" = []  # those in use, by their numbers
        self._note = bytearray(48)  # the frame that is no content
        self._note_view = memoryview(self._note)
        self._owed = 0 if is_host else RESET  # the kind of note to be sent
        self._nonce = b""
        self._theirs = b""
        self._seed_in = self._seed_out = 0
        self._going: "memoryview | None" = None
        self._going_slot: "_Slot | None" = None
        self._gone = 0
        self._noted_ms = 0
        self.heard_ms = 0  # when a frame of this session came last
        self._is_opening = False
        self._now_ms = 0
        self._start()

    def open(self, now_ms: int) -> None:
        """Begin a session; the host does, and `is_open` tells when it has begun."""
        self._start()
        self.is_open = False
        self._nonce = self._make_nonce()
        self._is_opening = True
        self._owed = OPEN
        self._noted_ms = now_ms

    def close(self) -> None:
        """End the session, and say so."""
        self._end()
        self._is_opening = False
        self._owed = RESET

    def divide_window(self, parts: int) -> None:
        """Make frames so long that this many fill the other side's window: more of them where answers take long."""
        self._most = max(LEAST_FRAME, min(self._greatest, self._their_greatest, self.window // parts - 1))
        self._frame_bytes = min(self._frame_bytes, self._most)

    def _start(self) -> None:
        for slot in self._order:
            slot.state = _FREE
        self._order = []
        self._first = 0  # the number of the oldest slot in use
        self._expected = 0
        self._held: "list[tuple[int, bytes] | None]" = [None] * SPAN
        self._sent = 0
        self._wait_ms = _FIRST_WAIT_MS
        self._backed_off = 0
        self.round_trip_ms = 0

    def _begin(self, window: int, most: int) -> None:
        self.window = max(LEAST_FRAME, window)
        self._their_greatest = most - 4
        self._frame_bytes = _FIRST_FRAME
        self.divide_window(2)
        seeds = binascii.crc32(self._nonce + self._theirs), binascii.crc32(self._theirs + self._nonce)
        self._seed_out, self._seed_in = seeds
        self.is_open = True
        self._receiver.opened()

    def _end(self) -> None:
        if self.is_open:
            self.is_open = False
            self._start()
            self._theirs = b""
            self._receiver.lost()

    def feed(self, size: int, now_ms: int) -> None:
        """Take the first `size` bytes of `reader.inbox`."""
        self._now_ms = now_ms
        reader = self.reader
        at = 0
        while at < size:
            at = reader.take(at, size)
            if reader.size:
                self._take_frame()

    def _take_frame(self) -> None:
        reader = self.reader
        kind = reader.buf[0]
        if self.is_open and reader.is_whole(self._seed_in):
            self.heard_ms = self._now_ms
            if kind == CONFIRM:
                self._confirm(reader.buf[1], reader.buf[2] if reader.size == 7 else 0)
            elif kind == TEXT or kind == BINARY:
                self._take_content(kind, reader.buf[1])
        elif (kind == OPEN or kind == OPENED or kind == RESET) and reader.is_whole(0):
            self._take_session(kind)
        else:
            self.damaged += 1
            if reader.on_text:
                reader.on_text(bytes(reader.buf[: reader.size]))
            if not (self.is_open or self._is_host) and elapsed(self._now_ms, self._noted_ms) >= _RESET_AGAIN_MS:
                self._owed = RESET

    def _take_session(self, kind: int) -> None:
        buf = self.reader.buf
        size = self.reader.size - 4
        if kind == RESET:
            self._end()
            if self._is_opening:
                self._owed = OPEN
        elif kind == OPEN and not self._is_host and size == 10 and buf[2] == _VERSION:
            nonce = bytes(buf[6:10])
            if nonce != self._theirs or not self.is_open:
                self._start()
                self._theirs = nonce
                self._nonce = self._make_nonce()
                self._begin(buf[3] << 8 | buf[4], buf[5])
            self._owed = OPENED
        elif kind == OPENED and self._is_opening and size == 14 and bytes(buf[10:14]) == self._nonce:
            self._is_opening = False
            self._owed = 0
            self._theirs = bytes(buf[6:10])
            self.round_trip_ms = elapsed(self._now_ms, self._noted_ms)
            self._begin(buf[3] << 8 | buf[4], buf[5])

    def _take_content(self, kind: int, number: int) -> None:
        self._owed = CONFIRM
        reader = self.reader
        ahead = (number - self._expected) & 255
        if ahead == 0:
            self._expected = (number + 1) & 255
            self._receiver.received(kind, reader.buf, 2, reader.size - 4)
            self._take_held()
        elif ahead < SPAN and self._held[number % SPAN] is None:
            self._held[number % SPAN] = (kind, bytes(reader.buf[2 : reader.size - 4]))

    def _take_held(self) -> None:
        held = self._held[self._expected % SPAN]
        while held and self.is_open:
            self._held[self._expected % SPAN] = None
            self._expected = (self._expected + 1) & 255
            self._receiver.received(held[0], held[1], 0, len(held[1]))  # type: ignore[arg-type]
            held = self._held[self._expected % SPAN]

    def _confirm(self, number: int, mask: int) -> None:
        """The other side has all before `number`, and those after it that `mask` has a bit for."""
        order = self._order
        count = (number - self._first) & 255
        if count > len(order):
            return  # it was on its way for long
        latest = -1
        for at in range(len(order)):
            slot = order[at]
            if slot.state != _CONFIRMED and (at < count or at > count and mask >> (at - count - 1) & 1):
                latest = max(latest, self._confirm_one(slot))
        for at in range(count):
            order[at].state = _FREE
        self._first = number
        self._order = order[count:]
        for slot in self._order:
            if slot.state == _SENT and slot.order < latest:
                self._lose(slot)

    def _confirm_one(self, slot: _Slot) -> int:
        self._backed_off = 0
        if slot.state == _SENT and not slot.is_again:
            self._frame_bytes = min(self._most, self._frame_bytes + _LONGER)
            took_ms = elapsed(self._now_ms, slot.sent_ms)
            self.round_trip_ms += (took_ms - self.round_trip_ms) >> (2 if self.round_trip_ms else 0)
            self._wait_ms = min(_MOST_WAIT_MS, (self.round_trip_ms << 1) + self.least_wait_ms)
        slot.state = _CONFIRMED
        return slot.order

    def _lose(self, slot: _Slot) -> None:
        slot.state = _QUEUED
        slot.is_again = True
        slot.copies = 0
        self.resent += 1
        self._frame_bytes = max(LEAST_FRAME, self._frame_bytes - (self._frame_bytes >> 2))

    def has_room(self) -> bool:
        """May `send` be called?"""
        return self.is_open and len(self._order) < len(self._slots)

    def is_idle(self) -> bool:
        """Is all that was sent confirmed?"""
        return not self._order

    def send(self, kind: int, data: "bytes | bytearray", at: int, end: int) -> int:
        """Put as much of `data[at:end]` as one frame holds on its way, TEXT or BINARY; return how much that is.

        Only when `has_room`.
        """
        for slot in self._slots:
            if slot.state == _FREE and slot is not self._going_slot:
                break
        else:
            return 0
        count = fitting(data, at, end, self._frame_bytes - OVERHEAD)
        slot.buf[3 : 3 + count] = memoryview(data)[at : at + count]
        number = (self._first + len(self._order)) & 255
        slot.size = write_frame(slot.buf, slot.view, kind, number, count, self._seed_out)
        slot.state = _QUEUED
        slot.is_again = False
        slot.copies = 0
        if not self._order:
            self.heard_ms = self._now_ms
        self._order.append(slot)
        return count

    def pending(self, now_ms: int) -> "memoryview | None":
        """Return the bytes to be sent now, or None; tell with `wrote` how many were."""
        self._now_ms = now_ms
        if self._going is None:
            self._look_at_clock()
            if self._owed:
                self._write_note(self._owed)
            elif self.is_open:
                self._choose()
        return self._going[self._gone :] if self._going and self._gone else self._going

    def wrote(self, count: int) -> None:
        """So many of the bytes that `pending` returned are sent."""
        self._gone += count
        if self._going is None or self._gone < len(self._going):
            return
        self._going = None
        self._gone = 0
        slot = self._going_slot
        self._going_slot = None
        if slot and (slot.state == _QUEUED or slot.state == _SENT):
            slot.state = _SENT
            slot.copies += 1
            slot.sent_ms = self._now_ms
            slot.order = self._sent
            self._sent += 1

    def _look_at_clock(self) -> None:
        now_ms = self._now_ms
        if self._is_opening and not self._owed and elapsed(now_ms, self._noted_ms) >= _OPEN_AGAIN_MS:
            self._owed = OPEN
        if not self._order or not self.is_open:
            return
        if elapsed(now_ms, self.heard_ms) > _PATIENCE_MS:
            self.close()
            return
        for slot in self._order:
            if slot.state == _SENT:
                backed_off_ms = min(_MOST_BACK_OFF_MS, self._wait_ms << self._backed_off)
                if elapsed(now_ms, slot.sent_ms) > max(self._wait_ms, backed_off_ms):
                    self._backed_off = min(9, self._backed_off + 1)
                    self._lose(slot)
                return

    def _choose(self) -> None:
        """The oldest frame that waits goes next, if the window has room for it.

        When one that was lost before keeps all others from going, a copy of it goes soon: the line is bad.
        """
        on_the_way = 0
        chosen: "_Slot | None" = None
        holding_up: "_Slot | None" = None
        for slot in self._order:
            if slot.state == _SENT:
                on_the_way += (slot.size - 1) * slot.copies
                if holding_up is None and slot.is_again and slot.copies < _COPIES:
                    if elapsed(self._now_ms, slot.sent_ms) >= self.round_trip_ms:
                        holding_up = slot
            elif slot.state == _QUEUED and chosen is None:
                chosen = slot
        if chosen is None and not self.has_room():
            chosen = holding_up
        if chosen is None or on_the_way and on_the_way + chosen.size - 1 > self.window:
            return
        self._going_slot = chosen
        self._going = chosen.view[1 if on_the_way and not chosen.is_again else 0 : chosen.size]

    def _write_note(self, kind: int) -> None:
        note = self._note
        number = 0
        size = 0
        seed = 0
        if kind == CONFIRM:
            number = self._expected
            seed = self._seed_out
            for at in range(1, SPAN):
                if self._held[(number + at) % SPAN]:
                    note[3] = (note[3] if size else 0) | 1 << (at - 1)
                    size = 1
        elif kind != RESET:
            struct.pack_into(">BHB", note, 3, _VERSION, self._own_window, MAX_FRAME)
            note[7:11] = self._nonce
            note[11:15] = self._theirs if kind == OPENED else b"\0\0\0\0"
            size = 12 if kind == OPENED else 8
        if kind != CONFIRM:
            self._noted_ms = self._now_ms
        self._owed = 0
        self._going = self._note_view[: write_frame(note, self._note_view, kind, number, size, seed)]
