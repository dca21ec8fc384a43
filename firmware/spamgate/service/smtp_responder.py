"""Answers the port-25 connections that the kernel sends here instead of to a mail server: refuses, politely.

The client believes to talk to its MX and must read why it is refused.  Closing while it still talks would let TCP
answer with a reset, which may destroy the text on its way; so it is heard out, within bounds:

* 64 places (a board has fewer).  An address holds a quarter of them at most: then its newest connection takes the place
  of its oldest.  When all are taken, the oldest connection of all gives way.  It has had its text since it came, and
  what it said is read first, so it sees an end; only who is still talking then is reset.
* A connection ends when the client ends it, after QUIT, 30 s after it came, and, where it was told to come back
  later, after 5 s without a word: a 421 announces that we close (RFC 5321 3.8), a 554 waits for QUIT (3.1).
* What is said is read into one shared buffer and forgotten; after a megabyte, or 10,000 lines, nobody is heard out.

Connections that nobody redirected are refused just the same: there is no way here to accept mail.
"""

import array

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.service.smtp_refusal import BYE, LATE, CommandReader, Refusal

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

    from spamgate.service.smtp_refusal import Greeting

PLACES = 64
PLACES_AN_ADDRESS = 16
TOTAL_MS = 30000
QUIET_MS = 5000
LEAVE_MS = 1000  # after QUIT, for who said more behind it
INPUT_BYTES = 1 << 20

_LINE_COST_BYTES = const(100)  # of INPUT_BYTES: a line takes as long to read as that many bytes
_BUF_BYTES = const(512)
_ACCEPTS_A_TURN = const(16)
_DRAINS = const(16)
_BACKLOG = const(256)  # the kernel keeps a burst for us; a SYN that finds no room comes again after a second
_UNDATED = const(-1)  # the next tick puts the time in


