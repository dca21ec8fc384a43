"""Domain names as they lie in a message: labels, compression pointers, hashes (RFC 1035 3.1, 4.1.4).

The engine compares names by hash and never makes strings of them; `text` is for people.
A pointer must go to before the bytes it is part of, there are at most 16 in a name, and a name
has at most 255 bytes: so no name can keep the reader busy.
"""

from spamgate.core.compat import const
from spamgate.core.hashing import HASH_SEED, hash_lower
from spamgate.wire.cursor import Cursor, FormError

_MAX_NAME_BYTES = const(255)
_MAX_POINTERS = const(16)  # more than any writer needs; dnspython draws the line there too
_PLAIN = const(64)  # below it the first byte is a label's size
_POINTER = const(192)
_DOT = b"."

MAIL_LETTERS = {109: b"xat", 115: b"m", 114: b"e", 110: b"s", 103: b"a"}  # the words below begin with mx, ma, mt, ...

_MAIL_STEMS = (b"mx", b"mail", b"smtp", b"relay", b"mta")
_MAIL_WORDS = (b"ns", b"gate")  # Mytob asks for them; as stems they would catch gateway.icloud.com

# Labels below which six or more country domains register (Public Suffix List of 2023-02-09),
# but not `web`: the mail provider web.de has more hosts than all of those.
_SECOND_LEVELS = {
    hash_lower(label, 0, len(label))
    for label in (
        b"ac asso biz co com coop edu firm go gob gouv gov in info int me med mil mobi name ne net nom or org"
        b" pro sc sch tm tv"
    ).split()
}
_ESCAPED = b'"().;\\@$'


class NameReader:
    """One name after another, label by label; made once, allocates only in `text`."""

    def __init__(self) -> None:
        self._cursor = Cursor()
        self._start = 0  # of the message: what pointers count from
        self._end = 0
        self._segment = 0  # where the bytes being read began: a pointer goes to before it
        self._bytes = 0
        self.pointers = 0
        self.label_at = 0
        self.after = 0  # offset of what follows the name in its place

    def begin(self, buf: "bytes | bytearray", start: int, end: int, at: int) -> "NameReader":
        """Point at the name at offset `at` of the message `buf[start:end]` and return self."""
        self._cursor.over(buf, start, end).seek(at, start)
        self._start = start
        self._end = end
        self._segment = at
        self._bytes = 0
        self.pointers = 0
        self.after = -1
        return self

    def next_label(self) -> int:
        """Return the size of the next label, which lies at `label_at`; 0 at the name's end."""
        cursor = self._cursor
        size = cursor.buf[cursor.take(1)]
        while size >= _PLAIN:
            self._follow(size)
            size = cursor.buf[cursor.take(1)]
        self.label_at = cursor.take(size)
        self._bytes += size + 1
        if self._bytes > _MAX_NAME_BYTES:
            raise FormError("name too long")
        if size == 0 and self.after < 0:
            self.after = cursor.at
        return size

    def _follow(self, first: int) -> None:
        if first < _POINTER:
            raise FormError("unknown label type")
        cursor = self._cursor
        target = self._start + ((first - _POINTER) << 8 | cursor.buf[cursor.take(1)])
        self.pointers += 1
        if target >= self._segment or self.pointers > _MAX_POINTERS:
            raise FormError("name loops")
        if self.after < 0:
            self.after = cursor.at
        cursor.end = self._segment
        cursor.seek(target, self._start)
        self._segment = target

    def skip(self) -> int:
        """Read the name to its end and return the offset of what follows it."""
        while self.next_label():
            pass
        return self.after

    def hash(self) -> int:
        """Return what `hash_lower` gives for the name as text, without the dot at the end."""
        buf = self._cursor.buf
        value = HASH_SEED
        size = self.next_label()
        while size:
            value = hash_lower(buf, self.label_at, self.label_at + size, value)
            size = self.next_label()
            if size:
                value = hash_lower(_DOT, 0, 1, value)
        return value

    def domain_hash(self) -> int:
        """Return `hash` of the registrable domain, guessed without a public suffix list.

        The rule: the last two labels; three when the last has two letters (a country) and the one
        before it is a usual second level (co, com, ac, ...).
        """
        buf = self._cursor.buf
        third = second = first = -1  # from the end: where each label's size byte is
        size = self.next_label()
        while size:
            third = second
            second = first
            first = self.label_at - 1
            size = self.next_label()
        if second < 0:
            return hash_lower(buf, first + 1, first + 1 + buf[first]) if first >= 0 else HASH_SEED
        if third >= 0 and buf[first] == 2:
            if is_second_level(buf, second + 1, second + 1 + buf[second]):
                second = third
        return self.begin(buf, self._start, self._end, second).hash()

    def is_mail_name(self) -> bool:
        """Tell whether the first of three or more labels names a mail host: mx2, mail-in, smtp, gate."""
        buf = self._cursor.buf
        size = self.next_label()
        at = self.label_at
        if not _is_mail_label(buf, at, size):
            return False
        return self.next_label() > 0 and self.next_label() > 0

    def is_reverse_address(self) -> bool:
        """Tell whether an address stands before another domain: a DNSBL look-up (RFC 5782 2.1, 2.4).

        Four decimal octets or 32 hexadecimal digits, then two labels or more; in-addr.arpa and
        ip6.arpa, which everybody asks, do not count.
        """
        buf = self._cursor.buf
        octets = nibbles = 0
        size = self.next_label()
        while size and _is_octet(buf, self.label_at, size):
            octets += 1
            nibbles += size == 1
            size = self.next_label()
        if nibbles == octets:
            while size == 1 and _is_hex(buf[self.label_at]):
                nibbles += 1
                size = self.next_label()
        if octets < 4 and nibbles < 32 or not size:
            return False
        others = 0
        while size:
            at = self.label_at
            others += 1
            size = self.next_label()
        return others > 1 and not (buf[at - 1] == 4 and _begins(buf, at, 4, b"arpa"))

    def text(self) -> str:
        """Return the name as dnspython's `to_text` does: escapes, case as sent, a dot at the end."""
        buf = self._cursor.buf
        parts = []
        size = self.next_label()
        while size:
            for at in range(self.label_at, self.label_at + size):
                parts.append(_escape(buf[at]))
            parts.append(".")
            size = self.next_label()
        return "".join(parts) or "."


