"""What a command line of SMTP says about its sender, as hashes: HELO name, sender, recipient.

No name and no address leaves this file as text (RFC 5321 4.1.1, 4.1.2).
"""

from spamgate.core.compat import const
from spamgate.core.dialogue import BAD_NAME, HOST_NAME, LITERAL
from spamgate.core.hashing import hash_lower
from spamgate.wire.dns_names import is_second_level

_SPACE = const(32)
_TAB = const(9)
_DOT = const(46)
_AT = const(64)
_OPEN = const(60)  # <
_CLOSE = const(62)  # >
_BRACKET = const(91)  # [
_COLON = const(58)


class Envelope:
    """The arguments of the command line last read.  Allocation-free once made."""

    def __init__(self) -> None:
        self.form = BAD_NAME
        self.name_hash = 0
        self.domain_hash = 0  # 0 where there is no domain

    def read_helo(self, buf: "bytes | bytearray", start: int, end: int) -> None:
        """Read the line of a HELO or EHLO: how the name looks, its hash, that of its registrable domain."""
        start = _skip_word(buf, start, end)
        end = _trim(buf, start, end)
        self.name_hash = hash_lower(buf, start, end)
        self.domain_hash = 0
        self.form = _form(buf, start, end)
        if self.form == HOST_NAME:
            self.domain_hash = text_domain_hash(buf, start, end)

    def read_address(self, buf: "bytes | bytearray", start: int, end: int) -> None:
        """Read the line of a MAIL or RCPT: hash of the address, and of its registrable domain."""
        at = start
        while at < end and buf[at] != _COLON:
            at += 1
        start = _path_start(buf, min(at + 1, end), end)
        end = _path_end(buf, start, end)
        self.name_hash = hash_lower(buf, start, end)
        self.domain_hash = 0
        at = end
        while at > start and buf[at - 1] != _AT:
            at -= 1
        if start < at < end:
            self.domain_hash = text_domain_hash(buf, at, end)


def text_domain_hash(buf: "bytes | bytearray", start: int, end: int) -> int:
    """Return the hash of the registrable domain of a name in text; equals `Message.domain_hash` of that name."""
    if end > start and buf[end - 1] == _DOT:
        end -= 1
    second = _label_before(buf, start, _label_before(buf, start, end) - 1)
    last = _label_before(buf, start, end)
    if end - last == 2 and second > start and is_second_level(buf, second, last - 1):
        second = _label_before(buf, start, second - 1)
    return hash_lower(buf, second, end)


def _label_before(buf: "bytes | bytearray", start: int, end: int) -> int:
    """Return where the label that ends before `end` begins; `start` at the least."""
    at = end
    while at > start and buf[at - 1] != _DOT:
        at -= 1
    return max(at, start)


def _skip_word(buf: "bytes | bytearray", at: int, end: int) -> int:
    while at < end and buf[at] != _SPACE and buf[at] != _TAB:
        at += 1
    while at < end and (buf[at] == _SPACE or buf[at] == _TAB):
        at += 1
    return at


def _trim(buf: "bytes | bytearray", start: int, end: int) -> int:
    while end > start and (buf[end - 1] == _SPACE or buf[end - 1] == _TAB):
        end -= 1
    return end


def _form(buf: "bytes | bytearray", start: int, end: int) -> int:
    """Tell a host name with a dot from an address literal from anything else (RFC 5321 2.3.5)."""
    if start < end and buf[start] == _BRACKET:
        return LITERAL
    dots = 0
    letters = 0
    for at in range(start, end):
        byte = buf[at]
        if byte == _DOT:
            dots += 1
        elif 97 <= byte | 32 <= 122:
            letters += 1
        elif not (48 <= byte <= 57 or byte in b"-_"):
            return BAD_NAME
    return HOST_NAME if dots and letters else BAD_NAME


def _path_start(buf: "bytes | bytearray", at: int, end: int) -> int:
    """Return where the address begins: behind <, or at the first word where there is none."""
    while at < end and buf[at] == _SPACE:
        at += 1
    return at + 1 if at < end and buf[at] == _OPEN else at


def _path_end(buf: "bytes | bytearray", start: int, end: int) -> int:
    at = start
    while at < end and buf[at] != _CLOSE and buf[at] != _SPACE:
        at += 1
    return at
