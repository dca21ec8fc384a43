"""What goes on in an SMTP connection, from the bytes of both directions.

Reports command lines, replies with the command they answer, messages that a server took, and the
start of TLS.  Nothing is kept but partial lines: messages are skipped, what a client sends within
AUTH is dropped, and of an AUTH line only the mechanism is shown.

CRLF.CRLF ends a message; a dot between bare LFs is text (RFC 5321 4.1.1.4), as long as the server
agrees: its reply to the message ends it too.
"""

from spamgate.core.compat import const
from spamgate.wire import smtp_verbs
from spamgate.wire.smtp_dialogue import Dialogue
from spamgate.wire.smtp_lines import LinePool
from spamgate.wire.smtp_verbs import argument_at, chunk_size, is_last, is_strict, verb_of, word_end

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Protocol

    Bytes = bytes | bytearray

    class Sink(Protocol):
        """What an SmtpObserver tells."""

        def command(self, slot: int, verb: int, buf: Bytes, start: int, end: int) -> None: ...
        def reply(self, slot: int, code: int, verb: int, buf: Bytes, start: int, end: int) -> None: ...
        def accepted(self, slot: int) -> None: ...
        def encrypted(self, slot: int) -> None: ...


UNKNOWN = smtp_verbs.UNKNOWN
BANNER = smtp_verbs.BANNER
HELO = smtp_verbs.HELO
EHLO = smtp_verbs.EHLO
MAIL = smtp_verbs.MAIL
RCPT = smtp_verbs.RCPT
DATA = smtp_verbs.DATA
BDAT = smtp_verbs.BDAT
RSET = smtp_verbs.RSET
QUIT = smtp_verbs.QUIT
AUTH = smtp_verbs.AUTH
STARTTLS = smtp_verbs.STARTTLS
OTHER = smtp_verbs.OTHER

CLIENT = 0  # sides
SERVER = 1

_CR = const(13)
_LF = const(10)
_DOT = const(46)
_DASH = const(45)
_SPACE = const(32)
_TLS_FIRST = const(20)  # the first byte of a TLS record: ChangeCipherSpec to ApplicationData
_TLS_LAST = const(23)
_END = b"\r\n.\r\n"
_TAIL_BYTES = const(4)  # of _END, at the most, in what came before its last byte

_BDAT = const(6)
_AUTH = const(9)

_COMMAND = const(0)  # modes of Dialogue
_CAUTIOUS = const(1)
_FIRST = const(2)
_AUTH_TEXT = const(3)
_BODY_EARLY = const(4)
_BODY = const(5)
_CHUNK = const(6)
_TLS_GUESS = const(7)
_SEALED = const(8)
_IMPLICIT = const(9)  # TLS from the first byte on, and none has come yet

_ACCEPTED = const(1)  # outcomes of Dialogue
_GO_AHEAD = const(2)
_ENCRYPTED = const(3)

_TAIL_CR = const(1)  # how much of CRLF.CRLF was seen
_TAIL_CRLF = const(2)
_TAIL_DOT = const(3)
_TAIL_DOT_CR = const(4)
_TAIL_WHOLE = const(5)