def is_second_level(buf: "bytes | bytearray", start: int, end: int) -> bool:
    """Tell whether the label is one that country domains register names below: co, com, ac."""
    return hash_lower(buf, start, end) in _SECOND_LEVELS


def _escape(byte: int) -> str:
    if byte in _ESCAPED:
        return "\\" + chr(byte)
    if 0x20 < byte < 0x7F:
        return chr(byte)
    return "\\%03d" % byte


def _begins(buf: "bytes | bytearray", at: int, size: int, word: bytes) -> bool:
    """Tell whether the label begins with `word`, which is in small letters."""
    if len(word) > size:
        return False
    for letter in word:
        if buf[at] | 32 != letter:
            return False
        at += 1
    return True


def _is_mail_label(buf: "bytes | bytearray", at: int, size: int) -> bool:
    for stem in _MAIL_STEMS:
        if _begins(buf, at, size, stem):
            return True
    for word in _MAIL_WORDS:
        if _begins(buf, at, size, word) and _is_octet(buf, at + len(word), size - len(word), True):
            return True
    return False


def _is_octet(buf: "bytes | bytearray", at: int, size: int, empty: bool = False) -> bool:
    """Tell whether these bytes are a decimal number below 256 (or, with `empty`, none)."""
    if size > 3:
        return False
    value = 0
    for index in range(at, at + size):
        digit = buf[index] - 48
        if not 0 <= digit <= 9:
            return False
        value = value * 10 + digit
    return value < 256 and (size > 0 or empty)


def _is_hex(byte: int) -> bool:
    return 48 <= byte <= 57 or 97 <= byte | 32 <= 102
