"""What a mail server means when it says no: an unknown user, a policy, a delay, something else.

Only an unknown user says something about the sender.  The enhanced code decides where there is one
(RFC 3463: X.1.1 bad mailbox, X.1.2 bad system, X.1.10 null MX; X.7.* policy); else the words servers use.
Of a long text the first 256 bytes count; they are folded once, so that a talkative server costs little.
Sources of the words: Postfix, Exim, Sendmail, qmail and Exchange default texts; fail2ban's test logs.
"""

from spamgate.core.compat import const
from spamgate.core.meanings import OTHER, POLICY, TEMPORARY, UNKNOWN_RECIPIENT

_RCPT = const(4)  # as smtp.RCPT
_BANNER = const(0)
_DOT = const(46)
_OPEN = const(60)  # <
_CLOSE = const(62)  # >
_SPACE = const(32)
_TEXT_BYTES = const(256)

_UNKNOWN_WORDS = (b"unknown", b"no such", b"does not exist", b"doesn't exist", b"not exist", b"invalid recipient",
                  b"invalid mailbox", b"no mailbox", b"not found", b"no user", b"not a valid")  # fmt: skip
_POLICY_WORDS = (b"block", b"black", b"spam", b"rbl", b"dnsbl", b"spf", b"policy", b"reputation", b"dynamic",
                 b"residential", b"relay", b"client host", b"helo", b"sender", b"reverse", b"rdns")  # fmt: skip


class Rejections:
    """Reader of negative replies.  Allocation-free once made."""

    def __init__(self) -> None:
        self._text = bytearray(_TEXT_BYTES)

    def meaning(self, code: int, verb: int, buf: "bytes | bytearray", start: int, end: int) -> int:
        """Return what a 4xx or 5xx reply to `verb` means; `buf[start:end]` is its last line behind the code."""
        if code < 500:
            return TEMPORARY
        if verb == _BANNER:
            return POLICY
        subject = _enhanced(buf, start, end)
        if subject >= 700:
            return POLICY
        if verb != _RCPT:
            return OTHER
        if subject:
            return UNKNOWN_RECIPIENT if subject in (101, 102, 110) else OTHER
        if code == 550 or code == 551 or code == 553 or code == 511:
            return self._by_words(self._fold(buf, start, end))
        return OTHER

    def _by_words(self, size: int) -> int:
        """Policy words win: a server that names its reason for turning the home away means the line."""
        text = self._text
        for words in _POLICY_WORDS:
            if text.find(words, 0, size) >= 0:
                return POLICY
        for words in _UNKNOWN_WORDS:
            if text.find(words, 0, size) >= 0:
                return UNKNOWN_RECIPIENT
        return OTHER

    def _fold(self, buf: "bytes | bytearray", at: int, end: int) -> int:
        """Copy the text in small letters and return its size; an address quoted between < and > is a blank."""
        text = self._text
        size = 0
        quoted = False
        while at < end and size < _TEXT_BYTES:
            byte = buf[at]
            at += 1
            if byte == _OPEN or byte == _CLOSE:
                quoted = byte == _OPEN
                byte = _SPACE
            elif quoted:
                continue
            text[size] = byte + 32 if 65 <= byte <= 90 else byte
            size += 1
        return size


def _enhanced(buf: "bytes | bytearray", start: int, end: int) -> int:
    """Return subject * 100 + detail of an enhanced status code 5.s.d at the start of the text; 0 for none."""
    while start < end and buf[start] == 32:
        start += 1
    if end - start < 5 or buf[start] != 53 or buf[start + 1] != _DOT:
        return 0
    numbers = 0
    value = 0
    for at in range(start + 2, min(end, start + 10)):
        byte = buf[at]
        if 48 <= byte <= 57:
            value = value * 10 + byte - 48
        elif byte == _DOT and numbers == 0:
            numbers = value * 100
            value = 0
        else:
            break
    return numbers + min(value, 99) if 0 < numbers < 1000 else 0
