"""Where each SMTP dialogue stands: what the client's next bytes are, and what the next reply answers.

The server's replies decide: 354 makes what follows a message, whatever the client seemed to say; the
reply to a message ends it, whether or not its last line was seen (RFC 5321 4.1.1.4, 3030, 4954, 3207).
"""

import array

from spamgate.core.compat import const
from spamgate.wire.smtp_pending import Pending

# What the client's next bytes are.
_COMMAND = const(0)  # a command line
_CAUTIOUS = const(1)  # we have lost the thread: only what is surely a command counts
_FIRST = const(2)  # what follows DATA: a message, unless its first line is surely a command
_AUTH_TEXT = const(3)  # an answer within AUTH, unless surely a command
_BODY_EARLY = const(4)  # a message, though 354 was not seen
_BODY = const(5)  # a message
_CHUNK = const(6)  # octets of BDAT
_TLS_GUESS = const(7)  # a TLS record, unless the server still speaks SMTP
_SEALED = const(8)  # TLS, both ways
FIRST = _FIRST
BODY = _BODY
CHUNK = _CHUNK

# What a reply meant beyond the command it answers.
_ACCEPTED = const(1)
_GO_AHEAD = const(2)  # and a message begins
_ENCRYPTED = const(3)
ACCEPTED = _ACCEPTED
ENCRYPTED = _ENCRYPTED

_DOUBT = const(1)  # replies may not answer what waits first
_SPOKE = const(2)  # the server replied since the doubt began: the client's next command ends it
_FRESH = const(4)  # the client has not ended a line yet
_AUTH_DUE = const(8)  # 334 asked for a line
_HEARD = const(16)  # the server was heard at all
_ANSWERED = const(32)  # cautious in what is left of a message that was answered

_UNKNOWN = const(-1)  # verbs: as in smtp_verbs
_BANNER = const(0)
_DATA = const(5)
_BDAT = const(6)
_AUTH = const(9)
_STARTTLS = const(10)
_OTHER = const(15)
_MESSAGE = const(16)  # as in smtp_pending
_LAST_CHUNK = const(17)
_NOTHING = const(255)


