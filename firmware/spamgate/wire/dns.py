"""Reader of DNS messages: header, first question, records one by one (RFC 1035 4.1, RFC 6891 6.1).

The engine needs little and must not be stopped by odd rdata, so records are walked by their
lengths only.  `dns_strict.read_all` checks everything else.
"""

from spamgate.core.compat import const
from spamgate.core.hashing import hash_labels
from spamgate.wire.cursor import Cursor, FormError
from spamgate.wire.dns_names import MAIL_LETTERS, NameReader

_HEADER_BYTES = const(12)
_RECORD_BYTES = const(10)  # type, class, TTL, rdata length
_PLAIN = const(64)
_POINTER = const(192)
_MAX_NAME_BYTES = const(255)
_OPT = const(41)
_NINE = const(57)  # the last digit
_ADDITIONAL = const(3)


class Message:
    """The message last read; made once.  Only `name_text` allocates."""

    def __init__(self) -> None:
        self._cursor = Cursor()
        self.names = NameReader()
        self.buf: "bytes | bytearray" = b""
        self.start = 0
        self.end = 0
        self.id = self.qr = self.opcode = self.rcode = self.truncated = 0
        self.qd_count = self.an_count = self.ns_count = self.ar_count = 0
        self.qname_at = -1  # -1: no question
        self._plain_at = -1  # a question's name without pointers
        self.qtype = self.qclass = 0
        self.edns = -1  # version, once the records were walked
        self.section = 0
        self._records_left = 0
        self.name_at = self.rtype = self.rclass = self.rdata_at = self.rdata_end = 0

    def read(self, buf: "bytes | bytearray", start: int, end: int) -> None:
        """Read header and first question of the message `buf[start:end]`.  Allocation-free."""
        at = self._cursor.over(buf, start, end).take(_HEADER_BYTES)
        self.buf = buf
        self.start = start
        self.end = end
        self.id = buf[at] << 8 | buf[at + 1]
        flags = buf[at + 2]
        self.qr = flags >> 7
        self.opcode = flags >> 3 & 15
        self.truncated = flags >> 1 & 1
        self.rcode = buf[at + 3] & 15
        self.qd_count = buf[at + 4] << 8 | buf[at + 5]
        self.an_count = buf[at + 6] << 8 | buf[at + 7]
        self.ns_count = buf[at + 8] << 8 | buf[at + 9]
        self.ar_count = buf[at + 10] << 8 | buf[at + 11]
        self.edns = -1
        self.section = 0
        self._records_left = 0
        self.qname_at = self._plain_at = -1
        self.qtype = self.qclass = 0
        if self.qd_count:
            self.qname_at = self._cursor.at
            at = self._skip_question()
            self.qtype = buf[at] << 8 | buf[at + 1]
            self.qclass = buf[at + 2] << 8 | buf[at + 3]

    def next_record(self) -> bool:
        """Step to the next record: section, name_at, rtype, rclass, rdata_at, rdata_end; False: no more."""
        while self._records_left == 0:
            if self.section == _ADDITIONAL:
                return False
            self._next_section()
        self._records_left -= 1
        cursor = self._cursor
        buf = self.buf
        self.name_at = cursor.at
        self._skip_name()
        at = cursor.take(_RECORD_BYTES)
        self.rtype = buf[at] << 8 | buf[at + 1]
        self.rclass = buf[at + 2] << 8 | buf[at + 3]
        self.rdata_at = cursor.take(buf[at + 8] << 8 | buf[at + 9])
        self.rdata_end = cursor.at
        if self.rtype == _OPT and self.edns < 0:
            self.rcode |= buf[at + 4] << 4
            self.edns = buf[at + 5]
        return True

    def hash_name(self, at: int) -> int:
        """Return the name's hash: what `hash_lower` gives for b"example.com".  Allocation-free."""
        if at == self._plain_at:
            return hash_labels(self.buf, at)
        return self.names.begin(self.buf, self.start, self.end, at).hash()

    def domain_hash(self, at: int) -> int:
        """Return the hash of the name's registrable domain, see NameReader.  Allocation-free."""
        return self.names.begin(self.buf, self.start, self.end, at).domain_hash()

    def is_mail_name(self, at: int) -> bool:
        """Tell whether the name is like mail.example.com, see NameReader.  Allocation-free."""
        if at == self._plain_at:
            second = MAIL_LETTERS.get(self.buf[at + 1] | 32)
            if second is None or self.buf[at + 2] | 32 not in second:
                return False
        return self.names.begin(self.buf, self.start, self.end, at).is_mail_name()

    def is_reverse_address(self, at: int) -> bool:
        """Tell whether the name is like 2.0.0.127.bl.example, see NameReader.  Allocation-free."""
        if at == self._plain_at and self.buf[at] > 1 and self.buf[at + 1] > _NINE:
            return False
        return self.names.begin(self.buf, self.start, self.end, at).is_reverse_address()

    def name_text(self, at: int) -> str:
        """Return the name as dnspython's `to_text` does."""
        return self.names.begin(self.buf, self.start, self.end, at).text()

    def skip_questions(self) -> None:
        """Read the questions after the first; `next_record` does so by itself."""
        for _ in range(1, self.qd_count):
            self._skip_question()

    def _next_section(self) -> None:
        self.section += 1
        if self.section == 1:
            self.skip_questions()
            self._records_left = self.an_count
        elif self.section == 2:
            self._records_left = self.ns_count
        else:
            self._records_left = self.ar_count

    def _skip_question(self) -> int:
        """Check a question's name and return the offset of its type and class."""
        cursor = self._cursor
        at = cursor.at
        if self._skip_name():
            self.names.begin(self.buf, self.start, self.end, at).skip()
        elif cursor.at - at > _MAX_NAME_BYTES:
            raise FormError("name too long")
        else:
            self._plain_at = at
        return cursor.take(4)

    def _skip_name(self) -> bool:
        """Step over a name without following pointers; True when it ends in one."""
        cursor = self._cursor
        buf = self.buf
        start = at = cursor.at
        end = cursor.end
        while at < end:
            size = buf[at]
            if size >= _PLAIN:
                if size < _POINTER:
                    raise FormError("unknown label type")
                cursor.take(at + 2 - start)
                return True
            at += size + 1
            if not size:
                cursor.take(at - start)
                return False
        raise FormError("cut short")