class SmtpObserver:
    """One dialogue a slot.

    A line counts by its first `line_bytes`; `lines` may be in pieces at a time.  Of commands sent ahead of their
    replies, `runs` of like ones are told apart; beyond that, replies are known by their codes only.
    """

    def __init__(
        self, sink: "Sink", slots: int = 256, lines: int = 12, line_bytes: int = 512, runs: int = 64
    ) -> None:
        self._sink = sink
        self._dialogue = Dialogue(slots, runs)
        self._mode = self._dialogue.mode
        self._lines = LinePool(2 * slots, lines, line_bytes)

    def begin(self, slot: int, midstream: bool, implicit_tls: bool) -> None:
        """A connection begins in `slot`."""
        self.end(slot)
        self._dialogue.begin(slot, midstream)
        if implicit_tls:
            self._mode[slot] = _IMPLICIT

    def end(self, slot: int) -> None:
        """The connection is over."""
        self._lines.forget(slot * 2)
        self._lines.forget(slot * 2 + 1)
        self._mode[slot] = _SEALED

    def is_busy(self, slot: int) -> bool:
        """Is a message under way, or waiting for its reply?"""
        return self._dialogue.is_busy(slot)

    def is_sealed(self, slot: int) -> bool:
        """Has TLS begun?"""
        return self._mode[slot] >= _SEALED

    def feed(self, slot: int, side: int, buf: "Bytes", start: int, end: int) -> None:
        """Take the next bytes of a side: 0 the client's, 1 the server's.  Allocation-free."""
        mode = self._mode[slot]
        if mode >= _SEALED:
            if mode == _IMPLICIT:
                self._seal(slot)
        elif side:
            self._feed_server(slot, buf, start, end)
        else:
            self._feed_client(slot, buf, start, end)

    def gap(self, slot: int, side: int, size: int) -> None:
        """`size` bytes of a side were lost; 0: unknown how many."""
        if self._mode[slot] >= _SEALED:
            return
        self._lines.forget(slot * 2 + side)
        if side:
            self._dialogue.lose_server(slot)
        else:
            self._dialogue.lose_client(slot, size)

    def _seal(self, slot: int) -> None:
        """TLS begins: no lines from here on."""
        guessed = self._mode[slot] == _TLS_GUESS
        self.end(slot)
        if not guessed:
            self._sink.encrypted(slot)

    # --- the client ----------------------------------------------------------------------------

    def _feed_client(self, slot: int, buf: "Bytes", at: int, end: int) -> None:
        modes = self._mode
        while at < end:
            mode = modes[slot]
            if mode < _BODY_EARLY:
                at = self._take_line(slot, buf, at, end)
            elif mode < _CHUNK:
                at = self._skip_body(slot, buf, at, end)
            elif mode == _CHUNK:
                at = self._skip_chunk(slot, at, end)
            else:
                return

    def _take_line(self, slot: int, buf: "Bytes", at: int, end: int) -> int:
        """Read one line, or keep what there is of it; return what is behind it."""
        lines = self._lines
        if _TLS_FIRST <= buf[at] <= _TLS_LAST and not lines.is_partial(slot * 2) and self._dialogue.may_be_tls(slot):
            self._mode[slot] = _TLS_GUESS
            self._sink.encrypted(slot)
            return end
        after = lines.take(slot * 2, buf, at, end)
        if after < 0:
            return end
        self._dialogue.line_ended(slot)
        if lines.lost:
            self._dialogue.lose_client(slot, 0)
        else:
            self._hear_line(slot, lines.buf, lines.start, lines.end)
        return after

    def _hear_line(self, slot: int, buf: "Bytes", start: int, end: int) -> None:
        mode = self._mode[slot]
        if mode == _AUTH_TEXT and self._dialogue.heard_auth_text(slot):
            return
        verb = verb_of(buf, start, end)
        if mode == _COMMAND or is_strict(verb, buf, start, end):
            self._hear_command(slot, verb, buf, start, end)
        elif mode == _AUTH_TEXT:
            return
        elif end - start == 1 and buf[start] == _DOT and self._lines.has_cr:
            self._dialogue.end_body(slot)
        elif mode == _FIRST:
            self._dialogue.start_body(slot, _TAIL_CRLF if self._lines.has_cr else 0)

    def _hear_command(self, slot: int, verb: int, buf: "Bytes", start: int, end: int) -> None:
        size = -1
        last = False
        if verb == _BDAT:
            size = chunk_size(buf, start, end)
            last = is_last(buf, start, end)
        elif verb == _AUTH:  # what may follow the mechanism is a password
            end = word_end(buf, argument_at(verb, buf, start, end), end)
        self._dialogue.heard_command(slot, verb, size, last)
        self._sink.command(slot, verb, buf, start, end)

    def _skip_body(self, slot: int, buf: "Bytes", at: int, end: int) -> int:
        """Look for the end of a message; return what is behind it, or `end`."""
        tails = self._dialogue.tail
        tail = tails[slot]
        near = at + _TAIL_BYTES
        for place in range(at, min(near, end)):  # an end that began in the bytes before
            tail = _next_tail(tail, buf[place])
            if tail == _TAIL_WHOLE:
                self._dialogue.end_body(slot)
                return place + 1
        if near < end:
            found = buf.find(_END, at, end)
            if found >= 0:
                self._dialogue.end_body(slot)
                return found + len(_END)
            tail = 0
            for place in range(end - _TAIL_BYTES, end):
                tail = _next_tail(tail, buf[place])
        tails[slot] = tail
        return end

    def _skip_chunk(self, slot: int, at: int, end: int) -> int:
        chunk = self._dialogue.chunk
        size = min(chunk[slot], end - at)
        chunk[slot] -= size
        if chunk[slot] == 0:
            self._mode[slot] = _COMMAND
        return at + size

    def _enter_body(self, slot: int) -> None:
        """354 came: what there is of a line belongs to the message."""
        lines = self._lines
        tail = _TAIL_CRLF
        for place in range(lines.take_part(slot * 2)):
            tail = _next_tail(tail, lines.buf[place])
        self._dialogue.tail[slot] = tail

    # --- the server ----------------------------------------------------------------------------

    def _feed_server(self, slot: int, buf: "Bytes", at: int, end: int) -> None:
        lines = self._lines
        way = slot * 2 + 1
        while at < end and self._mode[slot] != _SEALED:
            if _TLS_FIRST <= buf[at] <= _TLS_LAST and not lines.is_partial(way):
                self._seal(slot)
                return
            at = lines.take(way, buf, at, end)
            if at < 0:
                return
            if lines.lost:
                self._dialogue.lose_server(slot)
            else:
                self._hear_reply_line(slot, lines.buf, lines.start, lines.end)

    def _hear_reply_line(self, slot: int, buf: "Bytes", start: int, end: int) -> None:
        """Read a line of a reply; the last one has no dash behind the code (RFC 5321 4.2.1)."""
        code = _reply_code(buf, start, end)
        if code == 0:
            return
        start += 3
        if start < end:
            if buf[start] == _DASH:
                return
            if buf[start] == _SPACE:
                start += 1
        verb = self._dialogue.heard_reply(slot, code)
        outcome = self._dialogue.outcome
        self._sink.reply(slot, code, verb, buf, start, end)
        if outcome == _GO_AHEAD:
            self._enter_body(slot)
        elif outcome == _ACCEPTED:
            self._sink.accepted(slot)
        elif outcome == _ENCRYPTED:
            self._seal(slot)


def _reply_code(buf: "Bytes", start: int, end: int) -> int:
    """Return the code of a reply line, 200 to 599; 0 for any other line."""
    if end - start < 3:
        return 0
    code = 0
    for at in range(start, start + 3):
        digit = buf[at] - 48
        if digit < 0 or digit > 9:
            return 0
        code = code * 10 + digit
    if end - start > 3 and 48 <= buf[start + 3] <= 57:
        return 0
    return code if 200 <= code < 600 else 0


def _next_tail(tail: int, byte: int) -> int:
    """Return how much of CRLF.CRLF has been seen after one more byte."""
    if byte == _CR:
        return _TAIL_DOT_CR if tail == _TAIL_DOT else _TAIL_CR
    if byte == _LF:
        if tail == _TAIL_CR:
            return _TAIL_CRLF
        return _TAIL_WHOLE if tail == _TAIL_DOT_CR else 0
    return _TAIL_DOT if byte == _DOT and tail == _TAIL_CRLF else 0
