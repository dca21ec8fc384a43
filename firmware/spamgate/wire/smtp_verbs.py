"""Commands of SMTP: their numbers, how a line is recognised, and how big a BDAT chunk is.

RFC 5321 4.1, 1869, 3030 (BDAT), 3207 (STARTTLS), 4954 (AUTH).
"""

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    Bytes = bytes | bytearray

UNKNOWN = -1  # a reply to a command that was not seen
BANNER = 0
HELO = 1
EHLO = 2
MAIL = 3
RCPT = 4
DATA = 5
BDAT = 6
RSET = 7
QUIT = 8
AUTH = 9
STARTTLS = 10
VRFY = 11
_EXPN = const(12)
HELP = 13
NOOP = 14
OTHER = 15

_HELO = const(1)
_EHLO = const(2)
_MAIL = const(3)
_RCPT = const(4)
_DATA = const(5)
_BDAT = const(6)
_RSET = const(7)
_QUIT = const(8)
_AUTH = const(9)
_STARTTLS = const(10)
_NOOP = const(14)
_OTHER = const(15)

_SPACE = const(32)
_TAB = const(9)
_CHUNK_LIMIT = const(100000000)  # ten times this is a small integer still

_TLS = b"ttls"
_LAST = b"last"
_FROM = b"from:"
_TO = b"to:"


def _letters(word: bytes) -> int:
    return (word[0] & 31) << 15 | (word[1] & 31) << 10 | (word[2] & 31) << 5 | word[3] & 31


_VERBS = {
    _letters(b"HELO"): HELO,
    _letters(b"EHLO"): EHLO,
    _letters(b"MAIL"): MAIL,
    _letters(b"RCPT"): RCPT,
    _letters(b"DATA"): DATA,
    _letters(b"BDAT"): BDAT,
    _letters(b"RSET"): RSET,
    _letters(b"QUIT"): QUIT,
    _letters(b"AUTH"): AUTH,
    _letters(b"VRFY"): VRFY,
    _letters(b"EXPN"): _EXPN,
    _letters(b"HELP"): HELP,
    _letters(b"NOOP"): NOOP,
    _letters(b"STAR"): STARTTLS,
}


def verb_of(buf: "Bytes", start: int, end: int) -> int:
    """Return the number of the command that begins the line `buf[start:end]`; OTHER for none we know."""
    if end - start < 4:
        return _OTHER
    key = 0
    for at in range(start, start + 4):
        byte = buf[at] | 32
        if byte < 97 or byte > 122:
            return _OTHER
        key = key << 5 | byte & 31
    verb = _VERBS.get(key, _OTHER)
    after = start + 4
    if verb == _STARTTLS:
        if not begins(buf, after, end, _TLS):
            return _OTHER
        after += 4
    if after < end and buf[after] != _SPACE and buf[after] != _TAB:
        return _OTHER
    return verb


def is_strict(verb: int, buf: "Bytes", start: int, end: int) -> bool:
    """Is the line, which begins with `verb`, surely a command and not a line of a message?"""
    at = argument_at(verb, buf, start, end)
    if verb == _MAIL:
        return begins(buf, at, end, _FROM)
    if verb == _RCPT:
        return begins(buf, at, end, _TO)
    if verb == _DATA or verb == _RSET or verb == _QUIT or verb == _STARTTLS or verb == _NOOP:
        return at == end
    if verb == _HELO or verb == _EHLO:
        return _words(buf, at, end) <= 1
    if verb == _AUTH:
        return at < end and _words(buf, at, end) <= 2
    return verb == _BDAT and chunk_size(buf, start, end) >= 0


def argument_at(verb: int, buf: "Bytes", start: int, end: int) -> int:
    """Return where the argument begins behind the command and its spaces; `end` when there is none."""
    return _skip_space(buf, min(end, start + (8 if verb == _STARTTLS else 4)), end)


def word_end(buf: "Bytes", at: int, end: int) -> int:
    """Return where the word that begins at `at` ends."""
    while at < end and buf[at] != _SPACE and buf[at] != _TAB:
        at += 1
    return at


def chunk_size(buf: "Bytes", start: int, end: int) -> int:
    """Return the octets that follow a BDAT line; -1 where the line is malformed or the number absurd."""
    at = argument_at(_BDAT, buf, start, end)
    stop = word_end(buf, at, end)
    if at == stop:
        return -1
    size = 0
    while at < stop:
        digit = buf[at] - 48
        if digit < 0 or digit > 9 or size >= _CHUNK_LIMIT:
            return -1
        size = size * 10 + digit
        at += 1
    at = _skip_space(buf, at, end)
    return size if at == end or is_last(buf, start, end) else -1


def is_last(buf: "Bytes", start: int, end: int) -> bool:
    """Does the BDAT line end with LAST?"""
    at = word_end(buf, argument_at(_BDAT, buf, start, end), end)
    at = _skip_space(buf, at, end)
    return begins(buf, at, end, _LAST) and _skip_space(buf, at + 4, end) == end


def begins(buf: "Bytes", at: int, end: int, small: bytes) -> bool:
    """Does `buf[at:end]` begin with `small` (small letters), whatever its case?"""
    if end - at < len(small):
        return False
    for letter in small:
        if buf[at] != letter and (buf[at] | 32 != letter or letter < 97):
            return False
        at += 1
    return True


def _skip_space(buf: "Bytes", at: int, end: int) -> int:
    while at < end and (buf[at] == _SPACE or buf[at] == _TAB):
        at += 1
    return at


def _words(buf: "Bytes", at: int, end: int) -> int:
    count = 0
    while at < end:
        count += 1
        at = _skip_space(buf, word_end(buf, at, end), end)
    return count