class Responder:
    """One port and its refusals: 554 for an address that `is_final(address)` is true of, else 421.

    `on_client(address, port)` hears of each connection, before it is known which of them it is met with.
    """

    def __init__(  # noqa: PLR0913
        self,
        net,
        loop,
        port: int,
        is_final: "Callable[[bytes], bool]",
        greeting: "Greeting",
        on_client: "Callable[[bytes, int], None]",
        places: int = PLACES,
    ) -> None:
        self._net = net
        self._loop = loop
        self._is_final = is_final
        self._refusals = (Refusal(False, greeting), Refusal(True, greeting))
        self._on_client = on_client
        self._places = places
        self._buf = bytearray(_BUF_BYTES)
        self._commands = CommandReader(places)
        self._slot_of: "dict[int, int]" = {}  # by file number
        self._socks: list = [None] * places
        self._addresses = [b""] * places
        self._unsent = [b""] * places
        self._serials = array.array("i", [0] * places)  # in the order they came
        self._serial = 0
        self._came_ms = array.array("i", [0] * places)
        self._heard_ms = array.array("i", [0] * places)
        self._patience_ms = array.array("H", [0] * places)
        self._finality = bytearray(places)
        self._answers = bytearray(places)  # left to give
        self._input_left = array.array("i", [0] * places)
        self._has_quit = bytearray(places)
        self._has_ended = bytearray(places)
        self._listener = net.tcp_listener(port, _BACKLOG)
        self._is_listening = True
        loop.add(self._listener, self)

    def ready(self, sock) -> None:
        """Take new clients, or hear one out."""
        if sock is self._listener:
            self._accept()
            return
        slot = self._slot_of[sock.fileno()]
        try:
            size = sock.readinto(self._buf)
        except OSError:
            self._drop(slot)
            return
        if size == 0:
            self._end(slot)
        elif size is not None:
            self._hear(slot, size)

    def tick(self, now_ms: int) -> None:
        """Send what is unsent and part from those whose time is over."""
        if not self._is_listening:
            self._is_listening = True
            self._loop.add(self._listener, self)
        if not self._slot_of:
            return
        for slot in range(self._places):
            if self._socks[slot] is not None:
                self._look_after(slot, now_ms)

    def close(self) -> None:
        """Stop serving."""
        for slot in range(self._places):
            if self._socks[slot] is not None:
                self._drop(slot)
        self._loop.remove(self._listener)
        self._listener.close()

    # --- a client comes ------------------------------------------------------------------------------

    def _accept(self) -> None:
        for turn in range(_ACCEPTS_A_TURN):
            accepted = self._net.accept(self._listener)
            if accepted is None:
                if turn == 0:  # the process has no file left: ask again with the next tick, not at once for ever
                    self._is_listening = False
                    self._loop.remove(self._listener)
                return
            self._greet(accepted[0], accepted[1], accepted[2])

    def _greet(self, sock, address: bytes, port: int) -> None:
        slot = self._place_for(address)
        self._serial = elapsed(self._serial, -1)  # one more, and wraps as times do
        self._serials[slot] = self._serial
        self._socks[slot] = sock
        self._addresses[slot] = address
        self._came_ms[slot] = self._heard_ms[slot] = _UNDATED
        self._input_left[slot] = INPUT_BYTES
        self._has_quit[slot] = self._has_ended[slot] = 0
        self._commands.begin(slot)
        self._slot_of[sock.fileno()] = slot
        self._loop.add(sock, self)
        self._on_client(address, port)
        is_final = self._finality[slot] = 1 if self._is_final(address) else 0
        self._patience_ms[slot] = TOTAL_MS if is_final else QUIET_MS
        self._answers[slot] = self._refusals[is_final].answers
        self._send(slot, self._refusals[is_final].banner(address))

    def _place_for(self, address: bytes) -> int:
        """Return a free place, made free if need be."""
        free = oldest = own_oldest = -1
        own = 0
        for slot in range(self._places):
            if self._socks[slot] is None:
                free = slot
                continue
            oldest = self._older(oldest, slot)
            if self._addresses[slot] == address:
                own += 1
                own_oldest = self._older(own_oldest, slot)
        most = max(2, self._places * PLACES_AN_ADDRESS // PLACES)
        if own < most and free >= 0:
            return free
        leaver = own_oldest if own >= most else oldest
        self._drop(leaver)
        return leaver

    def _older(self, one: int, other: int) -> int:
        if one < 0:
            return other
        newest = self._serial
        return one if elapsed(newest, self._serials[one]) > elapsed(newest, self._serials[other]) else other

    # --- it speaks -----------------------------------------------------------------------------------

    def _hear(self, slot: int, size: int) -> None:
        self._heard_ms[slot] = _UNDATED
        behind_quit = self._commands.read(slot, self._buf, size)
        lines = self._commands.lines
        self._input_left[slot] -= size + lines * _LINE_COST_BYTES
        if self._input_left[slot] < 0:
            self._drop(slot)
        elif not self._has_quit[slot]:
            self._answer(slot, lines)
            if behind_quit >= 0:
                self._quit(slot, behind_quit == size < _BUF_BYTES)

    def _answer(self, slot: int, lines: int) -> None:
        count = min(lines, self._answers[slot])
        if count:
            self._answers[slot] -= count
            self._send(slot, self._refusals[self._finality[slot]].answer(self._addresses[slot]) * count)

    def _quit(self, slot: int, is_last: bool) -> None:
        """Answer QUIT; close at once if it was the last word, as far as we can see."""
        self._has_quit[slot] = 1
        self._patience_ms[slot] = LEAVE_MS
        self._send(slot, BYE)
        if is_last and not self._unsent[slot]:
            self._drop(slot)

    def _end(self, slot: int) -> None:
        """The client has said its last word, and may still listen."""
        if self._unsent[slot]:
            self._has_ended[slot] = 1
            self._loop.remove(self._socks[slot])  # an end is for ever ready to be read
        else:
            self._drop(slot)

    # --- we speak --------------------------------------------------------------------------------------

    def _send(self, slot: int, text: bytes) -> None:
        """Send `text`; what does not go now goes with the ticks.  All that a client is ever told is below 1.5 KB."""
        self._unsent[slot] += text
        self._flush(slot)

    def _flush(self, slot: int) -> None:
        text = self._unsent[slot]
        try:
            sent = self._socks[slot].send(text)
        except OSError:
            return  # no room; or it is gone, which reading will tell
        self._unsent[slot] = text[sent:]
        self._heard_ms[slot] = _UNDATED  # it listens: as good as a word

    # --- it goes ---------------------------------------------------------------------------------------

    def _look_after(self, slot: int, now_ms: int) -> None:
        if self._unsent[slot]:
            self._flush(slot)
        if self._came_ms[slot] == _UNDATED:
            self._came_ms[slot] = now_ms
        if self._heard_ms[slot] == _UNDATED:
            self._heard_ms[slot] = now_ms
        if elapsed(now_ms, self._came_ms[slot]) >= TOTAL_MS:
            self._expire(slot)
        elif elapsed(now_ms, self._heard_ms[slot]) >= self._patience_ms[slot]:
            self._drop(slot)
        elif self._has_ended[slot] and not self._unsent[slot]:
            self._drop(slot)

    def _expire(self, slot: int) -> None:
        if self._finality[slot] and not self._has_quit[slot]:
            self._send(slot, LATE)
        self._drop(slot)

    def _drop(self, slot: int) -> None:
        sock = self._socks[slot]
        self._drain(sock)
        self._loop.remove(sock)
        del self._slot_of[sock.fileno()]
        self._socks[slot] = None
        self._unsent[slot] = b""
        sock.close()

    def _drain(self, sock) -> None:
        """Read what is there, so that closing is an end and not a reset."""
        try:
            for _ in range(_DRAINS):
                if sock.readinto(self._buf) != _BUF_BYTES:
                    return
        except OSError:
            pass