class Dialogue:
    """The state of `slots` dialogues."""

    def __init__(self, slots: int, runs: int) -> None:
        self.mode = bytearray(slots)
        self.tail = bytearray(slots)  # in a message: how much of CRLF.CRLF was just seen, as in smtp
        self.chunk = array.array("i", [0] * slots)  # octets of BDAT to come
        self.outcome = 0  # of the last reply
        self._marks = bytearray(slots)
        self._pending = Pending(slots, runs)

    def begin(self, slot: int, midstream: bool) -> None:
        """A new connection; the first reply of a whole one is the banner."""
        self._pending.clear(slot)
        if midstream:
            self.mode[slot] = _CAUTIOUS
            self._marks[slot] = _FRESH | _DOUBT | _SPOKE
        else:
            self.mode[slot] = _COMMAND
            self._marks[slot] = _FRESH
            self._pending.push(slot, _BANNER)

    def may_be_tls(self, slot: int) -> bool:
        """May the client's next bytes be a TLS record?  Else anyone could hide behind one byte."""
        return self._marks[slot] & _FRESH != 0 or self._pending.has(slot, _STARTTLS)

    def line_ended(self, slot: int) -> None:
        """The client ended a line."""
        self._marks[slot] &= ~_FRESH

    def is_busy(self, slot: int) -> bool:
        """Is a message under way, or waiting for its reply?"""
        if _BODY_EARLY <= self.mode[slot] <= _CHUNK:
            return True
        return self._pending.has(slot, _MESSAGE) or self._pending.has(slot, _LAST_CHUNK)

    # --- the client speaks ---------------------------------------------------------------------

    def heard_command(self, slot: int, verb: int, size: int, last: bool) -> None:
        """A command line; `size` and `last` are those of BDAT, size -1 when malformed."""
        if self._marks[slot] & (_DOUBT | _SPOKE) == _DOUBT | _SPOKE:
            self._pending.clear(slot)
            self._marks[slot] &= ~_DOUBT
        self.mode[slot] = _COMMAND
        if verb == _DATA:
            self.mode[slot] = _FIRST
        elif verb == _AUTH:
            self.mode[slot] = _AUTH_TEXT
            self._marks[slot] &= ~_AUTH_DUE
        elif verb == _BDAT:
            if size > 0:
                self.mode[slot] = _CHUNK
                self.chunk[slot] = size
            if last and size >= 0:
                verb = _LAST_CHUNK
        if not self._pending.push(slot, verb):
            self._doubt(slot)

    def heard_auth_text(self, slot: int) -> bool:
        """A line within AUTH that might be a command: was it asked for?"""
        due = self._marks[slot] & _AUTH_DUE != 0
        self._marks[slot] &= ~_AUTH_DUE
        return due

    def start_body(self, slot: int, tail: int) -> None:
        """What follows DATA is a message."""
        self.tail[slot] = tail
        if self._marks[slot] & (_DOUBT | _SPOKE) == _DOUBT | _SPOKE:  # 354 was lost, it seems
            self._expect_message(slot, _MESSAGE)
        else:
            self.mode[slot] = _BODY_EARLY

    def end_body(self, slot: int) -> None:
        """The line with the dot ended a message."""
        mode = self.mode[slot]
        if mode == _CAUTIOUS and not self._marks[slot] & _ANSWERED:
            self._expect_message(slot, _MESSAGE)
        elif mode == _FIRST or mode == _BODY_EARLY:
            if not self._pending.push(slot, _MESSAGE):
                self._doubt(slot)
        self.mode[slot] = _COMMAND

    def lose_client(self, slot: int, size: int) -> None:
        """So many bytes of the client were lost; 0: unknown how many."""
        mode = self.mode[slot]
        self.tail[slot] = 0
        if mode >= _TLS_GUESS or mode == _BODY:
            return
        if mode == _CHUNK and 0 < size <= self.chunk[slot]:
            self.chunk[slot] -= size
            if self.chunk[slot] == 0:
                self.mode[slot] = _COMMAND
            return
        if (mode == _FIRST or mode == _BODY_EARLY) and self._marks[slot] & _HEARD:
            self.mode[slot] = _BODY_EARLY
            return
        if mode == _AUTH_TEXT:
            self._marks[slot] &= ~_AUTH_DUE
        else:
            self._be_cautious(slot, 0)
        self._doubt(slot)

    # --- the server speaks ---------------------------------------------------------------------

    def heard_reply(self, slot: int, code: int) -> int:
        """A whole reply; return the command it answers, and set `outcome`."""
        doubt = self._marks[slot] & _DOUBT
        self._marks[slot] |= _SPOKE | _HEARD
        self.outcome = 0
        if code == 354:
            return self._go_ahead(slot)
        mode = self.mode[slot]
        head = self._pending.head(slot)
        if head == _BANNER and code < 400 and code != 220:  # no banner: the capture lacks it
            self._pending.pop(slot)
            head = self._pending.head(slot)
        if head == _AUTH and code == 334:
            self._marks[slot] |= _AUTH_DUE
            return _AUTH
        self._pending.pop(slot)
        if head == _DATA:
            self._refuse_data(slot, mode)
        elif head == _AUTH and mode == _AUTH_TEXT:
            self.mode[slot] = _COMMAND
        elif head == _STARTTLS and code == 220:
            self.mode[slot] = _SEALED
            self.outcome = _ENCRYPTED
        elif (head == _MESSAGE or head == _LAST_CHUNK) and 200 <= code < 300 and not doubt:
            self.outcome = _ACCEPTED
        self._resynchronise(slot, mode)
        return _UNKNOWN if doubt else _verb(head)

    def lose_server(self, slot: int) -> None:
        """Bytes of the server were lost, perhaps whole replies."""
        if self.mode[slot] != _BODY:
            self._marks[slot] |= _DOUBT | _SPOKE

    def _resynchronise(self, slot: int, mode: int) -> None:
        """A reply ends what was thought to go on, if it is the reply to that."""
        if mode == _BODY or (mode == _CHUNK and self._pending.head(slot) == _NOTHING):
            self._be_cautious(slot, _ANSWERED)
        elif mode == _TLS_GUESS and self.mode[slot] != _SEALED:
            self._be_cautious(slot, 0)

    def _go_ahead(self, slot: int) -> int:
        """354: the commands before DATA are answered, and what follows is a message."""
        pending = self._pending
        mode = self.mode[slot]
        self.outcome = 0 if mode == _BODY_EARLY or mode == _BODY else _GO_AHEAD
        head = pending.head(slot)
        known = head == _NOTHING or head == _MESSAGE or pending.has(slot, _DATA)
        head = pending.pop(slot)
        while known and head != _DATA and head != _NOTHING:
            head = pending.pop(slot)
        if pending.head(slot) == _MESSAGE:  # sent without waiting
            self.outcome = 0
            self._marks[slot] &= ~_DOUBT
        else:
            self._expect_message(slot, _MESSAGE if known else _OTHER)
        return _DATA if known else _verb(head)

    def _expect_message(self, slot: int, verb: int) -> None:
        self._pending.clear(slot)
        self._pending.push(slot, verb)
        self.mode[slot] = _BODY
        self._marks[slot] &= ~_DOUBT

    def _refuse_data(self, slot: int, mode: int) -> None:
        """No message is wanted.  If the client sent it all the same, the server takes it for commands."""
        if mode == _FIRST:
            self.mode[slot] = _COMMAND
        elif mode == _BODY_EARLY:
            self._be_cautious(slot, _ANSWERED)
            self._doubt(slot)
        elif self._pending.head(slot) == _MESSAGE:
            self._pending.pop(slot)
            self._doubt(slot)

    def _doubt(self, slot: int) -> None:
        self._marks[slot] = self._marks[slot] & ~_SPOKE | _DOUBT

    def _be_cautious(self, slot: int, answered: int) -> None:
        self.mode[slot] = _CAUTIOUS
        self._marks[slot] = self._marks[slot] & ~_ANSWERED | answered


def _verb(head: int) -> int:
    """Return the command that a waiting thing stands for."""
    if head == _MESSAGE:
        return _DATA
    if head == _LAST_CHUNK:
        return _BDAT
    return _UNKNOWN if head == _NOTHING else head
